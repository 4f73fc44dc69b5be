# SPDX-License-Identifier: Apache-2.0
"""Remotes, keys and log files that cannot be used at the start, but later: the server starts,
reports them, and uses them as soon as it can."""
import contextlib
import ctypes
import os
import shutil
import socket
import subprocess

import pytest

from harness import wait
from harness.sockets import listen_tcp
from harness.rpc import Client, Closed, RpcError
from harness.tls import TlsClient, context_of

CLONE_NEWNET = 0x40000000
FAILED = r"\|WARN\|.*cannot listen"


def status(server):
    return server.control("ovsdb-server/status")


def serves(target):
    try:
        with Client(target) as client:
            return "small" in client.call("list_dbs")
    except (OSError, Closed):
        return False


def until_serves(target):
    wait.until(lambda: serves(target), f"a server at {target}", 2 * wait.PATIENCE)


def until_well(server):
    wait.until(lambda: "fail" not in status(server), "no failure in the status")


def start(lab, target, *options, allow=FAILED):
    server = lab.new_server().allow(allow)
    return server.start([lab.db("small")], f"--remote={target}", *options)


@pytest.mark.difference("status-command")
def test_port_in_use(lab):
    with listen_tcp() as other:
        port = other.getsockname()[1]
        target = f"ptcp:{port}:127.0.0.1"
        server = start(lab, target)
        server.wait_log(f"{target}: cannot listen: Address already in use; trying again")
        assert f"failed remotes: 1: {target}: cannot listen: Address already in use" in status(server)
        assert target in server.control("ovsdb-server/list-remotes").splitlines()
        assert serves(server.socket_path)
    until_serves(("127.0.0.1", port))
    until_well(server)


@pytest.mark.difference("bad-remote-refused")
def test_command_fails_at_once(lab):
    """The caller of the command gets the reason, and the server does not try again."""
    server = lab.serve("small")
    with listen_tcp() as other:
        target = "ptcp:%d:127.0.0.1" % other.getsockname()[1]
        with pytest.raises(RpcError, match="Address already in use"):
            server.control("ovsdb-server/add-remote", target)
    assert target not in server.control("ovsdb-server/list-remotes")


@pytest.mark.ours("the reference server has no STATUS=")
def test_service_manager_is_told(lab, managed):
    managed.allow(FAILED)
    with listen_tcp() as other:
        target = "ptcp:%d:127.0.0.1" % other.getsockname()[1]
        managed.start([lab.db("small")], f"--remote={target}")
        said = [line for line in managed.manager.said if line.startswith("STATUS=")]
        assert f"STATUS={target}: cannot listen: Address already in use; databases: 1" in said[-1]
    wait.until(lambda: managed.manager.said[-1].startswith("STATUS=databases: 1"), "a good status")


@pytest.mark.difference("status-command")
def test_folder_missing(lab):
    path = lab.run_dir / "later" / "db.sock"
    server = start(lab, f"punix:{path}")
    assert "No such file or directory" in status(server)
    path.parent.mkdir()
    until_serves(path)
    until_well(server)


@contextlib.contextmanager
def own_network():
    """Programs that the test starts run in a new network namespace with only the loopback
    interface."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open("/proc/self/ns/net", encoding="ascii") as before:
        if libc.unshare(CLONE_NEWNET):
            pytest.skip(f"no network namespaces: {os.strerror(ctypes.get_errno())}")
        try:
            subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
            yield
        finally:
            assert not libc.setns(before.fileno(), CLONE_NEWNET)


@pytest.mark.difference("status-command")
def test_address_missing(lab):
    server = lab.new_server().allow(FAILED)
    with own_network():
        server.launch([lab.db("small")], "--remote=ptcp:6640:192.0.2.1",
                      remotes=["punix:" + server.socket_path])
    server.wait_ready()
    assert "Cannot assign requested address" in status(server)
    subprocess.run(["nsenter", "-t", str(server.pid), "-n", "ip", "address", "add", "192.0.2.1",
                    "dev", "lo"], check=True)
    server.wait_log(r"ptcp:6640:192.0.2.1: listening on port 6640")
    until_well(server)


@pytest.mark.ours("the reference server has other messages")
def test_interface_missing(lab):
    server = start(lab, "ptcp:0:[fe80::1%nosuch0]")
    assert "No such device" in status(server)


# Socket files


@pytest.mark.difference("socket-of-a-server")
def test_socket_of_a_running_server(lab):
    first = lab.serve("small")
    client = first.client()
    second = lab.new_server().allow(FAILED)
    second.start([lab.db("other")], f"--remote=punix:{first.socket_path}", "--no-self-confinement")
    assert f"{first.socket_path}: a running server listens there" in status(second)
    assert "small" in first.client().call("list_dbs") and client.call("echo") == []
    second.stop()
    assert serves(first.socket_path)
    second.start([lab.path("other.db")], f"--remote=punix:{first.socket_path}",
                 "--no-self-confinement")
    first.stop()
    wait.until(lambda: "fail" not in status(second), "the socket of the first")
    with Client(first.socket_path) as other:
        assert "other" in other.call("list_dbs")
    second.stop()
    assert not os.path.exists(first.socket_path)


@pytest.mark.difference("socket-of-a-server")
def test_control_socket_of_a_running_server(lab):
    first = lab.serve("small")
    result = lab.run(lab.programs.server, lab.db("other"), "--run=true", "-vconsole:off",
                     f"--unixctl={first.control_path}")
    result.fails(saying="a running server listens there")
    assert "small" in first.control("ovsdb-server/list-dbs")


def test_several_starts_at_once(lab):
    """One of them gets the socket, the others wait for it."""
    path = lab.path("shared.sock")
    # The reference server removes the socket file of another that is about to listen on it.
    lost = r"\|ERR\|.*shared\.sock: (binding|listen) failed: Address already in use"
    servers = [lab.new_server().allow(FAILED, lost) for _ in range(4)]
    for i, server in enumerate(servers):
        server.launch([lab.db("small", f"s{i}.db")], "--no-self-confinement",
                      remotes=[f"punix:{path}"])
    for server in servers:
        server.wait_ready(False)
    assert serves(path)
    if not servers[0].programs.is_reference:
        assert sum("fail" in status(server) for server in servers) == len(servers) - 1


# TLS


@pytest.mark.difference("status-command")
def test_key_missing(lab, pki):
    """Server and client connections wait for the files."""
    folder = lab.run_dir / "pki"
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    server = start(lab, f"pssl:{port}:127.0.0.1", f"--private-key={folder}/key",
                   f"--certificate={folder}/cert", f"--ca-cert={folder}/ca",
                   f"--remote=ssl:127.0.0.1:{port}", allow=r"\|WARN\|.*(private key|certificate)")
    assert f"failed remotes: 1: pssl:{port}:127.0.0.1: {folder}/key: cannot read the private key: " \
        "No such file or directory" in status(server)
    folder.mkdir()
    shutil.copy(pki.server.key, folder / "key")
    shutil.copy(pki.cert, folder / "ca")
    server.wait_log("cannot read the certificate")
    shutil.copy(pki.server.cert, folder / "cert")
    wait.until(lambda: "fail" not in status(server), "TLS")
    TlsClient(port, context_of(pki, pki.client)).echo("hello")
    server.wait_log(rf"ssl:127\.0\.0\.1:{port}: connected")


@pytest.mark.difference("status-command")
def test_keys_that_do_not_match(lab, pki):
    """As while they are being renewed in two steps."""
    folder = lab.run_dir / "pki"
    folder.mkdir()
    shutil.copy(pki.client.key, folder / "key")
    shutil.copy(pki.server.cert, folder / "cert")
    server = start(lab, "pssl:0:127.0.0.1", f"--private-key={folder}/key",
                   f"--certificate={folder}/cert", f"--ca-cert={pki.cert}", allow=r"is not that of")
    assert "TLS failure: the private key in" in status(server)
    shutil.copy(pki.server.key, folder / "key")
    port = int(server.wait_log(r"listening on port (\d+)").group(1))
    TlsClient(port, context_of(pki, pki.client)).echo("hello")


# Log file


@pytest.mark.ours("the reference server has no such command")
def test_log_file_cannot_be_opened(lab):
    path = lab.run_dir / "missing" / "x.log"
    server = lab.new_server().launch([lab.db("small")], f"--log-file={path}", "-vconsole:warn",
                                     log=False).wait_ready()
    assert f"failed to open {path} for logging: No such file or directory" in server.stderr()
    assert "log file failure: No such file or directory" in status(server)
    path.parent.mkdir()
    server.control("vlog/reopen")
    assert "opened log file" in path.read_text()
    assert "fail" not in status(server)


# Pid file


def test_pid_file_on_a_full_disk(lab):
    folder = lab.path("tiny")
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", folder],
                      check=False).returncode:
        pytest.skip("only root may mount a small file system")
    try:
        (folder / "fill").write_bytes(b"x" * 4096)
        result = lab.run(lab.programs.server, lab.db("small"), "--run=true", "-vconsole:off",
                         f"--pidfile={folder}/x.pid", f"--unixctl={lab.path('other.ctl')}")
        result.fails(saying="No space left on device")
        if not lab.programs.is_reference:
            assert os.listdir(folder) == ["fill"]
    finally:
        subprocess.run(["umount", folder], check=True)
