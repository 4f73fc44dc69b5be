# SPDX-License-Identifier: Apache-2.0
"""Remotes that a database names ("db:DB,TABLE,COLUMN"): opened, closed, and their status in the
rows."""
import os
import random
import re

import pytest

from harness import dbfile, wait
from harness.sockets import accept, listen, listen_tcp, port_of
from harness.lab import schema
from harness.rpc import Client, Closed, RpcError

ROWS, TARGETS = "db:remotes,Config,managers", "db:remotes,Config,targets"
ANY = r"127\.0\.0\.1"


def as_set(values):
    return ["set", list(values)]


class Named:
    """A server that follows both kinds of columns, and the client that changes them."""

    def __init__(self, lab, *options, records=(), columns=(ROWS, TARGETS), path=None):
        self.lab = lab
        self.path = path or lab.db("remotes", None, *records)
        self.server = lab.new_server()
        self.options = [f"--remote={column}" for column in columns] + list(options)
        self.start()

    def start(self):
        self.server.start([self.path], *self.options)
        self.client = self.server.client()

    def transact(self, *operations):
        return self.client.commit("remotes", *operations)

    def name_targets(self, *targets):
        """Makes these the remotes of the column of strings."""
        count = self.update("Config", [], targets=as_set(targets))
        if not count:
            self.client.insert("remotes", "Config", {"targets": as_set(targets)})

    def update(self, table, where, **row):
        return self.transact({"op": "update", "table": table, "where": where,
                              "row": row})[0]["count"]

    def add(self, target, **row):
        """Inserts a row that names a remote; returns the UUID of the row."""
        operations = [
            {"op": "insert", "table": "Manager", "uuid-name": "it",
             "row": dict(row, target=target)},
            {"op": "mutate", "table": "Config", "where": [],
             "mutations": [["managers", "insert", as_set([["named-uuid", "it"]])]]}]
        if not self.client.select("remotes", "Config"):
            operations.insert(0, {"op": "insert", "table": "Config", "row": {}})
        return self.transact(*operations)[-2]["uuid"][1]

    def change(self, uuid, **row):
        assert self.update("Manager", [["_uuid", "==", ["uuid", uuid]]], **row) == 1

    def drop(self, uuid):
        self.transact({"op": "mutate", "table": "Config", "where": [],
                       "mutations": [["managers", "delete", as_set([["uuid", uuid]])]]})

    def row(self, uuid):
        """Returns is_connected and status of a row."""
        where = [["_uuid", "==", ["uuid", uuid]]]
        row = self.client.select("remotes", "Manager", ["is_connected", "status"], where)[0]
        return row["is_connected"], dict(row["status"][1])

    def until_row(self, uuid, connected, **status):
        """Waits until the row has this status."""
        def told():
            now_connected, now_status = self.row(uuid)
            found = {key: now_status.get(key) for key in status}
            return now_connected == connected and found == status and (now_status,)

        try:
            return wait.until(told, f"{connected}, {status}")[0]
        except AssertionError as error:
            raise AssertionError(f"{error}: {self.row(uuid)}") from error


@pytest.fixture
def named(lab):
    return Named(lab)


def serves(path):
    """True if a server listens there and serves the database."""
    try:
        with Client(path) as client:
            return "remotes" in client.call("list_dbs")
    except (OSError, Closed):
        return False


def listens(address):
    try:
        with Client(address) as client:
            return client.call("list_dbs")
    except (OSError, Closed):
        return False


def until_serves(path):
    wait.until(lambda: serves(path), f"a server at {path}")


def until_gone(path):
    wait.until(lambda: not os.path.exists(path), f"the end of {path}")


def remotes(server):
    return server.control("ovsdb-server/list-remotes").splitlines()


# Followed


def test_targets_are_followed(lab, named):
    one, two = lab.run_dir / "one", lab.run_dir / "two"
    named.name_targets("punix:one", f"punix:{two}")
    until_serves(one)
    until_serves(two)
    client = named.server.client(two)
    client.call("echo")
    named.name_targets("punix:one")
    client.wait_closed()
    until_gone(two)
    assert serves(one)
    named.name_targets()
    until_gone(one)


def test_rows_are_followed(lab, named):
    path = lab.run_dir / "row"
    uuid = named.add("punix:row")
    until_serves(path)
    named.change(uuid, target="punix:other")
    until_serves(lab.run_dir / "other")
    until_gone(path)
    named.drop(uuid)
    until_gone(lab.run_dir / "other")


def test_all_rows_of_the_table_count(lab, named):
    named.client.insert("remotes", "Config", {"targets": "punix:one"})
    named.client.insert("remotes", "Config", {"targets": "punix:two"})
    until_serves(lab.run_dir / "one")
    until_serves(lab.run_dir / "two")
    named.transact({"op": "delete", "table": "Config", "where": []})
    until_gone(lab.run_dir / "one")


def test_remotes_are_open_when_the_server_is_ready(lab):
    record = {"Config": {"00000000-0000-0000-0000-00000000000a": {"targets": "punix:named"}}}
    Named(lab, records=[record])
    assert serves(lab.run_dir / "named")


def test_a_restart_keeps_the_remotes(lab, named):
    named.name_targets("punix:one")
    until_serves(lab.run_dir / "one")
    named.server.stop()
    assert not os.path.exists(lab.run_dir / "one")
    named.start()
    assert serves(lab.run_dir / "one")


@pytest.mark.difference("names-resolved")
def test_name_is_resolved(named):
    with listen_tcp() as far:
        uuid = named.add("tcp:localhost:%d" % far.getsockname()[1])
        with accept(far) as client:
            assert "remotes" in client.call("list_dbs")
            named.until_row(uuid, True, state="ACTIVE")


def test_several_databases(lab):
    other = schema("remotes")
    other["name"] = "second"
    paths = [lab.db("remotes"), dbfile.create(lab.path("second.db"), other)]
    server = lab.serve(*paths, options=[f"--remote={TARGETS}",
                                        "--remote=db:second,Config,targets"])
    for name in ("remotes", "second"):
        server.client().insert(name, "Config", {"targets": f"punix:{name}"})
        until_serves(lab.run_dir / name)
    server.control("ovsdb-server/remove-remote", TARGETS)
    until_gone(lab.run_dir / "remotes")
    assert serves(lab.run_dir / "second")


def test_random_changes(lab, named):
    """Rows and strings are inserted, changed and deleted while clients are connected and commands
    run: exactly the named remotes are served."""
    rng, rows, clients = random.Random(7), {}, []
    names = [f"n{i}" for i in range(6)]
    named.name_targets()

    def connect():
        path = lab.run_dir / rng.choice(names)
        if serves(path):
            clients.append(named.server.client(path))

    def add():
        name = rng.choice(names)
        rows[named.add(f"punix:{name}", read_only=rng.random() < .5)] = name

    def change():
        if rows:
            uuid, name = rng.choice(list(rows)), rng.choice(names)
            rows[uuid] = name
            named.change(uuid, target=f"punix:{name}", read_only=rng.random() < .5)

    def drop():
        if rows:
            uuid = rng.choice(list(rows))
            del rows[uuid]
            named.drop(uuid)

    def command():
        verb = rng.choice(["add", "remove"])
        named.server.control(f"ovsdb-server/{verb}-remote", ROWS)
        if verb == "remove":
            named.server.control("ovsdb-server/add-remote", ROWS)

    strings = set()
    for _ in range(25):
        for _ in range(3):
            rng.choice([add, change, drop, connect, command])()
        strings = set(rng.sample(names, 2))
        named.name_targets(*(f"punix:{name}" for name in strings))
        expected = strings | set(rows.values())
        wait.until(lambda: {n for n in names if serves(lab.run_dir / n)} == expected, expected)
    for uuid in rows:
        named.until_row(uuid, named.row(uuid)[0], last_error=None)


# Settings


def test_probe_interval_of_a_connection_that_is_up(named):
    uuid = named.add("ptcp:0:127.0.0.1", inactivity_probe=0)
    port = port_of(named.server, "0:" + ANY)
    client = named.server.client(("127.0.0.1", port))
    client.call("echo")
    named.change(uuid, inactivity_probe=1000)
    assert client.receive("a probe", 4 * wait.SLOWNESS)["method"] == "echo"


def test_default_probe_interval_is_back(named):
    uuid = named.add("punix:probed", inactivity_probe=1000)
    path = os.path.join(named.server.run_dir, "probed")
    until_serves(path)
    client, steady = named.server.client(path), named.add("punix:steady", inactivity_probe=1000)
    until_serves(os.path.join(named.server.run_dir, "steady"))
    clock = named.server.client(os.path.join(named.server.run_dir, "steady"))
    assert client.receive("a probe")["method"] == "echo"
    client.send({"id": "echo", "result": [], "error": None})
    named.change(uuid, inactivity_probe=as_set([]))
    assert named.row(steady)
    seen = client.n_echoes
    for _ in range(3):
        clock.send({"id": "echo", "result": [], "error": None})
        assert clock.receive("a probe", 4 * wait.SLOWNESS)["method"] == "echo"
    client.call("echo")
    assert client.n_echoes == seen


@pytest.mark.ours("a change of max_backoff does not shorten the wait of the reference server")
def test_max_backoff(lab, named):
    """A server that does not exist is dialed every second if the back-off is limited to that."""
    uuid = named.add(f"unix:{lab.path('far')}", max_backoff=1000)
    named.server.wait_log("dialing again in 1 seconds; further attempts are not logged")
    with listen(address=str(lab.path("far"))) as far:
        accept(far).close()
        accept(far).close()
        with accept(far) as client:
            client.call("echo")
            named.until_row(uuid, True)


@pytest.mark.difference("rights-follow")
def test_read_only(lab, named):
    uuid = named.add("punix:careful", read_only=True)
    path = lab.run_dir / "careful"
    until_serves(path)
    client = named.server.client(path)
    assert client.select("remotes", "Config")
    insert = {"op": "insert", "table": "Config", "row": {}}
    assert client.transact("remotes", insert)[0]["error"] == "not allowed"
    for method in ("lock", "steal"):
        assert "not allowed" in str(client.error(method, "door"))
    named.change(uuid, read_only=False)
    client.wait_closed()
    wait.until(lambda: serves(path), "the remote again")
    named.server.client(path).commit("remotes", insert)


@pytest.mark.difference("rights-follow")
def test_changed_role_ends_connections(lab, named):
    uuid = named.add("punix:role")
    until_serves(lab.run_dir / "role")
    client, other = named.server.client(lab.run_dir / "role"), named.server.client()
    client.call("echo")
    named.change(uuid, role="some-role")
    client.wait_closed()
    other.call("echo")


# Told


def test_listener_status(named):
    uuid = named.add("ptcp:0:127.0.0.1")
    port = port_of(named.server, "0:" + ANY)
    status = named.until_row(uuid, False, bound_port=str(port))
    assert not {"state", "n_connections", "locks_held", "last_error"} & set(status)
    one = named.server.client(("127.0.0.1", port))
    named.until_row(uuid, True, bound_port=str(port), n_connections=None)
    two = named.server.client(("127.0.0.1", port))
    two.call("echo")
    named.until_row(uuid, True, n_connections="2")
    two.close()
    named.until_row(uuid, True, n_connections=None)
    one.close()
    named.until_row(uuid, False)


@pytest.mark.difference("wildcards-apart")
@pytest.mark.parametrize("first, second",
                         [("ptcp:{}", "ptcp:{}:[::]"), ("ptcp:{}:[::]", "ptcp:{}")])
def test_wildcards_of_both_families(named, first, second):
    """Both can listen, in either order, and each row shows its own clients."""
    with listen_tcp() as probe:
        port = probe.getsockname()[1]
    one = named.add(first.format(port))
    named.until_row(one, False, bound_port=str(port))
    two = named.add(second.format(port))
    named.until_row(two, False, bound_port=str(port), last_error=None)
    six, four = (one, two) if "[" in first else (two, one)
    wait.until(lambda: listens(("127.0.0.1", port)) and listens(("::1", port)), "both")
    client = named.server.client(("127.0.0.1", port))
    client.call("echo")
    named.until_row(four, True)
    named.until_row(six, False)
    named.drop(four)
    client.wait_closed()
    wait.until(lambda: listens(("127.0.0.1", port)), "the other one")
    with Client(("127.0.0.1", port)):
        named.until_row(six, True)


@pytest.mark.difference("wildcards-apart")
def test_address_beside_its_wildcard(named):
    """They cannot both listen, and the row names the remote that is in the way."""
    named.server.allow(r"Address already in use by ptcp:0")
    first = named.add("ptcp:0")
    port = port_of(named.server, "ptcp:0")
    named.until_row(first, False, bound_port=str(port))
    uuid = named.add(f"ptcp:{port}:127.0.0.1")
    named.until_row(uuid, False, bound_port=None,
                    last_error=f"ptcp:{port}:127.0.0.1: cannot listen: "
                    "Address already in use by ptcp:0")
    named.drop(first)
    named.until_row(uuid, False, bound_port=str(port), last_error=None)


@pytest.mark.parametrize("target", ["ptcp:0:127.0.0.1", "punix:quiet"])
def test_listener_status_before_its_first_client(named, target):
    uuid = named.add(target)
    status = named.until_row(uuid, False, sec_since_connect="0", sec_since_disconnect="0")
    assert set(status) - {"bound_port"} == {"sec_since_connect", "sec_since_disconnect"}


def test_optional_is_connected(lab):
    """is_connected is false, not empty, while there is no connection."""
    optional = schema("remotes")
    boolean = {"type": {"key": "boolean", "min": 0, "max": 1}, "ephemeral": True}
    optional["tables"]["Manager"]["columns"]["is_connected"] = boolean
    named = Named(lab, path=dbfile.create(lab.path("optional.db"), optional))
    uuid = named.add("punix:optional")
    named.until_row(uuid, False)
    with named.server.client(lab.run_dir / "optional"):
        named.until_row(uuid, True)
    named.until_row(uuid, False)


@pytest.mark.difference("listener-tells-more")
def test_listener_status_is_that_of_its_oldest_client(named):
    uuid = named.add("punix:locks")
    path = os.path.join(named.server.run_dir, "locks")
    until_serves(path)
    client = named.server.client(path)
    client.call("lock", "mine")
    status = named.until_row(uuid, True, state="ACTIVE", locks_held="mine")
    assert int(status["sec_since_connect"]) < 10


def test_connector_status(named):
    with listen_tcp() as far:
        uuid = named.add("tcp:127.0.0.1:%d" % far.getsockname()[1])
        client = accept(far)
        status = named.until_row(uuid, True, state="ACTIVE", n_connections=None, locks_held=None)
        assert 0 <= int(status["sec_since_connect"]) < 10
        named.client.call("lock", "taken")
        client.call("lock", "a")
        client.call("steal", "b")
        client.call("lock", "taken")
        status = named.until_row(uuid, True, locks_waiting="taken")
        assert set(status["locks_held"].split()) == {"a", "b"}
        named.client.call("steal", "b")
        named.until_row(uuid, True, locks_held="a", locks_lost="b")
        far.close()
        client.close()
        status = named.until_row(uuid, False, state="BACKOFF", locks_held=None, locks_lost=None)
        assert {"sec_since_connect", "sec_since_disconnect"} <= set(status)


@pytest.mark.difference("last-error-told")
def test_why_a_connection_fails(named):
    with listen_tcp() as taken:
        port = taken.getsockname()[1]
    uuid = named.add(f"tcp:127.0.0.1:{port}")
    named.until_row(uuid, False, state="BACKOFF", last_error="Connection refused")


def test_user_who_writes_there_is_corrected(lab, named):
    uuid = named.add("punix:told")
    until_serves(lab.run_dir / "told")
    client = named.server.client(lab.run_dir / "told")
    client.call("echo")
    named.until_row(uuid, True)
    named.change(uuid, is_connected=False, status=["map", [["state", "garbage"]]])
    status = named.until_row(uuid, True)
    assert status.get("state") != "garbage"


@pytest.mark.difference("quiet-status")
def test_nothing_is_written_while_nothing_changes(named):
    """A listener with clients, a working connection and one without answers, for the time of three
    probes."""
    with listen_tcp() as far, listen_tcp() as refusing:
        refused = refusing.getsockname()[1]
        refusing.close()
        uuids = [named.add("ptcp:0:127.0.0.1", inactivity_probe=1000),
                 named.add("tcp:127.0.0.1:%d" % far.getsockname()[1], inactivity_probe=1000),
                 named.add(f"tcp:127.0.0.1:{refused}", max_backoff=1000)]
        port = port_of(named.server, "0:" + ANY)
        clients = [named.server.client(("127.0.0.1", port)) for _ in range(2)] + [accept(far)]
        for client in clients:
            client.call("echo")
        named.until_row(uuids[0], True, n_connections="2")
        named.until_row(uuids[1], True, state="ACTIVE")
        named.until_row(uuids[2], False, last_error="Connection refused")
        watcher = named.server.client()
        watcher.call("monitor", "remotes", "m",
                     {"Manager": {"columns": ["status", "is_connected"]}})
        for _ in range(3):
            for client in clients:
                assert client.receive("a probe", 4 * wait.SLOWNESS)["method"] == "echo"
                client.send({"id": "echo", "result": [], "error": None})
        watcher.has_no_notification()


def test_file_does_not_grow(lab, named):
    uuid = named.add("ptcp:0:127.0.0.1")
    named.until_row(uuid, False, bound_port=str(port_of(named.server, "0:" + ANY)))
    named.client.insert("remotes", "Config", {})
    records = len(dbfile.read(named.path))
    client = named.server.client(("127.0.0.1", port_of(named.server, "0:" + ANY)))
    client.call("echo")
    named.until_row(uuid, True)
    named.client.insert("remotes", "Config", {})
    assert len(dbfile.read(named.path)) == records + 1


def test_rows_with_other_columns(lab):
    """Columns that are missing or of another type are passed over, weak references followed."""
    named = Named(lab, columns=["db:remotes,Config,weak"])
    plain = named.client.insert("remotes", "Plain", {"target": "punix:plain",
                                                     "inactivity_probe": "1000"})
    named.client.insert("remotes", "Config", {"weak": ["uuid", plain]})
    until_serves(lab.run_dir / "plain")
    named.server.client(lab.run_dir / "plain").call("echo")
    row = named.client.select("remotes", "Plain", ["is_connected", "status"])[0]
    assert row["status"] == ""
    named.transact({"op": "delete", "table": "Plain", "where": []})
    until_gone(lab.run_dir / "plain")


# The same remote more than once


def test_named_in_two_rows(lab, named):
    first, second = named.add("ptcp:0:127.0.0.1"), named.add("ptcp:0:127.0.0.1")
    port = port_of(named.server, "0:" + ANY)
    client = named.server.client(("127.0.0.1", port))
    for uuid in (first, second):
        named.until_row(uuid, True, bound_port=str(port))
    named.drop(first)
    named.until_row(second, True, bound_port=str(port))
    client.call("echo")


@pytest.mark.difference("same-remote-once")
def test_named_in_a_row_and_as_an_option(lab):
    named = Named(lab, "--remote=punix:both")
    path = lab.run_dir / "both"
    client = named.server.client(path)
    uuid = named.add(f"punix:{path}", read_only=True)
    named.until_row(uuid, True)
    client.insert("remotes", "Config", {})  # the option counts
    named.drop(uuid)
    client.call("echo")
    uuid = named.add("punix:both", read_only=True)
    named.server.control("ovsdb-server/remove-remote", "punix:both")
    client.wait_closed()
    wait.until(lambda: serves(path), "the row's remote")
    insert = {"op": "insert", "table": "Config", "row": {}}
    assert named.server.client(path).transact("remotes", insert)[0]["error"] == "not allowed"


# Commands


def test_list_and_remove(lab, named):
    named.name_targets("punix:one")
    until_serves(lab.run_dir / "one")
    own = f"punix:{named.server.socket_path}"
    assert remotes(named.server) == sorted([ROWS, TARGETS, own])
    with pytest.raises(RpcError, match="no such remote"):
        named.server.control("ovsdb-server/remove-remote", "punix:one")
    named.server.control("ovsdb-server/remove-remote", TARGETS)
    until_gone(lab.run_dir / "one")
    assert remotes(named.server) == sorted([ROWS, own])
    named.server.control("ovsdb-server/add-remote", TARGETS)
    until_serves(lab.run_dir / "one")


WRONG = [
    ("db:nope,A,b", '"db:nope,A,b": no database named nope'),
    ("db:remotes,Nope,b", '"db:remotes,Nope,b": no table named Nope'),
    ("db:remotes,Config,nope", 'table "Config" has no column "nope"'),
    ("db:remotes,Config", '"db:remotes,Config": invalid syntax'),
    ("db:", '"db:": invalid syntax'),
]
WRONG_TYPE = [
    ("db:remotes,Config,number", 'column "number" holds neither strings nor references to rows'),
    ("db:remotes,Config,map", 'column "map" holds neither strings nor references to rows'),
    ("db:remotes,Config,no_targets", 'table "Config" has no column "target" of strings'),
]


@pytest.mark.parametrize("target, reason", WRONG + [
    pytest.param(*one, marks=pytest.mark.difference("bad-remote-refused")) for one in WRONG_TYPE])
def test_wrong_column(lab, target, reason):
    server = lab.serve("remotes")
    before = remotes(server)
    with pytest.raises(RpcError) as error:
        server.control("ovsdb-server/add-remote", target)
    assert reason in error.value.error
    assert remotes(server) == before
    server.stop()
    server.allow(r"\|ERR\|")
    server.launch([lab.path("remotes.db")], "--run=true", remotes=[target])
    assert server.wait_end() == 1
    assert reason in server.stderr()


# What goes wrong


@pytest.mark.difference("last-error-told")
def test_invalid_target(lab, named):
    uuid = named.add("garbage")
    named.server.allow(r"\|WARN\|.*garbage")
    named.until_row(uuid, False, state="VOID")
    named.add("punix:good")
    until_serves(lab.run_dir / "good")
    assert "garbage" in named.row(uuid)[1]["last_error"]
    assert len(re.findall(rf"WARN\|.*{uuid}.*garbage", named.server.log())) == 1
    named.change(uuid, target="punix:corrected")
    until_serves(lab.run_dir / "corrected")
    named.until_row(uuid, False, last_error=None)
    named.change(uuid, target=TARGETS)
    named.until_row(uuid, False, state="VOID", last_error="not a remote that a row can name")


@pytest.mark.difference("last-error-told")
def test_port_that_becomes_free(named):
    with listen_tcp() as taken:
        port = taken.getsockname()[1]
        named.server.allow(rf"\|WARN\|.*ptcp:{port}")
        uuid = named.add(f"ptcp:{port}:127.0.0.1")
        status = named.until_row(uuid, False, state="VOID")
        assert "Address already in use" in status["last_error"]
    until_serves(("127.0.0.1", port))
    named.until_row(uuid, False, last_error=None, bound_port=str(port))


def test_port_moves_to_another_row(named):
    """One transaction removes a remote and adds another one with the same port."""
    first = named.add("ptcp:0:127.0.0.1")
    port = port_of(named.server, "0:" + ANY)
    named.change(first, target=f"ptcp:{port}:127.0.0.1")
    wait.until(lambda: serves(("127.0.0.1", port)), "the port by number")
    named.change(first, target=f"ptcp:{port}")
    named.until_row(first, False, last_error=None, bound_port=str(port))
    wait.until(lambda: serves(("127.0.0.1", port)), "the port of all addresses")


def test_database_is_removed_and_added_again(lab, named):
    named.server.allow(r"\|WARN\|.*no database named remotes")
    uuid = named.add("punix:row")
    path = lab.run_dir / "row"
    until_serves(path)
    named.server.control("ovsdb-server/remove-db", "remotes")
    until_gone(path)
    assert ROWS in remotes(named.server)
    named.server.control("ovsdb-server/add-db", named.path)
    until_serves(path)
    named.client = named.server.client()
    named.client.call("set_db_change_aware", True)
    with Client(path) as client:
        client.call("echo")
        named.until_row(uuid, True)


def converted(drop):
    new = schema("remotes")
    columns = new["tables"]["Config"]["columns"]
    if drop:
        del columns["managers"]
    else:
        columns["extra"] = {"type": "integer"}
    return new


def test_database_is_converted(lab, named):
    uuid = named.add("punix:row")
    path = lab.run_dir / "row"
    until_serves(path)
    client = named.server.client(path)
    client.call("set_db_change_aware", True)
    named.client.call("set_db_change_aware", True)
    named.client.call("convert", "remotes", converted(drop=False))
    client.call("echo")
    named.until_row(uuid, True)
    named.change(uuid, target="punix:other")
    until_serves(lab.run_dir / "other")
    until_gone(path)


def test_column_is_lost(lab, named):
    named.server.allow(r'\|WARN\|.*table "Config" has no column "managers"')
    named.add("punix:row")
    until_serves(lab.run_dir / "row")
    named.client.call("set_db_change_aware", True)
    named.client.call("convert", "remotes", converted(drop=True))
    until_gone(lab.run_dir / "row")
    named.server.wait_log('"db:remotes,Config,managers": table "Config" has no column "managers"')
    named.name_targets("punix:one")
    until_serves(lab.run_dir / "one")


@pytest.mark.ours("the reference server writes the status of remotes into a backup")
def test_backup_follows_and_does_not_write(lab, named):
    uuid = named.add("punix:here")
    until_serves(lab.run_dir / "here")
    named.until_row(uuid, False, last_error=None)
    backup = lab.new_server()
    path = dbfile.create(os.path.join(backup.directory, "copy.db"), schema("remotes"))
    backup.start([path], f"--remote={ROWS}", f"--sync-from=unix:{named.server.socket_path}")
    mine = os.path.join(backup.run_dir, "here")
    until_serves(mine)
    with Client(mine) as client, Client(lab.run_dir / "here") as active:
        named.until_row(uuid, True)
        wait.until(lambda: client.select("remotes", "Manager")[0]["is_connected"], "the copy")
        active.close()
        named.until_row(uuid, False)
        wait.until(lambda: not client.select("remotes", "Manager")[0]["is_connected"],
                   "the active server's word, with a client connected here")
        backup.control("ovsdb-server/disconnect-active-ovsdb-server")
        until_serves(mine)
        with Client(mine) as again:
            wait.until(lambda: again.select("remotes", "Manager")[0]["is_connected"],
                       "an own word")
