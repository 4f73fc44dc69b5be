# SPDX-License-Identifier: Apache-2.0
"""Clusters as their clients see them: transactions and monitors at each member, the loss of members,
and what the files hold afterwards."""
import json
import time

import pytest

from harness import wait
from harness.members import PATIENCE, Members
from harness.monitor_client import KINDS, MonitorClient
from harness.small_schema import named, names

pytestmark = pytest.mark.ours("clusters of the reference server differ in what they guarantee")


def row(name, **columns):
    return {"op": "insert", "table": "T", "row": {"name": name, **columns}}


@pytest.fixture
def members(lab):
    """Three members. Whatever a test does to them, their files agree in the end."""
    members = Members(lab)
    members.leader()
    yield members
    members.stop()
    members.check_files()


@pytest.fixture
def leader(members):
    return members.leader()


@pytest.fixture
def follower(members, leader):
    return next(member for member in members if member is not leader)


# Forming


@pytest.mark.parametrize("n", [1, 5])
def test_forms(lab, n):
    members = Members(lab, n)
    leader = members.leader()
    cids = {member.status()["Cluster ID"] for member in members}
    assert len(cids) == 1
    for member in members:
        status = member.status()
        assert (status["Name"], status["Status"]) == ("small", "cluster member")
        assert (status["Role"] == "leader") == (member is leader)
        assert member.sid() in status["Server ID"] and status["Address"] == member.address
        member.client().commit("small", row(member.name))
    members.wait_equal()
    assert all(names(member.server) == [one.name for one in members] for member in members)
    members.stop()
    members.check_files()


def test_server_rows(members, leader):
    for member in members:
        one = member.row()
        assert one["model"] == "clustered" and one["connected"] is True
        assert one["leader"] == (member is leader)
        assert one["sid"] == ["uuid", member.sid()]
        cid = members.lab.tool("-vconsole:off", "db-cid", member.path).ok().strip()
        assert one["cid"] == ["uuid", cid]
        assert json.loads(one["schema"])["name"] == "small"
    leader.client().commit("small", row("a"))
    members.wait_equal()
    last = int(leader.status()["Log"].strip("[]").split(", ")[1])
    for member in members:
        wait.until(lambda m=member: m.row()["index"] == last, "the index of the last entry")


# Transactions


def test_transactions_at_each_member(members):
    for member in members:
        client = member.client()
        uuid = client.insert("small", "T", {"name": member.name, "n": 1, "tags": "x"})
        # The client reads its own write at once.
        assert client.select("small", "T", ["_uuid", "n"], named(member.name)) == [
            {"_uuid": ["uuid", uuid], "n": 1}]
        client.commit("small", {"op": "mutate", "table": "T", "where": named(member.name),
                                "mutations": [["n", "+=", 1], ["tags", "insert", "y"]]})
        assert client.select("small", "T", ["n", "tags"], named(member.name)) == [
            {"n": 2, "tags": ["set", ["x", "y"]]}]
    members.wait_equal()
    assert all(names(member.server) == ["a", "b", "c"] for member in members)


def test_errors_at_each_member(members):
    """The reply is the same wherever it comes from."""
    for operations in (
            [{"op": "frobnicate"}], [{"op": "insert", "table": "Nope", "row": {}}],
            [row("x", n="no integer")], [row("x"), {"op": "abort"}],
            [row("x"), {"op": "insert", "table": "I", "row": {"a": 1, "b": "p"}},
             {"op": "insert", "table": "I", "row": {"a": 1, "b": "q"}}],
            [row("x", kids=["uuid", "00000000-0000-4000-8000-000000000001"])],
            [row("x"), {"op": "wait", "table": "T", "where": named("none"), "timeout": 0,
                        "columns": ["n"], "until": "==", "rows": [{"n": 1}]}],
            [row("x"), {"op": "assert", "lock": "none"}], []):
        replies = []
        for member in members:
            reply = member.client().transact("small", *operations)
            for result in reply:
                if result and "uuid" in result:
                    result["uuid"] = "any"
            # These texts name the new rows' UUIDs.
            replies.append([{"error": result["error"]} if result and "error" in result else result
                            for result in reply])
        assert replies[0] == replies[1] == replies[2]
    assert all(names(member.server) == [] for member in members)
    errors = [member.client().error("transact", "nope", row("x")) for member in members]
    assert errors[0] == errors[1] == errors[2]


def waiting(name, timeout):
    return [{"op": "wait", "table": "T", "where": named(name), "columns": ["name"], "until": "==",
             "rows": [{"name": name}], "timeout": timeout}, row(f"after {name}")]


def test_wait_at_each_member(members):
    for member in members:
        begin = time.monotonic()
        reply = member.client().transact("small", *waiting("never", 200))
        assert reply[0]["error"] == "timed out" and time.monotonic() - begin >= 0.2
        client = member.client()
        request = client.request("transact", ["small", *waiting(member.name, 60000)])
        client.call("echo")
        for other in members:
            if other is not member:
                other.client().commit("small", row(f"{member.name} {other.name}"))
        client.has_no_notification()
        assert not client.replies
        other.client().commit("small", row(member.name))
        assert client.result(request)[0] == {}
        assert client.select("small", "T", ["name"], named(f"after {member.name}"))


def test_cancel_at_each_member(members):
    for member in members:
        client = member.client()
        request = client.request("transact", ["small", *waiting(member.name, 60000)])
        client.call("echo")
        client.notify("cancel", [request])
        assert client.reply(request)["error"] == "canceled"
        client.commit("small", row(member.name))
    members.wait_equal()
    assert names(member.server) == ["a", "b", "c"]


def test_a_client_that_leaves_while_it_waits(members):
    for member in members:
        with member.client() as client:
            client.request("transact", ["small", *waiting(member.name, 60000)])
            client.call("echo")
        member.client().commit("small", row(member.name))
    for member in members:
        member.client().commit("small", row("last"))
    assert not [name for name in names(member.server) if name.startswith("after")]


def test_pipelined_writes(members, follower):
    client = follower.client()
    requests = [client.request("transact", ["small", row(f"{i:03}", n=i)]) for i in range(200)]
    for request in requests:
        [result] = client.result(request)
        assert "uuid" in result
    assert names(follower.server) == [f"{i:03}" for i in range(200)]
    members.wait_equal()
    assert all(len(names(member.server)) == 200 for member in members)


def test_pipelined_transactions_keep_their_order(members, follower):
    client = follower.client()
    client.commit("small", row("counter"))
    requests = [client.request("transact", ["small", {
        "op": "update", "table": "T", "where": [["n", "==", i]], "row": {"n": i + 1}}])
        for i in range(50)]
    assert [client.result(request) for request in requests] == [[{"count": 1}]] * 50
    select = client.request("transact", ["small", {
        "op": "select", "table": "T", "where": [], "columns": ["n"]}])
    assert client.result(select) == [{"rows": [{"n": 50}]}]


# Monitors


def test_monitors_at_each_member(members):
    columns = ["name", "n", "tags", "map"]
    monitors = [(MonitorClient(member.server, kind, columns), member)
                for member in members for kind in KINDS]
    for number, member in enumerate(members):
        client = member.client()
        for i in range(5):
            client.commit("small", row(f"{member.name}{i}", n=i, tags=["set", ["x", "y"]]))
        client.commit("small", {"op": "mutate", "table": "T", "where": [], "mutations": [
            ["n", "+=", 1], ["tags", "delete", "x"], ["map", "insert", ["map", [["k", "v"]]]]]})
        client.commit("small", {"op": "delete", "table": "T", "where": [["n", "==", 3 + number]]})
    members.wait_equal()
    for monitor, member in monitors:
        monitor.check(member.server)
    first = monitors[0][0].replica.rows("T")
    assert first and all(monitor.replica.rows("T") == first for monitor, _ in monitors)


def test_an_update_comes_before_its_reply(follower):
    for kind in KINDS:
        monitor = MonitorClient(follower.server, kind)
        monitor.client.commit("small", row(kind))
        assert monitor.client.notifications
        monitor.check(follower.server)


# The loss of members


def test_all_restart(members):
    for member in members:
        member.client().commit("small", row(member.name))
    members.wait_equal()
    for member in members:
        member.kill()
    members.start()
    members.leader()
    assert all(names(member.server) == ["a", "b", "c"] for member in members)
    for member in members:
        member.stop()
    members.start()
    members.leader()
    for member in members:
        member.client().commit("small", row(f"again {member.name}"))
    members.wait_equal()
    assert all(len(names(member.server)) == 6 for member in members)


def test_a_stopped_leader_hands_over(lab):
    """The time of an election would be far longer than the test's patience."""
    members = Members(lab, election_timer=300000)
    leader = members.leader()
    leader.stop()
    second = members.leader()
    assert second is not leader
    assert second.status()["Term"] != "1"
    for member in members.running():
        member.client().commit("small", row(member.name))
    members.start(leader)
    assert members.leader() is second
    members.wait_equal()
    assert len(names(leader.server)) == 2
    members.stop()
    members.check_files()


def test_minority(members, leader, follower):
    """Without a majority transactions wait, and go on when it is back. Reads go on."""
    follower.client().commit("small", row("before"))
    members.wait_equal()
    [third] = [member for member in members if member not in (leader, follower)]
    leader.kill()
    third.kill()
    follower.wait_disconnected()
    client = follower.client()
    assert client.select("small", "T", ["name"]) == [{"name": "before"}]
    assert follower.row()["leader"] is False
    request = client.request("transact", ["small", row("meanwhile")])
    follower.client().call("echo")
    assert not client.replies
    members.start(third)
    assert "uuid" in client.result(request, PATIENCE)[0]
    members.wait_equal()
    assert names(third.server) == ["before", "meanwhile"]
    members.start(leader)
    members.leader()
    members.wait_equal()
    assert names(leader.server) == ["before", "meanwhile"]
