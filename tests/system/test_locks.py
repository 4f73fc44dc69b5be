# SPDX-License-Identifier: Apache-2.0
"""lock, steal, unlock, locked, stolen: RFC 7047 4.1.8 to 4.1.10."""
import json

import pytest

ASSERT = {"op": "assert", "lock": "door"}


@pytest.fixture
def server(lab):
    return lab.serve("small", "other")


@pytest.fixture
def three(server):
    return [server.client() for _ in range(3)]


def owns(client, lock="door", db="small"):
    [result] = client.transact(db, {"op": "assert", "lock": lock})
    assert result in ({},) or result["error"] == "not owner"
    return result == {}


def test_lock_free(three):
    assert three[0].call("lock", "door") == {"locked": True}
    assert owns(three[0])
    three[0].has_no_notification()


def test_first_come_first_served(three):
    a, b, c = three
    assert a.call("lock", "door") == {"locked": True}
    assert b.call("lock", "door") == {"locked": False}
    assert c.call("lock", "door") == {"locked": False}
    assert [owns(x) for x in three] == [True, False, False]
    assert a.call("unlock", "door") == {}
    assert b.notification("locked") == ["door"]
    assert [owns(x) for x in three] == [False, True, False]
    c.has_no_notification()
    b.call("unlock", "door")
    assert c.notification("locked") == ["door"]
    assert owns(c)


def test_locks_are_apart(three):
    a, b, _ = three
    assert a.call("lock", "door") == {"locked": True}
    assert b.call("lock", "window") == {"locked": True}
    assert a.call("lock", "window") == {"locked": False}
    b.call("unlock", "window")
    assert a.notification("locked") == ["window"]
    assert owns(a) and owns(a, "window")


def test_locks_are_server_wide(three):
    a, b, _ = three
    a.call("lock", "door")
    assert owns(a, db="small") and owns(a, db="other")
    assert b.call("lock", "door") == {"locked": False}


def test_unlock_of_a_queued_request(three):
    a, b, c = three
    a.call("lock", "door")
    b.call("lock", "door")
    c.call("lock", "door")
    assert b.call("unlock", "door") == {}
    a.call("unlock", "door")
    assert c.notification("locked") == ["door"]
    b.has_no_notification()
    assert owns(c)


def test_steal_from_an_owner_that_had_locked(three):
    a, b, _ = three
    a.call("lock", "door")
    assert b.call("steal", "door") == {"locked": True}
    assert a.notification("stolen") == ["door"]
    assert (owns(a), owns(b)) == (False, True)
    b.call("unlock", "door")
    assert a.notification("locked") == ["door"], "a lock()er regains the lock"
    assert owns(a)


def test_steal_from_an_owner_that_had_stolen(three):
    a, b, _ = three
    a.call("steal", "door")
    assert b.call("steal", "door") == {"locked": True}
    assert a.notification("stolen") == ["door"]
    b.call("unlock", "door")
    a.has_no_notification()
    assert not owns(a)
    assert a.error("lock", "door")
    assert a.call("unlock", "door") == {}
    assert a.call("lock", "door") == {"locked": True}


def test_steal_passes_those_who_wait(three):
    a, b, c = three
    a.call("lock", "door")
    b.call("lock", "door")
    assert c.call("steal", "door") == {"locked": True}
    assert a.notification("stolen") == ["door"]
    c.call("unlock", "door")
    assert a.notification("locked") == ["door"]
    b.has_no_notification()
    a.call("unlock", "door")
    assert b.notification("locked") == ["door"]


def test_steal_of_a_free_lock(three):
    assert three[0].call("steal", "door") == {"locked": True}
    assert owns(three[0])
    assert three[1].call("lock", "door") == {"locked": False}
    three[0].call("unlock", "door")
    assert three[1].notification("locked") == ["door"]


def test_unlock_after_stolen_leaves_the_thief_alone(three):
    a, b, _ = three
    a.call("lock", "door")
    b.call("steal", "door")
    assert a.notification("stolen") == ["door"]
    assert a.call("unlock", "door") == {}
    assert owns(b)
    b.call("unlock", "door")
    a.has_no_notification()


def test_closing_releases_and_hands_on(three):
    a, b, c = three
    a.call("lock", "door")
    a.call("lock", "window")
    b.call("lock", "door")
    c.call("lock", "window")
    a.close()
    assert b.notification("locked") == ["door"]
    assert c.notification("locked") == ["window"]
    assert owns(b) and owns(c, "window")


def test_closing_leaves_the_queue(three):
    a, b, c = three
    a.call("lock", "door")
    b.call("lock", "door")
    c.call("lock", "door")
    b.close()
    a.call("unlock", "door")
    assert c.notification("locked") == ["door"]


def test_closing_returns_a_stolen_lock(three):
    a, b, _ = three
    a.call("lock", "door")
    b.call("steal", "door")
    assert a.notification("stolen") == ["door"]
    b.close()
    assert a.notification("locked") == ["door"]
    assert owns(a)


def test_locked_comes_after_the_reply_and_before_the_next(three):
    a, b, _ = three
    a.call("lock", "door")
    first = b.request("lock", ["door"])
    reply = b.receive()
    assert reply["id"] == first and reply["result"] == {"locked": False}
    a.call("unlock", "door")
    second = b.request("unlock", ["door"])
    assert b.receive()["method"] == "locked"
    assert b.receive()["id"] == second


def test_assert_requires_the_lock(three):
    a, b, _ = three
    a.call("lock", "door")
    insert = {"op": "insert", "table": "T", "row": {"name": "x"}}
    assert "uuid" in a.transact("small", ASSERT, insert)[1]
    result = b.transact("small", insert, ASSERT)
    assert result[1]["error"] == "not owner"
    assert len(b.select("small", "T")) == 1


def test_assert_in_a_waiting_transaction_is_checked_when_it_runs(three):
    a, b, _ = three
    wait = {"op": "wait", "table": "I", "where": [], "columns": ["a"], "until": "!=", "rows": []}
    a.call("lock", "door")
    id_ = a.request("transact", ["small", wait, ASSERT])
    a.call("echo")
    a.call("unlock", "door")
    b.insert("small", "I", {"a": 1})
    assert a.result(id_)[1]["error"] == "not owner"


@pytest.mark.parametrize("method", ["lock", "steal", "unlock"])
@pytest.mark.parametrize("params", [[], [5], ["two words"], ["1a"], [""], ["a", "b"], [None],
                                    [["a"]], ["a-b"]], ids=json.dumps)
def test_bad_names(three, method, params):
    error = three[0].error(method, *params)
    assert error["error"] == "syntax error" and error["details"]


@pytest.mark.parametrize("name", ["a", "_", "A_b9", "ovn_northd", "x" * 500])
def test_good_names(three, name):
    assert three[0].call("lock", name) == {"locked": True}
    assert owns(three[0], name)
    assert three[0].call("unlock", name) == {}


@pytest.mark.parametrize("first", ["lock", "steal"])
@pytest.mark.parametrize("second", ["lock", "steal"])
def test_lock_twice(three, first, second):
    a = three[0]
    a.call(first, "door")
    assert a.error(second, "door")["error"] == "syntax error"
    assert owns(a)
    a.call("unlock", "door")
    assert a.call(second, "door") == {"locked": True}


def test_lock_twice_while_waiting(three):
    a, b, _ = three
    a.call("lock", "door")
    b.call("lock", "door")
    assert b.error("lock", "door")["error"] == "syntax error"
    assert b.error("steal", "door")["error"] == "syntax error"


def test_unlock_without_lock(three):
    a, b, _ = three
    assert a.error("unlock", "door")["error"] == "syntax error"
    b.call("lock", "door")
    assert a.error("unlock", "door")["error"] == "syntax error"
    assert owns(b)
    a.call("lock", "door")
    a.call("unlock", "door")
    assert a.error("unlock", "door")["error"] == "syntax error"


def test_thousands_of_locks(three):
    a, b, _ = three
    for i in range(2000):
        a.request("lock", [f"lock{i}"])
    for i in range(2000):
        assert a.result(i + 1) == {"locked": True}
    for i in range(2000):
        b.request("lock", [f"lock{i}"])
    for i in range(2000):
        assert b.result(i + 1) == {"locked": False}
    a.close()
    assert {b.notification("locked")[0] for _ in range(2000)} == {f"lock{i}" for i in range(2000)}
