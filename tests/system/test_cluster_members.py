# SPDX-License-Identifier: Apache-2.0
"""The members of a cluster: they join, leave, are removed, and get snapshots and other schemas."""
import copy

import pytest

from harness import lab as lab_module
from harness import wait
from harness.cluster import free_ports
from harness.rpc import Closed, RpcError

pytestmark = pytest.mark.ours("the members are of one implementation; see the files of others below")
LONG = 3 * wait.PATIENCE
ROW = {"op": "insert", "table": "T", "row": {"name": "row", "n": 1}}


class Members:
    """Servers of one cluster by the name of their file, all on the loopback interface."""

    def __init__(self, lab, programs=None):
        self.lab = lab
        self.programs = programs or lab.programs
        self.ports = {}
        self.servers = {}

    def address(self, name):
        if name not in self.ports:
            [self.ports[name]] = free_ports(1)
        return f"tcp:127.0.0.1:{self.ports[name]}"

    def tool(self, *args):
        return self.lab.run(self.programs.tool, "-vconsole:off", *args)

    def create(self, name, schema="small"):
        assert self.tool("create-cluster", f"{name}.db", lab_module.schema_path(schema),
                         self.address(name)).status == 0

    def add(self, name, *others, options=()):
        """Makes the file of a server that joins through `others`."""
        self.tool(*options, "join-cluster", f"{name}.db", "small", self.address(name),
                  *map(self.address, others)).ok()

    def start(self, *names):
        for name in names:
            if name in self.servers:
                self.servers[name].start([self.lab.path(f"{name}.db")])
            else:
                self.servers[name] = self.lab.new_server(self.programs)
                self.servers[name].allow(".*").start([self.lab.path(f"{name}.db")])
        return self

    def status(self, name):
        return self.servers[name].control("cluster/status", "small")

    def state(self, name):
        [line] = [line for line in self.status(name).splitlines() if line.startswith("Status: ")]
        return line[len("Status: "):]

    def says(self, name, text):
        return text in self.status(name)

    def listed(self, name):
        """The addresses of the members that the server knows."""
        lines = self.status(name).partition("\nServers:\n")[2].splitlines()
        return {word.rstrip(")") for line in lines for word in line.split()
                if word.startswith("tcp:")}

    def wait_members(self, *names, of=None):
        expected = {self.address(name) for name in names}
        for name in of or names:
            wait.until(lambda n=name: self.state(n) == "cluster member" and
                       self.listed(n) == expected, f"the members {names} at {name}", LONG)

    def leader(self, *names):
        """The name of the leader, as it says itself; waits for one."""
        names = names or [n for n, server in self.servers.items() if server.is_running()]
        return wait.until(lambda: next((n for n in names if self.says(n, "Role: leader")), None),
                          "a leader", LONG)

    def form(self, *names):
        """A running cluster of the servers."""
        first, *others = names
        self.create(first)
        self.start(first)
        for name in others:
            self.add(name, first)
            self.start(name)
            self.wait_members(*names[:names.index(name) + 1], of=[name])
        self.wait_members(*names)
        return self

    def client(self, name):
        client = self.servers[name].client()
        client.call("set_db_change_aware", True)
        return client

    def insert(self, name, value, patience=LONG):
        """Inserts a row; again while there is no leader."""
        def once():
            try:
                reply = self.client(name).transact("small", {**ROW, "row": {"name": value, "n": 1}})
            except (RpcError, Closed):
                return False
            return all("error" not in (one or {}) for one in reply)
        wait.until(once, f"a commit at {name}", patience)

    def names(self, name):
        return sorted(row["name"] for row in self.client(name).select("small", "T", ["name"]))

    def wait_names(self, expected, *names):
        for name in names:
            wait.until(lambda n=name: self.names(n) == sorted(expected),
                       f"{len(expected)} rows at {name}", LONG)

    def kick(self, name, text):
        """Asks the server; again while the last change of the members is not committed."""
        def once():
            try:
                self.servers[name].control("cluster/kick", "small", text)
            except RpcError as error:
                assert "try again" in str(error), error
                return False
            return True
        wait.until(once, f"the removal of {text}")

    def stop(self, *names):
        for name in names or self.servers:
            if self.servers[name].is_running():
                self.servers[name].stop()

    def check_files(self, *names):
        for programs in (self.lab.programs, self.lab.reference):
            self.lab.run(programs.tool, "-vconsole:off", "check-cluster",
                         *(self.lab.path(f"{name}.db") for name in names)).ok()


@pytest.fixture
def members(lab):
    return Members(lab)


# Joining


def test_join_through_a_follower(members):
    members.form("a", "b")
    [follower] = {"a", "b"} - {members.leader()}
    members.add("c", follower)
    members.start("c")
    members.wait_members("a", "b", "c")
    members.insert("c", "x")
    members.wait_names(["x"], "a", "b", "c")
    members.stop()
    members.check_files("a", "b", "c")


def test_join_the_cluster_of_an_id(lab, members):
    members.form("a")
    cid = members.tool("db-cid", "a.db").ok().strip()
    members.add("b", "a", options=["--cid=" + cid])
    members.start("b")
    members.wait_members("a", "b")
    members.add("c", "a", options=["--cid=cccccccc-0000-4000-8000-000000000003"])
    members.start("c")
    members.servers["c"].wait_log("cluster.*" + cid[:4])
    assert members.state("c") == "joining cluster"
    assert members.listed("a") == {members.address("a"), members.address("b")}


def test_two_join_at_once(members):
    members.form("a")
    for name in "bcde":
        members.add(name, "a")
    members.start("b", "c", "d", "e")
    members.wait_members(*"abcde")


def test_join_while_the_leader_changes(members):
    members.form("a", "b", "c")
    leader = members.leader()
    others = sorted({"a", "b", "c"} - {leader})
    members.servers[leader].kill()
    members.add("d", *others)
    members.start("d")
    members.wait_members("a", "b", "c", "d", of=[*others, "d"])


def test_join_with_a_restart(members):
    members.create("a")
    members.add("b", "a")
    members.start("b")
    assert members.state("b") == "joining cluster"
    members.servers["b"].kill()
    members.start("b", "a")
    members.wait_members("a", "b")
    members.servers["b"].kill()
    members.start("b")
    members.wait_members("a", "b")


# Leaving


def connected(client):
    [row] = client.select("_Server", "Database", ["connected"], [["name", "==", "small"]])
    return row["connected"]


def left(members, name):
    wait.until(lambda: members.state(name) == "left cluster", f"{name} to have left", LONG)


@pytest.mark.parametrize("who", ["leader", "follower"])
def test_leave(members, who):
    members.form("a", "b", "c")
    leader = members.leader()
    name = leader if who == "leader" else min({"a", "b", "c"} - {leader})
    others = sorted({"a", "b", "c"} - {name})
    members.insert(name, "x")
    assert members.servers[name].control("cluster/leave", "small") in ("", {}, None)
    left(members, name)
    assert connected(members.client(name)) is False
    members.wait_members(*others)
    with pytest.raises(RpcError, match="has left"):
        members.servers[name].control("cluster/leave", "small")
    members.insert(others[0], "y")
    members.wait_names(["x", "y"], *others)
    members.stop(name)
    try:
        members.start(name)
    except AssertionError as error:
        assert "left" in str(error)
    else:
        assert members.state(name) == "left cluster"
    members.wait_members(*others)


def test_the_only_member_cannot_leave(members):
    members.form("a")
    members.insert("a", "x")
    with pytest.raises(RpcError, match="only member"):
        members.servers["a"].control("cluster/kick", "small", members.address("a"))
    with pytest.raises(RpcError, match="only member cannot leave"):
        members.servers["a"].control("cluster/leave", "small")
    assert members.state("a") == "cluster member"
    members.insert("a", "y")
    members.servers["a"].kill()
    members.start("a")
    members.wait_names(["x", "y"], "a")


@pytest.mark.parametrize("by", ["address", "id", "prefix"])
def test_kick(members, by):
    members.form("a", "b", "c")
    leader = members.leader()
    victim, other = sorted({"a", "b", "c"} - {leader})
    sid = members.servers[victim].control("cluster/sid", "small").strip()
    text = {"address": members.address(victim), "id": sid, "prefix": sid[:8]}[by]
    members.kick(leader, text)
    members.wait_members(leader, other)
    left(members, victim)
    assert connected(members.client(victim)) is False
    members.stop(victim)
    members.insert(leader, "x")


def test_kick_a_dead_member(members):
    members.form("a", "b", "c")
    leader = members.leader()
    victim, other = sorted({"a", "b", "c"} - {leader})
    members.servers[victim].kill()
    members.kick(leader, members.address(victim))
    members.wait_members(leader, other)
    members.insert(other, "x")
    members.start(victim)
    left(members, victim)
    members.wait_members(leader, other)


def test_kick_through_a_follower(members):
    members.form("a", "b", "c")
    leader = members.leader()
    victim, other = sorted({"a", "b", "c"} - {leader})
    members.kick(other, members.address(victim))
    members.wait_members(leader, other)
    left(members, victim)


def test_kick_the_leader(members):
    members.form("a", "b", "c")
    leader = members.leader()
    others = sorted({"a", "b", "c"} - {leader})
    members.kick(leader, members.address(leader))
    members.wait_members(*others)
    left(members, leader)
    members.insert(others[0], "x")


def test_kick_unknown(members):
    members.form("a", "b")
    for name in ("a", "b"):
        for text in ("zzzz", "tcp:127.0.0.1:1", "11111111-0000-4000-8000-000000000001"):
            with pytest.raises(RpcError, match="unknown server"):
                members.servers[name].control("cluster/kick", "small", text)


# Snapshots


def test_compaction(members):
    members.form("a", "b", "c")
    for i in range(20):
        members.insert("a", f"{i}")
    everything = [f"{i}" for i in range(20)]
    members.wait_names(everything, "a", "b", "c")
    for name in ("a", "b", "c"):
        before = members.lab.path(f"{name}.db").stat().st_size
        members.servers[name].control("ovsdb-server/compact", "small")
        assert members.lab.path(f"{name}.db").stat().st_size < before
    members.insert("b", "more")
    members.wait_names([*everything, "more"], "a", "b", "c")
    members.stop()
    members.check_files("a", "b", "c")
    members.start("a", "b", "c")
    members.wait_names([*everything, "more"], "a", "b", "c")


def test_away_longer_than_the_log(members):
    members.form("a", "b", "c")
    leader = members.leader()
    away, other = sorted({"a", "b", "c"} - {leader})
    members.insert(away, "first")
    members.stop(away)
    client = members.client(leader)
    for i in range(1100):  # more than are kept
        client.commit("small", {**ROW, "row": {"name": f"{i}", "n": i}})
    members.servers[leader].control("ovsdb-server/compact", "small")
    members.servers[other].control("ovsdb-server/compact", "small")
    members.start(away)
    members.wait_names(["first", *(f"{i}" for i in range(1100))], away)
    members.insert(away, "last")
    members.stop()
    members.check_files("a", "b", "c")
    members.start("a", "b", "c")
    members.wait_names(["first", "last", *(f"{i}" for i in range(1100))], "a", "b", "c")


# Conversion


def newer():
    schema = copy.deepcopy(lab_module.schema("small"))
    schema["version"] = "2.0.0"
    schema["tables"]["T"]["columns"]["extra"] = {"type": {"key": "string", "min": 0}}
    return schema


@pytest.mark.parametrize("through", ["leader", "follower"])
def test_convert(members, through):
    members.form("a", "b", "c")
    leader = members.leader()
    follower = min({"a", "b", "c"} - {leader})
    name = leader if through == "leader" else follower
    members.insert(name, "x")
    members.wait_names(["x"], "a", "b", "c")
    watchers = {n: members.client(n) for n in "abc"}
    for watcher in watchers.values():
        watcher.call("monitor_cond", "small", "m", {"T": [{"columns": ["name"]}]})
    assert members.client(name).call("convert", "small", newer()) == {}
    for n, watcher in watchers.items():
        assert watcher.notification("monitor_canceled") == ["m"]
        wait.until(lambda w=watcher: w.call("get_schema", "small")["version"] == "2.0.0",
                   f"the schema at {n}", LONG)
        columns = watcher.call("get_schema", "small")["tables"]["T"]["columns"]
        assert "ephemeral" not in columns["eph"]
        assert watcher.select("small", "T", ["name", "extra"]) == \
            [{"name": "x", "extra": ["set", []]}]
    members.client(name).commit("small", {**ROW, "row": {"name": "y", "extra": "e", "eph": "kept"}})
    members.stop()
    members.check_files("a", "b", "c")
    members.start("a", "b", "c")
    members.wait_names(["x", "y"], "a", "b", "c")
    [row] = members.client("a").select("small", "T", ["extra", "eph"], [["name", "==", "y"]])
    assert row == {"extra": "e", "eph": "kept"}


@pytest.mark.parametrize("through", ["leader", "follower"])
def test_convert_fails(members, through):
    members.form("a", "b")
    leader = members.leader()
    name = leader if through == "leader" else min({"a", "b"} - {leader})
    members.insert(name, "x")
    violated = newer()
    violated["tables"]["T"]["columns"]["name"]["type"] = {
        "key": {"type": "string", "minLength": 5}}
    client = members.client(name)
    with pytest.raises(RpcError, match="constraint violation"):
        client.call("convert", "small", violated)
    with pytest.raises(RpcError, match="syntax error"):
        client.call("convert", "small", {"name": "small", "version": "2.0.0"})
    with pytest.raises(RpcError):
        client.call("convert", "small", {**newer(), "name": "other"})
    members.insert(name, "y")
    members.wait_names(["x", "y"], "a", "b")
    assert client.call("get_schema", "small")["version"] != "2.0.0"


# Settings


def test_election_timer(members):
    members.form("a", "b")
    leader = members.leader()
    [follower] = {"a", "b"} - {leader}
    with pytest.raises(RpcError, match="through leader"):
        members.servers[follower].control("cluster/change-election-timer", "small", "2000")
    members.servers[leader].control("cluster/change-election-timer", "small", "2000")
    for name in ("a", "b"):
        wait.until(lambda n=name: members.says(n, "Election timer: 2000"), "the timer")
    members.servers[follower].control("cluster/set-backlog-threshold", "small", "100", "1000000")
    members.stop()
    members.start("a", "b")
    assert members.says("a", "Election timer: 2000")


# Files of other servers


def test_files_go_to_and_fro(lab):
    theirs = Members(lab, lab.reference)
    theirs.form("a", "b", "c")
    theirs.insert("b", "theirs")
    theirs.wait_names(["theirs"], "a", "b", "c")
    theirs.stop()
    theirs.check_files("a", "b", "c")
    ours = Members(lab)
    ours.ports = theirs.ports
    ours.start("a", "b", "c")
    ours.wait_members("a", "b", "c")
    ours.wait_names(["theirs"], "a", "b", "c")
    ours.insert("c", "ours")
    ours.wait_names(["ours", "theirs"], "a", "b", "c")
    ours.servers["b"].control("ovsdb-server/compact", "small")
    ours.insert("a", "ours too")
    ours.wait_names(["ours", "ours too", "theirs"], "a", "b", "c")
    ours.stop()
    ours.check_files("a", "b", "c")
    theirs.start("a", "b", "c")
    theirs.wait_members("a", "b", "c")
    theirs.wait_names(["ours", "ours too", "theirs"], "a", "b", "c")
    theirs.insert("a", "again")
    theirs.wait_names(["again", "ours", "ours too", "theirs"], "a", "b", "c")
    theirs.stop()
    theirs.check_files("a", "b", "c")
