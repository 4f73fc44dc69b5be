# SPDX-License-Identifier: Apache-2.0
"""--identity: clients are identified by the user and the groups of their process, or by a name in
their certificate. The identity sets their rights."""
import json
import os
import socket

import pytest

from harness import dbfile
from harness.rbac_server import PERMISSION_ERROR, SCHEMA, RbacServer, permission, rules
from harness.pki import Authority

pytestmark = pytest.mark.ours("the reference server identifies clients only by the common name"
                              " of their certificates")
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="becomes other users")
OWNER = permission(["owner"], True, ["n"])
UID = os.getuid()


def serve(lab, *identities):
    """A server whose database has rules for the role "r"."""
    path = dbfile.create(lab.path("rbac.db"), SCHEMA)
    lab.tool("transact", path, json.dumps(["rbac", *rules({"Card": OWNER})])).ok()
    server = lab.new_server().start([path], *(f"--identity={rule}" for rule in identities))
    return server.allow(r"\|rbac\|WARN\|")


def connect_as(server, uid, gid, groups=()):
    """A connection of another user: the kernel remembers who connected."""
    folder = server.socket_path
    os.chmod(folder, 0o777)
    while (folder := os.path.dirname(folder)) != "/":
        os.chmod(folder, os.stat(folder).st_mode | 0o111)
    connected, saved = socket.socket(socket.AF_UNIX), os.getgroups()
    os.setgroups(groups)
    os.setegid(gid)
    os.seteuid(uid)
    try:
        connected.connect(server.socket_path)
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(saved)
    return server.client(connected)


def insert(client, owner):
    """The result of an insert of a row of this owner: "ok" or the error."""
    reply = client.transact("rbac", {"op": "insert", "table": "Card", "row": {"owner": owner}})
    return reply[0].get("error", "ok")


def test_without_rules(lab):
    assert insert(serve(lab).client(), "anybody") == "ok"


def test_user(lab):
    client = serve(lab, f"user:{UID}, role=r, id=me").client()
    assert insert(client, "me") == "ok"
    assert insert(client, "you") == PERMISSION_ERROR


def test_the_first_that_matches_counts(lab):
    client = serve(lab, f"user:{UID + 1},read-only", f"user:{UID},role=r,id=me",
                   "user:*,read-only=yes").client()
    assert insert(client, "me") == "ok"


def test_read_only(lab):
    client = serve(lab, "user:*,read-only=yes").client()
    assert insert(client, "me") == "not allowed"


def test_the_id_without_one_in_the_rule(lab):
    """A rule without an id: the id is the user name of the rule, else the number of the user."""
    assert insert(serve(lab, f"user:{UID},role=r").client(), str(UID)) == "ok"


@needs_root
def test_others(lab):
    server = serve(lab, "user:nobody,role=r", "group:4242,role=r", "group:bin,role=r,id=bins")
    assert insert(server.client(), "anybody") == "ok", "root is not named"
    nobody = connect_as(server, 65534, 65534)
    assert insert(nobody, "nobody") == "ok"
    assert insert(nobody, "65534") == PERMISSION_ERROR
    assert insert(connect_as(server, 4711, 4242), "4711") == "ok", "its main group"
    member = connect_as(server, 4711, 1, (7, 4242, 8))
    assert insert(member, "4711") == "ok", "another of its groups"
    assert insert(member, "4242") == PERMISSION_ERROR
    assert insert(connect_as(server, 4711, 2, (7,)), "bins") == "ok"
    assert insert(connect_as(server, 4711, 1, (7,)), "anybody") == "ok", "nobody named it"


@pytest.mark.parametrize("rule, saying", [
    ("", "the clients are missing"),
    ("role=r", "role=r"),
    ("user:no-such-user,role=r", "no-such-user"),
    ("group:no-such-group,role=r", "no-such-group"),
    ("user:-1", "-1"),
    ("user:4294967295", "4294967295"),
    ("user:", "user"),
    ("user:*,role=", "role="),
    ("user:*,role", "role"),
    ("user:*,read-only=perhaps", "perhaps"),
    ("user:*,colour=red", "colour"),
    ("tls,id=nickname", "nickname"),
])
def test_bad_rules(lab, rule, saying):
    lab.run(lab.programs.server, "--no-dbs", "--unixctl=none", f"--identity={rule}") \
        .fails(saying=saying)


def test_reload(lab):
    """In the configuration file; connections end when the rules change, and only then."""
    path = dbfile.create(lab.path("rbac.db"), SCHEMA)
    lab.tool("transact", path, json.dumps(["rbac", *rules({"Card": OWNER})])).ok()
    config = lab.path("server.conf")

    def write(rule):
        config.write_text(f"[options]\nidentity = user:*, {rule}\nidentity = tls, id=dns\n")

    write("role=r, id=me")
    server = lab.new_server().start([path], f"--config-file={config}").allow(r"\|rbac\|WARN\|")
    client = server.client()
    assert insert(client, "me") == "ok"
    server.control("ovsdb-server/reload")
    assert insert(client, "you") == PERMISSION_ERROR
    write("role=r, id=you")
    server.control("ovsdb-server/reload")
    client.wait_closed()
    assert insert(server.client(), "you") == "ok"


@pytest.fixture(scope="module")
def pki(tmp_path_factory):
    authority = Authority(tmp_path_factory.mktemp("pki"))
    authority.server = authority.issue("server")
    authority.named = authority.issue(
        "named", cn="c1", names="DNS:host.example,DNS:second.example,email:me@example.org,"
                                "URI:urn:host,IP:192.0.2.1")
    authority.plain = authority.issue("plain", cn="c1")
    return authority


@pytest.mark.parametrize("kind, name", [
    ("cn", "c1"), ("dns", "host.example"), ("email", "me@example.org"), ("uri", "urn:host"),
    ("ip", "192.0.2.1")])
def test_name_in_certificate(lab, pki, kind, name):
    guarded = RbacServer(lab, pki, f"--identity=tls,id={kind}")
    guarded.admin.commit("rbac", *rules({"Card": OWNER}))
    client = guarded.connect("r", "named")
    assert insert(client, name) == "ok"
    for other in {"c1", "host.example", "second.example", "DNS:host.example", ""} - {name}:
        assert insert(client, other) == PERMISSION_ERROR, other
    plain = guarded.connect("r", "plain")
    assert insert(plain, "c1") == ("ok" if kind == "cn" else PERMISSION_ERROR)


def test_rights_of_tls_clients(lab, pki):
    guarded = RbacServer(lab, pki, "--identity=tls,role=s")
    guarded.admin.commit("rbac", *rules({"Card": OWNER}))
    assert insert(guarded.connect("r", "plain"), "c1") == PERMISSION_ERROR, "it has the role s"
    assert insert(guarded.admin, "anybody") == "ok"
