# SPDX-License-Identifier: Apache-2.0
"""Python's IDL (python3-openvswitch): a replica that clients of Open vSwitch and OVN are built
on."""
import pytest

from harness.proxy import Proxy
from harness.idl import Idl


@pytest.fixture
def idl_server(lab):
    return lab.serve("small")


@pytest.fixture
def idl(idl_server):
    one = Idl(f"unix:{idl_server.socket_path}").connect()
    yield one
    one.idl.close()


def test_idl_reads(idl_server, idl):
    client = idl_server.client()
    client.commit("small", {"op": "insert", "table": "C", "row": {"name": "kid"}, "uuid-name": "k"},
                  {"op": "insert", "table": "T", "row": {
                      "name": "a", "n": 5, "r": 0.5, "on": True, "tags": ["set", ["y", "x"]],
                      "map": ["map", [["k", "v"]]], "kids": ["named-uuid", "k"]}})
    idl.until(lambda: idl.rows("T"), "the row")
    [row] = idl.rows("T")
    assert (row.name, row.n, row.r, row.on) == ("a", 5, 0.5, True)
    assert (row.tags, row.map) == (["x", "y"], {"k": "v"})
    assert [kid.name for kid in row.kids] == ["kid"]
    client.commit("small", {"op": "mutate", "table": "T", "where": [], "mutations": [
        ["tags", "delete", "x"], ["map", "insert", ["map", [["l", "w"]]]], ["n", "+=", 1]]})
    idl.until(lambda: row.n == 6, "the change")
    assert (row.tags, row.map) == (["y"], {"k": "v", "l": "w"})
    client.commit("small", {"op": "delete", "table": "T", "where": []})
    idl.until(lambda: not idl.rows("T") and not idl.rows("C"), "the deletion")


def test_idl_writes(idl_server, idl):
    def insert(txn):
        row = txn.insert(idl.idl.tables["T"])
        row.name = "new"
        row.tags = ["b", "a"]
        kid = txn.insert(idl.idl.tables["C"])
        kid.name = "kid"
        row.kids = [kid]
        txn.add_comment("from Python")
        insert.uuid = row.uuid

    txn = idl.commit(insert)
    uuid = str(txn.get_insert_uuid(insert.uuid))
    client = idl_server.client()
    [row] = client.select("small", "T", ["_uuid", "name", "tags", "kids"])
    assert row["_uuid"] == ["uuid", uuid] and row["name"] == "new"
    assert row["tags"] == ["set", ["a", "b"]] and row["kids"][0] == "uuid"

    def change(_):
        [one] = idl.rows("T")
        one.verify("tags")
        one.addvalue("tags", "c")
        one.delvalue("tags", "a")
        one.setkey("map", "k", "v")

    idl.commit(change)
    assert client.select("small", "T", ["tags", "map"]) == [
        {"tags": ["set", ["b", "c"]], "map": ["map", [["k", "v"]]]}]
    idl.commit(lambda _: idl.rows("T")[0].delete())
    assert client.select("small", "T") == [] and client.select("small", "C") == []


def test_idl_verify_and_retry(idl_server, idl):
    """A change in between makes the transaction try again with the new value."""
    client = idl_server.client()
    client.insert("small", "T", {"name": "a", "n": 1})
    idl.until(lambda: idl.rows("T"), "the row")
    attempts = []

    def add_one(_):
        [row] = idl.rows("T")
        attempts.append(row.n)
        if len(attempts) == 1:
            client.commit("small", {"op": "update", "table": "T", "where": [], "row": {"n": 10}})
        row.verify("n")
        row.n = row.n + 1

    idl.commit(add_one)
    assert attempts == [1, 10]
    assert client.select("small", "T", ["n"]) == [{"n": 11}]


def test_idl_tracks_changes(idl_server, idl):
    client = idl_server.client()
    uuid = client.insert("small", "T", {"name": "a", "n": 1})
    idl.until(lambda: idl.rows("T"), "the row")
    client.commit("small", {"op": "update", "table": "T", "where": [], "row": {"n": 2}})
    idl.until(lambda: idl.rows("T")[0].n == 2, "the change")
    client.commit("small", {"op": "delete", "table": "T", "where": []})
    idl.until(lambda: not idl.rows("T"), "the deletion")
    events = [(event, str(u)) for event, table, u, _ in idl.events if table == "T"]
    assert events == [("create", uuid), ("update", uuid), ("delete", uuid)]
    [old] = [updates for event, *_, updates in idl.events if event == "update"]
    assert old.n == 1


def test_idl_lock(idl_server, idl):
    first = Idl(f"unix:{idl_server.socket_path}", lock="door").connect()
    first.until(lambda: first.idl.has_lock, "the lock")
    second = Idl(f"unix:{idl_server.socket_path}", lock="door").connect()
    second.until(lambda: second.idl.is_lock_contended, "the refusal")
    assert not second.idl.has_lock
    first.insert("by the owner")
    first.idl.close()
    second.until(lambda: second.idl.has_lock, "the lock handed on")
    second.idl.close()
    idl.until(lambda: idl.rows("T"), "the row")


def test_idl_reconnects(idl_server, idl, lab):
    idl.insert("before")
    idl_server.stop()
    idl.until(lambda: not idl.idl._session.is_connected(), "the loss of the connection")
    idl_server.start([lab.path("small.db")])
    idl_server.client().insert("small", "T", {"name": "after"})
    idl.until(lambda: len(idl.rows("T")) == 2, "the contents after the restart")
    idl.insert("last")
    assert len(idl_server.client().select("small", "T")) == 3


@pytest.mark.difference("resume")
@pytest.mark.parametrize("how", ["kill", "stop"])
def test_idl_resumes(idl_server, lab, how):
    """The client gets only the changes that it has missed. (It resumes from the last update, never
    from a reply. Only persistent values can be resumed, so no column is ephemeral.)"""
    one = Idl(f"unix:{idl_server.socket_path}", columns=["name", "n"]).connect()
    client = idl_server.client()
    for i in range(5):
        client.insert("small", "T", {"name": f"a{i}", "n": i})
    one.until(lambda: len(one.rows("T")) == 5, "the rows")
    one.events.clear()
    getattr(idl_server, how)()
    one.until(lambda: not one.idl._session.is_connected(), "the loss of the connection")
    idl_server.start([lab.path("small.db")])
    client = idl_server.client()
    client.insert("small", "T", {"name": "new"})
    client.commit("small", {"op": "update", "table": "T", "where": [["n", "==", 1]],
                            "row": {"n": 11}},
                  {"op": "delete", "table": "T", "where": [["n", "==", 2]]})
    one.until(lambda: sorted(r.name for r in one.rows("T")) == ["a0", "a1", "a3", "a4", "new"],
              "what it missed")
    events = sorted(event for event, table, *_ in one.events if table == "T")
    assert events == ["create", "delete", "update"]
    one.idl.close()


def test_idl_condition(idl_server, idl):
    client = idl_server.client()
    for i in range(4):
        client.insert("small", "T", {"name": f"a{i}", "n": i})
    idl.until(lambda: len(idl.rows("T")) == 4, "all rows")
    idl.idl.cond_change("T", [["n", "<", 2]])
    idl.until(lambda: {r.name for r in idl.rows("T")} == {"a0", "a1"}, "the rows that match")
    idl.idl.cond_change("T", [True])
    idl.until(lambda: len(idl.rows("T")) == 4, "all rows again")


def test_many_idls(idl_server):
    idls = [Idl(f"unix:{idl_server.socket_path}").connect() for _ in range(10)]
    for i, one in enumerate(idls):
        one.insert(f"by {i}")
    for one in idls:
        one.until(lambda one=one: len(one.rows("T")) == 10, "everybody's rows")
        one.idl.close()


# How it connects


def test_idl_takes_another_remote(lab):
    """The current remote is removed: the client connects to the next one of its list."""
    near, far = lab.path("near"), lab.path("far")
    path = lab.db("small")
    server = lab.serve(path, remotes=[f"punix:{near}", f"punix:{far}"])
    one = Idl(f"unix:{near},unix:{far}").connect()
    one.insert("first")
    server.stop()
    server.start([path], remotes=[f"punix:{far}"])
    one.insert("second")
    one.until(lambda: {row.name for row in one.rows("T")} == {"first", "second"}, "both rows")
    one.idl.close()


@pytest.mark.parametrize("unknown, used", [
    (set(), "monitor_cond_since"),
    ({"monitor_cond_since", "monitor_cond", "monitor_cond_change"}, "monitor"),
    ({"monitor_cond_since", "monitor_cond", "monitor_cond_change", "set_db_change_aware"},
     "monitor"),
], ids=["all", "no cond", "neither"])
def test_idl_falls_back(lab, server, client, unknown, used):
    """The client falls back to older methods if the server does not have the newer ones."""
    seen = []

    def look(message):
        seen.append(message.get("method"))
        return {"error": "unknown method"} if message.get("method") in unknown else None

    with Proxy(lab.path("between"), server, look) as between:
        client.insert("small", "T", {"name": "there"})
        one = Idl(f"unix:{between.path}").connect()
        one.until(lambda: {row.name for row in one.rows("T")} == {"there"}, "the contents")
        one.insert("written")
        client.insert("small", "T", {"name": "later"})
        one.until(lambda: len(one.rows("T")) == 3, "an update")
        if not unknown:
            one.idl.cond_change("T", [["name", "==", "later"]])
            one.until(lambda: len(one.rows("T")) == 1, "what the condition shows")
        one.idl.close()
    assert [name for name in seen if name and name.startswith("monitor")
            and name not in unknown and name != "monitor_cond_change"][-1] == used


def test_idl_stays_when_databases_come_and_go(lab, server, client):
    n = []

    def look(message):
        n.append(message.get("method") == "set_db_change_aware")

    with Proxy(lab.path("between"), server, look) as between:
        one = Idl(f"unix:{between.path}").connect()
        one.insert("first")  # so its set_db_change_aware, sent before, has arrived too
        server.control("ovsdb-server/add-db", lab.db("other"))
        one.insert("a")
        server.control("ovsdb-server/remove-db", "other")
        one.insert("b")
        assert len(one.rows("T")) == 3 and sum(n) == 1, "it is connected as it was"
        one.idl.close()
