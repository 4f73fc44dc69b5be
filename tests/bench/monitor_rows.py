# SPDX-License-Identifier: Apache-2.0
"""The monitor rows of bench.py: many clients at once, conditions, reconnections.

The clients run in this process and are cheap: the CPU time and the memory of the server are
measured. A server that needs longer for one load than the timeout of ManyClients gets "more
than"."""
import re
import time

from harness.many_clients import ManyClients, dial_unix
from harness.replica import ZERO

from rows import AtLeast, item, row


def connect_many(site, n):
    return ManyClients(n, lambda _: dial_unix(site.server.socket_path))


class Meter:
    """The resources that a server has used: CPU time in ns, wall time, and the peak memory since
    the start."""

    def __init__(self, site):
        self.pid = site.server.pid
        with open(f"/proc/{self.pid}/clear_refs", "w", encoding="ascii") as out:
            out.write("5")  # the peak begins anew
        self.cpu, self.wall = self.cpu_now(), time.monotonic()

    def cpu_now(self):
        return time.clock_gettime_ns(~self.pid << 3 | 2)

    def peak(self):
        with open(f"/proc/{self.pid}/status", encoding="ascii") as source:
            return int(re.search(r"VmHWM:\s+(\d+)", source.read()).group(1))

    def memory(self, label, number=float):
        return {f"{label}: memory at most, MiB": number(self.peak() / 1024)}

    def end(self, label, is_done=True):
        number = float if is_done else AtLeast
        return {f"{label}: CPU, ms": number((self.cpu_now() - self.cpu) / 1e6),
                f"{label}: wall, ms": number((time.monotonic() - self.wall) * 1e3),
                **self.memory(label, number)}


def commit_events(many, writer, n, window=10):
    """n commits of one row each, never more than `window` unanswered."""
    for first in range(0, n, window):
        for number in range(first, min(first + window, n)):
            writer.send("transact", "bench", {
                "op": "insert", "table": "Event", "row": {"n": number, "text": f"event {number}"}})
        writer.ask("echo")
        if not many.wait():
            return False
    return True


def initial(bench, site, label, make_request):
    n_rows, clients = (20000, 20) if bench.quick else (100000, 200)
    site.start(bench.file(n_rows))
    with connect_many(site, clients) as many:
        meter = Meter(site)
        is_done = many.ask(lambda number: ("bench", "m", make_request(number)), "monitor_cond")
        assert not is_done or many.n_bytes > clients * n_rows * 20
        return meter.end(f"initial {n_rows:,} rows to {clients} clients, {label}", is_done)


@row("initial-same", repeat=1, reference_repeat=1)
def initial_same(bench, site):
    return initial(bench, site, "same request", lambda number: {"Item": {"columns": ["name", "n"]}})


@row("initial-different", repeat=1, reference_repeat=1)
def initial_different(bench, site):
    """Conditions that each exclude a few different rows."""
    return initial(bench, site, "different conditions", lambda number: {
        "Item": {"columns": ["name", "n"], "where": [["n", "!=", number]]}})


def fan_out(bench, site, label, make_where):
    clients, n = (100, 400) if bench.quick else (500, 2000)
    site.start(bench.file(0))
    with connect_many(site, clients + 1) as many:
        writer = many.members.pop()
        assert many.ask(lambda number: ("bench", "m", {"Event": {"where": make_where(number)}}),
                         "monitor_cond")
        meter = Meter(site)
        is_done = commit_events(many, writer, n)
        for one in many.members:
            one.ask("echo")
        is_done = many.wait() and is_done
        writer.socket.close()
        return meter.end(f"{n:,} commits to {clients} monitors, {label}", is_done)


@row("fanout-equal", repeat=1, reference_repeat=1)
def fan_out_equal(bench, site):
    return fan_out(bench, site, "all equal", lambda number: [])


@row("fanout-one", repeat=1, reference_repeat=1)
def fan_out_one(bench, site):
    return fan_out(bench, site, "one matches", lambda number: [["n", "==", number]])


@row("unconcerned", reference_repeat=1)
def unconcerned(bench, site):
    """The cost of a commit with monitors that do not match, compared with none."""
    n = 1000 if bench.quick else 5000
    costs, memory = {}, {}
    for clients in (0, 500):
        site.start(bench.file(0))
        with connect_many(site, clients + 1) as many:
            writer = many.members.pop()
            begin = Meter(site)
            assert many.ask(lambda number: ("bench", "m", {
                "Event": {"where": [["n", "==", 1000000 + number]]}}), "monitor_cond")
            begin.cpu = begin.cpu_now()
            assert commit_events(many, writer, n, 100)
            costs[clients] = (begin.cpu_now() - begin.cpu) / n / 1000
            memory = begin.memory(f"{clients} unconcerned monitors and {n:,} commits")
            writer.socket.close()
        site.stop()
    return {"commit with no monitor: CPU, us": costs[0],
            "commit with 500 unconcerned monitors: CPU, us": costs[500],
            "commit with 500 unconcerned monitors, against none": costs[500] / costs[0], **memory}


@row("condition", repeat=1, reference_repeat=1)
def condition(bench, site):
    """A change to a condition with very many clauses, and a commit then."""
    n_rows, n = (20000, 2000) if bench.quick else (100000, 10000)
    site.start(bench.file(n_rows))
    with connect_many(site, 1) as many:
        many.ask(lambda _: ("bench", "m", {"Item": {"columns": ["n"], "where": [False]}}),
                  "monitor_cond")
        clauses = [["_uuid", "==", ["uuid", item(number)[0]]] for number in range(n)]
        meter = Meter(site)
        is_done = many.ask(lambda _: ("m", "m", {"Item": [{"where": clauses}]}),
                            "monitor_cond_change")
        assert not is_done or many.n_bytes > n * 40
        return meter.end(f"condition change to {n:,} clauses on {n_rows:,} rows", is_done)


@row("resume", repeat=1, reference_repeat=1)
def resume(bench, site):
    """Clients that reconnect after a kill of the server; the reference server sends all contents
    again."""
    n_rows, clients = (20000, 20) if bench.quick else (100000, 200)
    site.start(bench.file(n_rows))
    request = {"Item": {"columns": ["name", "n"]}}
    with site.server.client() as client:
        client.insert("bench", "Event", {"n": 1})
        _, last, _ = client.call("monitor_cond_since", "bench", "m", request, ZERO, patience=60)
    server = site.server
    server.clients.clear()
    server.process.kill()
    server.process.wait()
    server.start([server.directory + "/bench.db"])
    with connect_many(site, clients) as many:
        meter = Meter(site)
        is_done = many.ask(lambda _: ("bench", "m", request, last), "monitor_cond_since")
        return meter.end(f"{clients} clients come back after a restart with {n_rows:,} rows",
                         is_done)
