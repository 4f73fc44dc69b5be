# SPDX-License-Identifier: Apache-2.0
"""The latency rows of bench.py: the longest time of an echo of one client while the server does
long work for another one. The reference server does such work in one step, and needs more memory
for it than many machines have: it is left out."""
import json
import multiprocessing
import shutil
import subprocess
import tempfile
import time

from harness import dbfile
from harness.lab import Lab
from harness.many_clients import ManyClients, dial_unix
from harness.manager import ManagedServer, Manager
from harness.rpc import Client

from monitor_rows import Meter
from rows import item, row

PATIENCE = 600
RECORD = 100000  # rows


def large_file(bench):
    """A database file of half a gigabyte, and how many MB that is."""
    n_rows = 100000 if bench.quick else 2900000
    path = bench.directory / "large.db"
    if not path.exists():
        schema = json.loads(bench.file(0).read_bytes().split(b"\n")[1])
        dbfile.create(path, schema)
        for start in range(0, n_rows, RECORD):
            dbfile.append(path, {"_date": 1700000000000,
                                 "Item": dict(map(item, range(start, start + RECORD)))})
    return path, path.stat().st_size // 1000000


def longest_echo(server, work):
    """The longest echo of a server, in ms, while another process calls work(server)."""
    with Client(server.socket_path) as other:
        other.call("set_db_change_aware", True)
        worker = multiprocessing.get_context("fork").Process(target=work, args=(server,))
        worker.start()
        longest = 0
        while worker.is_alive():
            begin = time.monotonic()
            other.call("echo", patience=PATIENCE)
            longest = max(longest, time.monotonic() - begin)
            time.sleep(0.0005)
    worker.join()
    assert worker.exitcode == 0
    return longest * 1e3


def longest_step(server):
    """The longest step of the server's event loop, in ms of wall time."""
    lines = server.control("ovsdb-server/perf-counters-show").splitlines()
    return next(float(line.split()[4]) / 1e3 for line in lines if line.startswith("loop_step"))


def convert(server):
    with Client(server.socket_path) as client:
        client.call("set_db_change_aware", True)
        schema = client.call("get_schema", "bench")
        schema["version"] = "2.0.0"
        assert client.call("convert", "bench", schema, patience=PATIENCE) == {}
        time.sleep(1)  # the old one is given back


def compact(server):
    with Client(server.control_path) as control:
        control.call("ovsdb-server/compact", "bench", patience=PATIENCE)


@row("calm-convert", repeat=1, reference_repeat=0)
def calm_convert(bench, site):
    path, size = large_file(bench)
    site.start(path)
    label = f"longest echo during a conversion of {size:,} MB, ms"
    return {label: longest_echo(site.server, convert)}


@row("calm-compact", repeat=1, reference_repeat=0)
def calm_compact(bench, site):
    path, size = large_file(bench)
    site.start(path)
    label = f"longest echo during a compaction of {size:,} MB, ms"
    return {label: longest_echo(site.server, compact)}


def take_all(server):
    with ManyClients(1, lambda _: dial_unix(server.socket_path)) as many:
        assert many.ask(lambda _: ("bench", "m", {"Item": {}}), "monitor")


@row("calm-initial", repeat=1, reference_repeat=0)
def calm_initial(bench, site):
    n_rows = 100000 if bench.quick else 1000000
    site.start(bench.file(n_rows))
    meter, label = Meter(site), f"initial of {n_rows:,} rows"
    return {f"longest echo during an {label}, ms": longest_echo(site.server, take_all),
            **meter.memory(label)}


@row("calm-insert", repeat=1, reference_repeat=0)
def calm_insert(bench, site):
    """The tables of rows and of an index double several times, the last time at 786,432 rows."""
    n_rows = 100000 if bench.quick else 1000000
    site.start(bench.file(0))
    command = site.load_command("insert", count=n_rows, window=20)
    longest = longest_echo(site.server, lambda _: subprocess.run(
        command, stdout=subprocess.DEVNULL, check=True))
    return {f"longest echo during {n_rows:,} small inserts, ms": longest}


@row("calm-add-db", repeat=1, reference_repeat=0)
def calm_add_db(bench, site):
    file, size = large_file(bench)
    site.start(dbfile.create(bench.directory / "small.db", {
        "name": "small", "version": "1.0.0", "tables": {"T": {"columns": {
            "n": {"type": "integer"}}, "isRoot": True}}}))

    def add(server):
        with Client(server.control_path) as control:
            control.call("ovsdb-server/add-db", str(path), patience=PATIENCE)

    path = site.lab.path("large.db")
    path.hardlink_to(file)  # a server opens files of its own folder only
    site.server.control("ovsdb-server/perf-counters-clear")
    label = f"during add-db of {size:,} MB, ms"
    return {f"longest echo {label}": longest_echo(site.server, add),
            f"longest step of the loop {label}": longest_step(site.server)}


def select_often(server):
    """The server builds an index of a column by which it is asked often."""
    with Client(server.socket_path) as client:
        for number in range(200):
            rows = client.call("transact", "bench", {
                "op": "select", "table": "Item", "where": [["ratio", "==", number + 0.25]],
                "columns": ["n"]}, patience=PATIENCE)
            assert rows == [{"rows": []}], rows


@row("calm-index", repeat=1, reference_repeat=0)
def calm_index(bench, site):
    n_rows = 100000 if bench.quick else 500000
    site.start(bench.file(n_rows))
    site.server.control("ovsdb-server/perf-counters-clear")
    label = f"during the making of an index of {n_rows:,} rows, ms"
    return {f"longest echo {label}": longest_echo(site.server, select_often),
            f"longest step of the loop {label}": longest_step(site.server)}


@row("handover", repeat=1, reference_repeat=0)
def handover(bench, site):
    """A restart with clients that monitor, which keep their connections."""
    n = 500 if bench.quick else 5000
    lab = Lab(site.programs, site.programs, tempfile.mkdtemp(dir=bench.directory))
    manager = Manager(lab.directory, 64)
    server = ManagedServer(manager, site.programs, str(lab.directory), lab.env)
    server.start([shutil.copyfile(bench.file(1000), lab.path("bench.db"))])
    try:
        with ManyClients(n, lambda _: dial_unix(server.socket_path)) as many:
            assert many.ask(lambda _: ("bench", "m", {"Item": {"columns": ["n"]}}), "monitor_cond")
            begin = time.monotonic()
            server.end()
            ended = time.monotonic()
            server.start(*server.how[:1])
            ready = time.monotonic()
            assert many.ask(lambda _: (), "echo"), "every connection is kept"
            answered = time.monotonic()
    finally:
        server.clean_up()
        manager.close()
    return {f"state handover of {n:,} clients: end, ms": (ended - begin) * 1e3,
            f"state handover of {n:,} clients: start, ms": (ready - ended) * 1e3,
            f"state handover of {n:,} clients: an echo of each, ms": (answered - ready) * 1e3}
