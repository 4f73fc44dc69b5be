# SPDX-License-Identifier: Apache-2.0
"""The varlink dialect of the control socket, beside that of ovs-appctl."""
import hashlib
import json
import pathlib
import re
import socket

import pytest

from harness import wait

pytestmark = pytest.mark.ours("the reference server does not support varlink")
CONTROL = "org.ovsdbd.control"
SERVICE = "org.varlink.service"
DATA = pathlib.Path(__file__).parent.parent / "data" / "varlink"


class Varlink:
    """A varlink client of the tests: messages end with a NUL."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(30)
        self.socket.connect(str(path))
        self.buffer = b""

    def send(self, **call):
        self.socket.sendall(json.dumps(call).encode() + b"\0")

    def receive(self):
        while b"\0" not in self.buffer:
            data = self.socket.recv(65536)
            assert data, "the server has closed the connection"
            self.buffer += data
        message, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(message)

    def call(self, method, **parameters):
        self.send(method=method, parameters=parameters)
        return self.receive()

    def result(self, method, **parameters):
        reply = self.call(f"{CONTROL}.{method}", **parameters)
        assert set(reply) == {"parameters"}, reply
        return reply["parameters"]


@pytest.fixture
def varlink(server):
    client = Varlink(server.control_path)
    yield client
    client.socket.close()


def test_get_info(varlink):
    info = varlink.call(f"{SERVICE}.GetInfo")["parameters"]
    assert info["product"] == "ovsdbd" and info["interfaces"] == [SERVICE, CONTROL]
    assert set(info) == {"vendor", "product", "version", "url", "interfaces"}
    assert info["version"] in varlink.result("GetVersion")["version"]


def methods_of(text):
    return re.findall(r"^method (\w+)\((.*?)\) -> \((.*?)\)$", text, re.MULTILINE)


def test_descriptions(varlink):
    for name in (SERVICE, CONTROL):
        text = varlink.call(f"{SERVICE}.GetInterfaceDescription", interface=name)
        text = text["parameters"]["description"]
        assert re.search(rf"^interface {re.escape(name)}$", text, re.MULTILINE)
    methods = dict((m, (i, o)) for m, i, o in methods_of(text))
    assert methods["ListDatabases"] == ("", "databases: []string")
    assert methods["AddDatabase"] == ("file: string", "")
    assert methods["Compact"] == ("databases: ?[]string", "")
    assert methods["SetMemoryTrim"] == ("enabled: bool", "")
    assert methods["GetUsage"] == ("", "usage: [string]int")
    assert methods["GetLogLevels"] == \
        ("", "levels: [](module: string, console: string, syslog: string, file: string)")
    assert methods["GetSyncStatus"][1].startswith(
        "databases: [](database: ?string, state: string, connecting: ?string")
    assert "error Failed (message: string)" in text


def test_interface_version(varlink):
    """A change of the interface requires a new version: tests/data/varlink/README describes it."""
    text = varlink.call(f"{SERVICE}.GetInterfaceDescription", interface=CONTROL)
    text = text["parameters"]["description"]
    assert text == (DATA / f"{CONTROL}.varlink").read_text()
    versions = [line.split() for line in (DATA / f"{CONTROL}.versions").read_text().splitlines()]
    assert [int(version) for version, _ in versions] == list(range(1, len(versions) + 1))
    assert len({digest for _, digest in versions}) == len(versions)
    assert re.search(r"^# Version (\d+),", text, re.MULTILINE)[1] == versions[-1][0]
    assert hashlib.sha256(text.encode()).hexdigest() == versions[-1][1]


def test_every_command_has_a_method(server, varlink):
    text = varlink.call(f"{SERVICE}.GetInterfaceDescription", interface=CONTROL)
    described = set(re.findall(r"^# The command (\S+)$", text["parameters"]["description"],
                               re.MULTILINE))
    commands = {line.split()[0] for line in server.control("list-commands").splitlines()[1:]}
    assert described == commands - {"list-commands", "set-options"}


def test_typed_replies(varlink):
    assert varlink.result("ListDatabases") == {"databases": ["_Server", "small"]}
    assert varlink.result("GetStorageStatus", database="small") == {"status": "ok"}
    assert varlink.result("GetSyncStatus") == {"databases": [{"state": "active"}]}
    status = varlink.result("GetStatus")
    assert status["role"] == "active" and status["databases"] == ["small"]
    assert status["clients"] == 0 and "failure" not in status
    usage = varlink.result("GetUsage")["usage"]
    assert all(isinstance(v, int) for v in usage.values()) and "sessions" in usage
    assert varlink.result("SetMemoryTrim", enabled=True) == {}
    assert varlink.result("SetActiveServerProbeInterval", milliseconds=5000) == {}
    assert varlink.result("Compact") == {}
    assert varlink.result("Compact", databases=["small"]) == {}
    assert varlink.result("SetLogLevels", specs=["console:off", "file:dbg"]) == {}
    levels = {level["module"]: level for level in varlink.result("GetLogLevels")["levels"]}
    assert levels["net"] == {"module": "net", "console": "OFF", "syslog": "OFF", "file": "DBG"}
    durations = {d["what"]: d for d in varlink.result("GetDurations")["durations"]}
    assert durations["loop_step"]["times"] > 0
    assert varlink.result("ReadCounter", counter="control_commands")["value"] > 5
    assert varlink.result("GetMetrics")["metrics"].endswith("# EOF\n")


def test_changes(lab, server, varlink):
    path = str(lab.db("other"))
    assert varlink.result("AddDatabase", file=path) == {}
    assert "other" in server.control("ovsdb-server/list-dbs").split()
    assert varlink.result("RemoveDatabase", database="other") == {}
    assert "other" not in server.control("ovsdb-server/list-dbs").split()
    assert varlink.result("AddRemote", remote="punix:more.sock") == {}
    assert "punix:more.sock" in varlink.result("ListRemotes")["remotes"]
    assert varlink.result("RemoveRemote", remote="punix:more.sock") == {}


def test_any_command(varlink):
    assert "list-commands" in varlink.result("Run", command="list-commands")["text"]
    result = varlink.result("Run", command="ovsdb-server/compact", arguments=["small"])
    assert result == {"text": ""}


def test_command_errors(varlink):
    reply = varlink.call(f"{CONTROL}.RemoveDatabase", database="none")
    assert reply["error"] == f"{CONTROL}.Failed"
    assert set(reply["parameters"]) == {"message"} and reply["parameters"]["message"]
    reply = varlink.call(f"{CONTROL}.Run", command="no-such-command")
    assert reply["error"] == f"{CONTROL}.Failed"
    assert "no-such-command" in reply["parameters"]["message"]
    assert varlink.result("ListDatabases")["databases"]


@pytest.mark.parametrize("method, parameters, error, expected", [
    ("org.example.Other.Method", {}, "InterfaceNotFound", {"interface": "org.example.Other"}),
    ("Method", {}, "InterfaceNotFound", {"interface": "Method"}),
    (f"{CONTROL}.Nothing", {}, "MethodNotFound", {"method": f"{CONTROL}.Nothing"}),
    (f"{SERVICE}.Nothing", {}, "MethodNotFound", {"method": f"{SERVICE}.Nothing"}),
    (f"{SERVICE}.GetInterfaceDescription", {}, "InvalidParameter", {"parameter": "interface"}),
    (f"{SERVICE}.GetInterfaceDescription", {"interface": "x.y"}, "InterfaceNotFound",
     {"interface": "x.y"}),
    (f"{CONTROL}.AddDatabase", {}, "InvalidParameter", {"parameter": "file"}),
    (f"{CONTROL}.AddDatabase", {"file": 5}, "InvalidParameter", {"parameter": "file"}),
    (f"{CONTROL}.AddDatabase", {"file": "x", "more": 1}, "InvalidParameter",
     {"parameter": "more"}),
    (f"{CONTROL}.SetMemoryTrim", {"enabled": "on"}, "InvalidParameter", {"parameter": "enabled"}),
    (f"{CONTROL}.Compact", {"databases": "small"}, "InvalidParameter",
     {"parameter": "databases"}),
    (f"{CONTROL}.Compact", {"databases": ["a", 1]}, "InvalidParameter",
     {"parameter": "databases"}),
    (f"{CONTROL}.Compact", {"databases": ["a"] * 2000}, "InvalidParameter",
     {"parameter": "databases"}),
    (f"{CONTROL}.Run", {"arguments": []}, "InvalidParameter", {"parameter": "command"}),
])
def test_protocol_errors(varlink, method, parameters, error, expected):
    """The connection stays."""
    reply = varlink.call(method, **parameters)
    assert reply == {"error": f"{SERVICE}.{error}", "parameters": expected}
    assert varlink.result("ListDatabases")["databases"]


def test_oneway_and_pipelining(varlink):
    varlink.send(method=f"{CONTROL}.SetMemoryTrim", parameters={"enabled": True}, oneway=True)
    varlink.send(method=f"{CONTROL}.Nothing", oneway=True)
    varlink.send(method=f"{CONTROL}.ListDatabases")
    varlink.send(method=f"{CONTROL}.ListRemotes")
    assert "databases" in varlink.receive()["parameters"]
    assert "remotes" in varlink.receive()["parameters"]


def test_more(server, varlink):
    """The status is sent again after each change, and only then."""
    varlink.send(method=f"{CONTROL}.GetStatus", more=True)
    first = varlink.receive()
    assert first["continues"] is True and first["parameters"]["clients"] == 0
    client = server.client()
    client.call("echo")
    assert varlink.receive()["parameters"]["clients"] == 1
    client.transact("small", {"op": "insert", "table": "T", "row": {"name": "x"}})
    reply = varlink.receive()
    assert reply["continues"] is True and reply["parameters"]["transactions"] == 1
    client.close()
    assert varlink.receive()["parameters"]["clients"] == 0
    server.control("ovsdb-server/remove-db", "small")
    assert varlink.receive()["parameters"]["databases"] == []
    # What concerns nobody is no answer: the next one is that of the change after it.
    server.control("vlog/list")
    server.control("ovsdb-server/add-remote", "punix:more.sock")
    assert varlink.receive()["parameters"]["remotes"] == 2


def test_more_of_a_command_that_changes_something(varlink):
    """It is done once."""
    varlink.send(method=f"{CONTROL}.SetMemoryTrim", parameters={"enabled": True}, more=True)
    assert varlink.receive() == {"parameters": {}}
    varlink.send(method=f"{CONTROL}.GetStorageStatus", parameters={"database": "none"}, more=True)
    assert varlink.receive()["error"] == f"{CONTROL}.Failed"
    assert varlink.result("ListDatabases")["databases"]


def test_more_for_a_client_that_does_not_read(server, varlink):
    """Nothing piles up: at most one answer is under way, and the last one is of the end."""
    varlink.send(method=f"{CONTROL}.GetStatus", more=True)
    client = server.client()
    for i in range(2000):
        client.transact("small", {"op": "insert", "table": "T", "row": {"name": str(i)}})
    wait.until(lambda: varlink.receive()["parameters"]["transactions"] == 2000, "the last change")
    assert len(varlink.buffer) == 0


def test_watchers_that_leave(server):
    for _ in range(100):
        client = Varlink(server.control_path)
        client.send(method=f"{CONTROL}.GetStatus", more=True)
        assert client.receive()["continues"]
        client.socket.close()
    server.control("ovsdb-server/add-remote", "punix:more.sock")
    assert Varlink(server.control_path).result("GetStatus")["remotes"] == 2


def test_in_single_bytes(varlink):
    message = json.dumps({"method": f"{CONTROL}.ListDatabases"}).encode() + b"\0"
    for byte in message:
        varlink.socket.sendall(bytes([byte]))
    assert varlink.receive() == {"parameters": {"databases": ["_Server", "small"]}}


def test_upgrade_is_refused(varlink):
    varlink.send(method=f"{CONTROL}.ListDatabases", upgrade=True)
    assert varlink.receive()["error"] == f"{SERVICE}.MethodNotImplemented"


@pytest.mark.parametrize("garbage", [b"no json\0", b"[1]\0", b"{}\0", b'{"method":5}\0',
                                     b'{"method":"a.b"} x\0',
                                     b'{"method":"a.b","parameters":{"x":"\\u0000"}}\0'])
def test_garbage_ends_the_connection(server, varlink, garbage):
    """After a good call, too; other clients do not notice."""
    assert varlink.result("ListDatabases")
    varlink.socket.sendall(garbage)
    while varlink.socket.recv(4096):
        pass
    assert Varlink(server.control_path).result("ListDatabases")["databases"]


def test_exit(server, varlink):
    assert varlink.result("Exit") == {}
    assert server.wait_end() == 0
