# SPDX-License-Identifier: Apache-2.0
"""Clients from Debian's packages, unmodified: ovs-vsctl, ovs-vswitchd, the tools, Python's IDL."""
import json
import os
import re
import shutil
import subprocess

import pytest

from harness import dbfile
from harness import lab as lab_module
from harness import wait

VSWITCH_SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"

needs_switch = pytest.mark.skipif(
    not (shutil.which("ovs-vsctl") and os.path.exists(VSWITCH_SCHEMA)),
    reason="openvswitch-switch is not installed")


# ovs-vsctl


@pytest.fixture
def switch_server(lab):
    lab.tool("create", "conf.db", VSWITCH_SCHEMA).ok()
    return lab.serve(lab.path("conf.db"))


@pytest.fixture
def vsctl(lab, switch_server):
    def run(*args, wait_for_switch=False):
        options = [] if wait_for_switch else ["--no-wait"]
        return lab.run("ovs-vsctl", "-t", "20", f"--db=unix:{switch_server.socket_path}", *options,
                       *args)

    run("init").ok()
    return run


@needs_switch
def test_vsctl(vsctl):
    vsctl("add-br", "br0").ok()
    vsctl("add-br", "br0").fails(1, "already exists")
    vsctl("--may-exist", "add-br", "br0").ok()
    vsctl("add-port", "br0", "p1", "tag=5", "--", "add-port", "br0", "p2").ok()
    vsctl("--fake-iface", "add-bond", "br0", "bond0", "e0", "e1").ok()
    assert vsctl("list-br").lines() == ["br0"]
    assert vsctl("list-ports", "br0").lines() == ["bond0", "p1", "p2"]
    assert vsctl("list-ifaces", "br0").lines() == ["e0", "e1", "p1", "p2"]
    assert vsctl("port-to-br", "p1").ok() == "br0\n"
    assert vsctl("get", "Port", "p1", "tag").ok() == "5\n"
    vsctl("set", "Port", "p1", "tag=7", "trunks=1,2,3", 'external_ids:"a b"="c,d"').ok()
    assert vsctl("get", "Port", "p1", "tag", "trunks", "external_ids").lines() == [
        "7", "[1, 2, 3]", '{"a b"="c,d"}']
    assert vsctl("get", "Port", "p1", 'external_ids:"a b"').ok() == '"c,d"\n'
    vsctl("add", "Port", "p1", "trunks", "4").ok()
    vsctl("remove", "Port", "p1", "trunks", "1", "2").ok()
    assert vsctl("get", "Port", "p1", "trunks").ok() == "[3, 4]\n"
    vsctl("clear", "Port", "p1", "trunks").ok()
    assert vsctl("get", "Port", "p1", "trunks").ok() == "[]\n"
    vsctl("set", "Port", "p1", "vlan_mode=garbage").fails(1)
    assert vsctl("--columns=name", "--bare", "find", "Port", "tag=7").lines() == ["p1"]
    table = vsctl("--format=csv", "--columns=name,tag", "list", "Port", "p1", "p2").lines()
    assert table == ["name,tag", "p1,7", "p2,[]"]
    vsctl("wait-until", "Port", "p1", "tag=7").ok()
    vsctl("br-set-external-id", "br0", "key", "value").ok()
    assert vsctl("br-get-external-id", "br0", "key").ok() == "value\n"
    assert "Bridge br0" in vsctl("show").ok()
    vsctl("del-port", "br0", "p2").ok()
    vsctl("del-port", "br0", "p2").fails(1, "no port named p2")
    vsctl("--if-exists", "del-port", "br0", "p2").ok()
    vsctl("del-br", "br0").ok()
    assert vsctl("list-br").ok() == ""
    for table in ("Bridge", "Port", "Interface"):
        assert vsctl("--bare", "--columns=_uuid", "list", table).ok() == "", "garbage is collected"


@needs_switch
def test_vsctl_create_and_destroy(vsctl):
    vsctl("add-br", "br0").ok()
    uuid = vsctl("--id=@m", "create", "Mirror", "name=m", "select_all=true", "--",
                 "add", "Bridge", "br0", "mirrors", "@m").ok().strip()
    assert vsctl("get", "Bridge", "br0", "mirrors").ok() == f"[{uuid}]\n"
    assert vsctl("get", "Mirror", "m", "select_all").ok() == "true\n"
    vsctl("clear", "Bridge", "br0", "mirrors").ok()
    vsctl("get", "Mirror", "m", "name").fails(1)
    vsctl("create", "QoS", "type=linux-htb").ok()
    uuid = vsctl("--bare", "--columns=_uuid", "list", "QoS").ok().strip()
    vsctl("destroy", "QoS", uuid).ok()
    vsctl("destroy", "QoS", uuid).fails(1)
    vsctl("--if-exists", "destroy", "QoS", uuid).ok()
    vsctl("--if-exists", "get", "Bridge", "nope", "name").ok()


@needs_switch
def test_vsctl_manager_and_emer_reset(vsctl):
    vsctl("set-manager", "ptcp:6640:127.0.0.1", "tcp:192.0.2.1:6640").ok()
    assert vsctl("get-manager").lines() == ["ptcp:6640:127.0.0.1", "tcp:192.0.2.1:6640"]
    vsctl("del-manager").ok()
    assert vsctl("get-manager").ok() == ""
    vsctl("emer-reset").ok()


@needs_switch
def test_vsctl_wait_until_is_woken(lab, switch_server, vsctl):
    vsctl("add-br", "br0").ok()
    waiting = subprocess.Popen(
        ["ovs-vsctl", "-t", "20", f"--db=unix:{switch_server.socket_path}", "--no-wait",
         "wait-until", "Bridge", "br0", "external_ids:go=yes"], env=lab.env)
    vsctl("set", "Bridge", "br0", "external_ids:go=no").ok()
    assert waiting.poll() is None
    vsctl("set", "Bridge", "br0", "external_ids:go=yes").ok()
    assert waiting.wait(wait.PATIENCE) == 0


@needs_switch
def test_vsctl_writers_do_not_lose_each_others_changes(lab, switch_server, vsctl):
    """Several read, verify and write the same column at once; each must succeed in the end."""
    vsctl("add-br", "br0").ok()
    writers = [subprocess.Popen(
        ["ovs-vsctl", "-t", "30", f"--db=unix:{switch_server.socket_path}", "--no-wait",
         "add-port", "br0", f"p{i}"], env=lab.env) for i in range(12)]
    assert [w.wait(3 * wait.PATIENCE) for w in writers] == [0] * 12
    assert len(vsctl("list-ports", "br0").lines()) == 12


# ovs-vswitchd


@needs_switch
def test_switch(lab, switch_server, vsctl, daemons):
    """The switch configures the requests of ovs-vsctl, writes its status, and survives a restart of
    the server."""
    daemons.start("ovs-vswitchd", "--enable-dummy=override", "--disable-system",
                  f"unix:{switch_server.socket_path}")
    vsctl("add-br", "br0", "--", "set", "Bridge", "br0", "datapath_type=dummy",
          "other-config:hwaddr=aa:55:aa:55:00:01", wait_for_switch=True).ok()
    vsctl("add-port", "br0", "p1", "--", "set", "Interface", "p1", "type=dummy",
          wait_for_switch=True).ok()
    assert vsctl("get", "Bridge", "br0", "datapath_id").ok() == '"0000aa55aa550001"\n'
    assert re.fullmatch(r"\d+\n", vsctl("get", "Interface", "p1", "ofport").ok())
    assert "p1" in lab.run(lab.reference.appctl, "-t", "ovs-vswitchd", "dpif/show").ok()
    switch_server.stop()
    switch_server.start([lab.path("conf.db")])
    vsctl("add-port", "br0", "p2", "--", "set", "Interface", "p2", "type=dummy",
          wait_for_switch=True).ok()
    wait.until(lambda: re.fullmatch(r"\d+\n", vsctl("get", "Interface", "p2", "ofport").ok()),
               "the new port")
    vsctl("del-br", "br0", wait_for_switch=True).ok()
    wait.until(lambda: "br0" not in lab.run(lab.reference.appctl, "-t", "ovs-vswitchd",
                                            "dpif/show").ok(), "the end of the bridge")
    daemons.check()


# Debian's tools on our server and files


def test_debians_client_on_our_server(lab):
    server = lab.serve("small", options=["--remote=ptcp:0:127.0.0.1"])
    port = server.wait_log(r"listening on port (\d+)").group(1)
    server.client().insert("small", "T", {"name": "a", "n": 5})
    for remote in (f"unix:{server.socket_path}", f"tcp:127.0.0.1:{port}"):
        def run(*args, where=remote):
            return lab.run(lab.reference.client, args[0], where, *args[1:])

        assert run("list-dbs").lines() == ["_Server", "small"]
        assert json.loads(run("get-schema", "small").ok())["version"] == "1.2.3"
        assert "5" in run("dump", "small", "T", "n").ok()
        assert json.loads(run("transact", '["small",{"op":"comment","comment":"x"}]').ok()) == [{}]
        assert json.loads(run("query", '["small",{"op":"insert","table":"T","row":{}}]').ok())
        lab.run(lab.reference.client, "-vconsole:warn", "wait", remote, "small", "connected").ok()
        schema = lab_module.schema_path("small")
        assert run("needs-conversion", schema).ok() == "no\n"
    assert len(server.client().select("small", "T")) == 1


def test_debians_client_makes_a_backup(lab):
    server = lab.serve("small")
    uuid = server.client().insert("small", "T", {"name": "a", "tags": ["set", ["x", "y"]]})
    backup = lab.run(lab.reference.client, "backup", f"unix:{server.socket_path}", "small").ok()
    path = lab.path("backup.db")
    path.write_text(backup)
    schema, data = dbfile.read(path)
    assert schema["name"] == "small" and data["T"][uuid]["name"] == "a"


def test_debians_tool_on_our_file(lab):
    db = lab.db("small")
    server = lab.serve(db)
    client = server.client()
    uuid = client.insert("small", "T", {"name": "a", "tags": ["set", ["x", "y"]]})
    client.commit("small", {"op": "update", "table": "T", "where": [],
                            "row": {"tags": ["set", ["y", "z"]]}},
                  {"op": "comment", "comment": "why"})
    server.control("ovsdb-server/compact")
    client.commit("small", {"op": "update", "table": "T", "where": [], "row": {"tags": "w"}})
    server.stop()

    def run(*args):
        return lab.run(lab.reference.tool, *args)

    assert run("db-name", db).ok() == "small\n"
    text = run("-mm", "show-log", db).ok()
    assert "tags=[w, y, z]" in text and uuid[:8] in text
    [result] = json.loads(run("query", db, json.dumps(
        ["small", {"op": "select", "table": "T", "where": [], "columns": ["name", "tags"]}])).ok())
    assert result == {"rows": [{"name": "a", "tags": "w"}]}
    run("compact", db).ok()
    server.start([db])
    assert server.client().select("small", "T", ["name", "tags"]) == [{"name": "a", "tags": "w"}]
