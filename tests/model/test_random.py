# SPDX-License-Identifier: Apache-2.0
"""Random transactions on random schemas: the replies, the contents, the updates of monitors and the
contents after a reload of the file are those of the naive model. A seed makes a schema and all its
transactions."""
import json
import random

import pytest
from generate import Generator
from harness.replica import Replica
from model import Model
from values import Failure

N_TRANSACTIONS = 120
# Restarts and compactions, each about so many transactions apart.
RESTART, COMPACT = 40, 60


def normal(value):
    """JSON text in which 1.0 and 1 are the same, and true and 1 are not."""
    def number(x):
        if isinstance(x, float) and x.is_integer():
            return int(x)
        if isinstance(x, dict):
            return {k: number(v) for k, v in x.items()}
        return [number(v) for v in x] if isinstance(x, list) else x
    return json.dumps(number(value), sort_keys=True)


def same_result(expected, got):
    if isinstance(expected, Failure):
        return isinstance(got, dict) and got.get("error") in expected.tags
    if isinstance(expected, dict) and "rows" in expected:
        if not isinstance(got, dict) or set(got) != {"rows"}:
            return False
        if "unknown" in normal(expected):  # the name of a row that a failure kept from being made
            return len(got["rows"]) == len(expected["rows"])
        # A select without columns returns _version too, which the model does not know.
        return (
            sorted(normal({**row, "_version": 0}) for row in got["rows"])
            == sorted(normal({**row, "_version": 0}) for row in expected["rows"]))
    return normal(expected) == normal(got)


class World:
    """A server, the model, and two monitors."""

    def __init__(self, lab, generator):
        self.lab = lab
        self.generator = generator
        self.model = Model(generator.schema)
        self.names = []
        self.path = lab.path("rnd.db")
        schema = lab.path("rnd.ovsschema")
        schema.write_text(json.dumps(generator.schema))
        lab.tool("create", self.path, schema).ok()
        self.connect()

    def connect(self):
        self.server = self.lab.new_server()
        if self.lab.programs.is_reference:
            self.server.allow("Unreasonably long|timeval")  # says the reference server on a busy machine
        self.server.start([self.path])
        self.client = self.server.client()
        self.watchers = [self.watch("monitor"), self.watch("monitor_cond")]

    def watch(self, method):
        """A client that monitors every column, and its copy of the database."""
        defaults, sets, single = {}, [], []
        for name, table in self.model.tables.items():
            defaults[name] = json.loads(normal(
                {c: t.print(t.default()) for c, t in table.columns.items()}))
            sets += [(name, c) for c, t in table.columns.items() if not t.value and t.max > 1]
            single += [(name, c) for c, t in table.columns.items() if t.value and t.max == 1]
        replica = Replica(defaults, sets, single)
        client = self.server.client()
        requests = {name: {"columns": list(table.columns)}
                    for name, table in self.model.tables.items()}
        replica.apply(client.call(method, "rnd", method, requests))
        return client, replica

    def step(self, operations):
        """Sends a transaction and compares reply and monitors with the model."""
        replies = self.client.transact("rnd", *operations)
        expected = self.model.transact(operations, replies)
        assert len(expected) == len(replies) and all(map(same_result, expected, replies)), \
            f"transaction: {json.dumps(operations)}\nexpected: {expected}\n     got: {replies}"
        self.compare(f"after {json.dumps(operations)}")
        return not any(isinstance(r, Failure) for r in expected)

    def content(self):
        """The server's rows, as Model.dump() has them."""
        names = list(self.model.tables)
        replies = self.client.commit("rnd", *(
            {"op": "select", "table": n, "where": [],
             "columns": ["_uuid", *self.model.tables[n].columns]} for n in names))
        return {n: {row.pop("_uuid")[1]: row for row in r["rows"]} for n, r in zip(names, replies)}

    def compare(self, when):
        expected = normal(self.model.dump())
        assert normal(self.content()) == expected, f"content {when}"
        for client, replica in self.watchers:
            client.call("echo")
            while client.notifications:
                _, params = client.notifications.popleft()
                replica.apply(params[1])
            for table in self.model.tables:
                replica.rows(table)
            assert normal(replica.tables) == expected, f"monitored {when}"

    def restart(self):
        self.server.stop()
        self.lab.servers.remove(self.server)
        self.model.restart()
        self.connect()
        self.compare("after a restart")


def test_random(lab, seed):
    chooser = random.Random(seed)
    generator = Generator(chooser, everything=not lab.programs.is_reference)
    world = World(lab, generator)
    # The reference server forgets in its file what a commit drops from weak references (see
    # differences.py).
    restarts = not (lab.programs.is_reference and "weak" in json.dumps(generator.schema))
    n_committed = 0
    for _ in range(N_TRANSACTIONS):
        n_committed += world.step(generator.transaction(world))
        if generator.chance(1 / COMPACT):
            world.server.control("ovsdb-server/compact", "rnd")
        if generator.chance(1 / RESTART) and restarts:
            world.restart()
    if restarts:
        world.restart()
    # The test is useless if almost all transactions fail.
    assert n_committed >= N_TRANSACTIONS // 20 or not generator.tables["T0"].get("isRoot")


@pytest.mark.parametrize("kind", ["at once", "after a restart"])
def test_the_comparison_notices(lab, kind):
    """The comparison detects a row that only the model has."""
    world = World(lab, Generator(random.Random(1), True))
    world.model.tables["T0"].rows["00000000-0000-4000-8000-00000000ffff"] = {
        c: t.default() for c, t in world.model.tables["T0"].columns.items()}
    with pytest.raises(AssertionError):
        world.compare(kind) if kind == "at once" else world.restart()
