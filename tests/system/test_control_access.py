# SPDX-License-Identifier: Apache-2.0
"""Access to the control socket: the mode of the socket, and then the credentials of the caller."""
import json
import os
import stat
import subprocess
import sys

import pytest

pytestmark = pytest.mark.ours("the reference server does not check the user of the control socket")

# Connects as another user, runs what standard input says, and prints the answers.
ASK = """
import json, os, socket, sys
os.setgroups([]); os.setgid(65534); os.setuid(65534)
with socket.socket(socket.AF_UNIX) as s:
    s.connect(sys.argv[1])
    for line in sys.stdin:
        s.sendall(line.rstrip().encode().replace(b"%", bytes(1)))
        answer = b""
        while not answer.rstrip(bytes(1)).endswith(b"}"):
            answer += s.recv(65536)
        print(answer.rstrip(bytes(1)).decode())
"""

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user")


def open_to_all(server):
    server.allow("refused user 65534, process")
    os.chmod(server.control_path, 0o777)
    path = server.run_dir
    while path != "/":
        os.chmod(path, os.stat(path).st_mode | 0o111)
        path = os.path.dirname(path)


def ask_as_nobody(server, *messages):
    result = subprocess.run([sys.executable, "-c", ASK, server.control_path], text=True,
                            input="\n".join(messages), capture_output=True, check=False)
    assert result.returncode == 0, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


def command(name, *args):
    return json.dumps({"id": 1, "method": name, "params": args})


def varlink(method, **parameters):
    return json.dumps({"method": f"org.ovsdbd.control.{method}", "parameters": parameters}) + "%"


def test_mode(lab):
    server = lab.serve("small")
    assert stat.S_IMODE(os.stat(server.control_path).st_mode) & 0o007 == 0


@pytest.mark.parametrize("umask,mode", [(0o022, 0o660), (0o027, 0o660), (0o077, 0o600)])
def test_the_group_may_connect(lab, umask, mode):
    """To connect requires write permission, which the umask of a service removes for the group. A
    umask that also removes read permission is respected."""
    former = os.umask(umask)
    try:
        server = lab.serve("small")
    finally:
        os.umask(former)
    assert stat.S_IMODE(os.stat(server.control_path).st_mode) == mode


@needs_root
def test_others_only_read(lab):
    server = lab.serve("small")
    open_to_all(server)
    dbs, denied, unknown = ask_as_nobody(
        server, command("ovsdb-server/list-dbs"), command("ovsdb-server/remove-db", "small"),
        command("no-such-command"))
    assert dbs["result"].split() == ["_Server", "small"]
    assert denied["error"].startswith('permission denied: "ovsdb-server/remove-db"')
    assert "is not a valid command" in unknown["error"]
    assert "small" in server.control("ovsdb-server/list-dbs")
    assert server.is_running()


@needs_root
def test_others_only_read_varlink(lab):
    server = lab.serve("small")
    open_to_all(server)
    status, denied, by_name, status_again = ask_as_nobody(
        server, varlink("GetStatus"), varlink("Exit"), varlink("Run", command="exit"),
        varlink("GetStatus"))
    assert status["parameters"]["role"] == status_again["parameters"]["role"] == "active"
    for reply in (denied, by_name):
        assert reply == {"error": "org.varlink.service.PermissionDenied", "parameters": {}}
    assert server.is_running()


@needs_root
@pytest.mark.parametrize("name", ["exit", "ovsdb-server/add-db", "ovsdb-server/add-remote",
                                  "ovsdb-server/compact", "ovsdb-server/reconnect",
                                  "ovsdb-server/reload", "vlog/set", "vlog/close", "vlog/reopen",
                                  "ovsdb-server/connect-active-ovsdb-server",
                                  "ovsdb-server/set-active-ovsdb-server"])
def test_commands_with_effects_are_refused(lab, name):
    server = lab.serve("small")
    open_to_all(server)
    reply, = ask_as_nobody(server, command(name, *["tcp:127.0.0.1:1"]
                                           * (name.endswith(("-db", "-remote",
                                                             "set-active-ovsdb-server")))))
    assert reply["error"].startswith("permission denied"), reply
