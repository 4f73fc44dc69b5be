# SPDX-License-Identifier: Apache-2.0
"""The large set rows of bench.py, such as address sets and port groups: an element is added and
removed again, one commit each, while a monitor (update2) follows."""
from monitor_rows import Meter, connect_many
from rows import item, row


def mutate_elements(many, writer, column, values, window=20):
    """Inserts and deletes each value, in two commits, never more than `window` unanswered."""
    for first in range(0, len(values), window):
        for value in values[first:first + window]:
            for mutator in "insert", "delete":
                writer.send("transact", "bench", {"op": "mutate", "table": "Group", "where": [],
                                                  "mutations": [[column, mutator, value]]})
        writer.ask("echo")
        if not many.wait():
            return False
    return True


def change_set(bench, site, column, elements, values):
    """`values` are inserted into, and deleted from, a set of `elements`."""
    label = f"element of a {len(elements):,}-element set of {column}: CPU, us"
    site.start(bench.file(len(elements) + len(values)))
    with site.server.client() as client:
        client.insert("bench", "Group", {column: ["set", elements]})
    with connect_many(site, 2) as many:
        writer = many.members.pop()
        assert many.ask(lambda _: ("bench", "m", {"Group": {}}), "monitor_cond")
        meter = Meter(site)
        assert mutate_elements(many, writer, column, values)
        cost = (meter.cpu_now() - meter.cpu) / (2 * len(values)) / 1000
        writer.socket.close()
    return {label: cost}


def address(number):
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


def change_addresses(bench, site, n, n_values):
    # Every second address is free, so that the new ones spread over the whole set.
    return change_set(bench, site, "addresses", [address(2 * i) for i in range(n)],
                      [address(2 * (i * 7919 % n) + 1) for i in range(n_values)])


def change_items(bench, site, n, n_values):
    uuids = [["uuid", item(i)[0]] for i in range(n + n_values)]
    return change_set(bench, site, "items", uuids[:n], uuids[n:])


def n_commits(bench, site, n_fast, n_slow):
    n = n_slow if site.programs.is_reference else n_fast
    return n // 5 if bench.quick else n


@row("sets", reference_repeat=1)
def sets(bench, site):
    found = change_addresses(bench, site, 10000, n_commits(bench, site, 2000, 200))
    site.stop()
    return {**found, **change_items(bench, site, 10000, n_commits(bench, site, 2000, 200))}


@row("larger-sets", reference_repeat=1)
def larger_sets(bench, site):
    found = change_addresses(bench, site, 100000, n_commits(bench, site, 1000, 20))
    site.stop()
    return {**found, **change_items(bench, site, 100000, n_commits(bench, site, 1000, 20))}
