# SPDX-License-Identifier: Apache-2.0
"""The package on Debian 13, whose systemd is newer than the oldest supported one."""
import json
import re

import pytest

from harness.rpc import Client

UNIT = "ovsdb-server.service"
DB_SOCK = "/run/openvswitch/db.sock"
CONFIG = "/etc/ovsdb/ovsdb-server.conf"
CONTROL = "org.ovsdbd.control"
ARGUMENTS = {
    "GetStorageStatus": {"database": "Open_vSwitch"},
    "ReadCounter": {"counter": "control_commands"},
}


@pytest.fixture(scope="module")
def address(debian_13):
    """The control socket, as varlinkctl names it."""
    debian_13.ok("systemctl", "start", UNIT)
    pid = debian_13.ok("systemctl", "show", "-P", "MainPID", UNIT).strip()
    return f"/run/openvswitch/ovsdb-server.{pid}.ctl"


def call(machine, address, method, parameters):
    return json.loads(machine.ok("varlinkctl", "call", "--json=short", address, method,
                                 json.dumps(parameters)))


def description(machine, address, interface):
    """The text as the server sends it; "varlinkctl introspect" prints it in another format."""
    return call(machine, address, "org.varlink.service.GetInterfaceDescription",
                {"interface": interface})["description"]


def test_it_serves(debian_13):
    """Beside Debian's own openvswitch-switch, whose programs are its clients."""
    debian_13.ok("systemctl", "start", UNIT)
    assert "(ovsdbd)" in debian_13.ok("ovs-appctl", "-t", "ovsdb-server", "version")
    debian_13.ok("ovs-vsctl", "--no-wait", "set", "Open_vSwitch", ".", "external_ids:a=b")
    assert debian_13.ok("ovs-vsctl", "get", "Open_vSwitch", ".", "external_ids:a").strip() == "b"


def test_units_are_understood(debian_13):
    result = debian_13.run("systemd-analyze", "verify", "--man=no", UNIT, "ovsdb-server.socket",
                           "ovsdb-server@t.service", "ovsdb-server@t.socket")
    ours = [line for line in result.stderr.splitlines() if "ovsdb" in line]
    assert result.returncode == 0 and not ours, result.stderr


RELOADED = "MESSAGE_ID=94d5a0c7e3b1486f9027fe6d8b5c3e1f"


def reloads(machine):
    machine.ok("journalctl", "--sync", "-q")
    return len(machine.ok("journalctl", "-q", "-b", "-o", "cat", RELOADED).splitlines())


def test_reload_waits_for_the_server(debian_13):
    """Type=notify-reload: when systemctl returns, the new configuration is in use, read once."""
    debian_13.ok("systemctl", "start", UNIT)
    for unit in (UNIT, "ovsdb-server@t.service"):
        assert debian_13.ok("systemctl", "show", "-P", "Type", unit).strip() == "notify-reload"
    pid = debian_13.ok("systemctl", "show", "-P", "MainPID", UNIT)
    path = debian_13.path(CONFIG)
    text = path.read_text()
    before = reloads(debian_13)
    try:
        for port in range(6651, 6656):
            path.write_text(f"{text}\n[remote ptcp:{port}:127.0.0.1]\n")
            debian_13.ok("systemctl", "reload", UNIT)
            assert "Open_vSwitch" in debian_13.ok("ovsdb-client", "list-dbs",
                                                  f"tcp:127.0.0.1:{port}")
    finally:
        path.write_text(text)
    debian_13.ok("systemctl", "reload", UNIT)
    assert debian_13.run("ovsdb-client", "list-dbs", "tcp:127.0.0.1:6655").returncode
    assert debian_13.ok("systemctl", "show", "-P", "MainPID", UNIT) == pid
    assert reloads(debian_13) == before + 6


def test_reload_of_a_refused_file_fails(debian_13):
    debian_13.ok("systemctl", "start", UNIT)
    path = debian_13.path(CONFIG)
    text = path.read_text()
    path.write_text(text + "colour = red\n")
    try:
        assert debian_13.run("systemctl", "reload", UNIT).returncode
        assert debian_13.ok("systemctl", "is-active", UNIT).strip() == "active"
    finally:
        path.write_text(text)
    debian_13.ok("systemctl", "reload", UNIT)


def test_restart_keeps_connections(debian_13):
    debian_13.ok("systemctl", "start", UNIT)
    client = Client(debian_13.path(DB_SOCK))
    try:
        assert "Open_vSwitch" in client.call("list_dbs", [])
        debian_13.ok("systemctl", "restart", UNIT)
        assert "Open_vSwitch" in client.call("list_dbs", [])
    finally:
        client.close()


def test_varlinkctl_lists(debian_13, address):
    info = debian_13.ok("varlinkctl", "info", address)
    assert re.search(r"Product: ovsdbd$", info, re.MULTILINE), info
    interfaces = debian_13.ok("varlinkctl", "list-interfaces", address).split()
    assert {"org.varlink.service", CONTROL} <= set(interfaces)


def test_varlinkctl_introspects(debian_13, address):
    text = debian_13.ok("varlinkctl", "introspect", address, CONTROL)
    for name in re.findall(r"^method (\w+)", description(debian_13, address, CONTROL),
                           re.MULTILINE):
        assert f"method {name}" in text


def test_interface_is_valid(debian_13, address):
    """The strict parser of systemd accepts both descriptions, and no damaged one."""
    file = debian_13.path("/root/interface.varlink")
    for name in ("org.varlink.service", CONTROL):
        text = description(debian_13, address, name)
        file.write_text(text)
        result = debian_13.run("varlinkctl", "validate-idl", "/root/interface.varlink")
        assert result.returncode == 0, result.stderr
        file.write_text(text.replace("method", "mthod", 1))
        assert debian_13.run("varlinkctl", "validate-idl", "/root/interface.varlink").returncode


def test_varlinkctl_calls_every_read_only_method(debian_13, address):
    """Each reply has the fields of its description: varlinkctl itself does not compare them."""
    methods = re.findall(r"^method ((?:Get|List|Read)\w*)\(.*?\) -> \((.*)\)$",
                         description(debian_13, address, CONTROL), re.MULTILINE)
    assert len(methods) >= 15, methods
    for method, outputs in methods:
        while "(" in outputs:  # the fields of fields
            outputs = re.sub(r"\([^()]*\)", "", outputs)
        reply = call(debian_13, address, f"{CONTROL}.{method}", ARGUMENTS.get(method, {}))
        required = set(re.findall(r"(\w+): (?!\?)", outputs))
        optional = set(re.findall(r"(\w+): \?", outputs))
        assert required <= set(reply) <= required | optional, (method, reply)


def test_varlinkctl_runs_a_command(debian_13, address):
    reply = call(debian_13, address, f"{CONTROL}.Run", {"command": "version"})
    assert "(ovsdbd)" in reply["text"]


def test_varlinkctl_reports_an_error(debian_13, address):
    result = debian_13.run("varlinkctl", "call", address, f"{CONTROL}.GetStorageStatus",
                           '{"database": "none"}')
    assert result.returncode and f"{CONTROL}.Failed" in result.stderr, result.stderr
