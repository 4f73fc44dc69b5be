# SPDX-License-Identifier: Apache-2.0
"""The control of the log by scripts: the module names that they may use, and invalid arguments."""
import re
import socket

import pytest

from harness import wait
from harness.rpc import RpcError

# Those that a server of this protocol has anywhere, as seen in scripts.
NAMES = ["jsonrpc", "poll_loop", "ovsdb_server", "ovsdb_jsonrpc_server", "reconnect", "stream_ssl",
         "unixctl", "vlog", "raft", "timeval", "memory", "ovsdb_file", "socket_util", "replication"]


@pytest.mark.parametrize("name", NAMES)
def test_known_names(lab, name):
    """As an option, as a command, and in the list."""
    server = lab.serve("small", options=[f"-v{name}:file:warn"])
    server.control("vlog/set", f"{name.upper()}:syslog:err")
    line = next(line for line in server.control("vlog/list").splitlines()
                if line.split()[0] == name)
    assert line.split()[1:] == ["OFF", "ERR", "WARN"]
    server.control("vlog/disable-rate-limit", name)


@pytest.mark.ours("in the reference server this module logs other messages")
def test_a_known_name_steers_ours(lab):
    server = lab.serve("small", options=["-vjsonrpc:file:dbg"])
    with server.client() as client:
        client.call("echo")
    server.wait_log(r"\|net\|DBG\|")


@pytest.mark.parametrize("spec, error", [
    ("bogus", "no destination, level, or module"),
    ("jsonrpc:file:poll_loop", "cannot specify multiple modules"),
    ("file:console", "cannot specify multiple destinations"),
    ("info:dbg", "cannot specify multiple levels"),
    ("FACILITY:x", "invalid facility"), ("PATTERN:x:y", "unknown destination"),
])
def test_bad_specs(lab, spec, error):
    server = lab.serve("small")
    before = server.control("vlog/list")
    with pytest.raises(RpcError, match=error):
        server.control("vlog/set", spec)
    assert server.control("vlog/list") == before
    lab.run(lab.programs.server, "-v" + spec, "--version").fails(1, error)


@pytest.mark.parametrize("spec", ["", "any", "ANY:file:dbg", "jsonrpc info,file", "file",
                                  "PATTERN:file:%m", "FACILITY:LOCAL3"])
def test_good_specs(lab, spec):
    lab.serve("small").control("vlog/set", spec)
    assert lab.run(lab.programs.server, "-v" + spec, "--version").status == 0


def test_facility_and_target(lab):
    """RFC 5424 to the target, with the facility that was set."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sink:
        sink.bind(("127.0.0.1", 0))
        sink.settimeout(wait.PATIENCE)
        server = lab.new_server().start(
            [lab.db("small")], f"--syslog-target=127.0.0.1:{sink.getsockname()[1]}",
            "-vFACILITY:local5", "-vsyslog:info")
        text = sink.recv(65536).decode()
    assert re.match(r"<17[34]>1 \d{4}-\d\d-\d\dT\S+Z \S+ ovsdb-server \d+ \w+ - \ufeff\w",
                    text), text
    assert server.is_running()


@pytest.mark.ours("the reference server has no such command")
def test_message(lab):
    server = lab.serve("small")
    server.control("vlog/message", "the backup begins")
    server.wait_log(r"\|vlog\|INFO\|the backup begins")
    server.allow("something is odd")
    server.control("vlog/message", "warn", "something is odd")
    server.wait_log(r"\|vlog\|WARN\|something is odd")
    with pytest.raises(RpcError, match="the levels are"):
        server.control("vlog/message", "loud", "x")


@pytest.mark.ours("the reference server accepts an invalid interval")
def test_probe_interval(lab):
    server = lab.serve("small")
    server.control("ovsdb-server/set-active-ovsdb-server-probe-interval", "5000")
    for bad in ("", "x", "-1", "5s", "99999999999"):
        with pytest.raises(RpcError, match="integer value expected"):
            server.control("ovsdb-server/set-active-ovsdb-server-probe-interval", bad)
