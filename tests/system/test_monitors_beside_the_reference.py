# SPDX-License-Identifier: Apache-2.0
"""Random monitors on both servers, of two clients, while one of them writes: the same contents,
the same updates, in the same place among the replies, the same errors.

What differences.py lists is not generated: several requests of a table that differ in where or in
modify. Nor are monitors of a table whose weak references dangle: the reference server calls a row
changed that gets such a reference and loses it in the same commit. Nor is what ends the reference
server: a condition with an error in it, and a change of the condition of what "monitor" made, or of
a table without requests; nor changes of which one half is wrong, of which the reference server
makes the other; nor true and false in the same condition, of which the reference server sees the
first two at most.
"""
import json

import pytest

from harness.operations import FUNCTIONS, Generator, comparable
from harness.replica import ZERO
from harness.monitor_client import KINDS

pytestmark = pytest.mark.ours("the test compares with the reference server")

N_STEPS = 1000
TABLES = ["Types", "Root", "Child", "Leaf", "Eph", "Index", "SetIndex"]
NO_IDS = ["12345678-1234-1234-1234-123456789abc", "ABCDEF00-1234-1234-1234-123456789ABC"]
WRONG_CHANGES = [5, {"where": []}, [{"where": [], "columns": []}], [{"where": 5}], [{"select": {}}]]
WRONG = [None, 5, True, "x", [], {}, ["name"], {"name": []}]


class Asking(Generator):
    """Makes up monitors too."""

    def __init__(self, seed):
        super().__init__(seed)
        self.n_ids = 0

    def transaction(self):
        """A short one, so that many succeed."""
        operations = super().transaction()[:self.rng.randrange(1, 3)]
        return [one for one in operations if one["op"] != "wait"]

    def value(self, column):
        """A value without named UUIDs of rows that do not exist, because servers choose UUIDs for
        them."""
        while "nobody" in str(value := super().value(column)):
            pass
        return value

    def all_columns(self, table):
        return ["_uuid", "_version", *self.schema[table]["columns"]]

    def clause(self, table):
        rng = self.rng
        if self.uuids[table] and rng.random() < 0.15:
            return ["_uuid", rng.choice(["==", "!=", "includes", "excludes"]),
                    ["uuid", rng.choice(self.uuids[table][-8:])]]
        column = rng.choice(list(self.schema[table]["columns"]))
        kind = self.schema[table]["columns"][column]["type"]
        value = self.value({"type": kind})
        is_number = kind in ("integer", "real") or (
            isinstance(kind, dict) and kind["key"] in ("integer", "real")
            and "value" not in kind and kind.get("max", 1) == 1 and value != ["set", []])
        functions = FUNCTIONS if is_number else ["==", "!=", "includes", "excludes"]
        return [column, rng.choice(functions), value]

    def clauses(self, table):
        rng = self.rng
        clauses = [self.clause(table) for _ in range(rng.randrange(4))]
        if rng.random() < 0.2:
            clauses.insert(rng.randrange(len(clauses) + 1), rng.random() < 0.5)
        return clauses

    def select(self):
        kinds = self.rng.sample(["initial", "insert", "delete", "modify"], self.rng.randrange(4))
        return {kind: self.rng.random() < 0.5 for kind in kinds}

    def table_requests(self, table, has_where):
        rng, columns = self.rng, self.all_columns(table)
        rng.shuffle(columns)
        common = {"where": self.clauses(table)} if has_where and rng.random() < 0.8 else {}
        if rng.random() < 0.3:
            middle = rng.randrange(1, len(columns))
            return [{"columns": some, "select": {**self.select(), "modify": True}, **common}
                    for some in (columns[:middle], columns[middle:])]
        if rng.random() < 0.8:
            common["columns"] = columns[:rng.randrange(len(columns) + 1)]
        if rng.random() < 0.4:
            common["select"] = self.select()
        return common if rng.random() < 0.3 else [common]

    def requests(self, has_where):
        tables = self.rng.sample(TABLES, self.rng.randrange(1, 4))
        return {table: self.table_requests(table, has_where) for table in tables}

    def new_id(self):
        self.n_ids += 1
        return self.rng.choice([self.n_ids, str(self.n_ids), ["m", self.n_ids], {"m": self.n_ids}])

    def spoiled(self, value):
        """`value` with a part of it replaced, removed, or repeated."""
        rng, places = self.rng, []

        def look(inner):
            places.extend((inner, key) for key in (
                inner if isinstance(inner, dict) else range(len(inner))))
            for one in inner.values() if isinstance(inner, dict) else inner:
                if isinstance(one, (dict, list)):
                    look(one)

        value = json.loads(json.dumps(value))
        look(value)
        inner, key = rng.choice(places)
        action = rng.randrange(3)
        if action == 0:
            inner[key] = rng.choice(WRONG)
        elif action == 1:
            del inner[key]
        elif isinstance(inner, list):
            inner.append(inner[key])
        else:
            inner["surplus"] = inner[key]
        return value


def leave_out_nothings(updates):
    """The reference server also sends updates for rows that changed in a column of a condition but
    in no monitored column."""
    for table, rows in list(updates.items()):
        for uuid, update in list(rows.items()):
            if update == {"modify": {}} or update.get("old") == {} and "new" in update:
                del rows[uuid]
        if not rows:
            del updates[table]


class Conversation:
    """The messages of one client and their replies, without values that the server chooses."""

    def __init__(self, server):
        self.client = server.client()
        self.is_reference = server.programs.is_reference

    def say(self, method, params):
        """Returns the reply, and the notifications before it; their order is that of monitors."""
        id_ = self.client.request(method, params)
        heard = []
        while "method" in (message := self.client.receive()):
            heard.append([message["method"], message["params"]])
        assert message["id"] == id_
        error, result = message.get("error"), message.get("result")
        if method == "transact":
            result = [comparable(one) for one in result]
        elif method == "monitor_cond_since" and not error:
            result[1] = "an id"
        for _, params_heard in heard if self.is_reference else ():
            leave_out_nothings(params_heard[-1])
        updates = [self.made_equal(one) for one in heard if one[1][-1] != {}]
        return (error["error"] if isinstance(error, dict) else error, self.made_equal(result),
                sorted(map(json.dumps, updates)))

    @classmethod
    def made_equal(cls, value):
        if isinstance(value, dict):
            return {key: "version" if key == "_version" else cls.made_equal(value[key])
                    for key in sorted(value)}
        if isinstance(value, list) and value and value[0] == "update3":
            return [*value[:1], [value[1][0], "an id", cls.made_equal(value[1][2])]]
        return [cls.made_equal(one) for one in value] if isinstance(value, list) else value


class Client:
    """Talks to both servers and keeps the monitors it has: id -> method, tables."""

    def __init__(self, servers, generator):
        self.both = [Conversation(server) for server in servers]
        self.generator, self.rng = generator, generator.rng
        self.monitors = []

    def say(self, method, params):
        ours, reference = (one.say(method, params) for one in self.both)
        only = [set(one[2]) - set(two[2]) for one, two in ((ours, reference), (reference, ours))]
        assert ours == reference, f"{method} {json.dumps(params)}; only ours, only the reference server's: {only}"
        return ours

    def start(self):
        method = self.rng.choice(list(KINDS))
        requests = self.generator.requests(method != "monitor")
        if "where" not in json.dumps(requests) and self.rng.random() < 0.3:
            requests = self.generator.spoiled(requests)
        id_ = self.generator.new_id()
        if self.monitors and self.rng.random() < 0.1:
            id_ = self.rng.choice(self.monitors)[0]
        params = ["ops", id_, requests]
        if method == "monitor_cond_since":
            params.append(self.rng.choice([ZERO, *NO_IDS, *WRONG]))
        if not self.say(method, params)[0]:
            self.monitors.append((id_, method, requests))

    def change(self):
        monitor = self.rng.choice(self.monitors)
        id_, method, requests = monitor
        new = id_ if self.rng.random() < 0.7 else self.generator.new_id()
        tables = [table for table in requests if requests[table] != []]
        changes = {table: self.rng.choice([[{"where": self.generator.clauses(table)}], []])
                   for table in tables if self.rng.random() < 0.7}
        if tables and self.rng.random() < 0.1:
            changes = {tables[0]: self.rng.choice(WRONG_CHANGES)}
        if method != "monitor" and not self.say("monitor_cond_change", [id_, new, changes])[0]:
            self.monitors[self.monitors.index(monitor)] = (new, method, requests)

    def cancel(self):
        monitor = self.rng.choice(self.monitors)
        self.say("monitor_cancel", [monitor[0]])
        self.say("monitor_cancel", [monitor[0]])
        self.monitors.remove(monitor)

    def step(self):
        choice = self.rng.random()
        if choice < 0.35 or not self.monitors:
            self.start()
        elif choice < 0.85:
            self.change()
        else:
            self.cancel()


@pytest.mark.parametrize("seed", range(4))
def test_random_monitors(lab, seed):
    servers = [lab.serve(lab.db("ops", f"{p.name}.db"), programs=p)
               for p in (lab.programs, lab.reference)]
    generator = Asking(seed)
    writer, other = clients = [Client(servers, generator) for _ in range(2)]
    n_updates = 0
    for _ in range(N_STEPS):
        if generator.rng.random() < 0.6:
            n_updates += len(writer.say("transact", ["ops", *generator.transaction()])[2])
            n_updates += len(other.say("echo", [])[2])
        else:
            generator.begin()
            generator.rng.choice(clients).step()
    assert n_updates > N_STEPS / 10, "the monitors see too little"
