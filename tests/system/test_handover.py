# SPDX-License-Identifier: Apache-2.0
"""A restart that clients do not notice: with a service manager that keeps descriptors."""
import fcntl
import json
import os
import socket

import pytest
from harness import dbfile, wait
from harness.manager import ManagedServer, Manager
from harness.rpc import Client
from harness.tls import TlsClient, context_of, port_of
from harness.monitor_client import KINDS, MonitorClient

pytestmark = pytest.mark.ours("the reference server hands over no connections")

@pytest.fixture
def server(lab, managed):
    return managed.start([lab.db("small")])


def write(client, n):
    """Transactions of all kinds, a row that only memory holds among them."""
    client.insert("small", "T", {"name": f"row{n}", "n": n, "eph": f"memory {n}"})
    client.commit("small", {"op": "mutate", "table": "T", "where": [["n", "<", n]], "mutations": [
        ["n", "+=", 100], ["tags", "insert", f"t{n}"]]})
    client.commit("small", {"op": "update", "table": "T", "where": [["name", "==", f"row{n}"]],
                            "row": {"eph": f"more {n}"}})


def test_an_idle_connection(server):
    client = server.client()
    identity = client.call("get_server_id")
    pid = server.pid
    server.restart()
    assert server.pid != pid
    assert client.call("echo", "still there") == ["still there"]
    assert client.call("get_server_id") == identity
    server.wait_log("restored 1 connections of the former process, closed 0")


@pytest.mark.parametrize("kind", KINDS)
def test_a_monitor(server, kind):
    """Every update arrives once, before and after the restart. Ephemeral values are kept."""
    writer = server.client()
    watcher = MonitorClient(server, kind)
    for n in range(6):
        write(writer, n)
        watcher.check(server)
        if n % 2:
            server.restart()
            assert watcher.catch_up() == 0
            watcher.check(server)
    assert watcher.replica.n_updates == 1 + 6 * 3 - 1


@pytest.mark.parametrize("kind", ["monitor_cond", "monitor_cond_since"])
def test_a_condition(server, kind):
    """The monitor continues with its current condition, which can be changed again."""
    writer = server.client()
    watcher = MonitorClient(server, kind, where=[["name", "==", "row1"]])
    change = {"T": [{"where": [["name", "==", "row2"], ["name", "==", "row4"]]}]}
    watcher.client.call("monitor_cond_change", ["m", kind], ["m", kind], change)
    for n in range(4):
        write(writer, n)
    server.restart()
    write(writer, 4)
    watcher.catch_up()
    assert sorted(r["name"] for r in watcher.replica.rows("T").values()) == ["row2", "row4"]
    watcher.client.call("monitor_cond_change", ["m", kind], ["m", kind],
                        {"T": [{"where": [True]}]})
    watcher.check(server)


def test_several_requests_for_a_table(server):
    """Columns with selections of their own, and a table that nothing is selected of."""
    client = server.client()
    client.call("monitor", "small", "m", {
        "T": [{"columns": ["name"], "select": {"modify": False}},
              {"columns": ["n"], "select": {"insert": False, "initial": False}}],
        "I": [{"columns": ["a"], "select": {kind: False for kind in
                                            ("initial", "insert", "delete", "modify")}}]})
    server.restart()
    server.restart()
    uuid = client.insert("small", "T", {"name": "x", "n": 1})
    assert client.notification("update") == ["m", {"T": {uuid: {"new": {"name": "x"}}}}]
    client.insert("small", "I", {"a": 1})
    client.commit("small", {"op": "update", "table": "T", "where": [], "row": {"n": 2}})
    assert client.notification("update") == [
        "m", {"T": {uuid: {"new": {"n": 2}, "old": {"n": 1}}}}]
    client.has_no_notification()


def test_monitors_end_and_begin_as_before(server):
    """Of one client several; one is canceled, the id of another is still taken."""
    client = server.client()
    for name in "ab":
        client.call("monitor", "small", name, {"T": {"columns": ["name"]}})
    server.restart()
    assert "duplicate" in json.dumps(client.error("monitor", "small", "b", {}))
    assert client.call("monitor_cancel", "a") == {}
    client.insert("small", "T", {"name": "x"})
    assert client.notification("update")[0] == "b"
    client.has_no_notification()


def test_the_server_itself_is_monitored(server):
    """A monitor of _Server gets no update and continues."""
    client = server.client()
    client.call("set_db_change_aware", True)
    request = {"Database": {"columns": ["name", "connected", "schema"]}}
    before = client.call("monitor", "_Server", "m", request)
    server.restart()
    client.has_no_notification()
    assert server.client().call("monitor", "_Server", "m", request) == before


def test_another_set_of_databases(lab, managed):
    """Clients that monitor _Server, or that are not aware of changes of the set of databases, must
    reconnect."""
    small, ops = lab.db("small"), lab.db("ops")
    managed.start([small])
    watching, unaware, aware = [managed.client() for _ in range(3)]
    watching.call("set_db_change_aware", True)
    watching.call("monitor", "_Server", "m", {"Database": {}})
    unaware.call("echo")
    aware.call("set_db_change_aware", True)
    managed.end()
    managed.start([small, ops])
    watching.wait_closed()
    unaware.wait_closed()
    assert aware.call("list_dbs") == ["_Server", "ops", "small"]


# What waits


def wait_for(client, name, timeout=None):
    """Starts a transaction that waits for a row; returns the request's id."""
    limit = {} if timeout is None else {"timeout": timeout}
    return client.request("transact", [
        "small", {"op": "wait", "table": "T", "where": [["name", "==", name]], "columns": ["name"],
                  "until": "==", "rows": [{"name": name}], **limit},
        {"op": "insert", "table": "T", "row": {"name": name + "!"}}])


def test_a_transaction_that_waits(server):
    """It is woken by a commit after the restart, can be canceled, and its id is in use."""
    client = server.client()
    first, second = wait_for(client, "a"), wait_for(client, "b")
    server.restart()
    client.has_no_notification()
    again = client.reply(client.request("transact", ["small"], first))
    assert "duplicate request ID" in json.dumps(again)
    server.client().insert("small", "T", {"name": "a"})
    assert client.result(first)[0] == {}
    client.notify("cancel", [second])
    assert client.reply(second)["error"] == "canceled"
    assert sorted(r["name"] for r in client.select("small", "T", ["name"])) == ["a", "a!"]


def test_the_time_of_a_wait_goes_on(server):
    client = server.client()
    request = wait_for(client, "never", 1500)
    server.restart()
    assert client.result(request)[0]["error"] == "timed out"


def test_locks(server):
    """The owner keeps the lock, and waiting clients get it in order. A stolen lock remains
    stolen."""
    owner, second, third, thief, victim = [server.client() for _ in range(5)]
    assert owner.call("lock", "l") == {"locked": True}
    assert second.call("lock", "l") == {"locked": False}
    assert third.call("lock", "l") == {"locked": False}
    assert victim.call("steal", "s") == {"locked": True}
    assert thief.call("steal", "s") == {"locked": True}
    assert victim.notification("stolen") == ["s"]
    server.restart()
    for client in owner, second, third, thief, victim:
        client.has_no_notification()
    owner.commit("small", {"op": "assert", "lock": "l"})
    thief.commit("small", {"op": "assert", "lock": "s"})
    assert victim.transact("small", {"op": "assert", "lock": "s"})[0]["error"] == "not owner"
    thief.close()
    assert victim.call("unlock", "s") == {}
    assert victim.call("lock", "s") == {"locked": True}
    assert owner.call("unlock", "l") == {}
    assert second.notification("locked") == ["l"]
    second.close()
    assert third.notification("locked") == ["l"]


def test_an_owner_that_disconnected(server):
    """The owner disconnects while no process runs: the next client in the queue gets the lock."""
    owner, second, third = [server.client() for _ in range(3)]
    for client in owner, second, third:
        client.call("lock", "l")
    server.end()
    owner.close()
    dbs, options, remotes = server.how
    server.start(dbs, *options, remotes=remotes)
    assert second.notification("locked") == ["l"]
    third.has_no_notification()


# Bytes


def test_half_a_request(server):
    """The parts received before and after the restart form one request, wherever it is cut."""
    text = json.dumps({"method": "echo", "params": ["\u00e4\\\"", {"x": [1.5, None]}], "id": 7})
    clients = [server.client() for _ in range(len(text))]
    for n, client in enumerate(clients):
        client.send_raw(text.encode()[:n])
    server.restart()
    for n, client in enumerate(clients):
        client.send_raw(text.encode()[n:])
        assert client.result(7) == json.loads(text)["params"]


def test_half_of_a_long_request(server):
    """Several megabytes, the last ones not yet read by the server when it stops."""
    client = server.client()
    rows = [{"op": "insert", "table": "T", "row": {"name": "x" * 1000}}] * 4000
    text = json.dumps({"method": "transact", "params": ["small", *rows], "id": 1}).encode()
    client.send_raw(text[:len(text) // 2])
    server.restart()
    client.send_raw(text[len(text) // 2:])
    assert len(client.result(1)) == 4000


def test_requests_while_there_is_no_server(server):
    client = server.client()
    client.call("echo")
    server.end()
    requests = [client.request("echo", [n]) for n in range(20)]
    dbs, options, remotes = server.how
    server.start(dbs, *options, remotes=remotes)
    assert [client.result(r) for r in requests] == [[n] for n in range(20)]


def test_a_client_that_does_not_read(server):
    """Megabytes that it has not read yet arrive, each update once, and the later ones too."""
    writer = server.client()
    watcher = MonitorClient(server, "monitor_cond", ["name"])
    uuids = [writer.insert("small", "T", {"name": f"{n} {'x' * 100000}"}) for n in range(60)]
    echo = watcher.client.request("echo", [])
    server.restart()
    writer.commit("small", {"op": "update", "table": "T", "where": [], "row": {"name": "y"}})
    watcher.client.result(echo)
    watcher.check(server)
    assert set(watcher.replica.rows("T")) == set(uuids)


def test_probes_are_answered(lab, managed):
    """The answer to a probe arrives in the next process, which sends probes of its own."""
    managed.start([lab.db("small")], remotes=["ptcp:0:127.0.0.1"])
    port = int(managed.wait_log(r"listening on port (\d+)").group(1))
    client = managed.client(("127.0.0.1", port))
    client.call("echo")
    client.answers_echo = False
    client.receive("a probe", 3 * wait.PATIENCE)
    managed.restart()
    client.send({"id": "echo", "result": [], "error": None})
    client.answers_echo = True
    client.call("echo")
    assert client._take(client.receive("another probe", 3 * wait.PATIENCE)) is None
    assert client.n_echoes == 1


# Where connections come from


def test_a_socket_that_listens(lab, managed):
    """The port remains open, and clients that connect while no process runs are served by the next
    one."""
    managed.start([lab.db("small")], remotes=["ptcp:0:127.0.0.1"])
    port = int(managed.wait_log(r"listening on port (\d+)").group(1))
    client = managed.client(("127.0.0.1", port))
    client.call("echo")
    managed.end()
    early = managed.client(("127.0.0.1", port))
    request = early.request("list_dbs", [])
    dbs, options, remotes = managed.how
    managed.start(dbs, *options, remotes=remotes)
    assert early.result(request) == ["_Server", "small"]
    assert client.call("echo") == []


def test_a_passed_socket(lab, managed):
    """Connections that came through a socket unit's socket."""
    listener = socket.create_server(("127.0.0.1", 0))
    address = listener.getsockname()
    managed.start([lab.db("small")], remotes=[], fds={"db": listener.dup()})
    client = managed.client(address)
    client.call("echo")
    managed.restart(fds={"db": listener.dup()})
    assert client.call("list_dbs") == ["_Server", "small"]
    listener.close()


def test_a_connection_that_the_server_made(lab, managed):
    """A connection that was handed over is dialed again only after it has ended."""
    path = os.path.join(managed.run_dir, "far")
    far = socket.socket(socket.AF_UNIX)
    far.bind(path)
    far.listen()
    far.settimeout(3 * wait.PATIENCE)
    managed.start([lab.db("small")], remotes=["unix:" + path])
    client = Client(far.accept()[0])
    managed.clients.append(client)
    client.call("lock", "l")
    managed.restart()
    client.commit("small", {"op": "assert", "lock": "l"})
    client.close()
    again = Client(far.accept()[0])
    assert again.call("lock", "l") == {"locked": True}
    again.close()
    far.close()


def test_remotes_that_a_database_names(lab, managed):
    """They go on too, and nothing is written about them, as nothing has changed."""
    targets = ["ptcp:0:127.0.0.1", "punix:named"]
    rows = {f"00000000-0000-0000-0000-00000000000{i}": {"target": target}
            for i, target in enumerate(targets)}
    config = {"0000000a-0000-0000-0000-000000000000":
              {"managers": ["set", [["uuid", uuid] for uuid in rows]]}}
    managed.start([lab.db("remotes", None, {"Manager": rows, "Config": config})],
                  "--remote=db:remotes,Config,managers")
    port = int(managed.wait_log(r"listening on port (\d+)").group(1))
    client = managed.client(("127.0.0.1", port))
    client.call("monitor", "remotes", "m", {"Manager": {"columns": ["is_connected", "status"]}})
    near = managed.client()

    def is_told():
        return any(row["is_connected"] for row in near.select("remotes", "Manager"))

    wait.until(is_told, "the connection in the row")
    client.call("echo")
    client.notifications.clear()
    managed.restart()
    client.has_no_notification()
    near.commit("remotes", {"op": "update", "table": "Manager", "where": [], "row": {
        "inactivity_probe": 7000}})
    near.call("echo")
    client.has_no_notification()


def test_a_remote_that_is_gone(lab, managed):
    """Its connections are closed, and the locks they held passed on."""
    paths = [os.path.join(managed.run_dir, name) for name in "ab"]
    managed.start([lab.db("small")], remotes=["punix:" + p for p in paths])
    kept, closed = [managed.client(p) for p in paths]
    closed.call("lock", "l")
    kept.call("lock", "l")
    managed.end()
    managed.start(managed.how[0], remotes=["punix:" + paths[0]])
    closed.wait_closed()
    assert kept.notification("locked") == ["l"]


# What cannot go on exactly


def change_between(server, path, row):
    """Another process changes the database between two server processes."""
    server.end()
    dbfile.append(path, {"T": {row: {"name": "between"}}})
    dbs, options, remotes = server.how
    server.start(dbs, *options, remotes=remotes)


def test_a_database_that_has_changed(lab, managed):
    """Clients that monitor only persistent columns get the difference. Other clients must
    reconnect."""
    path = lab.db("small")
    managed.start([path])
    managed.client().insert("small", "T", {"name": "before"})
    exact = [MonitorClient(managed, kind, ["name"]) for kind in KINDS]
    others = [MonitorClient(managed, kind, columns) for kind in KINDS
              for columns in (["name", "_version"], ["eph"])]
    client = managed.client()
    client.call("monitor", "_Server", "m", {"Database": {"columns": ["name", "schema"]}})
    change_between(managed, path, "00000000-0000-0000-0000-00000000000a")
    client.has_no_notification()
    for watcher in exact:
        watcher.check(managed)
        assert watcher.replica.n_updates == 2
    for watcher in others:
        watcher.client.wait_closed()


def test_another_database_of_that_name(lab, managed):
    path = lab.db("small")
    managed.start([path])
    watcher = MonitorClient(managed, "monitor", ["name"])
    managed.client().insert("small", "T", {"name": "gone"})
    managed.end()
    os.unlink(path)
    lab.db("small")
    managed.start([path])
    watcher.client.wait_closed()


def test_a_start_that_fails(lab, managed):
    """The connections are kept until a start succeeds."""
    path = lab.db("small")
    managed.start([path])
    client = managed.client()
    client.call("lock", "l")
    managed.end()
    managed.allow("nowhere.db")
    managed.launch([path, lab.path("nowhere.db")], fds=managed.manager.passed())
    assert managed.process.wait(3 * wait.PATIENCE) == 1
    managed.start([path])
    client.commit("small", {"op": "assert", "lock": "l"})


def test_the_command_exit(server, manager):
    """It ends the service: nothing is kept for another process."""
    client = server.client()
    client.call("echo")
    server.control("exit")
    client.wait_closed()
    assert server.process.wait(3 * wait.PATIENCE) == 0
    assert not manager.store


def test_a_client_over_tls(lab, managed, pki):
    """It is disconnected in order, as its encryption cannot be handed on; the port stays."""
    remote = "pssl:0:127.0.0.1"
    managed.start([lab.db("small")], *pki.server.options(pki.cert), remotes=[remote])
    port = port_of(managed, remote)
    client = TlsClient(port, context_of(pki, pki.client))
    client.echo("before")
    managed.restart()
    assert client.socket.recv(1) == b""
    client.close()
    client = TlsClient(port, context_of(pki, pki.client))
    client.echo("after")
    client.close()


def test_a_final_stop(server, manager):
    """The service manager closes the stored connections, and the next start finds none."""
    client = server.client()
    client.call("lock", "l")
    server.end()
    manager.drop_store()
    client.wait_closed()
    dbs, options, remotes = server.how
    server.start(dbs, *options, remotes=remotes)
    assert server.client().call("lock", "l") == {"locked": True}


def test_without_a_store(lab, tmp_path):
    """As it always was: connections are closed."""
    manager = Manager(tmp_path, 0)
    server = ManagedServer(manager, lab.programs, str(lab.directory), lab.env)
    lab.servers.append(server)
    client = server.start([lab.db("small")]).client()
    client.call("echo")
    server.restart()
    client.wait_closed()
    manager.close()


def test_a_crash_after_the_restart(server):
    """Connections that were restored once are not restored a second time."""
    client = server.client()
    client.call("lock", "l")
    server.restart()
    client.call("echo")
    server.kill()
    client.wait_closed()
    assert not server.manager.store
    dbs, options, remotes = server.how
    server.start(dbs, *options, remotes=remotes)
    assert server.client().call("lock", "l") == {"locked": True}


FORGED = {
    "another format": b"ovsdbd handover format 2, 5 bytes of state\n[1,2]",
    "no state": b"hello",
    "incomplete": b"ovsdbd handover format 1, 500 bytes of state\n[1,2]",
    "not JSON": b"ovsdbd handover format 1, 5 bytes of state\n[1,2}",
    "too few descriptors": b"ovsdbd handover format 1, 21 bytes of state\n[[],{},[],[[],[],[]]]",
}


def forge(text, fds):
    """The descriptor that a previous process would leave in the store."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    memory = os.memfd_create("forged", os.MFD_ALLOW_SEALING)
    os.write(memory, text)
    fcntl.fcntl(memory, fcntl.F_ADD_SEALS, 0xf)
    socket.send_fds(ours, [b"P"], [memory])
    if fds:
        socket.send_fds(ours, [b"P"], fds)
    os.close(memory)
    ours.close()
    return theirs


@pytest.mark.parametrize("text", FORGED.values(), ids=FORGED)
def test_a_state_of_another_program(lab, managed, text):
    """It is closed, cleanly, and the server serves."""
    managed.allow("cannot restore the state of the former process")
    ours, theirs = socket.socketpair()
    managed.manager.store["ovsdbd-handover"] = forge(text, [theirs.fileno()])
    theirs.close()
    managed.start([lab.db("small")])
    with Client(ours) as client:
        client.wait_closed()
    assert managed.client().call("list_dbs") == ["_Server", "small"]
    assert not managed.manager.store


@pytest.mark.parametrize("of_server", ["[]", '["x","y","z",{}]'])
@pytest.mark.parametrize("of_session", ["[]", '[false,"","",false,[],[],[["l",false,-1]]]'])
def test_a_state_without_valid_sessions(lab, managed, of_server, of_session):
    """A connection without a session that can go on is closed, when it has been sent the rest."""
    managed.allow("the state of the databases cannot be restored")
    ours, theirs = socket.socketpair()
    target = json.dumps("punix:" + managed.socket_path)
    state = f'[{of_server},{{}},[],[[{target},"unix#0",0,4,{of_session}]]]'
    text = f"ovsdbd handover format 1, {len(state)} bytes of state\n{state}[42]"
    managed.manager.store["ovsdbd-handover"] = forge(text.encode(), [theirs.fileno()])
    theirs.close()
    managed.start([lab.db("small")])
    with Client(ours) as client:
        assert client.wait_closed() == [[42]]
    assert managed.client().call("list_dbs") == ["_Server", "small"]


def test_state_that_was_taken_already(lab, managed):
    """The store has a descriptor with the name of the handover, but it has no state."""
    managed.allow("cannot restore the state of the former process")
    ours, managed.manager.store["ovsdbd-handover"] = socket.socketpair()
    managed.start([lab.db("small")])
    assert managed.client().call("list_dbs") == ["_Server", "small"]
    ours.close()
