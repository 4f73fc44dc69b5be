# SPDX-License-Identifier: Apache-2.0
"""Many clients send valid and invalid requests at once, while one well-behaved client must get its
replies.

Each transaction inserts a row with a tag of its own. The database has the row if the reply said
that the transaction was committed, and does not have it if the transaction failed. The replica of a
monitor and the database file, after a stop or a kill, have the same rows.
"""
import json
import random

import pytest
from harness import dbfile, wait
from harness.lab import schema
from harness.replica import Replica
from harness.rpc import Client, Closed
from harness.small_schema import DEFAULTS, SETS
from garbage import UUID, damage, odd_one

pytestmark = pytest.mark.ours("the reference server crashes with some of these requests")

N_CLIENTS = 8
N_STEPS = 60  # a round
SMALL = schema("small")
SMALL["tables"]["Tag"] = {"isRoot": True, "columns": {"tag": {"type": "string"}}}
SPARE = {**schema("small"), "name": "spare"}
COLUMNS = {name: list(table["columns"]) for name, table in SMALL["tables"].items()}
NAMES = ["", "a", "b", "é", "long" * 300]


class Grammar:
    """Makes requests. `rng` decides all of it."""

    def __init__(self, rng):
        self.rng = rng

    def value(self, column):
        choice = self.rng.choice
        return {
            "name": lambda: choice(NAMES), "b": lambda: choice(NAMES), "eph": lambda: choice(NAMES),
            "tag": lambda: choice(NAMES), "n": lambda: choice([0, 1, -5, 2 ** 40]),
            "a": lambda: self.rng.randrange(6), "r": lambda: choice([0, 0.5, -1e300]),
            "on": lambda: choice([True, False]), "c": lambda: ["set", choice([[], ["x"]])],
            "tags": lambda: ["set", self.rng.sample(NAMES, self.rng.randrange(4))],
            "map": lambda: ["map", [[k, choice(NAMES)] for k in self.rng.sample(NAMES, 2)]],
            "kids": lambda: ["set", choice([[], [["named-uuid", "kid"]]])],
            "likes": lambda: ["set", choice([[], [["uuid", UUID]], [["named-uuid", "kid"]]])],
        }[column]()

    def row(self, table):
        columns = self.rng.sample(COLUMNS[table], self.rng.randrange(len(COLUMNS[table]) + 1))
        return {column: self.value(column) for column in columns}

    def where(self, table):
        if self.rng.random() < 0.2:
            return self.rng.choice([[], [True], [False]])
        column = self.rng.choice(COLUMNS[table])
        function = self.rng.choice(["==", "!=", "includes", "excludes"])
        return [[column, function, self.value(column)]]

    def operation(self):
        # Who deletes or changes a tag would make it say something else.
        table = self.rng.choice(["T", "T", "T", "C", "I"])
        about = {"table": table, "where": self.where(table)}
        column = self.rng.choice(COLUMNS[table])
        return self.rng.choice([
            lambda: {"op": "insert", "table": table, "row": self.row(table)},
            lambda: {"op": "insert", "table": table, "row": self.row(table)},
            lambda: {"op": "insert", "table": "C", "row": {}, "uuid-name": "kid"},
            lambda: {"op": "update", **about, "row": self.row(table)},
            lambda: {"op": "mutate", **about, "mutations": [
                [column, self.rng.choice(["insert", "delete", "+=", "%="]), self.value(column)]]},
            lambda: {"op": "delete", **about},
            lambda: {"op": "select", **about, "columns": [column]},
            lambda: {"op": "wait", **about, "columns": [column], "until": "==",
                     "rows": [self.row(table)], "timeout": self.rng.choice([0, 20])},
            lambda: {"op": "comment", "comment": self.rng.choice(NAMES)},
            lambda: {"op": "assert", "lock": self.rng.choice(["l", "m"])},
            lambda: {"op": "commit", "durable": self.rng.choice([True, False])},
        ])()

    def operations(self):
        return [self.operation() for _ in range(self.rng.choice([0, 1, 1, 2, 4]))]

    def monitor(self, with_condition):
        table = self.rng.choice(["T", "C", "I"])
        request = {"columns": self.rng.sample(COLUMNS[table], 1),
                   "select": {self.rng.choice(["initial", "insert", "delete", "modify"]): False}}
        if with_condition:
            request["where"] = self.where(table)
        return {table: self.rng.choice([request, [request]])}

    def request(self):
        """A method and its params."""
        db = self.rng.choice(["small", "small", "spare"])
        name = self.rng.choice(["m", ["m", 1]])
        lock = [self.rng.choice(["l", "m"])]
        return self.rng.choice([
            lambda: ("echo", [self.rng.choice(NAMES)]),
            lambda: ("list_dbs", []),
            lambda: ("get_schema", [db]),
            lambda: ("get_server_id", []),
            lambda: ("set_db_change_aware", [self.rng.choice([True, False])]),
            lambda: ("monitor", [db, name, self.monitor(False)]),
            lambda: ("monitor_cond", [db, name, self.monitor(True)]),
            lambda: ("monitor_cond_since", [db, name, self.monitor(True), UUID]),
            lambda: ("monitor_cond_change", [name, name, self.monitor(True)]),
            lambda: ("monitor_cancel", [name]),
            lambda: ("lock", lock), lambda: ("steal", lock), lambda: ("unlock", lock),
            lambda: ("cancel", [1]),
            lambda: ("convert", ["spare", {**SPARE, "version": self.rng.choice("123") + ".0.0"}]),
            lambda: ("transact", [db, *self.operations()]),
            lambda: ("no_such_method", []),
        ])()


class Talker:
    """A client that connects again when the server has closed its connection."""

    def __init__(self, server, grammar, name, tags):
        self.server = server
        self.grammar = grammar
        self.rng = grammar.rng
        self.name = name
        self.tags = tags  # tag -> True: committed, False: failed; not in it: unknown
        self.n_sent = 0
        self.client = Client(server.socket_path)

    def begin_anew(self):
        self.client.close()
        self.client = Client(self.server.socket_path)

    def tagged(self, number):
        """A valid or invalid transaction that inserts a row by which its outcome is recognized."""
        operations = self.grammar.operations()
        if operations and self.rng.random() < 0.4:
            operations = odd_one(self.rng, operations)
        tag = f"{self.name}-{self.n_sent}-{number}"
        operations = operations if isinstance(operations, list) else [operations]
        operations.insert(self.rng.randrange(len(operations) + 1),
                          {"op": "insert", "table": "Tag", "row": {"tag": tag}})
        return {"id": tag, "method": "transact", "params": ["small", *operations]}

    def request(self):
        """Any request, right or wrong."""
        method, params = self.grammar.request()
        message = {"id": self.n_sent, "method": method, "params": params}
        way = self.rng.random()
        if way < 0.3 and method in ("transact", "convert"):
            # Not in another database: what goes on in "small" is accounted for.
            message["params"] = params[:1] + odd_one(self.rng, params)[1:]
        elif way < 0.3:
            message["params"] = odd_one(self.rng, params)
        elif way < 0.33:
            message = odd_one(self.rng, message)
        elif way < 0.35:
            message["params"] = ["x" * 300000]
        elif way < 0.37:
            depth = self.rng.choice([10, 900, 50000])
            return '{"id":0,"method":"echo","params":' + "[" * depth + "]" * depth + "}"
        return json.dumps(message)

    def several(self, chance_of_tag):
        n = self.rng.choice([1, 1, 3])
        self.n_sent += n
        return "".join(json.dumps(self.tagged(i)) if self.rng.random() < chance_of_tag
                       else self.request() for i in range(n)).encode()

    def act(self):
        """Sends a request whole, in pieces, damaged or incomplete; reads replies now and then."""
        way = self.rng.random()
        data = self.several(0 if way < 0.03 else 0.4)
        middle = self.rng.randrange(len(data))
        try:
            if way < 0.03:
                self.client.send_raw(damage(self.rng, data))
            else:
                self.client.send_raw(data[:middle])
            if 0.03 <= way < 0.06:
                self.begin_anew()
            elif way >= 0.06:
                self.client.send_raw(data[middle:])
            is_open = way < 0.7 or self.listen()
        except (Closed, OSError):
            self.listen()
            is_open = False
        if not is_open:
            self.begin_anew()

    def listen(self):
        """Reads replies and counts acknowledged tags. Returns False if the server has closed."""
        texts, is_open = self.client.receive_waiting()
        for message in map(json.loads, texts):
            assert isinstance(message, dict), message
            if message.get("method") == "echo" and is_open:
                self.client.send({"id": message["id"], "result": message["params"], "error": None})
            elif "method" not in message and str(message["id"]).startswith(self.name):
                self.tags[message["id"]] = message["error"] is None and not any(
                    one and "error" in one for one in message["result"])
        return is_open


class Witness:
    """A well-behaved client that monitors all tables of "small"."""

    def __init__(self, server):
        self.client = server.client()
        self.client.call("set_db_change_aware", True)
        self.replica = Replica({**DEFAULTS, "Tag": {"tag": ""}}, SETS)
        self.replica.apply(self.client.call("monitor_cond", "small", "w", {
            table: {"columns": columns} for table, columns in COLUMNS.items()}))

    def catch_up(self):
        """Waits for all updates up to now."""
        self.client.call("echo")
        while self.client.notifications:
            self.replica.apply(self.client.notification("update2")[1])


def content(client, ephemeral=True):
    """Table -> UUID -> row."""
    found = {}
    for table, columns in COLUMNS.items():
        columns = [c for c in columns if ephemeral or c != "eph"]
        rows = client.select("small", table, ["_uuid", *columns])
        found[table] = {row.pop("_uuid")[1]: row for row in rows}
    return found


def check_tags(rows, tags):
    present = [row["tag"] for row in rows.values()]
    assert len(set(present)) == len(present), "a transaction was committed twice"
    wrong = [tag for tag, is_committed in tags.items() if (tag in set(present)) != is_committed]
    assert not wrong, f"these are there or not, against what was answered: {wrong}"


@pytest.mark.parametrize("seed", range(2))
def test_many_clients(lab, pytestconfig, seed):
    rng = random.Random(seed)
    # Sanitizers keep freed memory for a while, which must not be measured here.
    lab.env["ASAN_OPTIONS"] += ":quarantine_size_mb=1:allocator_release_to_os_interval_ms=100"
    dbs = [dbfile.create(lab.path("small.db"), SMALL), dbfile.create(lab.path("spare.db"), SPARE)]
    # Warnings about clients are expected; errors of the server are not.
    server = lab.new_server().allow(r"\|WARN\|").start(dbs)
    witness = Witness(server)
    before = server.private_kib()
    tags = {}
    many_talkers = [Talker(server, Grammar(rng), f"talker{i}", tags) for i in range(N_CLIENTS)]
    for step in range(pytestconfig.getoption("rounds") * N_STEPS):
        rng.choice(many_talkers).act()
        if step % 30 == 0:
            witness.catch_up()
    for talker in many_talkers:
        talker.listen()
        talker.client.close()
    wait.until(lambda: "sessions:1 " in server.control("memory/show") + " ",
               "the end of the connections")
    witness.catch_up()
    assert sum(tags.values()) > 20 and len(tags) - sum(tags.values()) > 20, "nothing was tried"
    assert server.private_kib() - before < 100 * 1024, "memory of closed connections is not freed"
    found = content(witness.client)
    check_tags(found["Tag"], tags)
    assert {table: witness.replica.rows(table) for table in COLUMNS} == found
    stored = content(witness.client, ephemeral=False)
    server.kill() if seed % 2 else server.stop()
    server.start(dbs)
    assert content(server.client(), ephemeral=False) == stored
