# SPDX-License-Identifier: Apache-2.0
"""monitor, update and monitor_cancel: RFC 7047 4.1.5 to 4.1.7."""
import json

import pytest

from harness.match import match
from harness.replica import Replica

NAMES = {"columns": ["name"]}


def update(client, id_="m"):
    got, updates = client.notification("update")
    assert got == id_
    return updates


def rename(old, new):
    return {"op": "update", "table": "T", "where": [["name", "==", old]], "row": {"name": new}}


# Initial contents


def test_initial_contents_and_columns(client):
    uuid = client.insert("small", "T", {"name": "a", "n": 1, "tags": ["set", ["y", "x"]]})
    result = client.call("monitor", "small", "m", {"T": [{"columns": ["name", "tags"]}]})
    assert result == {"T": {uuid: {"new": {"name": "a", "tags": ["set", ["x", "y"]]}}}}


def test_every_column_but_uuid_without_columns(client):
    uuid = client.insert("small", "T", {"name": "a"})
    for requests in ({"T": [{}]}, {"T": {}}):
        result = client.call("monitor", "small", json.dumps(requests), requests)
        empty_set, empty_map = ["set", []], ["map", []]
        match({"T": {uuid: {"new": {
            "name": "a", "n": 0, "r": 0, "on": False, "tags": empty_set, "map": empty_map,
            "kids": empty_set, "likes": empty_set, "eph": "", "_version": ["uuid", "$v"]}}}},
            result, {})


def test_special_columns_on_request(client):
    uuid = client.insert("small", "T", {"name": "a"})
    result = client.call("monitor", "small", "m", {"T": [{"columns": ["_uuid", "_version"]}]})
    match({"T": {uuid: {"new": {"_uuid": ["uuid", uuid], "_version": ["uuid", "$v"]}}}}, result, {})


def test_no_initial_contents(client):
    client.insert("small", "T", {"name": "a"})
    requests = {"T": [{**NAMES, "select": {"initial": False}}]}
    assert client.call("monitor", "small", "m", requests) == {}
    client.commit("small", rename("a", "b"))
    assert [*update(client)["T"].values()] == [{"old": {"name": "a"}, "new": {"name": "b"}}]


def test_empty_table_is_left_out(client):
    client.insert("small", "T", {"name": "a"})
    assert set(client.call("monitor", "small", "m", {"T": [NAMES], "C": [NAMES]})) == {"T"}


@pytest.mark.parametrize("requests", [{}, {"T": []}], ids=json.dumps)
def test_monitor_of_nothing(client, requests):
    client.insert("small", "T", {"name": "a"})
    assert client.call("monitor", "small", "m", requests) == {}
    client.insert("small", "T", {"name": "b"})
    client.has_no_notification()


# Updates


def test_insert_modify_delete(client):
    client.call("monitor", "small", "m", {"T": [{"columns": ["name", "n"]}]})
    uuid = client.insert("small", "T", {"name": "a", "n": 1})
    assert update(client) == {"T": {uuid: {"new": {"name": "a", "n": 1}}}}
    client.commit("small", rename("a", "b"))
    assert update(client) == {"T": {uuid: {"old": {"name": "a"}, "new": {"name": "b", "n": 1}}}}
    client.commit("small", {"op": "delete", "table": "T", "where": []})
    assert update(client) == {"T": {uuid: {"old": {"name": "b", "n": 1}}}}
    client.has_no_notification()


@pytest.mark.parametrize("row, old", [
    ({"tags": ["set", ["b", "c"]]}, {"tags": ["set", ["a", "b"]]}),
    ({"tags": "a"}, {"tags": ["set", ["a", "b"]]}),
    ({"tags": ["set", []]}, {"tags": ["set", ["a", "b"]]}),
    ({"map": ["map", [["k", "2"]]]}, {"map": ["map", [["k", "1"]]]}),
    ({"r": 0.5}, {"r": 0}),
    ({"on": True, "n": 5}, {"on": False, "n": 0}),
    ({"eph": "e"}, {"eph": ""}),
])
def test_old_values_are_whole(client, row, old):
    first = {"tags": ["set", ["b", "a"]], "map": ["map", [["k", "1"]]]}
    client.insert("small", "T", first)
    columns = ["tags", "map", "r", "on", "n", "eph"]
    [before] = client.call("monitor", "small", "m", {"T": [{"columns": columns}]})["T"].values()
    client.commit("small", {"op": "update", "table": "T", "where": [], "row": row})
    [change] = update(client)["T"].values()
    assert change == {"old": old, "new": {**before["new"], **row}}


@pytest.mark.parametrize("select, seen", [
    ({}, "insert modify delete"),
    ({"insert": False}, "modify delete"),
    ({"modify": False}, "insert delete"),
    ({"delete": False}, "insert modify"),
    ({"insert": True, "modify": False, "delete": False}, "insert"),
    ({"insert": False, "modify": False, "delete": False}, ""),
    ({"initial": True, "insert": True, "modify": True, "delete": True}, "insert modify delete"),
], ids=json.dumps)
def test_select(client, select, seen):
    client.call("monitor", "small", "m", {"T": [{**NAMES, "select": select}]})
    steps = {"insert": {"op": "insert", "table": "T", "row": {"name": "a"}},
             "modify": rename("a", "b"), "delete": {"op": "delete", "table": "T", "where": []}}
    for name, operation in steps.items():
        client.commit("small", operation)
        if name in seen:
            [change] = update(client)["T"].values()
            assert ("old" in change, "new" in change) == (name != "insert", name != "delete")
        client.has_no_notification()


def test_update_comes_before_the_own_reply(client):
    client.call("monitor", "small", "m", {"T": [NAMES]})
    id_ = client.request("transact", ["small", {"op": "insert", "table": "T", "row": {}}])
    assert client.receive()["method"] == "update"
    assert client.receive()["id"] == id_


def test_other_clients_see_it(server, client):
    other = server.client()
    other.call("monitor", "small", "o", {"T": [NAMES]})
    uuid = client.insert("small", "T", {"name": "a"})
    assert update(other, "o") == {"T": {uuid: {"new": {"name": "a"}}}}
    client.has_no_notification()


def test_change_of_another_column_is_silent(client):
    client.insert("small", "T", {"name": "a"})
    client.call("monitor", "small", "m", {"T": [NAMES]})
    client.commit("small", {"op": "update", "table": "T", "where": [], "row": {"n": 5}})
    client.has_no_notification()


def test_change_without_effect_is_silent(client):
    client.insert("small", "T", {"name": "a"})
    client.call("monitor", "small", "m", {"T": [{}]})
    client.commit("small", rename("a", "a"))
    client.commit("small", rename("a", "b"), rename("b", "a"))
    client.has_no_notification()


def test_failed_transaction_is_silent(client):
    client.call("monitor", "small", "m", {"T": [NAMES]})
    client.transact("small", {"op": "insert", "table": "T", "row": {}}, {"op": "abort"})
    client.has_no_notification()


def test_insert_and_delete_in_one_transaction_is_silent(client):
    client.call("monitor", "small", "m", {"T": [NAMES]})
    client.commit("small", {"op": "insert", "table": "T", "row": {}},
                  {"op": "delete", "table": "T", "where": []})
    client.has_no_notification()


def test_version_changes_with_any_column(client):
    client.insert("small", "T", {"name": "a"})
    result = client.call("monitor", "small", "m", {"T": [{"columns": ["_version"]}]})
    [(uuid, row)] = result["T"].items()
    client.commit("small", {"op": "update", "table": "T", "where": [], "row": {"n": 5}})
    change = update(client)["T"][uuid]
    assert change["old"] == row["new"] and change["new"] != row["new"]


def test_one_update_per_transaction_of_several_tables(client):
    client.call("monitor", "small", "m", {"T": [NAMES], "I": [{"columns": ["a"]}]})
    client.commit("small", {"op": "insert", "table": "T", "row": {}},
                  {"op": "insert", "table": "I", "row": {"a": 1}},
                  {"op": "insert", "table": "T", "row": {}})
    updates = update(client)
    assert (len(updates["T"]), len(updates["I"])) == (2, 1)
    client.has_no_notification()


def test_garbage_collected_rows_appear_as_deletes(client):
    client.call("monitor", "small", "m", {"T": [{"columns": ["kids"]}], "C": [NAMES]})
    results = client.commit(
        "small", {"op": "insert", "table": "C", "row": {"name": "c"}, "uuid-name": "c"},
        {"op": "insert", "table": "T", "row": {"kids": ["named-uuid", "c"]}})
    kid, holder = (r["uuid"][1] for r in results)
    assert update(client) == {"C": {kid: {"new": {"name": "c"}}},
                              "T": {holder: {"new": {"kids": ["uuid", kid]}}}}
    client.commit("small", {"op": "delete", "table": "T", "where": []})
    assert update(client) == {"C": {kid: {"old": {"name": "c"}}},
                              "T": {holder: {"old": {"kids": ["uuid", kid]}}}}


def test_dropped_weak_references_appear_as_modifications(client):
    results = client.commit(
        "small", {"op": "insert", "table": "C", "row": {"name": "c"}, "uuid-name": "c"},
        {"op": "insert", "table": "T", "row": {"name": "keeps", "kids": ["named-uuid", "c"]}},
        {"op": "insert", "table": "T", "row": {"name": "likes", "likes": ["named-uuid", "c"]}})
    kid, _, likes = (r["uuid"][1] for r in results)
    client.call("monitor", "small", "m", {"T": [{"columns": ["name", "likes"]}]})
    client.commit("small", {"op": "update", "table": "T", "where": [["name", "==", "keeps"]],
                            "row": {"kids": ["set", []]}})
    assert update(client) == {"T": {likes: {"old": {"likes": ["uuid", kid]},
                                            "new": {"name": "likes", "likes": ["set", []]}}}}


def test_row_that_is_garbage_at_once_never_appears(client):
    client.call("monitor", "small", "m", {"C": [NAMES]})
    client.commit("small", {"op": "insert", "table": "C", "row": {"name": "c"}})
    client.has_no_notification()


# Several requests, several monitors


def test_several_requests_for_one_table(client):
    client.call("monitor", "small", "m", {"T": [
        {"columns": ["name"], "select": {"modify": False}},
        {"columns": ["n"], "select": {"initial": False, "insert": False, "delete": False}}]})
    uuid = client.insert("small", "T", {"name": "a", "n": 1})
    assert update(client) == {"T": {uuid: {"new": {"name": "a"}}}}
    client.commit("small", {"op": "update", "table": "T", "where": [], "row": {"n": 2}})
    change = update(client)["T"][uuid]
    assert change["old"] == {"n": 1} and change["new"]["n"] == 2
    client.commit("small", {"op": "delete", "table": "T", "where": []})
    assert update(client)["T"][uuid] == {"old": {"name": "a"}}


@pytest.mark.difference("modify-select-per-column")
def test_modify_is_selected_per_column(client):
    client.call("monitor", "small", "m", {"T": [
        {"columns": ["name"], "select": {"modify": False}},
        {"columns": ["n"], "select": {"insert": False}}]})
    client.insert("small", "T", {"name": "a", "n": 1})
    assert update(client)
    client.commit("small", rename("a", "b"))
    client.has_no_notification()


def test_several_requests_differ_in_initial(client):
    uuid = client.insert("small", "T", {"name": "a", "n": 1})
    result = client.call("monitor", "small", "m", {"T": [
        {"columns": ["name"]}, {"columns": ["n"], "select": {"initial": False}}]})
    assert result == {"T": {uuid: {"new": {"name": "a"}}}}


def test_ids_of_any_type(client):
    ids = [None, 5, "x", True, [3], {"a": [1]}, "", 1.5]
    for id_ in ids:
        assert client.call("monitor", "small", id_, {"T": [NAMES]}) == {}
    client.insert("small", "T", {"name": "a"})
    got = [client.notification("update")[0] for _ in ids]
    assert sorted(map(json.dumps, got)) == sorted(map(json.dumps, ids))


def test_monitors_of_one_client_are_independent(client):
    client.call("monitor", "small", 1, {"T": [{"columns": ["name"]}]})
    client.call("monitor", "small", 2, {"T": [{"columns": ["n"]}]})
    uuid = client.insert("small", "T", {"name": "a", "n": 1})
    got = dict(client.notification("update") for _ in range(2))
    assert got == {1: {"T": {uuid: {"new": {"name": "a"}}}}, 2: {"T": {uuid: {"new": {"n": 1}}}}}
    client.commit("small", {"op": "update", "table": "T", "where": [], "row": {"n": 2}})
    assert client.notification("update")[0] == 2
    client.has_no_notification()


def test_monitors_of_several_databases(lab):
    client = lab.serve("small", "other").client()
    client.call("monitor", "small", 1, {"T": [NAMES]})
    client.call("monitor", "other", 2, {"X": [{}]})
    client.insert("small", "T", {"name": "a"})
    assert client.notification("update")[0] == 1
    client.insert("other", "X", {"n": 1})
    assert client.notification("update")[0] == 2


def test_monitor_of_the_server_database(server, client, lab):
    result = client.call("monitor", "_Server", "s", {"Database": [{"columns": ["name"]}]})
    names = {row["new"]["name"] for row in result["Database"].values()}
    assert names == {"_Server", "small"}
    client.call("set_db_change_aware", True)
    server.control("ovsdb-server/add-db", lab.db("other"))
    [row] = client.notification("update")[1]["Database"].values()
    assert row == {"new": {"name": "other"}}
    server.control("ovsdb-server/remove-db", "other")
    [row] = client.notification("update")[1]["Database"].values()
    assert row == {"old": {"name": "other"}}


# Errors


@pytest.mark.parametrize("params", [
    ["small", "m", 5], ["small", "m", []], ["small", "m", None], ["small", "m", "T"],
    ["small", "m", {"X": {}}],
    ["small", "m", {"T": 5}], ["small", "m", {"T": [5]}], ["small", "m", {"T": "name"}],
    ["small", "m", {"T": {"columns": "name"}}], ["small", "m", {"T": {"columns": [5]}}],
    ["small", "m", {"T": {"columns": ["zz"]}}],
    ["small", "m", {"T": {"columns": ["name", "name"]}}],
    ["small", "m", {"T": {"foo": 1}}], ["small", "m", {"T": {"select": {"foo": True}}}],
    ["small", "m", {"T": {"select": {"initial": 1}}}], ["small", "m", {"T": {"select": 5}}],
    ["small", "m", {"T": {"select": []}}],
    ["small", "m", {"T": [{"columns": ["name"]}, {"columns": ["name"]}]}],
    ["small", "m", {"T": [{}, {"columns": ["name"]}]}],
    ["small", "m", {"T": {"columns": ["name"], "where": []}}],
], ids=json.dumps)
def test_bad_requests(client, params):
    error = client.error("monitor", *params)
    assert error["error"] == "syntax error" and error["details"]
    assert client.call("monitor", "small", "m", {"T": [NAMES]}) == {}


@pytest.mark.ours("the reference server reads beyond the end of the parameters here")
@pytest.mark.parametrize("params", [["small"], ["small", "m"]], ids=json.dumps)
def test_missing_requests(client, params):
    assert client.error("monitor", *params)["error"] == "syntax error"


def test_duplicate_id(client):
    client.call("monitor", "small", {"a": 1}, {"T": [NAMES]})
    error = client.error("monitor", "small", {"a": 1}, {"T": [NAMES]})
    assert error["error"] == "syntax error"
    client.call("monitor_cancel", {"a": 1})
    client.call("monitor", "small", {"a": 1}, {"T": [NAMES]})


def test_ids_are_per_client(server, client):
    client.call("monitor", "small", "m", {"T": [NAMES]})
    server.client().call("monitor", "small", "m", {"T": [NAMES]})


def test_cancel(client):
    client.call("monitor", "small", "m", {"T": [NAMES]})
    client.call("monitor", "small", "n", {"T": [NAMES]})
    assert client.call("monitor_cancel", "m") == {}
    client.insert("small", "T", {"name": "a"})
    assert client.notification("update")[0] == "n"
    client.has_no_notification()


def test_cancel_unknown(client):
    assert client.error("monitor_cancel", "m") == "unknown monitor"
    client.call("monitor", "small", "m", {"T": [NAMES]})
    client.call("monitor_cancel", "m")
    assert client.error("monitor_cancel", "m") == "unknown monitor"


def test_cancel_anothers(server, client):
    client.call("monitor", "small", "m", {"T": [NAMES]})
    assert server.client().error("monitor_cancel", "m") == "unknown monitor"
    client.insert("small", "T", {"name": "a"})
    assert update(client)


@pytest.mark.parametrize("params", [[], ["m", "m"]], ids=json.dumps)
def test_bad_cancel(client, params):
    client.call("monitor", "small", "m", {"T": [NAMES]})
    assert client.error("monitor_cancel", *params)
    client.insert("small", "T", {"name": "a"})
    assert update(client)


# Many and slow


def test_big_initial_contents(server, client):
    rows = 20000
    for base in range(0, rows, 5000):
        client.commit("small", *({"op": "insert", "table": "T", "row": {"name": str(i)}}
                                 for i in range(base, base + 5000)))
    other = server.client()
    result = other.call("monitor", "small", "m", {"T": [{"columns": ["name"]}]})
    assert {row["new"]["name"] for row in result["T"].values()} == set(map(str, range(rows)))


def drain(client, replica, marker):
    """Reads updates until the row that marks the end has been inserted."""
    while not any(row["name"] == marker for row in replica.rows("T").values()):
        replica.apply(client.notification("update")[1])


def test_replica_follows_every_change(server, client):
    reader = server.client()
    replica = Replica()
    columns = ["name", "n", "tags", "map"]
    replica.apply(reader.call("monitor", "small", "m", {"T": [{"columns": columns}]}))
    for i in range(200):
        name = f"row{i % 17}"
        where = [["name", "==", name]]
        client.commit("small", *([
            [{"op": "insert", "table": "T", "row": {"name": name, "n": i}}],
            [{"op": "update", "table": "T", "where": where, "row": {"n": i}},
             {"op": "mutate", "table": "T", "where": [], "mutations": [
                 ["tags", "insert", str(i % 5)],
                 ["map", "insert", ["map", [[str(i % 3), name]]]]]}],
            [{"op": "mutate", "table": "T", "where": where, "mutations": [
                ["tags", "delete", str(i % 5)], ["map", "delete", str(i % 3)]]}],
            [{"op": "delete", "table": "T", "where": where}],
        ][i * 7 % 11 % 4]))
    client.insert("small", "T", {"name": "end"})
    drain(reader, replica, "end")
    expected = {row.pop("_uuid")[1]: row
                for row in client.select("small", "T", ["_uuid", *columns])}
    assert replica.rows("T") == expected


def test_slow_reader_gets_the_exact_net_change(server, client):
    reader = server.client()
    replica = Replica()
    replica.apply(reader.call("monitor", "small", "m", {"T": [{"columns": ["name", "n"]}]}))
    bulk = "x" * 100000
    n_writes = 300
    client.insert("small", "T", {"name": "stays"})
    for i in range(n_writes):
        client.commit("small",
                      {"op": "delete", "table": "T", "where": [["n", "==", i - 2]]},
                      {"op": "insert", "table": "T", "row": {"name": bulk + str(i), "n": i}},
                      {"op": "update", "table": "T", "where": [["name", "==", "stays"]],
                       "row": {"n": -i}})
    client.insert("small", "T", {"name": "end"})
    drain(reader, replica, "end")
    expected = {row.pop("_uuid")[1]: row
                for row in client.select("small", "T", ["_uuid", "name", "n"])}
    assert replica.rows("T") == expected
    assert replica.n_updates < n_writes / 2, "a reader that is behind gets net changes"
