# SPDX-License-Identifier: Apache-2.0
"""The method convert: a served database moves to another schema."""
import copy
import json
import threading

import pytest

from harness import lab as lab_module
from harness.replica import ZERO
from harness.rpc import RpcError

NEW = lab_module.schema("small")
NEW["version"] = "2.0.0"
del NEW["tables"]["T"]["columns"]["on"]
NEW["tables"]["T"]["columns"]["extra"] = {"type": {"key": "string", "min": 0}}


def changed(**columns):
    """The schema with other columns in table T."""
    schema = copy.deepcopy(NEW)
    schema["tables"]["T"]["columns"].update(columns)
    return schema


@pytest.fixture
def client(server):
    client = server.client()
    client.call("set_db_change_aware", True)
    return client


def rows(client):
    return {r["name"]: r for r in client.select("small", "T", ["name", "n", "_uuid", "extra"])}


def test_rows_move(lab, server, client):
    kid = ["named-uuid", "kid"]
    client.commit("small", {"op": "insert", "table": "C", "row": {"name": "k"}, "uuid-name": "kid"},
                  {"op": "insert", "table": "T", "row": {"name": "a", "n": 5, "kids": kid,
                                                         "likes": kid, "on": True}})
    before = client.select("small", "T", ["_uuid", "name", "kids", "likes"])
    assert client.call("convert", "small", NEW) == {}
    assert client.select("small", "T", ["_uuid", "name", "kids", "likes"]) == before
    assert client.select("small", "T", ["extra"]) == [{"extra": ["set", []]}]
    assert client.call("get_schema", "small")["version"] == "2.0.0"
    [result] = client.transact("small", {"op": "select", "table": "T", "where": [],
                                         "columns": ["on"]})
    assert result["error"] == "syntax error"
    # The references count as before: the child goes with its only parent.
    client.commit("small", {"op": "delete", "table": "T", "where": []})
    assert client.select("small", "C") == []
    client.insert("small", "T", {"name": "later", "extra": "x"})
    server.kill()
    server.start([lab.path("small.db")])
    assert rows(server.client())["later"]["extra"] == "x"
    assert not lab.path("small.db.tmp").exists()


@pytest.mark.difference("convert-told")
def test_clients_are_notified(server, client):
    """Aware clients see the end of their monitors and the new schema; others are disconnected."""
    client.call("monitor", "_Server", "server",
                {"Database": {"columns": ["name", "schema"], "select": {"initial": False}}})
    client.call("monitor", "small", "mine", {"T": {}})
    unaware = server.client()
    unaware.call("monitor_cond", "small", "its", {"T": {}})
    other = server.client()
    other.call("set_db_change_aware", True)
    other.call("monitor_cond", "small", "its", {"T": {}})
    client.call("convert", "small", NEW)
    told = [client.notification(), client.notification()]
    assert ("monitor_canceled", ["mine"]) in told
    [(_, (_, updates))] = [one for one in told if one[0] == "update"]
    [row] = updates["Database"].values()
    assert json.loads(row["new"]["schema"])["version"] == "2.0.0" and row["new"]["name"] == "small"
    assert other.notification("monitor_canceled") == ["its"]
    assert other.call("monitor_cond", "small", "its", {"T": {}}) == {}
    assert unaware.wait_closed() == []


def test_the_converting_client_is_unaware(server):
    client = server.client()
    assert client.call("convert", "small", NEW) == {}
    client.wait_closed()


def test_a_resume_does_not_cross_it(server, client):
    client.insert("small", "T", {"name": "a", "n": 1})
    requests = {"T": {"columns": ["name", "n"]}}
    _, last, _ = client.call("monitor_cond_since", "small", "m", requests, ZERO)
    client.call("convert", "small", changed(n={"type": {"key": "integer", "min": 0}}))
    client.notification("monitor_canceled")
    found, _, updates = client.call("monitor_cond_since", "small", "m", requests, last)
    assert found is False and len(updates["T"]) == 1


@pytest.mark.difference("convert-names-the-value")
@pytest.mark.parametrize("columns, parts", [
    ({"n": {"type": {"key": {"type": "integer", "maxInteger": 3}}}}, ["n", "4"]),
    ({"name": {"type": "integer"}}, ["name"]),
    ({"tags": {"type": {"key": "string", "min": 1, "max": "unlimited"}}}, ["tags"]),
])
def test_refused(server, client, columns, parts):
    """A value that the new schema does not allow: nothing changes, and the error names the
    value."""
    row = client.insert("small", "T", {"name": "a", "n": 4})
    client.call("monitor", "small", "m", {"T": {"columns": ["n"]}})
    error = client.error("convert", "small", changed(**columns))
    for part in ["T", row, *parts]:
        assert part in error["details"], error
    client.has_no_notification()
    assert client.call("get_schema", "small")["version"] == "1.2.3"
    client.commit("small", {"op": "update", "table": "T", "where": [], "row": {"n": 9}})
    assert client.notification("update")[1]["T"][row]["new"] == {"n": 9}


def test_refused_for_rules_of_the_whole(server, client):
    """Uniqueness and maxRows are checked too."""
    for name in "ab":
        client.insert("small", "T", {"name": name})
    unique = copy.deepcopy(NEW)
    unique["tables"]["T"]["indexes"] = [["n"]]
    assert client.error("convert", "small", unique)["error"] == "constraint violation"
    short = copy.deepcopy(NEW)
    short["tables"]["T"]["maxRows"] = 1
    assert client.error("convert", "small", short)["error"] == "constraint violation"
    assert client.call("get_schema", "small")["version"] == "1.2.3"


@pytest.mark.parametrize("params, tag", [
    (["small"], "syntax error"),
    (["nope", NEW], "unknown database"),
    (["small", {**NEW, "name": "other"}], "invalid parameters"),
    (["small", {"name": "small"}], "syntax error"),
    (["small", 5], "syntax error"),
    ([5, NEW], "syntax error"),
])
def test_bad_requests(client, params, tag):
    assert client.error("convert", *params)["error"] == tag


@pytest.mark.difference("convert-own")
def test_own_database(client):
    schema = client.call("get_schema", "_Server")
    assert client.error("convert", "_Server", schema)["error"] == "not allowed"


@pytest.mark.ours("the reference server answers no request during a conversion")
def test_writers_wait_and_others_do_not(server, client):
    """During a conversion, requests that only read are answered; requests that write wait for its
    end."""
    for i in range(20):
        operations = [{"op": "insert", "table": "T", "row": {"name": f"{i}-{k}", "n": k}}
                      for k in range(1000)]
        client.commit("small", *operations)
    writer = server.client()
    writer.call("set_db_change_aware", True)
    convert = client.request("convert", ["small", NEW])
    ids = [writer.request("transact", ["small", {"op": "insert", "table": "T",
                                                 "row": {"name": f"w{i}"}}]) for i in range(5)]
    assert len(writer.select("small", "T", ["name"], [["n", "==", 7]])) == 20
    assert writer.call("echo", 1) == [1]
    assert writer.call("list_dbs") == ["_Server", "small"]
    assert client.result(convert) == {}
    for id_ in ids:
        [result] = writer.result(id_)
        assert set(result) == {"uuid"}
    assert {f"w{i}" for i in range(5)} <= set(rows(writer))


def test_a_waiting_transaction_is_canceled(server, client):
    waiter = server.client()
    waiter.call("set_db_change_aware", True)
    waits = [waiter.request("transact", ["small", {
        "op": "wait", "table": "T", "where": [], "columns": ["name"], "until": "==", **timeout,
        "rows": [{"name": "x"}]}]) for timeout in ({}, {"timeout": 600000})]
    waiter.call("echo")
    client.call("convert", "small", NEW)
    for id_ in waits:
        with pytest.raises(RpcError, match="canceled"):
            waiter.result(id_)
    assert waiter.insert("small", "T", {"name": "x"})


@pytest.mark.ours("the reference server resets the connections of clients")
def test_commits_before_and_after(lab, server, client):
    """Conversions forth and back while others write; after each kill the file is whole."""
    old = lab_module.schema("small")
    stop = threading.Event()
    written = []

    def write():
        with server.client() as writer:
            writer.call("set_db_change_aware", True)
            while not stop.is_set():
                written.append(writer.insert("small", "T", {"name": f"{len(written)}"}))

    thread = threading.Thread(target=write)
    thread.start()
    try:
        for i in range(10):
            client.call("convert", "small", old if i % 2 else NEW)
            server.control("ovsdb-server/compact")
    finally:
        stop.set()
        thread.join()
    assert len(client.select("small", "T", ["_uuid"])) == len(written) > 0
    server.kill()
    server.start([lab.path("small.db")])
    found = {r["_uuid"][1] for r in server.client().select("small", "T", ["_uuid"])}
    assert found == set(written)


@pytest.mark.ours("the reference server resets the connections of clients")
def test_the_client_goes(server):
    """A conversion whose client has gone is done all the same."""
    client = server.client()
    client.request("convert", ["small", NEW])
    client.call("echo")
    client.close()
    with server.client() as other:
        other.call("set_db_change_aware", True)
        while other.call("get_schema", "small")["version"] != "2.0.0":
            other.call("echo")


def test_a_symbolic_link_stays(lab):
    path = lab.db("small")
    link = lab.path("link.db")
    link.symlink_to(path)
    server = lab.serve(link)
    with server.client() as client:
        client.call("convert", "small", NEW)
    assert link.is_symlink() and b"2.0.0" in path.read_bytes()
