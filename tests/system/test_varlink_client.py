# SPDX-License-Identifier: Apache-2.0
"""The control socket and a varlink client that others have written (Debian's
golang-github-varlink-go-dev, with a main program of ours)."""
import json
import os
import pathlib
import subprocess

import pytest

pytestmark = pytest.mark.ours("the reference server does not support varlink")
SOURCE = pathlib.Path(__file__).parent / "varlink_client"
GOPATH = "/usr/share/gocode"


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    """Built without a look at the network."""
    folder = tmp_path_factory.mktemp("varlink-reference")
    env = {**os.environ, "GOPATH": GOPATH, "GO111MODULE": "off", "GOPROXY": "off", "GOFLAGS": "",
           "GOCACHE": str(folder / "cache"), "CGO_ENABLED": "0", "HOME": str(folder)}
    result = subprocess.run(["go", "build", "-o", folder / "reference", "main.go"], cwd=SOURCE,
                            env=env,
                            text=True, capture_output=True, check=False)
    assert result.returncode == 0, result.stderr
    return folder / "reference"


@pytest.fixture
def reference(program, server):
    def run(*steps):
        arguments = [str(word) for step in steps for word in (*step, "", "")[:3]]
        result = subprocess.run([program, server.control_path, *arguments], text=True,
                                capture_output=True, check=False)
        assert result.returncode == 0, result.stderr
        return [json.loads(line) for line in result.stdout.splitlines()]

    run.command = lambda *step: [program, server.control_path, *step]
    return run


def test_info_and_descriptions(reference):
    info, service, control = reference(["info"], ["describe", "org.varlink.service"],
                                  ["describe", "org.ovsdbd.control"])
    assert info["product"] == "ovsdbd"
    assert info["interfaces"] == ["org.varlink.service", "org.ovsdbd.control"]
    assert service["name"] == "org.varlink.service" and "GetInfo" in service["methods"]
    assert {"GetStatus", "Compact", "GetLogLevels", "Run"} <= set(control["methods"])
    assert control["errors"] == ["Failed"]


def test_calls(reference, server):
    replies = reference(["call", "ListDatabases", "{}"], ["call", "GetSyncStatus", "{}"],
                   ["call", "Compact", '{"databases":["small"]}'],
                   ["call", "AddRemote", '{"remote":"punix:more.sock"}'],
                   ["call", "ListRemotes", "{}"])
    assert replies[:4] == [{"databases": ["_Server", "small"]},
                           {"databases": [{"state": "active"}]}, {}, {}]
    assert "punix:more.sock" in replies[4]["remotes"]
    assert "punix:more.sock" in server.control("ovsdb-server/list-remotes")


def test_errors(reference):
    replies = reference(["call", "Compact", '{"databases":["none"]}'], ["call", "Nothing", "{}"],
                   ["call-full", "org.example.Nobody.Home", "{}"],
                   ["call", "AddRemote", '{"remote":5}'], ["call", "ListDatabases", "{}"])
    assert replies[0] == {"error": "org.ovsdbd.control.Failed",
                          "parameters": {"message": "no database by that name"}}
    assert [r["error"] for r in replies[1:4]] == \
        ["*varlink.MethodNotFound", "*varlink.InterfaceNotFound", "*varlink.InvalidParameter"]
    assert replies[1]["parameters"] == {"method": "org.ovsdbd.control.Nothing"}
    assert replies[2]["parameters"] == {"interface": "org.example.Nobody"}
    assert replies[3]["parameters"] == {"parameter": "remote"}
    assert replies[4]["databases"] == ["_Server", "small"]


def test_oneway(reference, server):
    reply, = reference(["oneway", "RemoveDatabase", '{"database":"small"}'],
                  ["call", "ListDatabases", "{}"])
    assert reply == {"databases": ["_Server"]}
    assert server.control("ovsdb-server/list-dbs").split() == ["_Server"]


def test_more(reference, server):
    """The client waits, and receives later changes."""
    with subprocess.Popen(reference.command("watch", "GetStatus", "3"), stdout=subprocess.PIPE,
                          text=True) as watcher:
        first = json.loads(watcher.stdout.readline())
        client = server.client()
        client.call("echo")
        second = json.loads(watcher.stdout.readline())
        client.call("monitor", "small", "m", {"T": {}})
        third = json.loads(watcher.stdout.readline())
        assert watcher.wait() == 0
    assert first["continues"] and second["continues"] and third["continues"]
    assert first["parameters"]["clients"] == 0 and second["parameters"]["clients"] == 1
    assert third["parameters"]["monitors"] == 1
