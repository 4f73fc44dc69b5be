# SPDX-License-Identifier: Apache-2.0
"""Relays: a server that serves a copy of a database of its source, and forwards the changes to it."""
import json
import os
import re
import signal

import pytest

from harness import dbfile, wait
from harness.idl import Idl
from harness.lab import schema
from harness.rbac_server import SCHEMA as RBAC_SCHEMA, permission, rules
from harness.rpc import Client, Closed, RpcError

ZERO = "00000000-0000-0000-0000-000000000000"
DATABASE = {"Database": [{"columns": ["name", "model", "connected", "leader", "schema"]}]}


def argument(*sources):
    return "relay:small:" + ",".join(f"unix:{source.socket_path}" for source in sources)


def state(server):
    """The row of the database in _Server, without the columns that are not set."""
    with Client(server.socket_path) as client:
        client.call("set_db_change_aware", True)
        rows = client.select("_Server", "Database", ["model", "connected", "leader", "schema"],
                             [["name", "==", "small"]])
    return rows[0] if rows else {}


def is_connected(server):
    try:
        return state(server).get("connected")
    except Closed:  # the schema became known before the client said that it is aware
        return False


def until_connected(server):
    wait.until(lambda: is_connected(server), "the relay to be connected", 3 * wait.PATIENCE)
    return server


def serve_relay(lab, *sources, programs=None):
    relay = lab.new_server(programs).start([argument(*sources)])
    relay.allow("replication", "net", r"reconnect\|WARN", r"ovsdb_cs\|WARN", "jsonrpc")
    return until_connected(relay)


@pytest.fixture
def source(lab):
    return lab.serve("small")


@pytest.fixture
def relay(lab, source):
    return serve_relay(lab, source)


@pytest.fixture(params=["ours of ours", "ours of the reference", "the reference of ours"])
def pair(request, lab):
    """A source and a relay of it."""
    reference, ours = lab.reference, lab.programs
    source = lab.serve("small", programs=reference if "of the ref" in request.param else ours)
    relay = serve_relay(lab, source,
                        programs=reference if request.param.startswith("the") else ours)
    return source, relay


def aware(server):
    client = server.client()
    client.call("set_db_change_aware", True)
    return client


def names(server, db="small"):
    with Client(server.socket_path) as client:
        return sorted(row["name"] for row in client.select(db, "T", ["name"]))


def insert(name, **row):
    return {"op": "insert", "table": "T", "row": {"name": name, **row}}


def monitor(client, since=ZERO):
    return client.call("monitor_cond_since", "small", "m", {"T": [{"columns": ["name", "n"]}]},
                       since)


def test_the_row_in_the_server_database(source, relay):
    row = state(relay)
    assert (row["model"], row["connected"], row["leader"]) == ("relay", True, False)
    assert json.loads(row["schema"])["tables"].keys() == schema("small")["tables"].keys()
    with Client(relay.socket_path) as client:
        assert sorted(client.call("list_dbs")) == ["_Server", "small"]
        assert client.call("get_schema", "small") == \
            source.client().call("get_schema", "small")


def test_a_client_sees_its_own_write_first(pair):
    source, relay = pair
    client = aware(relay)
    monitor(client)
    request = client.request("transact", ["small", insert("one", n=5, tags=["set", ["a", "b"]])])
    message = client.receive()
    assert message["method"] == "update3"
    [row] = message["params"][2]["T"].values()
    assert row["insert"] == {"name": "one", "n": 5}
    reply = client.receive()
    assert (reply["id"], reply["error"]) == (request, None)
    assert reply["result"][0]["uuid"][1] in message["params"][2]["T"]
    assert names(source) == names(relay) == ["one"]


def test_changes_of_the_source(pair):
    source, relay = pair
    client = aware(relay)
    monitor(client)
    writer = source.client()
    writer.commit("small", insert("a"), insert("b"))
    assert len(client.notification("update3")[2]["T"]) == 2
    writer.commit("small", {"op": "update", "table": "T", "where": [["name", "==", "a"]],
                            "row": {"n": 7}},
                  {"op": "delete", "table": "T", "where": [["name", "==", "b"]]})
    changes = client.notification("update3")[2]["T"].values()
    assert sorted(changes, key=str) == [{"delete": None}, {"modify": {"n": 7}}]


OF_LIST = pytest.mark.ours("other servers take the sources of a list in random order")


@OF_LIST
def test_moves_on_from_a_source_that_loses_its_own(lab, source):
    middle = serve_relay(lab, source)
    other = lab.serve(lab.db("small", "other.db"))
    source.client().insert("small", "T", {"name": "one"})
    other.client().insert("small", "T", {"name": "two"})
    relay = serve_relay(lab, middle, other)
    assert names(relay) == ["one"]
    client = aware(relay)
    monitor(client)
    source.kill()
    wait.until(lambda: is_connected(relay) and names(relay) == ["two"], "the other source",
               3 * wait.PATIENCE)
    changes = client.notification("update3")[2]["T"].values()
    assert sorted(changes, key=str) == [{"delete": None}, {"insert": {"name": "two"}}]
    client.insert("small", "T", {"name": "three"})
    assert names(other) == ["three", "two"]


@OF_LIST
def test_moves_on_from_a_source_without_the_database(lab, source):
    without = lab.serve("ops")
    other = lab.serve(lab.db("small", "other.db"))
    source.client().insert("small", "T", {"name": "one"})
    other.client().insert("small", "T", {"name": "two"})
    relay = serve_relay(lab, without, source, other)
    assert names(relay) == ["one"]
    source.control("ovsdb-server/remove-db", "small")
    wait.until(lambda: is_connected(relay) and names(relay) == ["two"], "the other source",
               3 * wait.PATIENCE)


def test_errors_are_passed_back(pair):
    _, relay = pair
    client = relay.client()
    results = client.transact("small", {"op": "insert", "table": "I", "row": {"a": 1}},
                              {"op": "insert", "table": "I", "row": {"a": 1}})
    assert results[-1]["error"] == "constraint violation"
    results = client.transact("small", insert("x"), {"op": "abort"}, insert("y"))
    assert results[1]["error"] == "aborted" and results[2] is None
    assert "error" in client.transact("small", {"op": "insert", "table": "none", "row": {}})[0]
    assert client.select("small", "T") == []


def test_reads_and_waits_are_local(source, relay):
    client = relay.client()
    client.commit("small", insert("a"))
    os.kill(source.pid, signal.SIGSTOP)
    try:
        assert client.select("small", "T", ["name"]) == [{"name": "a"}]
        results = client.transact("small", {"op": "wait", "table": "T", "where": [],
                                            "columns": ["name"], "until": "==", "rows": [],
                                            "timeout": 10})
        assert results[0]["error"] == "timed out"
        assert client.call("lock", "l") == {"locked": True}
        assert client.transact("small", {"op": "assert", "lock": "l"}) == [{}]
    finally:
        os.kill(source.pid, signal.SIGCONT)
    request = client.request("transact", ["small", {
        "op": "wait", "table": "T", "where": [], "columns": ["name"], "until": "==",
        "rows": [{"name": "a"}, {"name": "b"}]}])
    source.client().commit("small", insert("b"))
    assert client.result(request) == [{}]


@pytest.mark.ours("the reference server does not reply to canceled requests: cancel-answered")
def test_cancel(relay):
    client = relay.client()
    request = client.request("transact", ["small", {
        "op": "wait", "table": "T", "where": [], "columns": ["name"], "until": "==",
        "rows": [{"name": "never"}], "timeout": 60000}, insert("after")])
    client.notify("cancel", [request])
    assert client.reply(request)["error"] == "canceled"
    assert client.commit("small", insert("next"))


@pytest.mark.ours("a relay of the reference server does not cancel the transaction at its source")
def test_a_client_that_disconnects(source, relay):
    client = relay.client()
    client.request("transact", ["small", {
        "op": "wait", "table": "T", "where": [], "columns": ["name"], "until": "==",
        "rows": [{"name": "now"}]}, insert("after")])
    other = source.client()
    wait.until(lambda: "triggers:1" in source.control("memory/show"), "the transaction to wait")
    client.close()
    wait.until(lambda: "triggers:1" not in source.control("memory/show"), "its end")
    other.commit("small", insert("now"))
    assert names(source) == ["now"]


def restart(source, lab):
    source.start([lab.path("small.db")])


@pytest.mark.difference("relay-keeps-requests")
def test_the_source_restarts(lab, source, relay):
    client = aware(relay)
    client.commit("small", insert("before"))
    _, last, _ = monitor(client)
    source.stop()
    wait.until(lambda: not is_connected(relay), "the loss of the source")
    assert names(relay) == ["before"]
    request = client.request("transact", ["small", insert("waited")])
    assert client.select("small", "T", ["name"]) == [{"name": "before"}]
    restart(source, lab)
    assert client.result(request, 3 * wait.PATIENCE)[0]["uuid"]
    # The difference only, with the connection kept.
    _, txn, changes = client.notification("update3")
    assert [list(change) for change in changes["T"].values()] == [["insert"]]
    assert txn != last
    client.has_no_notification()


@pytest.mark.ours("the reference server replies with \"canceled\"")
def test_the_reply_is_lost(lab, source, relay):
    """The outcome is unknown, and the transaction is not sent again."""
    client = aware(relay)
    watch = aware(relay)
    watch.call("monitor", "_Server", "s", {"Database": [{"columns": ["connected"]}]})
    client.commit("small", insert("x"))
    os.kill(source.pid, signal.SIGSTOP)
    request = client.request("transact", ["small", insert("y")])
    client.call("echo")
    source.process.kill()
    source.process.wait()
    reply = client.reply(request)
    assert reply["error"]["error"] == "connection lost", reply
    assert not is_connected(relay)
    source.allow("torn", "pidfile", "lock")
    restart(source, lab)
    until_connected(relay)
    assert names(relay) == names(source)
    assert names(source).count("y") <= 1


@pytest.mark.difference("transaction-ids-of-files")
def test_a_client_moves_between_relays(lab, source):
    """The transaction ids are those of the source."""
    first, second = serve_relay(lab, source), serve_relay(lab, source)
    client = aware(first)
    monitor(client)
    client.commit("small", insert("one"))
    last = client.notification("update3")[1]
    client.close()
    source.client().commit("small", insert("two"))
    wait.until(lambda: names(second) == ["one", "two"], "the second relay")
    found, _, changes = monitor(aware(second), last)
    assert found
    assert [row["insert"]["name"] for row in changes["T"].values()] == ["two"]
    assert monitor(aware(source), last)[::2] == [True, changes]


@pytest.mark.difference("transaction-ids-of-files")
def test_a_relay_of_a_relay(lab, source, relay):
    far = serve_relay(lab, relay)
    client = aware(far)
    monitor(client)
    client.commit("small", insert("one"))
    txn = client.notification("update3")[1]
    assert names(source) == ["one"]
    assert monitor(aware(source), txn)[0]
    source.stop()
    wait.until(lambda: not is_connected(far), "the loss to be passed on")
    assert names(far) == ["one"]
    restart(source, lab)
    until_connected(far)


def newer():
    text = schema("small")
    text["version"] = "2.0.0"
    text["tables"]["T"]["columns"]["more"] = {"type": "integer"}
    return text


@pytest.mark.difference("relay-keeps-aware-clients")
@pytest.mark.parametrize("where", ["source", "relay"])
def test_conversion(source, relay, where):
    client = aware(relay)
    client.commit("small", insert("kept"))
    monitor(client)
    unaware = relay.client()
    unaware.call("list_dbs")
    other = aware({"source": source, "relay": relay}[where])
    assert other.call("convert", "small", newer()) == {}
    assert client.notification("monitor_canceled") == ["m"]
    unaware.wait_closed()
    wait.until(lambda: client.call("get_schema", "small")["version"] == "2.0.0", "the schema")
    until_connected(relay)
    assert client.select("small", "T", ["name", "more"]) == [{"name": "kept", "more": 0}]
    client.commit("small", insert("new", more=3))
    assert json.loads(state(relay)["schema"])["version"] == "2.0.0"


@pytest.mark.ours("the socket of the reference server is not ready before the schema is known")
def test_before_the_schema_is_known(lab):
    path = lab.path("later.sock")
    relay = lab.new_server().start([f"relay:small:unix:{path}"])
    relay.allow("replication", "net")
    client = aware(relay)
    client.call("monitor", "_Server", "s", DATABASE)
    row = state(relay)
    assert (row["model"], row["connected"], row["schema"]) == ("relay", False, ["set", []])
    for method, *params in (("get_schema",), ("transact",), ("transact", insert("x")),
                            ("monitor", "m", {"T": {}}), ("convert", newer())):
        assert client.error(method, "small", *params)["error"] == "database not available"
    source = lab.new_server().start([lab.db("small")], remotes=[f"punix:{path}"])
    wait.until(lambda: is_connected(relay), "the source", 3 * wait.PATIENCE)
    assert source.is_running()
    client.commit("small", insert("x"))


@pytest.mark.difference("relay-argument-checked")
def test_commands(lab, source):
    server = lab.serve(lab.db("ops"))
    server.allow("replication", "net")
    server.control("ovsdb-server/add-db", argument(source))
    until_connected(server)
    assert server.control("ovsdb-server/list-dbs").split() == ["_Server", "ops", "small"]
    for bad, why in ((argument(source), "duplicate database name"),
                     ("relay:small", "invalid syntax"), ("relay::unix:x", "invalid syntax"),
                     ("relay:small:", "invalid syntax")):
        with pytest.raises(RpcError) as error:
            server.control("ovsdb-server/add-db", bad)
        assert why in str(error.value)
    server.control("ovsdb-server/remove-db", "small")
    assert server.control("ovsdb-server/list-dbs").split() == ["_Server", "ops"]
    server.control("ovsdb-server/add-db", argument(source))
    until_connected(server)
    with Client(server.socket_path) as client:
        client.commit("small", insert("x"))


@pytest.mark.ours("the reference server of this version has no such command")
def test_probe_interval(source, relay):
    relay.control("ovsdb-server/set-relay-source-probe-interval", "500")
    until_connected(relay)
    with pytest.raises(RpcError):
        relay.control("ovsdb-server/set-relay-source-probe-interval", "x")
    os.kill(source.pid, signal.SIGSTOP)
    try:
        wait.until(lambda: not is_connected(relay), "the probe to fail", 5 * wait.PATIENCE)
    finally:
        os.kill(source.pid, signal.SIGCONT)
    until_connected(relay)


@pytest.mark.ours("the reference server does not check the argument")
@pytest.mark.parametrize("text", ["relay:small:nonsense", "relay:small:ptcp:1"])
def test_a_bad_source(lab, text):
    server = lab.serve(lab.db("ops"))
    with pytest.raises(RpcError):
        server.control("ovsdb-server/add-db", text)


def test_several_sources(lab, source):
    """The next one is tried when one cannot be reached."""
    relay = lab.new_server().start(
        [f"relay:small:unix:{lab.path('none.sock')},unix:{source.socket_path}"])
    relay.allow("replication", "net", r"reconnect\|WARN", r"ovsdb_cs\|WARN")
    until_connected(relay)
    with Client(relay.socket_path) as client:
        client.commit("small", insert("x"))


def test_the_idl(lab, source, relay):
    """A client that needs no leader uses a relay."""
    idl = Idl(f"unix:{relay.socket_path}", leader_only=False).connect()
    idl.insert("from an IDL")
    assert names(source) == ["from an IDL"]
    source.client().commit("small", insert("other"))
    idl.until(lambda: len(idl.rows("T")) == 2, "the change")
    idl.idl.close()


def test_pipelined_writes_keep_their_order(source, relay):
    client = relay.client()
    client.commit("small", insert("x"))
    requests = [client.request("transact", ["small", {
        "op": "update", "table": "T", "where": [], "row": {"n": i}}]) for i in range(300)]
    for request in requests:
        assert client.result(request) == [{"count": 1}]
    assert source.client().select("small", "T", ["n"]) == [{"n": 299}]


def configured(lab, contents, *options):
    path = lab.path("relay.conf")
    path.write_text(contents if isinstance(contents, str) else json.dumps(contents))
    relay = lab.new_server().start([], f"--config-file={path}", *options)
    relay.allow("replication", "net")
    return relay, path


@pytest.mark.ours("the reference server of this version has no configuration file")
@pytest.mark.parametrize("form", ["json", "sections"])
def test_configuration(lab, source, form):
    target = f"unix:{source.socket_path}"
    if form == "json":
        text = {"remotes": {}, "databases": {"small": {
            "service-model": "relay", "source": {target: {"inactivity-probe": 7000}}}}}
    else:
        text = (f"[database small]\nservice-model = relay\nsource = {target}\n"
                "source-inactivity-probe = 7000\n")
    relay, path = configured(lab, text)
    until_connected(relay)
    with Client(relay.socket_path) as client:
        client.commit("small", insert("x"))
    assert names(source) == ["x"]
    with pytest.raises(RpcError):  # the file names it
        relay.control("ovsdb-server/remove-db", "small")
    relay.control("ovsdb-server/reload")
    assert is_connected(relay)
    path.write_text("{}")
    relay.control("ovsdb-server/reload")
    assert relay.control("ovsdb-server/list-dbs").split() == ["_Server"]


@pytest.mark.ours("the reference server of this version has no configuration file")
@pytest.mark.parametrize("keys, why", [
    ({}, "needs a source"), ({"source": "nonsense"}, "nonsense"),
    ({"source": "unix:s", "backup": True}, "not for the service-model"),
    ({"source": "unix:s", "exclude-tables": ["T"]}, "not for the service-model")])
def test_a_bad_configuration(lab, keys, why):
    path = lab.path("bad.conf")
    path.write_text(json.dumps({"databases": {"small": {"service-model": "relay", **keys}}}))
    lab.run(lab.programs.server, f"--check-config={path}", "-vsyslog:off").fails(1, why)


@pytest.mark.ours("the reference server has no --identity")
def test_roles_are_enforced_here(lab):
    """The source sees the relay and not its clients, so the relay enforces their roles."""
    source = lab.new_server().start([dbfile.create(lab.path("rbac.db"), RBAC_SCHEMA)])
    admin = source.client()
    admin.commit("rbac", *rules({"Card": permission(["owner"], True, ["n"])}))
    for owner in ("me", "other"):
        admin.insert("rbac", "Card", {"name": "a", "owner": owner})
    relay = lab.new_server().start([f"relay:rbac:unix:{source.socket_path}"],
                                   f"--identity=user:{os.getuid()}, role=r, id=me")
    relay.allow("replication", r"\|rbac\|WARN\|")
    client = aware(relay)
    wait.until(lambda: get_schema(client, "rbac"), "the schema")

    def update(owner, **row):
        return {"op": "update", "table": "Card", "where": [["owner", "==", owner]], "row": row}

    assert client.transact("rbac", update("me", n=5)) == [{"count": 1}]
    for operation in (update("other", n=6), update("me", name="x"),
                      {"op": "delete", "table": "Open", "where": []},
                      {"op": "insert", "table": "Card", "row": {"owner": "other"}}):
        reply = client.transact("rbac", update("me", n=7), operation)
        assert reply[1]["error"] == "permission error"
    assert client.error("convert", "rbac", RBAC_SCHEMA)["error"] == "permission error"
    rows = admin.select("rbac", "Card", ["owner", "n"])
    assert sorted((row["owner"], row["n"]) for row in rows) == [("me", 5), ("other", 0)]


def get_schema(client, name):
    try:
        return client.call("get_schema", name)
    except RpcError:
        return None


@pytest.mark.ours("the reference server has no such commands")
def test_status_and_metrics(lab, source, relay):
    assert "failed relay" not in relay.control("ovsdb-server/status")
    assert relay.control("ovsdb-server/sync-status").strip() == "state: active"
    with pytest.raises(RpcError):  # a relay is no backup
        relay.control("ovsdb-server/sync-status", "small")
    assert 'ovsdb_relay_connected{database="small"} 1' in relay.control("metrics")
    source.stop()
    wait.until(lambda: not is_connected(relay), "the loss of the source")
    assert f"failed relay: small: unix:{source.socket_path} is not connected" in \
        relay.control("ovsdb-server/status")
    assert 'ovsdb_relay_connected{database="small"} 0' in relay.control("metrics")


@pytest.mark.ours("the reference server has another transaction log")
def test_the_log_of_changes_names_the_client(source, relay):
    relay.control("ovsdb-server/tlog-set", "small:T", "on")
    client = relay.client()
    client.commit("small", insert("x"), {"op": "insert", "table": "I", "row": {"a": 1}})
    client.transact("small", insert("y"), {"op": "abort"})
    client.commit("small", {"op": "insert", "table": "I", "row": {"a": 2, "b": "b"}})
    lines = [line for line in relay.log().splitlines() if "|transaction|INFO|" in line]
    assert len(lines) == 2
    assert re.search(r"small: transaction \S+ of the source: T insert", lines[0])
    assert re.search(r"small: transaction forwarded for unix#\d+ .*: insert T$", lines[1])


@pytest.mark.ours("the reference server has no slow log")
def test_slow_log(lab, source):
    relay = lab.new_server().start([argument(source)], "--slow-log-threshold=0")
    until_connected(relay.allow("replication"))
    with Client(relay.socket_path) as client:
        client.commit("small", insert("x"))
    assert "insert T" in relay.control("ovsdb-server/slow-log")


def test_remotes_in_the_database(lab):
    """ovn-ctl starts relays with remotes and keys in columns, before the schema is known."""
    connection = {"isRoot": True, "columns": {"target": {"type": "string"}}}
    source = lab.serve(dbfile.create(lab.path("named.db"), {
        "name": "named", "version": "1.0.0", "tables": {"Connection": connection}}))
    relay = lab.new_server()
    path = os.path.join(relay.run_dir, "named.sock")
    target = f"punix:{path}"
    with Client(source.socket_path) as client:
        client.insert("named", "Connection", {"target": target})
    relay.start([f"relay:named:unix:{source.socket_path}"], "--remote=db:named,Connection,target")
    wait.until(lambda: os.path.exists(path), "the remote", 3 * wait.PATIENCE)
    with Client(path) as client:
        assert client.select("named", "Connection", ["target"]) == [{"target": target}]


def counter(server, name):
    return int(server.control("coverage/read-counter", name))


def cost_of_commits(source, relays, n_clients):
    """What the source sends, in bytes and in updates, while it commits and each of the relays has
    n_clients that monitor the database."""
    clients = [aware(relay) for relay in relays for _ in range(n_clients)]
    for client in clients:
        monitor(client)
    before = [counter(source, name) for name in ("bytes_sent", "monitor_updates")]
    with Client(source.socket_path) as writer:
        for _ in range(10):
            writer.insert("small", "T", {"name": "x"})
            for client in clients:
                client.notification("update3")
    for client in clients:
        client.close()
    return [counter(source, name) - n for name, n in
            zip(("bytes_sent", "monitor_updates"), before)]


@pytest.mark.ours("the reference server has no such counters")
def test_the_source_does_not_notice_the_clients_of_relays(lab, source):
    relays = [serve_relay(lab, source) for _ in range(3)]
    n_bytes, n_updates = cost_of_commits(source, relays, 1)
    assert n_updates == 10, "an update is written once for all relays"
    more_bytes, n_updates = cost_of_commits(source, relays, 30)
    assert n_updates == 10 and more_bytes < 1.5 * n_bytes
    wait.until(lambda: "sessions:3" in source.control("memory/show").split(), "the relays only")
