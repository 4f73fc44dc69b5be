# SPDX-License-Identifier: Apache-2.0
"""Clusters as their clients see them: transactions and monitors at each member, the loss of members,
and what the files hold afterwards."""
import json
import pathlib
import threading
import time

import pytest

from harness import wait
from harness.idl import Idl
from harness.members import PATIENCE, Members
from harness.monitor_client import KINDS, MonitorClient
from harness.replica import ZERO
from harness.rpc import Client, Closed, RpcError
from harness.small_schema import named

pytestmark = pytest.mark.ours("clusters of the reference server differ in what they guarantee")


def row(name, **columns):
    return {"op": "insert", "table": "T", "row": {"name": name, **columns}}


def names(server):
    """The names of all rows, sorted. With the UUIDs, because a select joins equal results."""
    return sorted(r["name"] for r in server.client().select("small", "T", ["_uuid", "name"]))


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
    last = int(leader.status()["Log"].strip("[]").split(", ")[1]) - 1
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


def writer(members, stop, name, acknowledged, unknown):
    """Inserts rows with unique names at one member after the other until `stop` is set."""
    i = 0
    while not stop.is_set():
        member = members.all[i % len(members.all)]
        try:
            with Client(member.server.socket_path) as client:
                while not stop.is_set():
                    i += 1
                    one = f"{name} {i:04}"
                    unknown.add(one)
                    [result] = client.call("transact", "small", row(one), patience=2)
                    assert "uuid" in result, result
                    unknown.remove(one)
                    acknowledged.add(one)
        except (OSError, Closed, RpcError, AssertionError):
            i += 1  # the member is away, or has lost the leader: the fate of `one` stays unknown


def test_killed_leaders_under_load(members):
    """Nothing that was acknowledged is lost, nothing is applied twice."""
    stop, acknowledged, unknown = threading.Event(), set(), set()
    threads = [threading.Thread(target=writer, args=(members, stop, name, acknowledged, unknown))
               for name in ("p", "q")]
    for thread in threads:
        thread.start()
    try:
        for _ in range(3):
            n = len(acknowledged)
            wait.until(lambda before=n: len(acknowledged) > before + 20, "writes", PATIENCE)
            leader = members.leader()
            leader.kill()
            n = len(acknowledged)
            wait.until(lambda before=n: len(acknowledged) > before, "writes after it", PATIENCE)
            members.start(leader)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    members.leader()
    for member in members:
        member.client().commit("small", row("the end"))
    members.wait_equal()
    contents = [names(member.server) for member in members]
    assert contents[0] == contents[1] == contents[2]
    assert contents[0].count("the end") == 3
    rest = [name for name in contents[0] if name != "the end"]
    assert len(rest) == len(set(rest))
    assert acknowledged <= set(rest) <= acknowledged | unknown


def test_an_undone_transaction(lab):
    """A leader that is alone executes a transaction that the others never see. When it hears of
    the new leader, the transaction is gone, and the client gets no reply that says otherwise."""
    members = Members(lab, election_timer=5000)
    leader = members.leader()
    followers = members.followers()
    leader.server.allow("its output depends on a failed write", "transactions withdrawn: 1")
    leader.client().commit("small", row("before"))
    members.wait_equal()
    for follower in followers:
        follower.kill()
    lonely = leader.client()
    lonely.request("transact", ["small", row("lonely")])
    wait.until(lambda: b"lonely" in leader.path.read_bytes(), "the entry in the leader's file")
    leader.freeze()
    for follower in followers:
        follower.start()
    second = members.leader()
    second.client().commit("small", row("after"))
    leader.thaw()
    assert not lonely.wait_closed(PATIENCE)
    members.leader()
    members.wait_equal()
    assert all(names(member.server) == ["after", "before"] for member in members)
    members.stop()
    members.check_files()


# Clients with several servers


def test_resume_at_another_member(members, leader):
    """The client gets only what it has missed."""
    leader.client().commit("small", *(row(f"a{i}") for i in range(20)))
    monitor = {"T": {"columns": ["name"]}}
    with leader.client() as client:
        found, last, updates = client.call("monitor_cond_since", "small", "m", monitor, ZERO)
        assert not found and len(updates["T"]) == 20
    leader.kill()
    second = members.leader()
    second.client().commit("small", row("b"))
    members.wait_equal()
    for member in members.running():
        found, new, updates = member.client().call("monitor_cond_since", "small", "m", monitor,
                                                   last)
        assert found and new != last
        [update] = updates["T"].values()
        assert update == {"insert": {"name": "b"}}
    members.start(leader)
    members.wait_equal()
    found, again, updates = leader.client().call("monitor_cond_since", "small", "m", monitor, last)
    assert found and again == new and len(updates["T"]) == 1


@pytest.mark.parametrize("leader_only", [True, False])
def test_idl(members, leader, leader_only):
    """Python's IDL goes to another member, and its transactions go on."""
    idl = Idl(members.remotes(), leader_only=leader_only)
    try:
        idl.until(idl.idl.has_ever_connected, "the contents")
        idl.insert("one")
        leader.stop()
        idl.until(lambda: members.leader() is not leader, "another leader")
        idl.insert("two")
        idl.until(lambda: sorted(one.name for one in idl.rows("T")) == ["one", "two"], "both rows")
    finally:
        idl.idl.close()
    members.start(leader)


def test_ovsdb_client(lab, members, leader, follower):
    """Debian's ovsdb-client and ours."""
    transaction = json.dumps(["small", row("x")])
    for program in (lab.reference.client, lab.programs.client):
        def client(*args):
            return lab.run(program, "-vconsole:off", "-t", "20", *args, env=lab.client_env())

        client("wait", follower.remote, "small", "connected").ok()
        client("transact", members.remotes(), transaction).ok()
        client("--no-leader-only", "transact", members.remotes(), transaction).ok()
        client("--no-leader-only", "transact", follower.remote, transaction).ok()
        client("--leader-only", "transact", leader.remote, transaction).ok()
    lab.run(lab.programs.client, "-vconsole:off", "-t", "20", "--leader-only", "transact",
            follower.remote, transaction).fails(1, "not the leader")
    leader.kill()
    members.leader()
    client("transact", members.remotes(), transaction).ok()
    assert len(names(follower.server)) == 9
    members.start(leader)


def test_ovn_nbctl(lab):
    """OVN's client library, in C."""
    members = Members(lab, schema=pathlib.Path("/usr/share/ovn/ovn-nb.ovsschema"))
    leader = members.leader()

    def nbctl(*args, remotes=members.remotes()):
        return lab.run("/usr/bin/ovn-nbctl", f"--db={remotes}", "-vconsole:off", "-t", "30", *args)

    nbctl("init").ok()
    nbctl("ls-add", "one").ok()
    for follower in members.followers():
        nbctl("--no-leader-only", "ls-add", follower.name, remotes=follower.remote).ok()
    leader.kill()
    # It gives up when the first server that it tries is away.
    wait.until(lambda: nbctl("--may-exist", "ls-add", "two").status == 0, "a commit", PATIENCE)
    members.start(leader)
    members.leader()
    members.wait_equal()
    for member in members:
        said = nbctl("--no-leader-only", "ls-list", remotes=member.remote).ok()
        assert sorted(line.split("(")[1].strip(")") for line in said.splitlines()) == sorted(
            ["one", "two", *(one.name for one in members if one is not leader)])
    members.stop()
    members.check_files()


# Files


def test_the_log_of_a_running_member(lab, members):
    members.leader().client().commit("small", row("seen"))
    members.wait_equal()
    for member in members:
        for program in (lab.programs.tool, lab.reference.tool):
            said = lab.run(program, "-vconsole:off", "-mm", "show-log", member.path).ok()
            assert "seen" in said
            assert lab.run(program, "-vconsole:off", "db-name", member.path).ok() == "small\n"
