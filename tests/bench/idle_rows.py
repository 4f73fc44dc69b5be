# SPDX-License-Identifier: Apache-2.0
"""The latency rows of bench.py: the longest time of an echo of one client while the server does
long work for another one. The reference server does such work in one step, and needs more memory
for it than many machines have: it is left out."""
import json
import multiprocessing
import subprocess
import time

from harness import dbfile
from harness.rpc import Client

from monitor_rows import Meter, connect_many
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


def longest_echo(site, work):
    """The longest echo, in ms, while another process does `work`."""
    with Client(site.server.socket_path) as other:
        other.call("set_db_change_aware", True)
        worker = multiprocessing.get_context("fork").Process(target=work, args=(site,))
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


def convert(site):
    with Client(site.server.socket_path) as client:
        client.call("set_db_change_aware", True)
        schema = client.call("get_schema", "bench")
        schema["version"] = "2.0.0"
        assert client.call("convert", "bench", schema, patience=PATIENCE) == {}
        time.sleep(1)  # the old one is given back


def compact(site):
    with Client(site.server.control_path) as control:
        control.call("ovsdb-server/compact", "bench", patience=PATIENCE)


@row("calm-convert", repeat=1, reference_repeat=0)
def calm_convert(bench, site):
    path, size = large_file(bench)
    site.start(path)
    return {f"longest echo during a conversion of {size:,} MB, ms": longest_echo(site, convert)}


@row("calm-compact", repeat=1, reference_repeat=0)
def calm_compact(bench, site):
    path, size = large_file(bench)
    site.start(path)
    return {f"longest echo during a compaction of {size:,} MB, ms": longest_echo(site, compact)}


def take_all(site):
    with connect_many(site, 1) as many:
        assert many.ask(lambda _: ("bench", "m", {"Item": {}}), "monitor")


@row("calm-initial", repeat=1, reference_repeat=0)
def calm_initial(bench, site):
    n_rows = 100000 if bench.quick else 1000000
    site.start(bench.file(n_rows))
    meter, label = Meter(site), f"initial of {n_rows:,} rows"
    return {f"longest echo during an {label}, ms": longest_echo(site, take_all),
            **meter.memory(label)}


@row("calm-insert", repeat=1, reference_repeat=0)
def calm_insert(bench, site):
    """The tables of rows and of an index double several times, the last time at 786,432 rows."""
    n_rows = 100000 if bench.quick else 1000000
    site.start(bench.file(0))
    command = site.load_command("insert", count=n_rows, window=20)
    longest = longest_echo(site, lambda _: subprocess.run(command, stdout=subprocess.DEVNULL,
                                                          check=True))
    return {f"longest echo during {n_rows:,} small inserts, ms": longest}
