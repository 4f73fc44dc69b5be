# SPDX-License-Identifier: Apache-2.0
"""--remote=pfd:FD: a socket that a start script has opened."""
import socket

import pytest

from harness import wait
from harness.rpc import Client, RpcError
from harness.server import Server

pytestmark = pytest.mark.ours("the reference server has no pfd: remotes")
ON_COMMAND_LINE = "an inherited socket can be named on the command line only"


class Inheriting(Server):
    """A server that inherits `passed`, descriptors that are closed here once it runs."""

    passed = ()

    def _with_fds(self, command, fds):
        return self.env, command, list(self.passed)


def inheriting(lab, *sockets):
    server = Inheriting(lab.programs, str(lab.directory), lab.env)
    server.passed = [s.detach() for s in sockets]
    lab.servers.append(server)
    return server, [f"--remote=pfd:{fd}" for fd in server.passed]


def listen_unix(path, kind=socket.SOCK_STREAM):
    listener = socket.socket(socket.AF_UNIX, kind)
    listener.bind(str(path))
    if kind == socket.SOCK_STREAM:
        listener.listen()
    return listener


def test_served(lab):
    tcp = socket.create_server(("127.0.0.1", 0))
    address, path = tcp.getsockname(), lab.run_dir / "inherited.sock"
    server, options = inheriting(lab, tcp, listen_unix(path))
    server.start([lab.db("small")], *options)
    for target in (path, address):
        assert "small" in server.client(target).call("list_dbs")
    listed = server.control("ovsdb-server/list-remotes").splitlines()
    assert {f"punix:{path}", f"ptcp:{address[1]}:127.0.0.1"} < set(listed)
    server.stop()
    assert path.exists()  # it belongs to who made it


def test_same_as_an_option(lab):
    tcp = socket.create_server(("127.0.0.1", 0))
    target = f"ptcp:{tcp.getsockname()[1]}:127.0.0.1"
    server, options = inheriting(lab, tcp)
    server.start([lab.db("small")], *options, f"--remote={target}")
    assert server.control("ovsdb-server/list-remotes").splitlines().count(target) == 1


def test_closed_when_it_is_removed(lab):
    tcp = socket.create_server(("127.0.0.1", 0))
    address = tcp.getsockname()
    server, options = inheriting(lab, tcp)
    server.start([lab.db("small")], *options)
    server.control("ovsdb-server/remove-remote", f"ptcp:{address[1]}:127.0.0.1")
    with pytest.raises(ConnectionRefusedError):
        wait.until(lambda: Client(address).close(), "a refusal")


def refused(lab, *options, sockets=()):
    server, inherited = inheriting(lab, *sockets)
    server.allow(r"\|ERR\|").launch([lab.db("small")], "--run=true", *inherited, *options)
    assert server.wait_end() == 1
    return server.stderr()


@pytest.mark.parametrize("make", [
    lambda lab: socket.socket(), lambda lab: socket.socket(socket.AF_INET, socket.SOCK_DGRAM),
    lambda lab: listen_unix(lab.path("dgram"), socket.SOCK_DGRAM),
    lambda lab: socket.socketpair()[0],
], ids=["not bound", "UDP", "datagrams", "connected"])
def test_other_sockets(lab, make):
    assert "it is not a stream socket that listens" in refused(lab, sockets=[make(lab)])


@pytest.mark.parametrize("target, reason", [
    ("pfd:999", "descriptor 999: it is not open"),
    ("pfd:0", "it is not a stream socket that listens"),
    ("pfd:", "the number of a descriptor is expected"), ("pfd:-1", "the number of a descriptor"),
    ("pfd:x", "the number of a descriptor"), ("pfd:99999999999", "the number of a descriptor"),
])
def test_wrong_numbers(lab, target, reason):
    assert reason in refused(lab, f"--remote={target}")


def test_named_twice(lab):
    tcp = socket.create_server(("127.0.0.1", 0))
    assert "named twice" in refused(lab, f"--remote=pfd:{tcp.fileno()}", sockets=[tcp])


def test_command_line_only(lab):
    server = lab.serve("small")
    with pytest.raises(RpcError, match=ON_COMMAND_LINE):
        server.control("ovsdb-server/add-remote", "pfd:3")
    for name, text in (("one", "[remote pfd:3]\n"), ("two", '{"remotes": {"pfd:3": {}}}')):
        lab.path(name).write_text(text)
        lab.run(lab.programs.server,
                f"--config-file={lab.path(name)}").fails(saying=ON_COMMAND_LINE)


def test_not_in_a_database(lab):
    server = lab.new_server().allow(ON_COMMAND_LINE)
    server.start([lab.db("remotes")], "--remote=db:remotes,Config,targets")
    server.client().insert("remotes", "Config", {"targets": "pfd:3"})
    server.wait_log(ON_COMMAND_LINE)


@pytest.mark.parametrize("option", ["--record", "--record=/tmp", "--replay", "--replay=/tmp"])
def test_record_and_replay(lab, option):
    name = option.split("=", maxsplit=1)[0]
    lab.run(lab.programs.server, option).fails(saying=f"{name} is not supported by this server")
