# SPDX-License-Identifier: Apache-2.0
"""Sockets from systemd: several of each kind, known by their names or by their addresses."""

import pytest
from harness.pki import Authority
from harness.rpc import Client
from service import SOCKET, UNIT

LISTS = ["_Server", "small"]


def add_socket(service, name, *streams, kind=None):
    """A socket unit of the test for the service."""
    lines = [f"ListenStream={s}" for s in streams]
    if kind:
        lines.append(f"FileDescriptorName={kind}")
    service.write(f"/etc/systemd/system/t-{name}.socket",
                  "\n".join(["[Socket]", *lines, f"Service={UNIT}", ""]))
    service.ok("systemctl", "start", f"t-{name}.socket")


def in_tcp(service, port):
    return service.ok("ovsdb-client", "list-dbs", f"tcp:127.0.0.1:{port}").split()


def remotes(service):
    return service.ok("ovs-appctl", "-t", "ovsdb-server", "ovsdb-server/list-remotes").split()


@pytest.fixture(scope="module")
def pki(container):
    folder = container.path("/usr/share/openvswitch/pki")
    folder.mkdir(exist_ok=True)
    authority = Authority(folder)
    authority.server = authority.issue("server")
    authority.client = authority.issue("client")
    container.ok("chmod", "-R", "a+rX", "/usr/share/openvswitch/pki")
    return authority


INSIDE = "/usr/share/openvswitch/pki"
TLS = (f"[options]\nprivate-key = {INSIDE}/server-key.pem\n"
       f"certificate = {INSIDE}/server-cert.pem\nca-cert = {INSIDE}/ca-cert.pem\n")


def in_tls(service, port):
    options = [f"--private-key={INSIDE}/client-key.pem", f"--certificate={INSIDE}/client-cert.pem",
               f"--ca-cert={INSIDE}/ca-cert.pem"]
    return service.ok("ovsdb-client", *options, "list-dbs", f"ssl:127.0.0.1:{port}").split()


def test_several_of_each(service, pki):
    """With any name; "control", "metrics" and "ssl" are names of ours."""
    add_socket(service, "one", "/run/t-one.sock", "127.0.0.1:6642")
    add_socket(service, "two", "/run/t-two.sock", "127.0.0.1:6643", kind="whatever")
    add_socket(service, "tls", "127.0.0.1:6644", "127.0.0.1:6645", kind="ssl")
    add_socket(service, "control", "/run/t-control.sock", kind="control")
    add_socket(service, "metrics", "/run/t-metrics.sock", kind="metrics")
    service.configure(TLS)
    service.start(SOCKET)
    service.start()
    for path in ("/run/t-one.sock", "/run/t-two.sock", "/run/openvswitch/db.sock"):
        assert service.client(path).call("list_dbs") == LISTS
    assert in_tcp(service, 6642) == in_tcp(service, 6643) == LISTS
    assert in_tls(service, 6644) == in_tls(service, 6645) == LISTS
    assert "ovsdbd" in service.ok("ovs-appctl", "-t", "/run/t-control.sock", "version")
    with service.client("/run/t-metrics.sock") as metrics:
        metrics.socket.settimeout(20)
        metrics.socket.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        assert metrics.socket.recv(100).startswith(b"HTTP/1.1 200 ")


def test_a_client_before_the_service(service):
    """On every kind of socket; it is served as soon as the service runs."""
    add_socket(service, "early", "/run/t-early.sock", "127.0.0.1:6642")
    assert service.show("ActiveState") == "inactive"
    client = service.client("/run/t-early.sock")
    client.request("list_dbs", [], id_=1)
    assert client.result(1, 60) == LISTS
    assert service.show("ActiveState") == "active"
    service.ok("systemctl", "stop", UNIT)
    assert in_tcp(service, 6642) == LISTS
    assert service.show("NRestarts") == "0"


def test_the_same_remote_twice(service, pki):
    """As an option and as a socket, it is one; a pssl: remote makes the socket one of TLS."""
    add_socket(service, "same", "127.0.0.1:6642", "127.0.0.1:6643", "[::]:6644", "/run/t-same.sock")
    service.configure(TLS + "[remote ptcp:6642:127.0.0.1]\n[remote pssl:6643:127.0.0.1]\n"
                      "[remote ptcp:6644]\nread-only = yes\n[remote punix:/run/t-same.sock]\n")
    service.start(SOCKET)
    service.start()
    found = remotes(service)
    assert len(found) == 5 and len([r for r in found if "6643" in r]) == 1, found
    assert in_tcp(service, 6642) == LISTS
    assert in_tls(service, 6643) == LISTS
    with Client(service.container.path("/run/t-same.sock")) as client:
        assert client.call("list_dbs") == LISTS
    # The settings of the configuration count for the socket.
    told = service.container.run(
        "ovsdb-client", "transact", "tcp:127.0.0.1:6644",
        '["small",{"op":"insert","table":"T","row":{}}]').stdout
    assert "read" in told and "error" in told, told


def test_a_socket_for_tls_without_keys(service):
    add_socket(service, "tls", "127.0.0.1:6644", kind="ssl")
    assert service.container.run("systemctl", "start", UNIT).returncode
    assert any("pssl:6644:127.0.0.1: TLS needs" in e["MESSAGE"] for e in service.journal())
