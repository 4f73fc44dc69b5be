# SPDX-License-Identifier: Apache-2.0
"""Initial contents of big monitors. The server serves other clients meanwhile. The contents show
one state of the database, and later commits follow as updates."""
import pytest

from harness.replica import ZERO, Replica

N_ROWS = 60000
COLUMNS = ["name", "n"]
DEFAULTS = {"T": {"name": "", "n": 0}}
METHODS = {"monitor": [], "monitor_cond": [], "monitor_cond_since": [ZERO]}
REQUESTS = {"T": {"columns": COLUMNS}}


@pytest.fixture
def server(lab):
    server = lab.serve("small")
    with server.client() as client:
        for start in range(0, N_ROWS, 10000):
            client.commit("small", *({"op": "insert", "table": "T",
                                      "row": {"name": f"row {i}", "n": 1}}
                                     for i in range(start, start + 10000)))
    return server


def contents(method, result):
    return result[2] if method == "monitor_cond_since" else result


def update(value):
    return {"op": "update", "table": "T", "where": [["name", "==", "row 5"]],
            "row": {"n": value}}


def add(value):
    return {"op": "insert", "table": "T", "row": {"name": f"new {value}", "n": 2}}


@pytest.mark.parametrize("method", METHODS)
def test_commits_meanwhile(server, method):
    """The commits count in twenty rows at once, so that every state has one value in all of
    them."""
    with server.client() as writer:
        writer.commit("small", *({"op": "insert", "table": "T", "row": {"name": "w", "n": 1000}}
                                 for _ in range(20)))
        marked = {"op": "mutate", "table": "T", "where": [["n", ">=", 1000]],
                  "mutations": [["n", "+=", 1]]}
        reader = server.client()
        request = reader.request(method, ["small", "m", REQUESTS, *METHODS[method]])
        for i in range(20):
            writer.commit("small", marked, add(i))
        replica = Replica(DEFAULTS)
        initial = contents(method, reader.result(request))
        replica.apply(initial)
        values = {row["n"] for row in replica.rows("T").values() if row["n"] >= 1000}
        assert len(values) == 1
        # A commit of this client comes after all that is owed to it.
        marker = reader.commit("small", add("end"))[0]["uuid"][1]
        while reader.notifications:
            _, params = reader.notifications.popleft()
            replica.apply(params[-1])
        assert marker in replica.rows("T")
        rows = {row["_uuid"][1]: {c: row[c] for c in COLUMNS}
                for row in writer.select("small", "T", ["_uuid", *COLUMNS])}
        assert replica.rows("T") == rows
        reader.close()


def test_requests_stay_in_order(server):
    with server.client() as client:
        first = client.request("monitor", ["small", "m", REQUESTS])
        second = client.request("transact", ["small", update(7)])
        third = client.request("monitor_cancel", ["m"])
        assert len(client.result(first)["T"]) == N_ROWS
        assert client.result(second) == [{"count": 1}]
        [(_, params)] = client.notifications
        [change] = params[1]["T"].values()
        assert change["new"]["n"] == 7
        assert client.result(third) == {}


def test_client_gone(server):
    for method, more in METHODS.items():
        client = server.client()
        client.request(method, ["small", "m", REQUESTS, *more])
        client.close()
    with server.client() as client:
        assert len(client.call("monitor", "small", "m", REQUESTS)["T"]) == N_ROWS


def by_uuid(*uuids):
    return {"T": [{"where": [["_uuid", "==", ["uuid", uuid]] for uuid in uuids]}]}


def test_rows_named_by_uuid(server):
    """A change of conditions that list UUIDs shows and hides each row once."""
    with server.client() as client:
        a, b, c = (client.insert("small", "T", {"name": name}) for name in "abc")
        requests = by_uuid(a, ZERO, a)
        requests["T"][0]["columns"] = ["name"]
        assert client.call("monitor_cond", "small", "m", requests) == {
            "T": {a: {"initial": {"name": "a"}}}}
        for uuids, change in [
                ((a, b, c, a), {b: {"insert": {"name": "b"}}, c: {"insert": {"name": "c"}}}),
                ((ZERO, c), {a: {"delete": None}, b: {"delete": None}}),
                ((a, b), {a: {"insert": {"name": "a"}}, b: {"insert": {"name": "b"}},
                          c: {"delete": None}})]:
            client.call("monitor_cond_change", "m", "m", by_uuid(*uuids))
            assert client.notification("update2") == ["m", {"T": change}]
        client.call("monitor_cond_change", "m", "m", by_uuid(b, a))
        client.has_no_notification()
        client.commit("small", {"op": "delete", "table": "T", "where": [["name", "==", "b"]]})
        assert client.notification("update2") == ["m", {"T": {b: {"delete": None}}}]
