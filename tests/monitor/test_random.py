# SPDX-License-Identifier: Apache-2.0
"""Random histories of writers and monitoring clients. The clients are fast or slow, change their
conditions, cancel, disconnect and reconnect; the server compacts, is stopped, killed, and restarted
with a handover of its clients. Whenever the server is idle, each replica must have the rows that its
monitor shows of the database. A history is repeatable from its seed."""
import json
import random

import pytest

import content
from harness import wait
from watcher import KINDS, SELECTIONS, ZERO, Monitor, MonitorClient

N_STEPS = 300
N_WATCHERS = 6
# Columns and conditions of several monitors, so that these share a view.
N_COMMON = 3
# With the large size, the limit of memory for a slow client is soon exceeded.
SIZES = (20, 20, 20000)


class World:
    def __init__(self, lab, managed, seed):
        self.rng = random.Random(seed)
        self.path = lab.path("mon.db")
        schema = lab.path("mon.ovsschema")
        schema.write_text(json.dumps(content.SCHEMA))
        lab.tool("create", self.path, schema).ok()
        self.server = managed.allow("cut off the last").start([self.path])
        self.size = self.rng.choice(SIZES)
        self.known = []
        self.has_many_rows = False
        self.n_sent = self.n_committed = self.remembered_from = 0
        self.open_writers()
        self.common = [self.shape() for _ in range(N_COMMON)]
        self.watchers = [MonitorClient(self.server, "mon", number % 2)
                         for number in range(N_WATCHERS)]
        for watcher in self.watchers:
            self.start_monitor(watcher)

    # Random choices

    def shape(self):
        """Random columns and conditions of a monitor."""
        tables = self.rng.choice([["T"], ["T"], ["C"], ["T", "C"]])
        columns = {}
        for table in tables:
            names = sorted(content.DEFAULTS[table])
            columns[table] = sorted(self.rng.choice(
                [names, self.rng.sample(names, self.rng.randrange(1, len(names) + 1))]))
        return columns, {table: self.where(table) for table in tables}

    def where(self, table):
        return content.random_where(self.rng, table, self.known)

    def start_monitor(self, watcher):
        kind = self.rng.choice(list(KINDS))
        columns, where = self.rng.choice([*self.common, self.shape()])
        if kind == "monitor":
            where = {table: [] for table in columns}
        select = self.rng.choice([None, None, None, self.rng.sample(SELECTIONS, 2),
                                  self.rng.sample(SELECTIONS, 3)])
        watcher.start(Monitor(kind, columns, where, select))

    # Steps

    def open_writers(self):
        self.writers = [(self.server.client(), []) for _ in range(2)]

    def write(self, operations):
        client, ids = self.rng.choice(self.writers)
        self.n_sent += 1
        ids.append(client.request("transact", ["mon", *operations]))

    def step(self):
        choice = self.rng.randrange(41)
        watcher = self.rng.choice(self.watchers)
        if choice < 22:
            for _ in range(self.rng.choice([1, 1, 1, 10])):
                self.write(content.random_operations(self.rng, self.size, self.known))
            if self.size == 20 and self.rng.random() < 0.005:
                self.write(content.many_changes(self.rng))
                self.has_many_rows = True
        elif choice < 24:
            for _ in range(self.rng.choice([3, 30])):
                self.write(content.flood(self.rng, self.size))
        elif choice < 29:
            self.change_condition(watcher)
        elif choice < 31:
            if len(watcher.monitors) < 4:
                self.start_monitor(watcher)
        elif choice == 31:
            if watcher.monitors:
                watcher.cancel(self.rng.choice(watcher.monitors))
        elif choice == 32:
            watcher.reconnect(self.server, False)
        elif choice == 33:
            if self.rng.random() < 0.3:
                self.server.control("ovsdb-server/compact", "mon")
                self.remembered_from = self.n_sent
        elif choice == 34:
            if self.rng.random() < 0.4:
                self.restart()
        elif choice < 37:
            self.settle("at a quiet point")
        elif choice == 37:
            if self.rng.random() < 0.4:
                self.server.restart()  # hands the clients over
        for one in self.watchers:
            if not one.is_slow or one.is_due():
                one.read(self.n_sent)

    def change_condition(self, watcher):
        monitors = [m for m in watcher.monitors if m.kind != "monitor"]
        if not monitors:
            return
        monitor = self.rng.choice(monitors)
        tables = self.rng.sample(sorted(monitor.columns), self.rng.randrange(
            1, len(monitor.columns) + 1))
        watcher.change(monitor, {table: self.where(table) for table in tables},
                       self.rng.random() < 0.2)

    def restart(self):
        if self.rng.random() < 0.5:
            self.collect()
        for client, _ in self.writers:
            client.close()
        self.server.clients.clear()  # the watchers still read their output
        if self.rng.random() < 0.7:
            self.server.kill()
        else:
            self.server.stop()
            self.server.manager.drop_store()  # a final stop
        self.server.start([self.path])
        self.open_writers()
        for watcher in self.watchers:
            watcher.reconnect(self.server, True)
        recent = [m for w in self.watchers for m in w.monitors if self.must_be_remembered(m)]
        self.settle("after a restart")
        for monitor in recent:
            assert monitor.is_resumed, f"{monitor.request()}: all again"

    def must_be_remembered(self, monitor):
        """True if the server must resume the monitor: its last transaction is one of the last few."""
        return (monitor.last != ZERO and self.size == 20 and not self.has_many_rows
                and monitor.is_lasting()
                and monitor.read_at > max(self.remembered_from, self.n_sent - 30))

    # Comparison when the server is idle

    def collect(self):
        """Waits for the replies to the writers."""
        for client, ids in self.writers:
            for id_ in ids:
                for result in client.result(id_, 3 * wait.PATIENCE):
                    assert "error" not in result, result
                self.n_committed += 1
            ids.clear()

    def dump(self):
        client, _ = self.writers[0]
        rows = {}
        for table in content.DEFAULTS:
            rows[table] = {row.pop("_uuid")[1]: row for row in client.select("mon", table)}
        self.known = sorted((uuid, row["_version"][1])
                            for table in rows.values() for uuid, row in table.items())
        return rows

    def settle(self, when):
        """Waits until each replica is up to date. The coalesced update of a slow client may arrive after
        the reply to its echo, because it is written only when the client has read its output."""
        self.collect()
        rows = self.dump()
        for watcher in self.watchers:
            try:
                wait.until(lambda w=watcher: w.is_current(rows), "equality")
            except AssertionError:
                watcher.check(rows, when)
                raise


@pytest.mark.ours("the reference server also sends \"modify\" updates without a change")
def test_random(lab, managed, seed):
    world = World(lab, managed, seed)
    for _ in range(N_STEPS):
        world.step()
    world.settle("at the end")
    world.restart()
    assert world.n_committed > N_STEPS / 4


@pytest.mark.parametrize("kind", list(KINDS))
def test_differences_are_noticed(lab, managed, kind):
    """The comparison fails if the client has a single different value."""
    world = World(lab, managed, 1)
    world.write([{"op": "insert", "table": "T", "row": {"name": "a"}}])
    watcher = world.watchers[0]
    watcher.start(Monitor(kind, {"T": ["name"]}, {"T": []}))
    world.settle("before")
    [row] = watcher.monitors[-1].replica.rows("T").values()
    row["name"] = "b"
    with pytest.raises(AssertionError):
        watcher.check(world.dump(), "after")
