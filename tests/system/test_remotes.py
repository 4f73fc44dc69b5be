# SPDX-License-Identifier: Apache-2.0
"""Connections: listeners, connections that the server dials, probes, commands."""
import os
import socket
import stat

import pytest

from harness import wait
from harness.sockets import accept, listen, listen_tcp, port_of
from harness.rpc import Client, RpcError


def assert_serves(client):
    assert "small" in client.call("list_dbs")
    client.insert("small", "T", {"name": "served"})
    assert {"name": "served"} in client.select("small", "T", ["name"])


# Listening on Unix sockets


def test_unix_socket_is_removed_at_exit(lab):
    server = lab.serve("small")
    assert stat.S_ISSOCK(os.stat(server.socket_path).st_mode)
    assert_serves(server.client())
    server.stop()
    assert not os.path.exists(server.socket_path)
    assert not os.path.exists(server.control_path)


def test_stale_socket_is_replaced(lab):
    db = lab.db("small")
    server = lab.serve(db)
    server.kill()
    assert os.path.exists(server.socket_path)
    server.start([db])
    assert_serves(server.client())


def test_relative_name_is_in_the_run_directory(lab):
    server = lab.serve("small", remotes=["punix:some.sock"])
    path = lab.run_dir / "some.sock"
    wait.until(path.exists, "the socket")
    assert_serves(server.client(path))


def test_long_socket_path(lab):
    directory = lab.path("d" * 100) / ("e" * 60)
    directory.mkdir(parents=True)
    path = directory / "db.sock"
    server = lab.serve("small", remotes=[f"punix:{path}"])
    wait.until(path.exists, "the socket")
    fd = os.open(directory, os.O_PATH)
    assert_serves(server.client(f"/proc/self/fd/{fd}/db.sock"))
    os.close(fd)
    server.stop()
    assert not path.exists()


def test_several_sockets(lab):
    server = lab.serve("small", remotes=["punix:one", "punix:two", "ptcp:0:127.0.0.1"])
    port = port_of(server, "0:127.0.0.1")
    for target in (lab.run_dir / "one", lab.run_dir / "two", ("127.0.0.1", port)):
        assert_serves(server.client(target))


def test_same_remote_twice_is_one(lab):
    server = lab.serve("small", remotes=["punix:one", "punix:one"])
    assert_serves(server.client(lab.run_dir / "one"))
    assert server.control("ovsdb-server/list-remotes").splitlines() == ["punix:one"]


# Listening on TCP


@pytest.mark.parametrize("target, host", [
    ("ptcp:0:127.0.0.1", "127.0.0.1"), ("ptcp:0:[::1]", "::1"), ("ptcp:0", "127.0.0.1"),
    ("ptcp:0:0.0.0.0", "127.0.0.1"),
])
def test_tcp(lab, target, host):
    server = lab.serve("small", remotes=[target])
    port = port_of(server, target[len("ptcp:"):].replace("[", r"\[").replace("]", r"\]"))
    assert_serves(server.client((host, port)))
    server.stop()
    with pytest.raises(ConnectionRefusedError):
        Client((host, port))


def test_fixed_port(lab):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = lab.serve("small", remotes=[f"ptcp:{port}:127.0.0.1"])
    assert_serves(server.client(("127.0.0.1", port)))


def test_tcp_client_names_are_logged(lab):
    server = lab.serve("small", remotes=["ptcp:0:127.0.0.1"])
    server.allow(r"\|WARN\|tcp:127\.0\.0\.1:\d+")
    client = server.client(("127.0.0.1", port_of(server, "0:127.0.0.1")))
    port = client.socket.getsockname()[1]
    client.send_raw('{"method":"list_dbs",}')
    client.refused()
    server.wait_log(rf"tcp:127\.0\.0\.1:{port}")


# Dialed by the server


def test_dial_unix(lab):
    with listen(address=str(lab.path("far"))) as far:
        lab.serve("small", remotes=[f"unix:{lab.path('far')}"])
        with accept(far) as client:
            assert_serves(client)
            client.call("monitor", "small", "m", {"T": [{"columns": ["name"]}]})
            client.insert("small", "T", {"name": "more"})
            assert client.notification("update")


def test_dial_tcp(lab):
    with listen_tcp() as far:
        lab.serve("small", remotes=["tcp:127.0.0.1:%d" % far.getsockname()[1]])
        with accept(far) as client:
            assert_serves(client)


@pytest.mark.ours("the reference server does not log the length of its pauses")
def test_dial_again_with_growing_pauses(lab):
    """A peer that closes the connection at once is dialed again after 1 s, then after 2 s."""
    with listen(address=str(lab.path("far"))) as far:
        server = lab.new_server().allow(r"far")
        server.start([lab.db("small")], remotes=[f"unix:{lab.path('far')}"])
        for pause in 1, 2:
            accept(far).close()
            server.wait_log(rf"(dialing again in|waiting) {pause} seconds")
        accept(far).close()


def test_dial_until_the_server_listens(lab):
    server = lab.new_server().allow(r"far")
    server.start([lab.db("small")], remotes=[f"unix:{lab.path('far')}", "punix:near"])
    assert_serves(server.client(lab.run_dir / "near"))
    with listen(address=str(lab.path("far"))) as far:
        with accept(far) as client:
            assert_serves(client)


def test_reconnect_command_dials_anew(lab):
    with listen(address=str(lab.path("far"))) as far:
        server = lab.new_server().allow(r"far")
        server.start([lab.db("small")], f"--remote=unix:{lab.path('far')}")
        near = server.client()
        with accept(far) as client:
            assert_serves(client)
            server.control("ovsdb-server/reconnect")
            client.wait_closed()
        near.wait_closed()
        with accept(far) as client:
            assert_serves(client)


# Probes


def test_silent_tcp_client_is_probed_and_dropped(lab):
    """The server sends an echo request after 5 s of silence, and closes the connection after 5 s
    more. It does not probe connections of Unix sockets."""
    server = lab.new_server().allow(r"tcp:127\.0\.0\.1:\d+.*no response")
    server.start([lab.db("small")], "--remote=ptcp:0:127.0.0.1")
    target = ("127.0.0.1", port_of(server, "0:127.0.0.1"))
    local, silent, alive = server.client(), server.client(target), server.client(target)
    silent.answers_echo = False
    message = silent.receive("a probe", 2 * wait.PATIENCE)
    assert message == {"id": "echo", "method": "echo", "params": []}
    assert alive.receive("a probe")["method"] == "echo"
    alive.send({"id": "echo", "result": [], "error": None})
    assert silent.wait_closed(2 * wait.PATIENCE) == []
    server.wait_log("no response to (the )?inactivity probe after 5")
    assert_serves(alive)
    assert_serves(local)
    assert local.n_echoes == 0


# Commands


def remotes(server):
    return server.control("ovsdb-server/list-remotes").splitlines()


def test_add_and_remove(lab):
    server = lab.serve("small")
    first = f"punix:{server.socket_path}"
    path = lab.path("added")
    assert remotes(server) == [first]
    server.control("ovsdb-server/add-remote", f"punix:{path}")
    wait.until(path.exists, "the new socket")
    assert remotes(server) == sorted([first, f"punix:{path}"])
    client = server.client(path)
    assert_serves(client)
    server.control("ovsdb-server/add-remote", f"punix:{path}")
    assert remotes(server) == sorted([first, f"punix:{path}"])
    server.control("ovsdb-server/remove-remote", f"punix:{path}")
    wait.until(lambda: not path.exists(), "the removal of the socket")
    client.wait_closed()
    assert remotes(server) == [first]
    assert_serves(server.client())


def test_remove_tcp(lab):
    server = lab.serve("small", options=["--remote=ptcp:0:127.0.0.1"])
    port = port_of(server, "0:127.0.0.1")
    assert_serves(server.client(("127.0.0.1", port)))
    server.control("ovsdb-server/remove-remote", "ptcp:0:127.0.0.1")
    with pytest.raises(ConnectionRefusedError):
        wait.until(lambda: Client(("127.0.0.1", port)).close(), "a refusal")


def test_remove_unknown(lab):
    server = lab.serve("small")
    with pytest.raises(RpcError, match="no such remote"):
        server.control("ovsdb-server/remove-remote", "punix:/nowhere")


@pytest.mark.parametrize("args", [[], ["a", "b"]])
@pytest.mark.parametrize("command", ["add-remote", "remove-remote"])
def test_wrong_number_of_arguments(lab, command, args):
    server = lab.serve("small")
    with pytest.raises(RpcError, match="argument"):
        server.control(f"ovsdb-server/{command}", *args)


@pytest.mark.difference("bad-remote-refused")
@pytest.mark.parametrize("target", ["foo:1", "", "punix", "ptcp:99999", "ptcp:x", "tcp:", "punix:"])
def test_bad_remote_is_refused(lab, target):
    server = lab.serve("small")
    before = remotes(server)
    with pytest.raises(RpcError):
        server.control("ovsdb-server/add-remote", target)
    assert remotes(server) == before


@pytest.mark.difference("bad-remote-refused")
@pytest.mark.parametrize("target", ["foo:1", "ptcp:x"])
def test_start_with_a_bad_remote(lab, target):
    server = lab.new_server().allow(r"\|ERR\|").launch([lab.db("small")], "--run=true",
                                                        remotes=[target])
    assert server.wait_end() == 1
    assert target in server.stderr()
