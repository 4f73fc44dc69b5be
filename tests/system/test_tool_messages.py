# SPDX-License-Identifier: Apache-2.0
"""The messages of the tools about errors, and their output on terminals."""
import os
import pty
import re
import shutil
import signal
import socket
import subprocess
import threading

import pytest

from harness import namespaces, wait
from harness.sockets import port_of

pytestmark = pytest.mark.ours("the reference tool has other messages")


def on_terminal(command, env, which):
    """Runs `command` with a terminal as descriptor `which`; returns the output to the terminal."""
    near, far = pty.openpty()
    streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE,
               which: far}
    process = subprocess.Popen([str(word) for word in command], env=env, **streams)
    os.close(far)
    out, err = process.communicate(timeout=4 * wait.PATIENCE)
    text = b""
    try:
        while which != "stdin" and (piece := os.read(near, 65536)):
            text += piece
    except OSError:
        pass
    os.close(near)
    return process.returncode, text or out or b"", err or b""


# Time-outs


@pytest.mark.parametrize("way", ["option", "environment", "detached"])
@pytest.mark.parametrize("program", ["ovsdb-client", "ovs-appctl"])
def test_timeouts_print_a_message(lab, program, way):
    with socket.socket(socket.AF_UNIX) as mute:
        mute.bind(str(lab.path("mute")))
        mute.listen()
        env = {**lab.env, "OVS_CTL_TIMEOUT": "1"} if way == "environment" else lab.env
        options = [] if way == "environment" else ["--timeout=1"]
        if program == "ovs-appctl":
            result = lab.appctl(*options, "-t", lab.path("mute"), "version", env=env)
        else:
            options += ["--detach", "--pidfile"] if way == "detached" else []
            result = lab.client(*options, "list-dbs", f"unix:{lab.path('mute')}", env=env)
        assert result.status == -signal.SIGALRM
        assert result.err == f"{program}: timed out after 1 second\n"


# Arguments


@pytest.mark.parametrize("args, saying", [
    ("transact REMOTE", "the argument TRANSACTION is missing"),
    ("transact", "the argument TRANSACTION is missing"),
    ("query unix:/nowhere", "the argument TRANSACTION is missing"),
    ("wait REMOTE", "the argument DATABASE is missing"),
    ("wait REMOTE small", "the argument STATE is missing"),
    ("convert REMOTE", "the argument SCHEMA is missing"),
    ("lock REMOTE", "the argument LOCK is missing"),
    ("monitor REMOTE", "the argument TABLE is missing"),
    ("monitor", "the argument TABLE is missing"),
    ("monitor REMOTE small", "the argument TABLE is missing"),
    ("monitor-cond REMOTE []", "the argument TABLE is missing"),
    ("list-dbs REMOTE what", 'unexpected argument "what"'),
    ("list-tables REMOTE small what", 'unexpected argument "what"'),
    ("list-tables unix small", 'unexpected argument "small"'),
    ("list-tables REMOTE smal", 'there is no database "smal" (databases: _Server, small)'),
    ("get-schema REMOTE smal", 'there is no database "smal"'),
    ("backup REMOTE smal", 'there is no database "smal"'),
    ("dump REMOTE smal", '"smal" is neither a database of REMOTE nor a table of small'),
    ("dump REMOTE smal T", '"smal" is neither a database of REMOTE nor a table of small'),
    ("dump REMOTE small X", 'No table "X" found'),
    ("list-columns REMOTE smal", '"smal" is neither a database of REMOTE nor a table of small'),
    ("list-columns REMOTE small X", 'No table "X" found'),
    ("monitor REMOTE smal T", '"smal" is neither a database of REMOTE nor a table of small'),
    ("monitor-cond REMOTE smal [] T",
     '"smal" is neither a database of REMOTE nor an array of conditions'),
], ids=str)
def test_wrong_arguments_are_named(lab, args, saying):
    """The message does not mention the default server, which does not run."""
    server = lab.new_server().start([lab.db("small")], remotes=[f"punix:{lab.path('sock')}"])
    wait.until(lambda: os.path.exists(lab.path("sock")), "the socket")
    remote = f"unix:{lab.path('sock')}"
    words = [remote if word == "REMOTE" else word for word in args.split()]
    result = lab.client(*words).fails(1, saying.replace("REMOTE", remote))
    assert "db.sock" not in result.err
    assert server.is_running()


# TLS and not


def test_no_tls_at_a_tls_port(lab, pki):
    server = lab.serve("small", options=pki.server.options(pki.cert),
        remotes=["pssl:0:127.0.0.1"]).allow(
        "the peer speaks JSON-RPC without TLS")
    port = port_of(server, "pssl:0:127.0.0.1")
    for verb in ("list-dbs", "list-tables"):
        result = lab.client(verb, f"tcp:127.0.0.1:{port}").fails(1, "ssl: instead of tcp:")
        assert "speaks TLS" in result.err


def test_tls_at_a_plain_port(lab, pki):
    server = lab.serve("small", remotes=["ptcp:0:127.0.0.1"]).allow("the peer speaks TLS")
    port = port_of(server, "ptcp:0:127.0.0.1")
    lab.client(*pki.client.options(pki.cert), "list-dbs", f"ssl:127.0.0.1:{port}").fails(1,
                                                                                         "tcp: instead of ssl:")


# Files


@pytest.mark.parametrize("text, where", [
    ('{"name": "x",\n "tables": {},\n}', "line 3, column 1"),
    ('{"nämé": tru}', "line 1, column 13"),
    ("", "line 1, column 1"), ('{"a": 1}\n\n[', "line 3, column 1")], ids=repr)
def test_errors_of_json_have_a_place(lab, text, where):
    path = lab.path("bad.json")
    path.write_text(text)
    results = [lab.tool("create", "new.db", path), lab.tool("schema-name", path),
               lab.client("convert", "unix:/nowhere", path)]
    if text:  # an empty configuration is one
        results.append(lab.run(lab.programs.server, f"--config-file={path}", "--unixctl=none"))
    for result in results:
        result.fails(1, f"{path}: ")
        assert where in result.err, result
    lab.client("transact", "unix:/nowhere", '["x",\n}').fails(1, "line 2, column 1")


def test_terminals_hold_no_databases(lab):
    server = lab.serve("small")
    remote = f"unix:{server.socket_path}"
    status, out, err = on_terminal([lab.programs.client, "backup", remote], lab.env, "stdout")
    assert status == 1 and b"OVSDB" not in out and b"terminal" in err
    status, _, err = on_terminal([lab.programs.client, "restore", remote], lab.env, "stdin")
    assert status == 1 and b"terminal" in err


EVIL = "\x1b]0;evil\x07\x9b31m\x7f"


def test_control_characters_on_a_terminal(lab):
    server = lab.serve("small")
    server.client().commit("small", {"op": "insert", "table": "T", "row": {"name": EVIL}})
    for options in ([], ["--bare"], ["-f", "json"], ["-f", "csv"]):
        command = [lab.programs.client, *options, "dump", f"unix:{server.socket_path}", "small",
                   "T", "name"]
        status, out, _ = on_terminal(command, lab.env, "stdout")
        text = out.decode()
        assert status == 0 and "evil" in text
        assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]", text), repr(text)
    assert EVIL in lab.client("--bare", "dump", f"unix:{server.socket_path}", "small", "T",
                              "name").ok()


def test_control_characters_in_a_log(lab):
    path = lab.db("small", "log.db", {
        "_comment": f"{EVIL}\nrecord 7:", "T": {"00000000-0000-0000-0000-00000000000a": {
            "name": EVIL, "tags": ["set", [EVIL, "x\ny"]]}}, f"X{EVIL}": {"y\nz": {EVIL: EVIL}}})
    text = lab.tool("-mm", "show-log", path).out
    assert "evil" in text
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", text), repr(text)
    assert not re.search("^record 7:", text, re.MULTILINE)


@pytest.mark.parametrize("width", range(1, 9))
def test_columns_are_cut_between_characters(lab, width):
    server = lab.serve("small")
    server.client().commit("small", {"op": "insert", "table": "T", "row": {"name": "aé€😀é"}})
    text = lab.client("--no-headings", f"--max-column-width={width}", "dump",
                      f"unix:{server.socket_path}",
                      "small", "T", "name").ok()
    assert "\udc80" not in text.encode("utf-8", "surrogateescape").decode("utf-8")


# ovs-appctl


def test_replies_end_with_a_line_feed(lab):
    """A daemon of another kind, whose texts do not end their line."""
    for reply, out, err in (('"x"', "x\n", ""), ('"x\\n"', "x\n", ""), ('""', "", ""),
                            (None, "", "no\n")):
        with socket.socket(socket.AF_UNIX) as listener:
            path = lab.path(f"daemon{len(os.listdir(lab.directory))}")
            listener.bind(str(path))
            listener.listen()

            def answer():
                with listener.accept()[0] as one:
                    one.recv(65536)
                    error = '"no"' if reply is None else "null"
                    one.sendall(f'{{"id":0,"result":{reply or "null"},"error":{error}}}'.encode())
                    one.recv(1)

            thread = threading.Thread(target=answer)
            thread.start()
            result = lab.appctl("-t", path, "version")
            thread.join()
            assert result.out == out and result.err.startswith(err)


def test_options_for_completion(lab):
    ours, reference = (lab.run(p.appctl, "-o").ok().splitlines()
                       for p in (lab.programs, lab.reference))
    assert set(reference) <= set(ours)
    assert lab.appctl("--option").ok().splitlines() == ours


def test_instances_are_found_by_name(lab):
    """In the run directory by NAME.ctl; without OVS_RUNDIR in /run/ovsdb and /run/ovn, too, of
    which the test has its own."""
    namespaces.require("--mount")
    server = lab.new_server()
    server.control_path = str(lab.run_dir / "one.ctl")
    server.start([lab.db("small")], "--pidfile=one.pid")
    assert lab.appctl("-t", "one", "version").ok().startswith("ovsdb-server (")
    env = {k: v for k, v in lab.env.items() if k != "OVS_RUNDIR"}
    for directory in ("ovsdb", "ovn"):
        script = (f"mount -t tmpfs none /run && mkdir /run/{directory} && "
                  f"cp {lab.run_dir}/one.pid /run/{directory}/two.pid && "
                  f"ln -s {server.control_path} /run/{directory}/two.ctl && "
                  f"exec {lab.programs.appctl} -t two version")
        result = lab.run(shutil.which("unshare"), "-m", "sh", "-c", script, env=env)
        assert result.ok().startswith("ovsdb-server ("), directory
    lab.appctl("-t", "two", "version").fails(1, "two.pid")
