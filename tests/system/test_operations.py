# SPDX-License-Identifier: Apache-2.0
"""The ten operations of RFC 7047 5.2, from the tables in tests/data/system/operations.

Four forms of table: cases with steps (any number of clients, restarts), and short ones for
conditions, mutators and values, where a case is one line.
"""
import json

import pytest

from harness import lab as lab_module
from harness import match
from harness import wait

DIRECTORY = lab_module.DATA / "operations"


def load(name):
    return json.loads((DIRECTORY / f"{name}.json").read_text())


def params(cases, name_of):
    for case in cases:
        marks = [pytest.mark.difference(case["difference"])] if "difference" in case else []
        yield pytest.param(case, id=name_of(case), marks=marks)


def stepped():
    for table in ("basics", "references", "constraints", "wait"):
        content = load(table)
        for case in content["cases"]:
            case["schema"] = content["schema"]
        yield from params(content["cases"], lambda c, t=table: f"{t}: {c['name']}")


class Run:
    """One case under way: the server, its clients, the names bound, the requests not answered."""

    def __init__(self, lab, schema):
        self.lab = lab
        self.schema = schema
        self.db = lab.db(schema)
        self.server = lab.serve(self.db)
        self.clients = {}
        self.names = {}
        self.started = {}

    def client(self, number):
        if number not in self.clients:
            self.clients[number] = self.server.client()
        return self.clients[number]

    def step(self, step):
        client = self.client(step.get("client", 0))
        if "restart" in step:
            self.server.stop()
            self.clients.clear()
            self.server.start([self.db])
        elif "waiting" in step:
            waiting, id_ = self.started[step["waiting"]]
            waiting.call("echo")
            assert json.dumps(id_) not in waiting.replies, waiting.replies
        elif "finish" in step:
            waiting, id_ = self.started.pop(step["finish"])
            match.match(step["expect"], waiting.result(id_), self.names)
        elif "call" in step:
            match.match(step["result"], client.call(step["call"], *step["params"]), self.names)
        else:
            operations = match.substitute(step["do"], self.names)
            id_ = client.request("transact", [self.schema, *operations])
            if "start" in step:
                self.started[step["start"]] = (client, id_)
                client.call("echo")
            else:
                match.match(step["expect"], client.result(id_), self.names)


@pytest.mark.parametrize("case", stepped())
def test_steps(lab, case):
    run = Run(lab, case["schema"])
    for step in case.get("steps") or [case]:
        run.step(step)
    assert not run.started, "a request is left unanswered by the case itself"


CONDITIONS = load("conditions")


@pytest.mark.parametrize("operation", ["select", "delete"])
@pytest.mark.parametrize("case", params(CONDITIONS["cases"], lambda c: json.dumps(c["where"])))
def test_condition(shared_ops, case, operation):
    client = shared_ops.client()
    names = {}
    for tag, row in CONDITIONS["rows"].items():
        names["$" + tag] = client.insert("ops", "Types", {**row, "tag": tag})
    request = {"op": operation, "table": "Types", "where": match.substitute(case["where"], names)}
    if operation == "select":
        request["columns"] = ["tag"]
    [result] = client.transact("ops", request)
    if "error" in case:
        match.match({"error": case["error"]}, result, {})
        return
    expected = set(case["match"].split())
    if operation == "select":
        assert {row["tag"] for row in result["rows"]} == expected
    else:
        assert result == {"count": len(expected)}
        left = {row["tag"] for row in client.select("ops", "Types", ["tag"])}
        assert left == set(CONDITIONS["rows"]) - expected


def short(*members):
    return lambda c: " ".join([c.get("table", ""), *(json.dumps(c[m]) for m in members)]).strip()


@pytest.mark.parametrize("case", params(load("mutators")["cases"], short("row", "mutations")))
def test_mutator(shared_ops, case):
    client = shared_ops.client()
    table = case.get("table", "Types")
    uuid = client.insert("ops", table, case["row"])
    where = [["_uuid", "==", ["uuid", uuid]]]
    [result] = client.transact(
        "ops", {"op": "mutate", "table": table, "where": where, "mutations": case["mutations"]})
    if "error" in case:
        match.match({"error": case["error"]}, result, {})
        columns = [c for c in case["row"]]
        [row] = client.select("ops", table, columns, where)
        for column, before in case["row"].items():
            if not isinstance(before, list):
                assert row[column] == before, "a failed transaction changed something"
    else:
        assert result == {"count": 1}
        match.match([case["after"]], client.select("ops", table, list(case["after"]), where), {})


def only_an_insert_sets(case):
    return case.get("table") in ("Must", "Fixed") or any(c[0] == "_" for c in case["row"])


VALUES = load("values")["cases"]
UPDATABLE = [case for case in VALUES if not only_an_insert_sets(case)]


@pytest.mark.parametrize("case", params(VALUES, short("row")))
def test_value_inserted(shared_ops, case):
    check_value(shared_ops, case, "insert")


@pytest.mark.parametrize("case", params(UPDATABLE, short("row")))
def test_value_updated(shared_ops, case):
    check_value(shared_ops, case, "update")


def check_value(shared_ops, case, how):
    client = shared_ops.client()
    table = case.get("table", "Types")
    if how == "update":
        client.insert("ops", table, {})
        request = {"op": "update", "table": table, "where": [], "row": case["row"]}
    else:
        request = {"op": "insert", "table": table, "row": case["row"]}
    [result] = client.transact("ops", request)
    if "error" in case:
        match.match({"error": case["error"]}, result, {})
    else:
        assert "error" not in result, result
        match.match([case["stored"]], client.select("ops", table, list(case["stored"])), {})


def test_wait_times_out_on_time(lab):
    client = lab.serve("ops").client()
    request = {"op": "wait", "table": "Few", "where": [], "columns": ["n"], "until": "!=",
               "rows": []}
    ids = {ms: client.request("transact", ["ops", {**request, "timeout": ms}])
           for ms in (300, 100, 200)}
    order = []
    while len(order) < 3:
        wait.until(lambda: client.messages or client._fill(wait.PATIENCE, "a timeout") or True, "")
        while client.messages:
            order.append(json.loads(client.messages.popleft())["id"])
    assert order == [ids[100], ids[200], ids[300]]


def test_thousands_of_waiting_transactions(lab):
    """All wait; those on other tables stay; those concerned are answered once each."""
    server = lab.serve("ops")
    waiting, writer = server.client(), server.client()
    n = 1500
    request = {"op": "wait", "table": "Few", "where": [], "columns": ["n"], "until": "!=",
               "rows": []}
    for i in range(n):
        table = "Few" if i % 2 else "Must"
        waiting.request("transact", ["ops", {**request, "table": table}], id_=i)
    waiting.call("echo")
    assert not waiting.replies
    writer.insert("ops", "Few", {"n": 1})
    for i in range(1, n, 2):
        assert waiting.result(i) == [{}]
    waiting.call("echo")
    assert not waiting.replies
    writer.insert("ops", "Must", {"color": "red"})
    for i in range(0, n, 2):
        assert waiting.result(i) == [{}]


SORTED = [
    (["i"], ["b", "c", "a", "d"]),
    (["si"], ["d", "b", "a", "c"]),
    (["mss"], ["a", "b", "d", "c"]),
    (["s", "i"], ["b", "d", "c", "a"]),
    (["oi", "tag"], ["a", "c", "b", "d"]),
]
SORTED_ROWS = {
    "a": {"i": 5, "s": "y", "si": ["set", [1, 2]]},
    "b": {"i": -7, "s": "x", "si": 9, "oi": 1, "mss": ["map", [["k", "v"]]]},
    "c": {"i": 0, "s": "y", "si": ["set", [1, 3]], "mss": ["map", [["a", "1"], ["c", "0"]]]},
    "d": {"i": 10, "s": "x", "oi": 2, "mss": ["map", [["a", "2"], ["b", "1"]]]},
}


@pytest.mark.parametrize("sort, tags", SORTED, ids=lambda v: " ".join(v))
def test_select_sort(shared_ops, sort, tags):
    client = shared_ops.client()
    for tag, row in SORTED_ROWS.items():
        client.insert("ops", "Types", {**row, "tag": tag})
    select = {"op": "select", "table": "Types", "where": [], "columns": ["tag"], "sort": sort}
    [result] = client.transact("ops", select)
    assert [row["tag"] for row in result["rows"]] == tags


@pytest.mark.parametrize("sort", ["i", {}, None, [1], ["none"], ["i", "i"]], ids=json.dumps)
def test_select_sort_refused(shared_ops, sort):
    client = shared_ops.client()
    [result] = client.transact("ops", {"op": "select", "table": "Types", "where": [], "sort": sort})
    assert result["error"] == "syntax error"
    assert ("sort" if not isinstance(sort, list) else json.dumps(sort, separators=(",", ":"))) in (
        result["syntax"] + result["details"])


# Errors name the table and the column, in whatever operation

BAD_VALUES = [("i", 1.5), ("oi", ["set", [1, 2]]), ("i", ["set", []]), ("tag", 5)]


def operations_with(column, value):
    row = {column: value}
    yield {"op": "insert", "table": "Types", "row": row}
    yield {"op": "update", "table": "Types", "where": [], "row": row}
    yield {"op": "select", "table": "Types", "where": [[column, "==", value]]}
    yield {"op": "delete", "table": "Types", "where": [[column, "!=", value]]}
    yield {"op": "wait", "timeout": 0, "table": "Types", "where": [], "columns": [column],
           "until": "==", "rows": [row]}


@pytest.mark.ours("the errors of the reference server do not name the column")
@pytest.mark.parametrize("column, value", BAD_VALUES, ids=str)
def test_errors_name_the_column(shared_ops, column, value):
    client = shared_ops.client()
    for operation in operations_with(column, value):
        [result] = client.transact("ops", operation)
        assert f"table Types, column {column}: " in result["details"], (operation, result)


def test_duplicates_name_index_and_rows(lab):
    client = lab.serve("small").client()
    first = client.insert("small", "I", {"a": 1, "b": "x"})
    reply = client.transact("small", {"op": "insert", "table": "I", "row": {"a": 1, "b": "x"}})
    details = reply[-1]["details"]
    assert details.startswith(
        'Transaction causes multiple rows in "I" table to have identical values')
    assert first in details and reply[0]["uuid"][1] in details
    assert "inserted by this transaction" in details and "existed in the database" in details
    assert '"a"' in details
