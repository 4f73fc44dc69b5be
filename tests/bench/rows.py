# SPDX-License-Identifier: Apache-2.0
"""The rows of bench.py: each starts the servers that it needs, runs loads, and returns numbers."""
import dataclasses
import pathlib
import typing

HERE = pathlib.Path(__file__).resolve().parent

MASK = (1 << 64) - 1


def mix(x):
    """splitmix64, as in load.c: both know the UUID of each row."""
    x = (x + 0x9e3779b97f4a7c15) & MASK
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9 & MASK
    x = (x ^ x >> 27) * 0x94d049bb133111eb & MASK
    return x ^ x >> 31


def item(number):
    """The UUID and the columns of row `number` of table Item, as load.c inserts it."""
    high, low = mix(number * 2), mix(number * 2 + 1)
    uuid = (f"{high >> 32:08x}-{high >> 16 & 0xffff:04x}-4{high & 0xfff:03x}"
            f"-8{low >> 52:03x}-{low & 0xffffffffffff:012x}")
    return uuid, {
        "name": f"item-{number:08d}", "n": number % 1000, "ratio": number % 1000 + 0.5,
        "up": True, "tags": ["set", ["blue", f"red-{number % 7}"]],
        "conf": ["map", [["mode", "trunk"], ["speed", str(number % 100)]]]}


class AtLeast(float):
    """A number that would have become larger, had the load been waited for."""


@dataclasses.dataclass
class Row:
    run: typing.Callable
    repeat: int = 3
    # Where the reference server is slow enough for a long run, which one run measures well.
    reference_repeat: int = 3


ROWS = {}


def row(name, **options):
    def register(function):
        ROWS[name] = Row(function, **options)
        return function
    return register


def scale(bench, count):
    return count // 5 if bench.quick else count


def cpu_us(found):
    return found["cpu_ns"] / found["n"] / 1000


@row("sequential", repeat=5, reference_repeat=5)
def sequential(bench, site):
    site.start(bench.file(0))
    found = site.load("insert", count=scale(bench, 5000), window=1)
    return {"sequential small insert: CPU, us": cpu_us(found),
            "sequential small insert: wall, us": found["wall_ns"] / found["n"] / 1000}


@row("pipelined", repeat=5)
def pipelined(bench, site):
    site.start(bench.file(0))
    found = site.load("insert", count=scale(bench, 30000), window=200)
    return {"pipelined small insert: CPU, us": cpu_us(found),
            "pipelined small insert: wall, us": found["wall_ns"] / found["n"] / 1000}


@row("durable")
def durable(bench, site):
    """Durable commits of 20 clients at once, each waiting for its own: the effect of shared
    syncs."""
    site.start(bench.file(0))
    found = site.load("insert", count=scale(bench, 50), window=1, clients=20, durable=1)
    return {"durable insert, 20 clients: wall, us": found["wall_ns"] / found["n"] / 1000}


@row("large")
def large(bench, site):
    site.start(bench.file(0))
    found = site.load("insert", count=2 if bench.quick else 4, window=1, batch=10000)
    return {"10,000-row transaction: CPU, ms": cpu_us(found) / 1000}


def by_size(bench, site, n_rows):
    """Operations whose cost must not depend on how many rows the table has."""
    site.start(bench.file(n_rows))
    count = scale(bench, 10000)
    # The reference server looks at every row.
    selects = scale(bench, 20) if site.programs.is_reference and n_rows > 10000 else count
    size = f"{n_rows:,} rows: CPU, us"
    return {
        f"select by index, {size}": cpu_us(
            site.load("select", count=selects, window=100, rows=n_rows)),
        f"update by _uuid, {size}": cpu_us(
            site.load("update", count=count, window=100, rows=n_rows)),
        f"insert, {size}": cpu_us(
            site.load("insert", count=count, window=100, start=n_rows)),
    }


@row("small-table")
def small_table(bench, site):
    return by_size(bench, site, 1000)


@row("large-table", reference_repeat=1)
def large_table(bench, site):
    return by_size(bench, site, scale(bench, 200000))


@row("start")
def start(bench, site):
    n = scale(bench, 100000)
    site.start(bench.file(0))
    empty = site.memory()
    site.stop()
    found = site.start(bench.file(n))
    return {f"start on {n:,} rows: wall, ms": found["wall_ns"] / 1e6,
            f"start on {n:,} rows: CPU, ms": found["cpu_ns"] / 1e6,
            "memory per row after start, bytes": (found["memory_kib"] - empty) * 1024 / n}


@row("memory")
def memory(bench, site):
    site.start(bench.file(0))
    n = scale(bench, 100000)
    found = site.load("insert", count=n // 10, batch=10, window=20)
    grown = found["memory_after_kib"] - found["memory_before_kib"]
    return {"memory per row inserted, bytes": grown * 1024 / n}


@row("initial", reference_repeat=1)
def initial(bench, site):
    n, clients = scale(bench, 100000), scale(bench, 20)
    site.start(bench.file(n))
    found = site.load("initial", clients=clients, rows=n)
    what = f"initial {n:,} rows to {clients} clients"
    return {f"{what}: CPU, ms": found["cpu_ns"] / 1e6, f"{what}: wall, ms": found["wall_ns"] / 1e6}


@row("fanout")
def fanout(bench, site):
    site.start(bench.file(0))
    n = scale(bench, 1000)
    found = site.load("fanout", clients=200, count=n, window=10)
    return {f"{n:,} commits to 200 monitors: CPU, ms": found["cpu_ns"] / 1e6,
            f"{n:,} commits to 200 monitors: wall, ms": found["wall_ns"] / 1e6}


@row("waiting")
def waiting(bench, site):
    """The cost of a commit while transactions wait for another table."""
    found = {}
    for n in (0, 1000):
        site.start(bench.file(0))
        found[f"insert beside {n:,} waiting transactions: CPU, us"] = cpu_us(
            site.load("waiters", rows=n, count=scale(bench, 1000), window=50))
        site.stop()
    return found


@row("idle")
def idle(bench, site):
    site.start(bench.file(0))
    n = scale(bench, 5000)
    found = site.load("idle", clients=n)
    grown = found["memory_after_kib"] - found["memory_before_kib"]
    return {f"{n:,} idle connections: bytes each": grown * 1024 / n,
            f"{n:,} idle connections: CPU to accept and answer, us": cpu_us(found)}


def add_growth(table):
    """Adds the additional cost of a table that is so much larger, for both servers."""
    small = "1,000 rows: CPU, us"
    large_ = next((label.split(", ", 1)[1] for label in table
                   if label.startswith("select by index") and small not in label), None)
    for what in ("select by index", "update by _uuid", "insert"):
        one, other = table.get(f"{what}, {small}"), table.get(f"{what}, {large_}")
        if one and other:
            size = large_.split(" ")[0]
            table[f"{what}: {size} rows against 1,000"] = {
                side: other[side] / one[side] for side in one}
