# SPDX-License-Identifier: Apache-2.0
"""monitor_cond, monitor_cond_change, monitor_cond_since, update2, update3: later extensions."""
import json
import random

import pytest

from harness import lab as lab_module
from harness import match
from harness.match import UUID
from harness.replica import ZERO, Replica
from harness.small_schema import DEFAULTS, SETS, fill, modify, named

NAME_N = ["name", "n"]


def update2(client, id_="m"):
    got, updates = client.notification("update2")
    assert got == id_
    return updates


def monitor(client, where=None, columns=None, id_="m", **more):
    request = {"columns": columns or NAME_N, **more}
    if where is not None:
        request["where"] = where
    return client.call("monitor_cond", "small", id_, {"T": [request]})


# Contents


def test_initial_and_defaults_left_out(client):
    uuid = client.insert("small", "T", {"name": "a"})
    assert monitor(client) == {"T": {uuid: {"initial": {"name": "a"}}}}


def test_all_columns(client):
    uuid = client.insert("small", "T", {"name": "a"})
    result = client.call("monitor_cond", "small", "m", {"T": [{}]})
    match.match({"T": {uuid: {"initial": {"name": "a", "_version": ["uuid", "$v"]}}}}, result, {})


@pytest.mark.parametrize("where, seen", [
    (None, "01234"), ([], "01234"), ([True], "01234"), ([False], ""),
    ([["n", "==", 3]], "3"), ([["n", "<", 2]], "01"), ([["n", "<", 1], ["n", ">", 3]], "04"),
    ([["n", "==", 1], False], "1"), ([["n", "==", 1], True], "01234"),
    ([["name", "==", "a2"], ["n", "==", 2]], "2"), ([["name", "includes", "a2"]], "2"),
    ([["name", "!=", "a2"]], "0134"), ([["tags", "==", ["set", []]]], "01234"),
    ([["tags", "includes", "x"]], ""), ([["tags", "excludes", "x"]], "01234"),
    ([["eph", "==", ""]], "01234"), ([["map", "includes", ["map", [["k", "v"]]]]], ""),
], ids=json.dumps)
def test_where(client, where, seen):
    uuids = fill(client)
    result = monitor(client, where)
    assert set(result.get("T", {})) == {uuids[int(i)] for i in seen}


def test_where_by_uuid(client):
    uuids = fill(client)
    result = monitor(client, [["_uuid", "==", ["uuid", uuids[1]]],
                              ["_uuid", "==", ["uuid", uuids[3]]]])
    assert set(result["T"]) == {uuids[1], uuids[3]}


def test_condition_on_a_column_not_monitored(client):
    uuids = fill(client)
    result = monitor(client, [["n", ">", 3]], ["name"])
    assert result == {"T": {uuids[4]: {"initial": {"name": "a4"}}}}
    client.commit("small", modify(named("a2"), {"n": 7}))
    assert update2(client) == {"T": {uuids[2]: {"insert": {"name": "a2"}}}}


@pytest.mark.difference("where-of-every-request")
def test_conditions_of_several_requests(client):
    uuids = fill(client)
    result = client.call("monitor_cond", "small", "m", {"T": [
        {"columns": ["name"], "where": [["n", "==", 3]]},
        {"columns": ["n"], "where": [["n", "==", 2]]}]})
    assert result == {"T": {uuids[2]: {"initial": {"name": "a2", "n": 2}},
                            uuids[3]: {"initial": {"name": "a3", "n": 3}}}}
    client.call("monitor_cond_change", "m", "m", {"T": [
        {"where": [["n", "==", 3]]}, {"where": [["n", "==", 4]]}]})
    assert update2(client) == {"T": {uuids[2]: {"delete": None},
                                     uuids[4]: {"insert": {"name": "a4", "n": 4}}}}


# Updates


@pytest.mark.parametrize("before, change, diff", [
    ({"n": 1}, {"n": 5}, {"n": 5}),
    ({"name": "a", "n": 1}, {"name": "", "n": 0}, {"name": "", "n": 0}),
    ({"on": True}, {"on": False}, {"on": False}),
    ({"tags": ["set", ["a", "b"]]}, {"tags": ["set", ["b", "c"]]}, {"tags": ["set", ["a", "c"]]}),
    ({"tags": ["set", ["a", "b"]]}, {"tags": "a"}, {"tags": "b"}),
    ({"tags": "a"}, {"tags": ["set", []]}, {"tags": "a"}),
    ({}, {"tags": ["set", ["a", "b"]]}, {"tags": ["set", ["a", "b"]]}),
    ({"map": ["map", [["k", "1"], ["l", "2"], ["m", "3"]]]},
     {"map": ["map", [["k", "1"], ["l", "20"], ["o", "4"]]]},
     {"map": ["map", [["l", "20"], ["m", "3"], ["o", "4"]]]}),
])
def test_modify_holds_the_difference(client, before, change, diff):
    uuid = client.insert("small", "T", before)
    client.call("monitor_cond", "small", "m",
                {"T": [{"columns": ["name", "n", "on", "tags", "map"]}]})
    client.commit("small", modify([], change))
    assert update2(client) == {"T": {uuid: {"modify": diff}}}


def test_optional_value_is_replaced(client):
    client.insert("small", "I", {"a": 1, "c": "x"})
    client.call("monitor_cond", "small", "m", {"I": [{"columns": ["c"]}]})
    for value in ("y", ["set", []], "z"):
        client.commit("small", {"op": "update", "table": "I", "where": [], "row": {"c": value}})
        [change] = update2(client)["I"].values()
        assert change == {"modify": {"c": value}}


def test_rows_enter_and_leave(client):
    uuids = fill(client)
    monitor(client, [["n", ">=", 3]])
    client.commit("small", modify(named("a0"), {"n": 9}))
    assert update2(client) == {"T": {uuids[0]: {"insert": {"name": "a0", "n": 9}}}}
    client.commit("small", modify(named("a0"), {"n": 8}))
    assert update2(client) == {"T": {uuids[0]: {"modify": {"n": 8}}}}
    client.commit("small", modify(named("a0"), {"n": 1}))
    assert update2(client) == {"T": {uuids[0]: {"delete": None}}}
    client.commit("small", modify(named("a0"), {"n": 2}))
    client.has_no_notification()
    client.commit("small", {"op": "delete", "table": "T", "where": []})
    assert update2(client) == {"T": {uuids[3]: {"delete": None}, uuids[4]: {"delete": None}}}


@pytest.mark.parametrize("select, seen", [
    ({"initial": False}, "insert modify delete"), ({"insert": False}, "initial modify delete"),
    ({"modify": False}, "initial insert delete"), ({"delete": False}, "initial insert modify"),
], ids=json.dumps)
def test_select(client, select, seen):
    client.insert("small", "T", {"name": "old"})
    assert bool(monitor(client, select=select)) == ("initial" in seen)
    steps = {"insert": {"op": "insert", "table": "T", "row": {"name": "a"}},
             "modify": modify(named("a"), {"n": 1}),
             "delete": {"op": "delete", "table": "T", "where": named("a")}}
    for name, operation in steps.items():
        client.commit("small", operation)
        if name in seen:
            [[action]] = update2(client)["T"].values()
            assert action == name
        client.has_no_notification()


def test_update2_comes_before_the_own_reply(client):
    monitor(client)
    id_ = client.request("transact", ["small", {"op": "insert", "table": "T", "row": {}}])
    assert client.receive()["method"] == "update2"
    assert client.receive()["id"] == id_


def test_row_of_defaults(client):
    monitor(client)
    uuid = client.insert("small", "T", {})
    assert update2(client) == {"T": {uuid: {"insert": {}}}}


def test_ids_are_shared_with_monitor(client):
    monitor(client)
    assert client.error("monitor", "small", "m", {})["error"] == "syntax error"
    assert client.error("monitor_cond", "small", "m", {})["error"] == "syntax error"
    assert client.call("monitor_cancel", "m") == {}
    client.insert("small", "T", {})
    client.has_no_notification()


@pytest.mark.parametrize("requests, error", [
    ({"T": [{"where": [["zz", "==", 1]]}]}, "unknown column"),
    ({"T": [{"where": [["n", "==", "x"]]}]}, "syntax error"),
    ({"T": [{"where": [["n", "~", 1]]}]}, "unknown function"),
    ({"T": [{"where": [5]}]}, "syntax error"),
    ({"T": [{"where": 5}]}, "syntax error"),
    ({"T": [{"where": [["n"]]}]}, "syntax error"),
    ({"T": [{"foo": 5}]}, "syntax error"),
    ({"Z": [{}]}, "syntax error"),
    ({"T": [{"columns": ["zz"]}]}, "syntax error"),
    (5, "syntax error"),
], ids=json.dumps)
@pytest.mark.parametrize("method", ["monitor_cond", "monitor_cond_since"])
def test_bad_requests(client, method, requests, error):
    more = [ZERO] if method == "monitor_cond_since" else []
    assert client.error(method, "small", "m", requests, *more)["error"] == error
    assert monitor(client) == {}


@pytest.mark.parametrize("params", [["m", {}, ZERO, 5], ["m", {}, 5]], ids=json.dumps)
def test_too_many_parameters(client, params):
    method = "monitor_cond_since" if ZERO in params else "monitor_cond"
    assert client.error(method, "small", *params)["error"] == "syntax error"
    assert monitor(client) == {}


def test_server_database_can_be_monitored(client):
    result = client.call("monitor_cond", "_Server", "s", {"Database": [
        {"columns": ["name"], "where": [["name", "==", "small"]]}]})
    assert list(result["Database"].values()) == [{"initial": {"name": "small"}}]


# monitor_cond_change


def change(client, where, table="T", old="m", new="m"):
    """Changes the condition; returns the reply's place after the notifications."""
    return client.call("monitor_cond_change", old, new, {table: [{"where": where}]})


def test_change_sends_the_difference_before_the_reply(client):
    uuids = fill(client)
    monitor(client, [["n", "<", 2]])
    id_ = client.request("monitor_cond_change", ["m", "m", {"T": [{"where": [["n", ">", 0]]}]}])
    message = client.receive()
    assert message["method"] == "update2"
    assert message["params"] == ["m", {"T": {
        uuids[0]: {"delete": None}, uuids[2]: {"insert": {"name": "a2", "n": 2}},
        uuids[3]: {"insert": {"name": "a3", "n": 3}},
        uuids[4]: {"insert": {"name": "a4", "n": 4}}}}]
    reply = client.receive()
    assert reply["id"] == id_ and reply["error"] is None and reply["result"] == {}


def test_change_without_effect_sends_nothing(client):
    fill(client)
    monitor(client, [["n", "<", 2]])
    change(client, [["n", "<=", 1]])
    client.has_no_notification()
    client.commit("small", modify(named("a4"), {"n": 1}))
    assert len(update2(client)["T"]) == 1


def test_change_of_the_id(client):
    fill(client)
    monitor(client, [False])
    change(client, [["n", "==", 1]], new="other")
    got = client.notification("update2")
    assert len(got[1]["T"]) == 1
    client.commit("small", modify(named("a1"), {"name": "b"}))
    assert client.notification("update2")[0] == "other"
    assert client.error("monitor_cancel", "m") == "unknown monitor"
    assert client.call("monitor_cancel", "other") == {}


@pytest.mark.parametrize("steps", [
    [[False], [True], [False]], [[["n", "==", 1]], [["n", "==", 2]], [["n", "==", 1]]],
    [[], [["n", ">", 2]], []], [[["n", "==", i]] for i in range(5)],
])
def test_changes_follow_each_other(client, steps):
    fill(client)
    replica = Replica(DEFAULTS, SETS)
    replica.apply(monitor(client, [["n", "<", 3]]))
    for where in steps:
        change(client, where)
        while client.notifications:
            replica.apply(client.notification("update2")[1])
        wanted = {row["name"] for one in (where or [True])
                  for row in client.select("small", "T", ["name"], [one])}
        assert {row["name"] for row in replica.rows("T").values()} == wanted


def test_tables_not_named_keep_their_condition(client):
    fill(client)
    client.insert("small", "I", {"a": 1, "b": "x"})
    client.call("monitor_cond", "small", "m", {
        "T": [{"columns": ["name"], "where": [["n", "==", 1]]}],
        "I": [{"columns": ["a"], "where": [["a", "==", 2]]}]})
    change(client, [["a", "==", 1]], "I")
    assert set(update2(client)) == {"I"}
    client.commit("small", modify(named("a1"), {"name": "b"}))
    assert set(update2(client)) == {"T"}


def test_a_table_without_requests_keeps_its_condition(client):
    fill(client)
    monitor(client, [["n", "==", 1]])
    client.call("monitor_cond_change", "m", "m", {"T": []})
    client.has_no_notification()
    client.commit("small", modify(named("a2"), {"name": "b"}))
    client.has_no_notification()


def test_values_of_an_indexed_column(client):
    """Rows that are found by value are found again as others ask, and as conditions move on."""
    uuids = fill(client, 60)
    for i in range(40):
        assert set(monitor(client, [["n", "==", i]], id_=i)["T"]) == {uuids[i]}
    monitor(client, [["n", "==", 3], ["n", "==", 4]])
    client.commit("small", modify(named("a4"), {"n": 7}))
    assert {id_ for id_, _ in (client.notification("update2") for _ in range(3))} == {"m", 4, 7}
    change(client, [["n", "==", 4], ["n", "==", 7], False])
    assert update2(client)["T"] == {
        uuids[3]: {"delete": None}, uuids[4]: {"insert": {"name": "a4", "n": 7}},
        uuids[7]: {"insert": {"name": "a7", "n": 7}}}


def test_condition_with_thousands_of_clauses(client):
    uuids = fill(client)
    monitor(client, [False])
    change(client, [["n", "==", i] for i in range(3, 5000)])
    assert set(update2(client)["T"]) == {uuids[3], uuids[4]}


@pytest.mark.parametrize("params", [
    [], ["m"], ["m", "m"], ["nope", "m", {}], ["m", "m", 5], ["m", "m", {"Z": [{}]}],
    ["m", "m", {"T": [{"where": [["zz", "==", 1]]}]}], ["m", "m", {"T": [{"where": 5}]}],
    ["m", "m", {"T": 5}], ["m", "m", {"T": [{"foo": 1}]}], ["m", "m", {"T": {"where": []}}],
], ids=json.dumps)
def test_bad_changes(client, params):
    fill(client)
    monitor(client, [["n", "==", 1]])
    assert client.error("monitor_cond_change", *params)["error"]
    client.commit("small", modify(named("a1"), {"name": "b"}))
    assert len(update2(client)["T"]) == 1


# monitor_cond_since


def since(client, last=ZERO, where=None, id_="m", columns=None):
    request = {"columns": columns or NAME_N}
    if where is not None:
        request["where"] = where
    return client.call("monitor_cond_since", "small", id_, {"T": [request]}, last)


def test_since_zero_gives_everything(client):
    uuids = fill(client, 2)
    found, last, updates = since(client)
    assert found is False and UUID.match(last)
    assert updates == {"T": {uuids[0]: {"initial": {"name": "a0"}},
                             uuids[1]: {"initial": {"name": "a1", "n": 1}}}}


def test_since_unknown_gives_everything(client):
    fill(client, 2)
    found, _, updates = since(client, "12345678-1234-1234-1234-123456789abc")
    assert found is False and len(updates["T"]) == 2


def test_update3(client):
    since(client)
    uuid = client.insert("small", "T", {"name": "a"})
    id_, last, updates = client.notification("update3")
    assert id_ == "m" and UUID.match(last)
    assert updates == {"T": {uuid: {"insert": {"name": "a"}}}}


@pytest.mark.parametrize("params", [
    ["small", "m", {"T": [{}]}, "zz"], ["small", "m", {"T": [{}]}, 5],
    ["small", "m", {"T": [{}]}, ["uuid", ZERO]],
], ids=json.dumps)
def test_since_bad_transaction_id(client, params):
    assert client.error("monitor_cond_since", *params)["error"] == "syntax error"


def test_since_change_sends_update3(client):
    uuids = fill(client, 3)
    since(client, where=[["n", "==", 1]])
    change(client, [["n", "==", 2]])
    id_, last, updates = client.notification("update3")
    assert id_ == "m" and UUID.match(last)
    assert updates == {"T": {uuids[1]: {"delete": None},
                             uuids[2]: {"insert": {"name": "a2", "n": 2}}}}


@pytest.mark.difference("condition-change-dated")
def test_since_change_without_effect_is_dated(server, client):
    """The rows that the new condition would have shown in between are none of this client's."""
    fill(client, 2)
    _, last, _ = since(client, where=[["n", "==", 1]])
    server.client().insert("small", "T", {"name": "short", "n": 7})
    server.client().commit("small", {"op": "delete", "table": "T", "where": named("short")})
    change(client, [["n", "==", 1], ["n", "==", 7]])
    id_, now, updates = client.notification("update3")
    assert id_ == "m" and now != last and updates == {}
    assert since(server.client(), now, [["n", "==", 1], ["n", "==", 7]]) == [True, now, {}]


@pytest.mark.difference("resume")
def test_resume(server, client):
    fill(client, 3)
    found, last, updates = since(client)
    assert last != ZERO
    replica = Replica(DEFAULTS, SETS)
    replica.apply(updates)
    uuid = client.insert("small", "T", {"name": "seen", "n": 7})
    _, last, updates = client.notification("update3")
    replica.apply(updates)
    client.close()
    other = server.client()
    other.commit("small", modify(named("a1"), {"n": 11}))
    other.commit("small", {"op": "delete", "table": "T", "where": named("a2")})
    found, newest, updates = since(server.client(), last)
    assert found is True and newest != last
    assert uuid not in updates["T"]
    replica.apply(updates)
    assert {r["name"]: r["n"] for r in replica.rows("T").values()} == {
        "a0": 0, "a1": 11, "seen": 7}
    assert since(server.client(), newest) == [True, newest, {}]


@pytest.mark.difference("resume")
def test_resume_after_a_restart(lab):
    db = lab.db("small")
    server = lab.serve(db)
    client = server.client()
    fill(client, 3)
    since(client)
    client.commit("small", modify(named("a0"), {"n": 5}))
    _, last, _ = client.notification("update3")
    client.commit("small", modify(named("a0"), {"n": 6}))
    server.stop()
    server.start([db])
    found, newest, updates = since(server.client(), last)
    assert found is True and newest != last
    [one] = updates["T"].values()
    assert one == {"modify": {"n": 6}}


@pytest.mark.difference("resume")
def test_resume_with_a_condition(server, client):
    uuids = fill(client, 4)
    _, last, _ = since(client, where=[["n", ">=", 2]])
    client.commit("small", modify(named("a0"), {"n": 9}))
    client.commit("small", modify(named("a3"), {"n": 1}))
    found, _, updates = since(server.client(), last, [["n", ">=", 2]])
    assert found is True
    assert updates == {"T": {uuids[0]: {"insert": {"name": "a0", "n": 9}},
                             uuids[3]: {"delete": None}}}


# Everything at once


WHERES = [[["n", "<", 5]], [["n", ">=", 5]], [["name", "==", "r1"], ["name", "==", "r2"]],
          [["tags", "includes", "t1"]], [True], [False],
          [["map", "excludes", ["map", [["k", "0"]]]]]]


def random_operation(rng):
    name = f"r{rng.randrange(6)}"
    row = {"name": name, "n": rng.randrange(10)}
    if rng.random() < 0.5:
        row["tags"] = ["set", rng.sample(["t1", "t2", "t3"], rng.randrange(4))]
    if rng.random() < 0.5:
        keys = rng.sample("kl", rng.randrange(3))
        row["map"] = ["map", [[k, str(rng.randrange(3))] for k in keys]]
    return rng.choice([{"op": "insert", "table": "T", "row": row}, modify(named(name), row),
                       modify(named(name), row), {"op": "delete", "table": "T",
                                                  "where": named(name)}])


@pytest.mark.parametrize("method", ["monitor_cond", "monitor_cond_since"])
@pytest.mark.parametrize("seed", range(4))
def test_replicas_follow_writers_and_condition_changes(server, client, method, seed):
    rng = random.Random(seed)
    more = [ZERO] if method == "monitor_cond_since" else []
    columns = ["name", "n", "tags", "map"]
    defaults = {"T": {column: DEFAULTS["T"][column] for column in columns}}
    readers = []
    for _ in range(3):
        reader, replica, where = server.client(), Replica(defaults, SETS), rng.choice(WHERES)
        result = reader.call(method, "small", "m", {"T": [{"columns": columns, "where": where}]},
                             *more)
        replica.apply(result[2] if more else result)
        readers.append([reader, replica, where])
    for _ in range(25):
        for _ in range(rng.randrange(1, 6)):
            client.commit("small", *(random_operation(rng) for _ in range(rng.randrange(1, 4))))
        for entry in readers:
            if rng.random() < 0.4:
                entry[2] = rng.choice(WHERES)
                change(entry[0], entry[2])
            else:
                entry[0].call("echo")
            while entry[0].notifications:
                entry[1].apply(entry[0].notification()[1][-1])
            rows = {row.pop("_uuid")[1]: row for one in entry[2]
                    for row in client.select("small", "T", ["_uuid", *columns], [one])}
            assert entry[1].rows("T") == rows


@pytest.mark.parametrize("method", ["monitor_cond", "monitor_cond_since"])
def test_slow_reader_gets_the_exact_net_change(server, client, method):
    """Rows are inserted and deleted, and begin and cease to match, while the client does not
    read."""
    more = [ZERO] if method == "monitor_cond_since" else []
    columns = ["name", "n", "tags"]
    replica = Replica({"T": {column: DEFAULTS["T"][column] for column in columns}}, SETS)
    reader = server.client()
    result = reader.call(method, "small", "m", {"T": [
        {"columns": columns, "where": [["n", ">=", 0]]}]}, *more)
    replica.apply(result[2] if more else result)
    bulk = "x" * 100000
    client.insert("small", "T", {"name": "stays"})
    n_writes = 200
    for i in range(n_writes):
        client.commit("small",
                      {"op": "delete", "table": "T", "where": [["n", "==", i - 3]]},
                      {"op": "insert", "table": "T", "row": {"name": bulk + str(i), "n": i}},
                      modify([["n", "==", i - 2]],
                             {"n": -1000 - i} if i % 3 == 0 else {"tags": "t"}),
                      modify(named("stays"), {"n": 100000 if i % 2 else -1}))
    client.insert("small", "T", {"name": "end"})
    while not any(row["name"] == "end" for row in replica.rows("T").values()):
        replica.apply(reader.notification()[1][-1])
    expected = {row.pop("_uuid")[1]: row for row in client.select(
        "small", "T", ["_uuid", *columns], [["n", ">=", 0]])}
    assert replica.rows("T") == expected
    assert replica.n_updates < n_writes / 2, "a reader that is behind gets net changes"


def test_schema_has_the_defaults_used_here():
    tables = lab_module.schema("small")["tables"]
    assert {t: set(c["columns"]) for t, c in tables.items()} == {
        t: set(c) for t, c in DEFAULTS.items()}
