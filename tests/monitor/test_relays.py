# SPDX-License-Identifier: Apache-2.0
"""Random histories over relays: two relays of a source, and a relay of one of them. Writers and
monitoring clients use any of the servers; clients move between them and resume. The source and the
relays are stopped, killed and started again, and the links between them are slow, and are cut in
the middle of messages. At quiet points all servers have the same rows, and each replica has the rows that its monitor shows of them."""
import json
import random

import pytest

import content
from harness import wait
from harness.link import Link
from harness.rpc import Client, Closed
from watcher import ZERO, Monitor, MonitorClient

N_STEPS = 120
N_WATCHERS = 5
KINDS = ("monitor", "monitor_cond", "monitor_cond_since", "monitor_cond_since")


class Node:
    """A server, and where it gets its database from."""

    def __init__(self, lab, world, name, source):
        self.lab, self.name, self.source = lab, name, source
        self.server = lab.new_server().allow("replication", "net", "cut off the last", "stale",
                                             r"\|net\|WARN")
        self.link = None
        self.argument = world.path
        if source:
            self.link = Link(lab.path(f"{name}.link"), source.server)
            self.argument = f"relay:mon:unix:{self.link.path}"

    def start(self):
        self.server.start([self.argument])

    def is_connected(self):
        try:
            with Client(self.server.socket_path) as client:
                client.call("set_db_change_aware", True)
                rows = client.select("_Server", "Database", ["connected"], [["name", "==", "mon"]])
            return rows == [{"connected": True}]
        except Closed:
            return False

    def until_connected(self):
        wait.until(self.is_connected, f"{self.name} to be connected", 6 * wait.PATIENCE)


class World:
    def __init__(self, lab, seed):
        self.rng = random.Random(seed)
        self.path = lab.path("mon.db")
        schema = lab.path("mon.ovsschema")
        schema.write_text(json.dumps(content.SCHEMA))
        lab.tool("create", self.path, schema).ok()
        source = Node(lab, self, "source", None)
        near = Node(lab, self, "near", source)
        self.nodes = [source, near, Node(lab, self, "other", source), Node(lab, self, "far", near)]
        for node in self.nodes:
            node.start()
            node.until_connected()
        self.known = []
        self.n_committed = self.n_lost = 0
        self.writers = {}  # node -> (client, ids of requests without a reply)
        self.watchers = [MonitorClient(self.random_node().server, "mon", number % 2)
                         for number in range(N_WATCHERS)]
        for watcher in self.watchers:
            watcher.node = next(n for n in self.nodes if n.server is self.server_of(watcher))
            self.start_monitor(watcher)

    def server_of(self, watcher):
        return next(n.server for n in self.nodes if watcher.client in n.server.clients)

    def random_node(self):
        return self.rng.choice(self.nodes)

    def start_monitor(self, watcher):
        table = self.rng.choice(["T", "T", "C"])
        # _version is not the same at all servers.
        names = sorted(set(content.DEFAULTS[table]) - {"_version"})
        columns = self.rng.choice([names, self.rng.sample(names, 2)])
        kind = self.rng.choice(KINDS)
        where = [] if kind == "monitor" else [
            clause for clause in content.random_where(self.rng, table, self.known)
            if isinstance(clause, bool) or clause[0] != "_version"] if self.rng.random() < 0.5 else []
        watcher.start(Monitor(kind, {table: columns}, {table: where}))

    def write(self):
        node = self.random_node()
        if node not in self.writers:
            client = node.server.client()
            client.call("set_db_change_aware", True)
            self.writers[node] = (client, [])
        client, ids = self.writers[node]
        for _ in range(self.rng.choice([1, 1, 5])):
            ids.append(client.request("transact", [
                "mon", *content.random_operations(self.rng, 20, self.known)]))

    def collect(self):
        for client, ids in self.writers.values():
            for id_ in ids:
                reply = client.reply(id_, 6 * wait.PATIENCE)
                if reply["error"]:
                    assert reply["error"]["error"] == "connection lost", reply
                    self.n_lost += 1
                    continue
                for result in reply["result"]:
                    assert "error" not in result, result
                self.n_committed += 1
            ids.clear()

    def restart(self, node):
        """Restarts a server. Changes made meanwhile are lost or wait."""
        for each in self.nodes[1:]:
            each.link.heal()
        users = [w for w in self.watchers if w.node is node]
        if node in self.writers:
            client, ids = self.writers.pop(node)
            if node.source is None or self.rng.random() < 0.5:
                self.collect_from(client, ids)
            client.close()
        node.server.clients.clear()  # the watchers still read their output
        if self.rng.random() < 0.5:
            node.server.process.kill()
            node.server.process.wait()
        else:
            node.server.stop()
        node.start()
        for each in self.nodes:
            each.until_connected()
        for watcher in users:
            self.move(watcher, self.rng.choice([node, node, self.random_node()]), True)

    def collect_from(self, client, ids):
        for id_ in ids:
            client.reply(id_, 6 * wait.PATIENCE)
        ids.clear()

    def move(self, watcher, node, is_over):
        watcher.node = node
        watcher.reconnect(node.server, is_over)

    def step(self):
        choice = self.rng.randrange(31)
        watcher = self.rng.choice(self.watchers)
        if choice < 18:
            self.write()
        elif choice < 21:
            if len(watcher.monitors) < 4:
                self.start_monitor(watcher)
        elif choice < 24:
            self.move(watcher, self.random_node(), False)
        elif choice < 26:
            self.rng.choice(self.nodes[1:]).link.cut_after(self.rng.randrange(6000))
        elif choice == 30:
            self.rng.choice(self.nodes[1:]).link.rate = self.rng.choice([2000, 50000])
        elif choice == 26:
            self.restart(self.random_node())
        elif choice < 29:
            self.settle("at a quiet point")
        for one in self.watchers:
            if not one.is_slow or one.is_due():
                one.read(0)

    def dump(self, node):
        with Client(node.server.socket_path) as client:
            client.call("set_db_change_aware", True)
            rows = {}
            for table in content.DEFAULTS:
                rows[table] = {row.pop("_uuid")[1]: row for row in client.select("mon", table)}
        for table in rows.values():
            for row in table.values():
                row.pop("_version")
        return rows

    def settle(self, when):
        for node in self.nodes[1:]:
            node.link.heal()
        for node in self.nodes:
            node.until_connected()
        self.collect()
        rows = self.dump(self.nodes[0])
        self.known = sorted((uuid, ZERO) for table in rows.values() for uuid in table)
        for node in self.nodes[1:]:
            wait.until(lambda n=node: self.dump(n) == rows, f"equality of {node.name} {when}")
        for watcher in self.watchers:
            try:
                wait.until(lambda w=watcher: w.is_current(rows), "equality")
            except AssertionError:
                watcher.check(rows, f"{when}, at {watcher.node.name}")
                raise

    def close(self):
        for node in self.nodes:
            if node.link:
                node.link.close()


@pytest.mark.ours("a relay of the reference server has other transaction ids than its source")
def test_random_relays(lab, relay_seed):
    world = World(lab, relay_seed)
    try:
        for _ in range(N_STEPS):
            world.step()
        world.settle("at the end")
        for node in world.nodes:
            world.restart(node)
        world.settle("after the restarts")
    finally:
        world.close()
    assert world.n_committed > N_STEPS / 4
