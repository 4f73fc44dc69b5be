# SPDX-License-Identifier: Apache-2.0
"""TLS with programs that others have written: Debian's clients on our server, ours as a backup of
Debian's and the reverse, and a scanner."""
import os
import re
import socket
import ssl
import subprocess
import threading
import xml.etree.ElementTree

import pytest

from harness import wait
from harness.lab import Lab, schema_path
from harness.rpc import Client
from harness.tls import REFUSED, listen, port_of, serve, server_context

pytestmark = pytest.mark.ours("the test compares our programs with the reference programs")
PASSIVE = "pssl:0:127.0.0.1"
VSWITCH_SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"
SB_SCHEMA = "/usr/share/ovn/ovn-sb.ovsschema"


# Debian's daemons


def serve_network(lab, pki, *schemas):
    """Returns a server of Debian's schemas, and its target for TLS clients."""
    dbs = []
    for schema in schemas:
        dbs.append(lab.path(os.path.basename(schema) + ".db"))
        lab.tool("create", dbs[-1], schema).ok()
    server = lab.serve(*dbs, options=pki.server.options(pki.cert),
                       remotes=["punix:" + str(lab.run_dir / "db.sock"), PASSIVE])
    return server, f"ssl:127.0.0.1:{port_of(server, PASSIVE)}"


def test_switch_and_controller(lab, pki, daemons):
    """ovs-vsctl, ovs-vswitchd, ovn-sbctl and ovn-controller: a chassis registers itself."""
    server, target = serve_network(lab, pki, VSWITCH_SCHEMA, SB_SCHEMA)
    tls = pki.client.options(pki.cert)

    def vsctl(*words):
        return lab.run("ovs-vsctl", "-t", "20", f"--db={target}", *tls, *words).ok()

    lab.run("ovn-sbctl", "-t", "20", f"--db={target}", *tls, "init", env=daemons.env).ok()
    vsctl("--no-wait", "init", "--", "set", "Open_vSwitch", ".", "external_ids:system-id=hv1",
          f"external_ids:ovn-remote={target}", "external_ids:ovn-encap-type=geneve",
          "external_ids:ovn-encap-ip=127.0.0.1")
    daemons.start("ovs-vswitchd", target, "--enable-dummy=override", "--disable-system", *tls)
    vsctl("add-br", "br-int", "--", "set", "Bridge", "br-int", "datapath_type=dummy")
    assert re.fullmatch(r'"[0-9a-f]{16}"\n', vsctl("get", "Bridge", "br-int", "datapath_id"))
    # Its own database tells the controller about TLS, or it reads the options only then.
    daemons.start("ovn-controller", f"unix:{server.socket_path}", *tls)

    def chassis():
        daemons.check()
        return server.client().select("OVN_Southbound", "Chassis", ["name"])

    wait.until(lambda: chassis() == [{"name": "hv1"}], "the chassis", 3 * wait.PATIENCE)


IDL_PROGRAM = """
import sys
import ovs.stream
import ovs.db.idl

target, key, certificate, ca, schema = sys.argv[1:]
ovs.stream.Stream.ssl_set_private_key_file(key)
ovs.stream.Stream.ssl_set_certificate_file(certificate)
ovs.stream.Stream.ssl_set_ca_cert_file(ca)
helper = ovs.db.idl.SchemaHelper(location=schema)
helper.register_all()
idl = ovs.db.idl.Idl(target, helper)

def run_until(condition):
    while not condition():
        idl.run()
        if not condition():
            poller = ovs.poller.Poller()
            idl.wait(poller)
            poller.block()

run_until(idl.has_ever_connected)
transaction = ovs.db.idl.Transaction(idl)
transaction.insert(idl.tables["T"]).name = "by the IDL"
print(ovs.db.idl.Transaction.status_to_string(transaction.commit_block()))
run_until(lambda: any(row.name == "by the IDL" for row in idl.tables["T"].rows.values()))
print(*sorted(row.name for row in idl.tables["T"].rows.values()))
"""


def test_pythons_idl(lab, pki):
    """Runs in another process, because the TLS settings of the library are global."""
    server, port = serve(lab, pki)
    server.client().insert("small", "T", {"name": "there before"})
    result = lab.run("/usr/bin/python3", "-c", IDL_PROGRAM, f"ssl:127.0.0.1:{port}",
                     pki.client.key, pki.client.cert, pki.cert, schema_path("small"))
    assert result.ok().splitlines() == ["success", "by the IDL there before"]


# Replication over TLS


def names(server):
    with Client(server.socket_path) as client:
        return sorted(row["name"] for row in client.select("small", "T", ["name"]))


def serve_pair(lab, pki, *options, active_programs=None, backup_programs=None,
               active_options=()):
    remotes = [PASSIVE]
    active = lab.new_server(active_programs)
    active.start([lab.db("small", "active.db")], *pki.server.options(pki.cert), *active_options,
                 remotes=["punix:" + active.socket_path, *remotes])
    target = f"ssl:127.0.0.1:{port_of(active, PASSIVE if not active_programs else '0:127.0.0.1')}"
    backup = lab.new_server(backup_programs)
    backup.start([lab.db("small", "backup.db")], f"--sync-from={target}",
                 *(options or pki.client.options(pki.cert)))
    return active, backup


def assert_follows(active, backup):
    with Client(active.socket_path) as client:
        client.insert("small", "T", {"name": "row"})
    wait.until(lambda: names(backup) == ["row"], "the backup to follow", 3 * wait.PATIENCE)


@pytest.mark.parametrize("reference_is", [None, "active", "backup"])
def test_backup(lab, pki, reference, reference_is):
    programs = {reference_is + "_programs": reference} if reference_is else {}
    assert_follows(*serve_pair(lab, pki, **programs))


def test_backup_bootstraps_the_ca(lab, pki):
    """The backup learns it from its active server and connects again at once."""
    path = lab.path("learnt.pem")
    options = pki.client.options("x")[:2] + [f"--bootstrap-ca-cert={path}"]
    active, backup = serve_pair(lab, pki, *options, active_options=[f"--peer-ca-cert={pki.cert}"])
    active.allow(REFUSED)
    backup.allow("saved as the peer sent it")
    assert_follows(active, backup)
    assert "BEGIN CERTIFICATE" in path.read_text()


def test_backup_needs_options(lab):
    result = lab.run(lab.programs.server, lab.db("small"), "--unixctl=none", "-vconsole:off",
                     "-vsyslog:off", "--sync-from=ssl:127.0.0.1:1")
    result.fails(saying="ssl:127.0.0.1:1: TLS needs --private-key")


def test_backup_says_why(lab, pki):
    active, backup = serve_pair(lab, pki, *pki.stranger.options(pki.cert))
    active.allow(REFUSED)
    active.wait_log(REFUSED + "certificate .*CN=stranger.* is not signed by a CA in ")
    assert backup.is_running()


# ovs-appctl through something that speaks TLS


class Forwarder(threading.Thread):
    """Passes one TLS connection on to a Unix socket, as stunnel would."""

    def __init__(self, context, path):
        super().__init__()
        self.context, self.path = context, str(path)
        self.listener, self.port = listen()
        self.start()

    def run(self):
        raw, _ = self.listener.accept()
        try:
            with self.context.wrap_socket(raw, server_side=True) as tls, \
                    socket.socket(socket.AF_UNIX) as control:
                control.connect(self.path)
                control.sendall(tls.recv(65536))
                tls.sendall(control.recv(65536))
        except (ssl.SSLError, OSError):
            pass  # the client says why
        self.listener.close()


def forward(pki, server, identity):
    forwarder = Forwarder(server_context(identity, pki), server.control_path)
    return forwarder, f"ssl:127.0.0.1:{forwarder.port}"


def test_appctl(lab, pki):
    server = lab.serve("small")
    forwarder, target = forward(pki, server, pki.server)
    result = lab.appctl("-t", target, *pki.client.options(pki.cert), "ovsdb-server/list-dbs")
    forwarder.join()
    assert result.ok().split() == ["_Server", "small"]
    forwarder, target = forward(pki, server, pki.server)
    result = lab.appctl("-t", target, *pki.client.options(pki.cert), "no-such-command", "x")
    forwarder.join()
    assert result.status == 2 and "no-such-command" in result.err, str(result)


def test_appctl_refuses(lab, pki):
    server = lab.serve("small")
    forwarder, target = forward(pki, server, pki.stranger)
    result = lab.appctl("-t", target, *pki.client.options(pki.cert), "version")
    forwarder.join()
    result.fails(saying="TLS: certificate CN=stranger,O=test is not signed by a CA in")
    lab.appctl("-t", "ssl:127.0.0.1:1", "version").fails(saying="TLS needs --private-key")


# What a scanner finds


@pytest.fixture(scope="module")
def scan(request, pki, tmp_path_factory):
    """The report of sslscan about the default settings, with a server certificate as ovs-pki makes
    it."""
    lab = Lab(request.config.programs, request.config.reference_programs,
              tmp_path_factory.mktemp("scan"))
    server, port = serve(lab, pki, identity=pki.issue("scanned", bits=2048))
    server.allow(r"dropped \d+ messages")
    server.allow(REFUSED)
    command = ["sslscan", "--no-colour", "--show-sigs", "--xml=-", f"--certs={pki.client.cert}",
               f"--pk={pki.client.key}", f"127.0.0.1:{port}"]
    result = subprocess.run(command, capture_output=True, timeout=120, check=True)
    lab.finish()
    return xml.etree.ElementTree.fromstring(result.stdout).find("ssltest")


def test_scanner_finds_the_protocols(scan):
    enabled = {(e.get("type"), e.get("version")): e.get("enabled") for e in scan.iter("protocol")}
    assert {name for name, on in enabled.items() if on == "1"} == {("tls", "1.2"), ("tls", "1.3")}
    assert {("ssl", "2"), ("ssl", "3"), ("tls", "1.0"), ("tls", "1.1")} <= set(enabled)


def test_scanner_finds_no_weak_cipher(scan):
    ciphers = [(e.get("cipher"), int(e.get("bits")), e.get("strength"))
               for e in scan.iter("cipher")]
    assert len(ciphers) == 9
    for name, bits, strength in ciphers:
        assert bits >= 128 and strength in ("strong", "acceptable"), name
        assert re.search("GCM|CHACHA20", name) and re.match("TLS_|ECDHE|DHE", name), name


def test_scanner_finds_no_weak_group_or_signature(scan):
    groups = {e.get("name"): int(e.get("bits")) for e in scan.iter("group")}
    assert "x25519" in groups and min(groups.values()) >= 112, groups
    signatures = {e.get("name") for e in scan.iter("connection-signature-algorithm")}
    assert signatures
    for name in signatures:
        assert re.search("_sha(256|384|512)$", name), name


def test_scanner_finds_no_flaw(scan):
    assert scan.find("renegotiation").get("supported") == "0"
    assert {e.get("vulnerable") for e in scan.iter("heartbleed")} == {"0"}
