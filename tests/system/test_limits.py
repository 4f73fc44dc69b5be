# SPDX-License-Identifier: Apache-2.0
"""Limits on clients: each is an option, is enforced and logged, and its refusals are counted."""
import socket

import pytest

from harness import wait
from harness.limits import limits
from harness.rpc import Closed

pytestmark = pytest.mark.ours("the reference server limits only the number of connections, with"
                              " other messages")
NEVER = {"op": "wait", "table": "T", "where": [], "columns": ["name"], "until": "!=", "rows": []}


def start(lab, *options):
    server = lab.new_server().start([lab.db("small")], *options, remotes=[
        f"punix:{lab.run_dir}/db.sock", f"punix:{lab.run_dir}/other.sock", "ptcp:0:127.0.0.1"])
    wait.until(lambda: "listening on port" in server.log(), "the port")
    server.other_path = f"{lab.run_dir}/other.sock"
    server.address = ("127.0.0.1", int(server.wait_log(r"listening on port (\d+)").group(1)))
    return server


def connect(server, target=None):
    """A client that has been answered."""
    client = server.client(target)
    client.call("echo")
    return client


def is_refused(server, target=None):
    try:
        connect(server, target)
    except (Closed, ConnectionError):
        return True
    return False


@pytest.mark.parametrize("option, who", [
    ("max-sessions", "the server has"), ("max-remote-sessions", "its remote has"),
    ("max-user-sessions", "its user has")])
def test_sessions(lab, option, who):
    server = start(lab, f"--{option}=3").allow("as many connections")
    clients = [connect(server) for _ in range(3)]
    assert is_refused(server)
    server.wait_log(rf"unix#\d+: refused at punix:.*db.sock: {who} as many connections")
    assert is_refused(server, server.other_path) == (option != "max-remote-sessions")
    assert is_refused(server, server.address) == (option == "max-sessions")
    assert limits(server)[option][:2] == (3, 3)
    assert limits(server)[option][2] >= 1
    clients[0].call("echo")
    for client in clients:
        server.clients.remove(client)
        client.close()
    wait.until(lambda: not is_refused(server), "room for others")


def test_sessions_of_an_address(lab):
    server = start(lab, "--max-user-sessions=2").allow("as many connections")
    for host in ("127.0.0.1", "127.0.0.2"):
        def dial(source=host):
            raw = socket.socket()
            raw.bind((source, 0))
            raw.connect(server.address)
            return connect(server, raw)

        assert dial() and dial()
        with pytest.raises((Closed, ConnectionError)):
            dial()
    assert limits(server)["max-user-sessions"] == (2, 2, 2)


def test_accept_rate(lab):
    """Clients that connect too fast wait, and then all are served."""
    server = start(lab, "--max-accept-rate=20").allow("faster than 20 per second")
    for _ in range(50):
        connect(server)
    server.wait_log("faster than 20 per second")
    assert limits(server)["max-accept-rate"][2] > 0
    assert len(server.clients) == 50


def test_message(lab):
    """One of exactly the limit is good, also with another behind it; one byte more is not."""
    server = start(lab, "--max-message=1M").allow("longer than the 1048576 bytes that are allowed")
    frame = '{"id":1,"method":"echo","params":["%s"]}'
    good = frame % ("x" * ((1 << 20) - len(frame) + 2))
    client = connect(server)
    client.send_raw(good + good)
    assert client.receive()["error"] is None and client.receive()["error"] is None
    for bad in good.replace('"x', '"xx'), frame[:-4] + "x" * 2000_000 + '"]}':
        client = connect(server)
        client.send_raw(bad)
        reply = client.receive()
        assert reply["id"] == 1 and reply["error"]["error"] == "resources exhausted"
        assert "1048576 bytes" in reply["error"]["details"]
        assert "--max-message" in reply["error"]["details"]
        with pytest.raises((Closed, ConnectionError)):
            client.receive()
    server.wait_log("unix#1: message 2 is longer than the 1048576 bytes that are allowed")
    assert limits(server)["max-message"] == (1 << 20, 0, 2)


@pytest.mark.parametrize("text, answered", [
    ('{"method":"echo","params":["%s"],"id":["at the end",1]}', ["at the end", 1]),
    ('{"id":"first","params":["%s"],"method":"echo"}', "first"),
    ('{"method":"echo","params":["%s"],"id":null}', None),
    ('{"id":"echo","result":["%s"],"error":null}', None),
    ('["%s"]', None),
    ('{"method":"echo","params":["%s"],"id":1]', None),
], ids=["id last", "id first", "notification", "reply", "no message", "no JSON"])
def test_too_long(lab, text, answered):
    """The reply is sent when the whole request has been read, however long it is, and then the
    connection is closed. Other clients are not affected."""
    server = start(lab, "--max-message=100K").allow("longer than the 102400 bytes")
    other = connect(server)
    for size in (102400, 5_000_000):
        client = connect(server)
        client.send_raw(text % ("é" * (size // 2)))
        if answered is not None:
            reply = client.receive()
            assert reply["id"] == answered and "102400 bytes" in reply["error"]["details"]
        with pytest.raises((Closed, ConnectionError)):
            client.receive()
    other.call("echo")


def test_too_long_for_a_tool(lab):
    """ovsdb-client prints the answer."""
    server = start(lab, "--max-message=100K").allow("longer than the 102400 bytes")
    comment = '{"op":"comment","comment":"%s"}' % ("x" * 110_000)
    lab.client("transact", f"unix:{server.socket_path}", f'["small",{comment}]').fails(
        1, "--max-message")


@pytest.mark.parametrize("option, request_of", [
    ("max-monitors", lambda i: ("monitor", "small", i, {})),
    ("max-locks", lambda i: ("lock", f"l{i}")),
])
def test_held_by_a_session(lab, option, request_of):
    server = start(lab, f"--{option}=5").allow("a session may have at most 5")
    client = connect(server)
    for i in range(5):
        client.call(*request_of(i))
    error = client.error(*request_of(5))
    assert error["error"] == "resources exhausted" and "5" in error["details"]
    assert limits(server)[option] == (5, 5, 1)
    assert connect(server).call(*request_of(6)) is not None, "it is by session"


def test_waiting_transactions(lab):
    server = start(lab, "--max-waits=5").allow("a session may have at most 5")
    client = connect(server)
    ids = [client.request("transact", ["small", NEVER]) for _ in range(6)]
    reply = client.reply(ids[5])
    assert reply["error"]["error"] == "resources exhausted"
    assert limits(server)["max-waits"] == (5, 5, 1)


def test_reload(lab):
    config = lab.path("server.conf")
    config.write_text("[options]\nmax-monitors = 1\n")
    server = start(lab, f"--config-file={config}").allow("at most")
    client = connect(server)
    client.call("monitor", "small", 1, {})
    client.error("monitor", "small", 2, {})
    config.write_text("[options]\nmax-monitors = 2\n")
    server.control("ovsdb-server/reload")
    client.call("monitor", "small", 2, {})
    assert limits(server)["max-monitors"] == (2, 2, 1)


@pytest.mark.parametrize("word", [
    "max-sessions=0", "max-sessions=-1", "max-sessions=1K", "max-sessions=",
    "max-accept-rate=2000000",
    "max-message=1T", "max-message=4G", "max-message=1125899906842624", "max-message=-1",
    "max-message=99999999999999999999", "max-locks=many"])
def test_bad_values(lab, word):
    lab.run(lab.programs.server, "--no-dbs", "--unixctl=none", f"--{word}").fails(saying=word)


@pytest.mark.parametrize("word, range_", [
    ("max-message=4G", "a size from 1 to 3G"),
    ("max-backlog=2000000G", "a size from 1 to 1048576G"),
    ("max-sessions=9999999999", "a number from 1 to 4294967295"),
    ("max-accept-rate=0", "a number from 1 to 1000000")])
def test_error_names_the_range(lab, word, range_):
    lab.run(lab.programs.server, "--no-dbs", "--unixctl=none", f"--{word}").fails(saying=range_)
    config = lab.path("server.conf")
    config.write_text(f"[options]\n{word}\n")
    lab.run(lab.programs.server, "--unixctl=none", f"--config-file={config}").fails(saying=range_)


def test_longest_message(lab):
    """The largest value that is accepted works."""
    server = start(lab, "--max-message=3G")
    assert connect(server).call("echo", "x" * 100000) == ["x" * 100000]


def test_help_names_them(lab):
    shown = lab.run(lab.programs.server, "--help").ok()
    for option in limits(start(lab)):
        assert f"--{option}=" in shown
