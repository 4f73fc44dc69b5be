# SPDX-License-Identifier: Apache-2.0
"""What bench.py measures of relays: what their clients cost the source, what a write through a
relay costs, and the longest echo while a relay receives its first contents."""
import contextlib
import time

from harness import wait
from harness.many_clients import ManyClients, dial_unix
from harness.rpc import Client

from idle_rows import large_file, longest_echo, longest_step
from monitor_rows import Meter, commit_events
from rows import row, scale


def is_connected(relay):
    with Client(relay.socket_path) as client:
        client.call("set_db_change_aware", True)
        rows = client.select("_Server", "Database", ["connected"], [["name", "==", "bench"]])
    return rows == [{"connected": True}]


def relay_cpu(relay):
    return time.clock_gettime_ns(~relay.pid << 3 | 2)


def launch_relay(site):
    """A relay of the site's server, which ends with the lab's other servers."""
    relay = site.lab.new_server()
    relay.launch([f"relay:bench:unix:{site.server.socket_path}"])
    return relay.wait_ready()


@contextlib.contextmanager
def relays_of(site, n):
    """n connected relays of the site's server."""
    relays = []
    try:
        for _ in range(n):
            relays.append(launch_relay(site))
        for relay in relays:
            wait.until(lambda one=relay: is_connected(one), "a relay to be connected", 300)
        yield relays
    finally:
        for relay in relays:
            relay.clean_up()


def source_cost(site, targets, n_clients, n):
    """The CPU time in us that the source needs for one of n commits while n_clients monitor its
    database, or that of its relays: each connected to one of the sockets `targets`."""
    def connect(number):
        return dial_unix(targets[number % len(targets)])

    with ManyClients(n_clients, connect) as many, \
            ManyClients(1, lambda _: dial_unix(site.server.socket_path)) as writers:
        assert many.ask(lambda _: ("bench", "m", {"Event": {}}), "monitor_cond")
        meter = Meter(site)
        for member in many.members:
            member.expect("the last event", f'"event {n - 1}"')
        assert commit_events(writers, writers.members[0], n) and many.wait()
        return (meter.cpu_now() - meter.cpu) / n / 1000


@row("relay-source", repeat=1, reference_repeat=1)
def relay_source(bench, site):
    """The source must not notice the clients of its relays."""
    n_relays, n_each, n = (5, 20, 200) if bench.quick else (20, 100, 200)
    costs = {}
    for label, n_clients in ((f"{n_relays} clients", n_relays),
                             (f"{n_relays * n_each:,} clients", n_relays * n_each)):
        site.start(bench.file(0))
        costs[label] = source_cost(site, [site.server.socket_path], n_clients, n)
        site.stop()
    site.start(bench.file(0))
    with relays_of(site, n_relays) as relays:
        label = f"{n_relays} relays with {n_each} clients each"
        costs[label] = source_cost(site, [one.socket_path for one in relays], n_relays * n_each, n)
    return {**{f"commit to {one}: CPU of the source, us": cost for one, cost in costs.items()},
            f"{label}, against {n_relays} clients": costs[label] / costs[f"{n_relays} clients"]}


@row("relay-write")
def relay_write(bench, site):
    """Small inserts through a relay, against the same inserts at the source."""
    found, cpu, count, start = {}, {}, scale(bench, 10000), 0
    site.start(bench.file(0))
    with relays_of(site, 1) as [relay]:
        for what, window, n in (("sequential", 1, count // 5), ("pipelined", count, count)):
            wall = {}
            for where, target in (("direct", site.server.socket_path),
                                  ("through a relay", relay.socket_path)):
                site.target = target
                begin = relay_cpu(relay)
                wall[where] = site.load("insert", count=n, window=window,
                                        start=start)["wall_ns"] / n / 1000
                cpu[where] = (relay_cpu(relay) - begin) / n / 1000
                start += n
                found[f"{what} small insert {where}: wall, us"] = wall[where]
            found[f"{what} small inserts, rate through a relay against direct"] = \
                wall["direct"] / wall["through a relay"]
            found[f"{what} small insert through a relay: CPU of the relay, us"] = \
                cpu["through a relay"]
    return found


@row("calm-relay", repeat=1, reference_repeat=0)
def calm_relay(bench, site):
    path, size = large_file(bench)
    site.start(path)
    relay = launch_relay(site)
    try:
        label = f"during the first {size:,} MB of a relay, ms"
        longest = longest_echo(relay, lambda one: wait.until(
            lambda: is_connected(one), "the contents", 600))
        return {f"longest echo {label}": longest,
                f"longest step of the loop {label}": longest_step(relay)}
    finally:
        relay.clean_up()
