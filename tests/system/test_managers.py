# SPDX-License-Identifier: Apache-2.0
"""How ovs-vsctl, ovn-nbctl and ovn-sbctl set remotes and TLS up, with the schemas of Debian's
packages and the options of their start scripts."""
import pathlib
import re
import shutil

import pytest

from harness import wait
from harness.sockets import accept, listen_tcp, port_of
from harness.rpc import Client
from harness.tls import TlsClient, context_of

SCHEMAS = {"conf": "/usr/share/openvswitch/vswitch.ovsschema",
           "nb": "/usr/share/ovn/ovn-nb.ovsschema", "sb": "/usr/share/ovn/ovn-sb.ovsschema"}
PROGRAMS = ("ovs-vsctl", "ovn-nbctl", "ovn-sbctl")
pytestmark = pytest.mark.skipif(
    not all(map(shutil.which, PROGRAMS))
    or not all(pathlib.Path(s).exists() for s in SCHEMAS.values()),
    reason="openvswitch-switch or ovn-central is not installed")


class Managed:
    """A server as the start script makes it, and the program that manages it."""

    def __init__(self, lab, database, program, remotes, tls):
        self.lab, self.program = lab, program
        path = lab.path(f"{database}.db")
        lab.tool("create", path, SCHEMAS[database]).ok()
        self.server = lab.serve(path, options=[
            f"--remote=db:{remotes}", f"--private-key=db:{tls},private_key",
            f"--certificate=db:{tls},certificate", f"--ca-cert=db:{tls},ca_cert"])
        self.run("init")

    def run(self, *words):
        options = ["--no-wait"] if self.program == "ovs-vsctl" else []
        return self.lab.run(self.program, "-t", "20", f"--db=unix:{self.server.socket_path}",
                            *options, *words,
                            env={**self.lab.env, "OVN_RUNDIR": self.server.run_dir})

    def status(self, table, target):
        """Returns is_connected and status of a row."""
        text = self.run("--bare", "--columns=is_connected,status", "find", table,
                        f'target="{target}"').ok()
        connected, *status = text.split()
        return connected, dict(item.split("=", 1) for item in status)

    def until_status(self, table, target, connected, **expected):
        def told():
            now, status = self.status(table, target)
            return now == connected and expected.items() <= status.items()

        wait.until(told, f"{target}: {connected}, {expected}")


@pytest.fixture
def switch(lab):
    return Managed(lab, "conf", "ovs-vsctl", "Open_vSwitch,Open_vSwitch,manager_options",
                   "Open_vSwitch,SSL")


@pytest.fixture
def north(lab):
    return Managed(lab, "nb", "ovn-nbctl", "OVN_Northbound,NB_Global,connections",
                   "OVN_Northbound,SSL")


@pytest.fixture
def south(lab):
    return Managed(lab, "sb", "ovn-sbctl", "OVN_Southbound,SB_Global,connections",
                   "OVN_Southbound,SSL")


def test_set_manager(switch):
    """A controller that listens, and a port to listen on; then neither."""
    with listen_tcp() as far:
        active = "tcp:127.0.0.1:%d" % far.getsockname()[1]
        switch.run("set-manager", active, "ptcp:0:127.0.0.1").ok()
        assert switch.run("get-manager").lines() == ["ptcp:0:127.0.0.1", active]
        port = port_of(switch.server, r"0:127\.0\.0\.1")
        with accept(far) as controller, Client(("127.0.0.1", port)) as client:
            assert "Open_vSwitch" in controller.call("list_dbs")
            assert "Open_vSwitch" in client.call("list_dbs")
            switch.until_status("Manager", active, "true", state="ACTIVE")
            switch.until_status("Manager", "ptcp:0:127.0.0.1", "true", bound_port=str(port))
            assert "true" in switch.run("get-manager", "--", "list", "Manager").ok()
            switch.run("set", "Manager", active, "inactivity_probe=1000").ok()
            assert controller.receive("a probe", 4 * wait.SLOWNESS)["method"] == "echo"
            switch.run("del-manager").ok()
            controller.wait_closed()
            client.wait_closed()


@pytest.mark.parametrize("side", ["north", "south"])
def test_set_connection(side, request):
    site = request.getfixturevalue(side)
    assert site.run("get-connection").ok() == ""
    site.run("set-connection", "ptcp:0:127.0.0.1").ok()
    port = port_of(site.server, r"0:127\.0\.0\.1")
    with Client(("127.0.0.1", port)) as client:
        client.call("echo")
        site.until_status("Connection", "ptcp:0:127.0.0.1", "true", bound_port=str(port))
        assert "ptcp:0:127.0.0.1" in site.run("get-connection").ok()
        site.run("set", "connection", ".", "inactivity_probe=0").ok()
        site.run("del-connection").ok()
        client.wait_closed()


def test_set_connection_read_only(south):
    south.run("set-connection", "read-only", "ptcp:0:127.0.0.1").ok()
    port = port_of(south.server, r"0:127\.0\.0\.1")
    with Client(("127.0.0.1", port)) as client:
        result = client.transact("OVN_Southbound",
                                 {"op": "insert", "table": "SB_Global", "row": {}})
        assert result[0]["error"] == "not allowed"


@pytest.mark.ours("the reference server logs a warning when a client disconnects")
@pytest.mark.parametrize("side, command", [("switch", "set-manager"), ("north", "set-connection")])
def test_set_ssl(lab, pki, request, side, command):
    site = request.getfixturevalue(side)
    folder = lab.path("sysconf")
    mine, ca = pki.server.copy_to(folder), folder / "ca.pem"
    shutil.copy(pki.cert, ca)
    site.server.allow(r"TLS needs --private-key")
    site.run(command, "pssl:0:127.0.0.1").ok()
    site.server.wait_log("TLS needs --private-key")
    site.run("set-ssl", mine.key, mine.cert, ca).ok()
    port = int(site.server.wait_log(r"pssl:0:127\.0\.0\.1: listening on port (\d+)").group(1))
    TlsClient(port, context_of(pki, pki.client)).echo("hello")
    assert re.search(str(mine.key), site.run("get-ssl").ok())
    site.run("del-ssl").ok()
    site.server.allow("TLS: ")

    def is_off():
        try:
            return TlsClient(port, context_of(pki, pki.client)).is_refused()
        except OSError:
            return True

    wait.until(is_off, "the end of TLS")
