# SPDX-License-Identifier: Apache-2.0
"""Role-based access control as clients see it: every rule of tests/data/rbac over the wire, and
waiting transactions, convert, locks, the log and the tool."""
import json
import random
import re

import pytest

from harness import dbfile, match
from harness.rbac_server import CASES, PERMISSION_ERROR, SCHEMA, RbacServer, permission, rules
from harness.pki import Authority

ANYBODY = permission([""], True, ["n", "name"])
OWNER = permission(["owner"], True, ["n"])


@pytest.fixture(scope="module")
def pki(tmp_path_factory):
    authority = Authority(tmp_path_factory.mktemp("pki"))
    for name in ("server", "c1", "c2"):
        setattr(authority, name, authority.issue(name))
    return authority


@pytest.fixture
def guarded(lab, pki):
    return RbacServer(lab, pki)


def card(**row):
    return {"op": "insert", "table": "Card", "row": row}


def update(where, **row):
    return {"op": "update", "table": "Card", "where": where, "row": row}


def is_denied(reply):
    return any(one and one.get("error") == PERMISSION_ERROR for one in reply)


def expectation(value):
    """An expected result of the data file as harness.match wants it."""
    return json.loads(json.dumps(value).replace('"*"', '"$*"'))


def play(guarded, case):
    for step in case["steps"]:
        client = guarded.admin
        if "role" in step:
            client = guarded.client(step["role"], step.get("id"))
        reply = client.transact("rbac", *step["request"])
        try:
            match.match(expectation(step["result"]), reply, {})
        except match.Mismatch as error:
            raise AssertionError(f"{case['name']}: {json.dumps(step)}: {error}") from error


def test_rules(guarded):
    """All cases without a known difference, on one server."""
    for case in CASES:
        if "difference" not in case:
            play(guarded, case)
            guarded.clear()


def different():
    for case in CASES:
        if "difference" in case:
            yield pytest.param(case, id=case["name"],
                               marks=pytest.mark.difference(case["difference"]))


@pytest.mark.parametrize("case", different())
def test_rules_that_differ(guarded, case):
    play(guarded, case)


def test_without_role(guarded):
    """A remote without a role, and a database without the table, know no rules."""
    guarded.admin.commit("rbac", *rules({}))
    guarded.connect("", "c1").commit("rbac", card(name="a"))


def test_without_rules(lab, pki, guarded):
    other = json.loads(json.dumps(SCHEMA))
    other["name"] = "free"
    del other["tables"]["RBAC_Role"]
    guarded.server.control("ovsdb-server/add-db", dbfile.create(lab.path("free.db"), other))
    guarded.admin = guarded.server.client()  # those that do not know that databases come are cut
    client = guarded.connect("r", "c1")
    client.commit("free", card(name="a"))
    assert is_denied(client.transact("rbac", card(name="a")))


def test_monitors_and_locks_are_free(guarded):
    guarded.admin.commit("rbac", *rules({}), card(name="a"))
    client = guarded.connect("r", "c1")
    assert len(client.call("monitor", "rbac", "m", {"Card": {"columns": ["name"]}})["Card"]) == 1
    assert client.call("lock", "l") == {"locked": True}
    assert client.transact("rbac", {"op": "assert", "lock": "l"}) == [{}]
    assert client.call("unlock", "l") == {}


def test_convert(guarded):
    error = guarded.connect("r", "c1").error("convert", "rbac", SCHEMA)
    assert error["error"] == PERMISSION_ERROR
    assert "rbac" in error["details"] and '"c1"' in error["details"] and '"r"' in error["details"]


@pytest.mark.ours("the errors of the reference server contain less information")
def test_details(guarded):
    guarded.admin.commit("rbac", *rules({"Card": OWNER}))
    row = guarded.admin.insert("rbac", "Card", {"name": "a", "owner": "c1"})
    client = guarded.connect("r", "c1")
    for operation, words in [
            (update([], name="x"), ["update", "Card", row, "column name"]),
            (update([], n=5), None),
            (card(name="x"), ["insert", "Card"]),
            ({"op": "delete", "table": "Open", "where": []}, ["delete", "Open"])]:
        reply = client.transact("rbac", operation)[0]
        if words is None:
            assert reply == {"count": 1}
            continue
        assert reply["error"] == PERMISSION_ERROR
        for word in ['"c1"', '"r"', *words]:
            assert word in reply["details"], reply


def test_rules_change_while_a_transaction_waits(guarded):
    """The rules at the time of execution count, not those at the time of the request."""
    guarded.admin.commit("rbac", *rules({"Card": ANYBODY}), card(name="a"))
    client = guarded.connect("r", "c1")
    wait_for = {"op": "wait", "table": "Card", "where": [["name", "==", "a"]],
                "columns": ["n"], "until": "==", "rows": [{"n": 7}]}
    for allowed in (True, False):
        id_ = client.request("transact", ["rbac", wait_for, update([], name="b")])
        client.call("echo")
        guarded.admin.commit("rbac", {"op": "update", "table": "RBAC_Permission", "where": [],
                                      "row": ANYBODY if allowed else {"update": ["set", []]}})
        guarded.admin.commit("rbac", update([], n=7))
        reply = client.result(id_)
        assert is_denied(reply) != allowed, reply
        guarded.admin.commit("rbac", update([], n=0, name="a"))


def test_read_only(guarded):
    guarded.admin.commit("rbac", *rules({"Card": ANYBODY}))
    client = guarded.connect("r", "c1", read_only=True)
    assert client.transact("rbac", card(name="a"))[0]["error"] == "not allowed"


@pytest.mark.ours("the reference server does not log denied operations")
def test_log(guarded):
    """A denial is logged, and repeated denials do not fill the disk."""
    guarded.admin.commit("rbac", *rules({"Card": OWNER}))
    client = guarded.connect("r", "c1")
    client.transact("rbac", card(owner="c2"))
    line = guarded.server.wait_log(r"\|rbac\|WARN\|(.*)").group(1)
    for word in ["ssl:127.0.0.1:", '"c1"', '"r"', "Card", "insert"]:
        assert word in line, line
    for _ in range(200):
        assert is_denied(client.transact("rbac", card(owner="c2")))
    assert len(re.findall(r"\|rbac\|WARN\|", guarded.server.log())) < 60


# ovsdb-tool


@pytest.fixture
def ruled_file(lab):
    path = dbfile.create(lab.path("rules.db"), SCHEMA)
    for operations in (rules({"Card": OWNER}), [card(name="a", owner="c1")]):
        lab.tool("transact", path, json.dumps(["rbac", *operations])).ok()
    return path


def tool(lab, path, verb, options, *operations):
    return json.loads(lab.tool(*options, verb, path, json.dumps(["rbac", *operations])).ok())


@pytest.mark.ours("the reference server has no --rbac-id")
def test_tool(lab, ruled_file):
    def dry_run(*options):
        return tool(lab, ruled_file, "query", options, update([], n=5))

    before = ruled_file.read_bytes()
    assert dry_run("--rbac-role=r", "--rbac-id=c1") == [{"count": 1}]
    assert is_denied(dry_run("--rbac-role=r", "--rbac-id=c2"))
    assert is_denied(dry_run("--rbac-role=r"))
    assert is_denied(dry_run("--rbac-role=s", "--rbac-id=c1"))
    assert dry_run("--rbac-role=") == dry_run() == [{"count": 1}]
    assert ruled_file.read_bytes() == before, "a dry run writes nothing"
    tool(lab, ruled_file, "transact", ["--rbac-role=r", "--rbac-id=c2"], update([], n=5))
    assert ruled_file.read_bytes() == before, "nor does what is refused"
    assert tool(lab, ruled_file, "transact", ["--rbac-role=r", "--rbac-id=c1"], update([], n=5)) \
        == [{"count": 1}]
    assert ruled_file.read_bytes() != before


def test_tool_without_id(lab, ruled_file):
    assert is_denied(tool(lab, ruled_file, "transact", ["--rbac-role=r"], card(owner="c1")))


@pytest.mark.ours("the reference server has no --rbac-id")
def test_tool_id_needs_role(lab, ruled_file):
    lab.tool("--rbac-id=c1", "query", ruled_file, '["rbac"]').fails(saying="--rbac-role")


# A naive model

COLUMNS = {"name": str, "owner": str, "second": list, "ids": dict, "options": dict, "n": int}
WORDS = ["c1", "c2", "x"]
KEYS = ["k", "l"]


def member(entry, row, name):
    """True if this element of "authorization" says that `name` owns the row."""
    column, colon, key = entry.partition(":")
    if entry == "":
        return True
    value = row.get(column)
    if colon:
        return isinstance(value, dict) and value.get(key) == name
    return value == [name] or (isinstance(value, str) and value == name)


def allows(rule, name, kind, row, changes):
    """One row, one operation: `changes` are the keys by column that change, None: the column."""
    if rule is None:
        return False
    owned = any(member(entry, row, name) for entry in rule["authorization"])
    if kind in ("insert", "delete"):
        return owned and rule["insert_delete"]
    return owned and all(
        column in rule["update"] or (
            keys is not None and any(e.startswith(column + ":") for e in rule["update"]) and
            all(f"{column}:{key}" in rule["update"] for key in keys))
        for column, keys in changes.items())


def value_of(chooser, column):
    kind = COLUMNS[column]
    if kind is dict:
        return {key: chooser.choice(WORDS) for key in KEYS if chooser.random() < 0.5}
    if kind is list:
        return [chooser.choice(WORDS)] * chooser.randrange(2)
    return chooser.choice(WORDS) if kind is str else chooser.randrange(5)


def encoded(value):
    if isinstance(value, dict):
        return ["map", [list(pair) for pair in value.items()]]
    return ["set", value] if isinstance(value, list) else value


class Naive:
    """The rows, and the permissions of each role."""

    def __init__(self, chooser):
        self.chooser = chooser
        self.rows = {}
        self.rules = {}

    def change_rules(self):
        """Returns the operations that make new ones."""
        choose = self.chooser
        deletions = [{"op": "delete", "table": table, "where": []}
                     for table in ("RBAC_Role", "RBAC_Permission")]
        self.rules = {}
        operations = []
        for number, role in enumerate(("r", "s")):
            rule = {"authorization": choose.sample(
                        ["", "owner", "second", "ids:k", "ids", "n", "owner:x"],
                        choose.randrange(3)),
                    "insert_delete": choose.random() < 0.7,
                    "update": choose.sample(
                        [*COLUMNS, "options:k", "options:l", "ids:k", "ids:l", "name:k"],
                        choose.randrange(12))}
            table = choose.choice(["Card"] * 5 + ["Open"])
            self.rules[role] = rule if table == "Card" else None
            made = rules({table: permission(**rule)}, name=role)
            operations += json.loads(json.dumps(made).replace("for", f"p{number}"))
        return deletions + operations

    def operation(self):
        """Returns an operation, and the rows and columns that it changes."""
        choose = self.chooser
        kind = choose.choice(["insert", "update", "update", "mutate", "mutate", "delete"])
        columns = choose.sample(list(COLUMNS), choose.randrange(1, 3))
        if kind == "insert":
            row = {c: value_of(choose, c) for c in {*columns, "owner"}}
            return {"op": "insert", "table": "Card",
                    "row": {c: encoded(v) for c, v in row.items()}}, row
        found = list(self.rows) if choose.random() < 0.1 else \
            choose.sample(list(self.rows), min(1, len(self.rows)))
        where = [] if len(found) == len(self.rows) else [["_uuid", "==", ["uuid", found[0]]]]
        operation = {"op": kind, "table": "Card", "where": where}
        if kind == "update":
            values = {c: value_of(choose, c) for c in columns}
            operation["row"] = {c: encoded(v) for c, v in values.items()}
            return operation, (found, values)
        if kind == "mutate":
            column = choose.choice(["options", "ids"])
            values = {key: choose.choice(WORDS) for key in choose.sample(KEYS, choose.randrange(3))}
            mutator = choose.choice(["insert", "delete"])
            by_key = mutator == "delete" and choose.random() < 0.5
            operation["mutations"] = [[column, mutator,
                                       ["set", list(values)] if by_key else encoded(values)]]
            return operation, (found, column, mutator, by_key, values)
        return operation, (found,)

    def blank(self):
        return {c: kind() for c, kind in COLUMNS.items()}

    def expect(self, role, name, operation, about):
        """Is it allowed?"""
        rule = self.rules[role]
        if operation["op"] == "insert":
            return allows(rule, name, "insert", {**self.blank(), **about}, {})
        if rule is None:
            return False
        return all(allows(rule, name, operation["op"], self.rows[uuid],
                          self.changes(self.rows[uuid], operation["op"], about))
                   for uuid in about[0])

    @staticmethod
    def changes(row, kind, about):
        if kind == "update":
            return {column: {key for key in KEYS if row[column].get(key) != value.get(key)}
                    if isinstance(value, dict) else None for column, value in about[1].items()}
        return {about[1]: set(about[4])} if kind == "mutate" else {}

    def apply(self, operation, about, reply):
        kind = operation["op"]
        if kind == "insert":
            self.rows[reply["uuid"][1]] = {**self.blank(), **about}
            return
        for uuid in about[0]:
            if kind == "delete":
                del self.rows[uuid]
            elif kind == "update":
                self.rows[uuid].update(about[1])
            else:
                self.mutate(self.rows[uuid], *about[1:])

    @staticmethod
    def mutate(row, column, mutator, by_key, values):
        old = dict(row[column])
        for key, value in values.items():
            if mutator == "insert":
                old.setdefault(key, value)
            elif by_key or old.get(key) == value:
                old.pop(key, None)
        row[column] = old


@pytest.mark.ours("the reference server does not support column:key in \"update\"")
@pytest.mark.parametrize("seed", [1, 2])
def test_random(guarded, seed):
    """Random rules and operations: allowed or refused as a naive implementation of the document
    decides."""
    chooser = random.Random(seed)
    naive = Naive(chooser)
    counts = {True: 0, False: 0}
    for i in range(600):
        if i % 20 == 0:
            guarded.admin.commit("rbac", *naive.change_rules())
        role, name = chooser.choice(["r", "r", "s"]), chooser.choice(["c1", "c2"])
        operation, about = naive.operation()
        reply = guarded.client(role, name).transact("rbac", operation)[0]
        expected = naive.expect(role, name, operation, about)
        got = reply.get("error") != PERMISSION_ERROR
        assert expected == got, f"{i}: {name} as {role}: {operation}\n{naive.rules}\n{reply}" \
                                f"\n{json.dumps(naive.rows)}"
        counts[got] += 1
        if got:
            assert "error" not in reply, reply
            naive.apply(operation, about, reply)
    assert min(counts.values()) > 100, counts
