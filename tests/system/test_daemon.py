# SPDX-License-Identifier: Apache-2.0
"""The server as a program: options, files, signals, life in the background, control commands."""
import os
import re
import signal
import socket

import pytest

from harness import dbfile, wait
from harness import lab as lab_module
from harness.rpc import Client, RpcError

OVS_LIB = "/usr/share/openvswitch/scripts/ovs-lib"

LOG_LINE = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\|\d{5}\|[a-z_0-9]+\|"
                      r"(EMER|ERR|WARN|INFO|DBG)\|.")


class Daemon:
    """A server started in the background, known by its pid file."""

    def __init__(self, lab, *options, db="small"):
        self.lab = lab
        self.socket = lab.run_dir / "db.sock"
        self.pid = self.watcher = None
        self.pidfile = lab.run_dir / "ovsdb-server.pid"
        dbs = [lab.path(f"{db}.db")] if lab.path(f"{db}.db").exists() else [lab.db(db)]
        self.command = [lab.programs.server, *map(str, dbs), "-vconsole:warn", "-vsyslog:off",
                        "--detach", "--pidfile", f"--remote=punix:{self.socket}",
                        f"--log-file={lab.path('daemon.log')}", *options]

    def start(self):
        self.lab.run(*self.command).ok()
        self.pid = int(self.pidfile.read_text())
        return self

    def client(self):
        return Client(self.socket)

    def control_path(self):
        return self.lab.run_dir / f"ovsdb-server.{self.pid}.ctl"

    def wait_gone(self):
        wait.until(lambda: not is_alive(self.pid), f"the end of process {self.pid}")

    def log(self):
        return self.lab.path("daemon.log").read_text()


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def parent_of(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        return int(stat.read().rsplit(")", 1)[1].split()[1])


def is_server(pid):
    return is_alive(pid) and b"ovsdb-server" in open(f"/proc/{pid}/cmdline", "rb").read()


@pytest.fixture
def daemon(lab):
    """Starts daemons. Those that still run at the end are killed by process id."""

    started = []

    def start(*options):
        started.append(Daemon(lab, *options))
        return started[-1].start()

    yield start
    pids = [pid for one in started for pid in (one.watcher, one.pid) if pid]
    for pid in pids + [int(pidfile.read_text()) for pidfile in lab.run_dir.glob("*.pid")]:
        if is_server(pid):
            for one in (parent_of(pid), pid):
                if is_server(one):
                    os.kill(one, signal.SIGKILL)


# In the background


def test_detach_is_over_when_the_server_answers(daemon):
    one = daemon()
    assert one.client().call("list_dbs")
    assert one.control_path().exists()
    assert os.readlink(f"/proc/{one.pid}/cwd") == "/"
    for fd in (0, 1, 2):
        assert os.readlink(f"/proc/{one.pid}/fd/{fd}") == "/dev/null"
    assert os.getsid(one.pid) != os.getsid(0)
    with Client(one.control_path()) as control:
        assert control.call("exit") in ("", None)
    one.wait_gone()
    assert not one.pidfile.exists() and not one.socket.exists()
    assert not one.control_path().exists()
    assert not re.search(r"\|(WARN|ERR|EMER)\|", one.log())


def test_no_chdir(daemon, lab):
    assert os.readlink(f"/proc/{daemon('--no-chdir').pid}/cwd") == str(lab.directory)


def test_relative_database_with_detach(lab, daemon):
    """The database's name is relative to where the server was started."""
    lab.db("small")
    one = daemon()
    one.command[1] = "small.db"
    assert one.client().call("list_dbs")
    os.kill(one.pid, signal.SIGTERM)
    one.wait_gone()
    one.start()
    one.client().insert("small", "T", {})
    assert len(lab.path("small.db").read_bytes().splitlines()) == 4


def test_failure_before_detaching(lab):
    one = Daemon(lab)
    lab.path("small.db").write_text("garbage")
    result = lab.run(*one.command)
    assert result.status == 1 and "small.db" in result.err
    assert not one.pidfile.exists() and not one.socket.exists()


def test_second_server_with_the_same_pidfile(lab, daemon):
    one = daemon()
    other = [lab.programs.server, str(lab.db("other")), "--pidfile", "--run=true",
             f"--unixctl={lab.path('second.ctl')}"]
    result = lab.run(*other).fails(1, "already running")
    assert str(one.pid) in result.err
    assert one.client().call("list_dbs")
    assert int(one.pidfile.read_text()) == one.pid
    lab.run(*other, "--overwrite-pidfile").ok()


def test_stale_pidfile_is_replaced(daemon):
    one = daemon()
    os.kill(one.pid, signal.SIGKILL)
    one.wait_gone()
    first = one.pid
    one.start()
    assert one.pid != first and one.client().call("list_dbs")


@pytest.mark.parametrize("name, where", [("given.pid", "run/given.pid"), (None, None)])
def test_pidfile_name(lab, name, where):
    path = lab.path(where) if where else lab.path("absolute.pid")
    option = f"--pidfile={name or path}"
    lab.run(lab.programs.server, lab.db("small"), option, f"--run=cat {path}; echo $PPID").ok()
    assert not path.exists()


def test_pidfile_that_cannot_be_written(lab):
    lab.run(lab.programs.server, lab.db("small"), "--pidfile=/nonexistent/x.pid",
            "--run=true").fails(1, "No such file or directory")


def test_monitor_restarts_after_a_crash(daemon):
    one = daemon("--monitor")
    one.watcher = watcher = parent_of(one.pid)
    assert b"ovsdb-server" in open(f"/proc/{watcher}/cmdline", "rb").read()
    one.client().insert("small", "T", {"name": "kept"})
    os.kill(one.pid, signal.SIGABRT)
    first = one.pid

    def restarted():
        try:
            one.pid = int(one.pidfile.read_text())
            return one.pid != first and one.client().call("list_dbs")
        except (OSError, ValueError):
            return False

    wait.until(restarted, "the restart", wait.PATIENCE / 2)
    assert one.client().select("small", "T", ["name"]) == [{"name": "kept"}]
    os.kill(one.pid, signal.SIGTERM)
    one.wait_gone()
    wait.until(lambda: not is_alive(watcher), "the end of the watching process")


# Signals


@pytest.mark.difference("signals-end-cleanly")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_end_cleanly(lab, number):
    server = lab.serve("small")
    client = server.client()
    client.insert("small", "T", {"name": "a"})
    server.process.send_signal(number)
    assert server.wait_end() == 0
    assert "|WARN|" not in server.log()
    assert not os.path.exists(server.socket_path)


@pytest.mark.ours("SIGHUP ends the reference server")
def test_hangup_reopens_the_log(lab):
    server = lab.serve("small")
    old = server.log_path + ".1"
    os.rename(server.log_path, old)
    server.process.send_signal(signal.SIGHUP)
    wait.until(lambda: os.path.exists(server.log_path), "a new log file")
    assert server.client().call("list_dbs")


# Options


def run(lab, *options, **more):
    return lab.run(lab.programs.server, *options, **more)


def test_help_names_every_option(lab):
    text = run(lab, "--help").ok()
    for option in ("--remote", "--detach", "--monitor", "--no-chdir", "--pidfile",
                   "--overwrite-pidfile", "-v", "--verbose", "--log-file", "--run", "--unixctl",
                   "-h", "--help", "-V", "--version"):
        assert re.search(rf"(^|[\s,]){option}\b", text, re.M), option
    assert run(lab, "-h").ok() == text


@pytest.mark.difference("help-complete")
def test_help_names_options_the_reference_has_and_hides(lab):
    assert "--no-dbs" in run(lab, "--help").ok()


@pytest.mark.parametrize("option", ["-V", "--version"])
def test_version(lab, option):
    assert re.match(r"ovsdb-server \(.+\) \d+\.\d+", run(lab, option).ok())


def test_quiet_start_prints_nothing(lab):
    assert run(lab, lab.db("small"), "--run=true").ok() == ""


@pytest.mark.parametrize("args, saying", [
    (["--bogus"], "bogus"), (["-vbogus"], "bogus"), (["-vconsole:bogus"], "bogus"),
    (["-vPATTERN:nowhere:x"], "nowhere"), (["--run"], "run"),
])
def test_bad_options(lab, args, saying):
    run(lab, lab.db("small"), "--run=true", *args).fails(1, saying)


def test_default_database(lab):
    run(lab, "--run=true").fails(1, "conf.db")
    lab.db("small", "db/conf.db")
    run(lab, "--run=true").ok()


def test_no_databases(lab):
    client = lab.serve(options=["--no-dbs"]).client()
    assert client.call("list_dbs") == ["_Server"]


@pytest.mark.parametrize("command, status, saying", [
    ("true", 0, ""), ("exit 0", 0, ""), ("exit 7", 1, "7"), ("false", 1, "1"),
    ("kill -9 $$", 1, "illed"), ("/nonexistent/x", 1, "127"),
])
def test_run(lab, command, status, saying):
    result = run(lab, lab.db("small"), f"--run={command}")
    assert result.status == status and saying in result.err
    assert (result.err == "") == (status == 0)


def test_command_of_run_can_use_the_server(lab):
    path = lab.path("s")
    result = run(lab, lab.db("small"), f"--remote=punix:{path}",
                 f"--run={lab.reference.client} list-dbs unix:{path}; echo rundir=$OVS_RUNDIR")
    assert result.ok().splitlines() == ["_Server", "small", f"rundir={lab.run_dir}"]
    assert not path.exists()


def test_unixctl_names(lab):
    for option, path in (("named.ctl", lab.run_dir / "named.ctl"), (lab.path("x"), lab.path("x"))):
        result = run(lab, lab.db("small"), f"--unixctl={option}", f"--run=ls {path}")
        assert result.ok().strip() == str(path)
        assert not path.exists()


def test_unixctl_default_name(lab):
    result = run(lab, lab.db("small"), f"--run=ls {lab.run_dir}/ovsdb-server.$PPID.ctl")
    assert result.ok().endswith(".ctl\n")


# The log


def test_log_lines(lab):
    server = lab.serve("small", options=["-vfile:dbg"])
    server.client().call("list_dbs")
    server.stop()
    lines = server.log().splitlines()
    assert lines
    numbers = [int(line.split("|")[1]) for line in lines if LOG_LINE.match(line)]
    assert len(numbers) > len(lines) / 2
    assert numbers == sorted(numbers) and numbers[0] == 1


def test_log_file_default_name(lab):
    run(lab, lab.db("small"), "-vconsole:off", "--log-file", "--run=true").ok()
    text = (lab.path("log") / "ovsdb-server.log").read_text()
    assert all(LOG_LINE.match(line) for line in text.splitlines()) and text


@pytest.mark.parametrize("options, expected", [
    (["-vconsole:info"],
     r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\|\d{5}\|\w+\|INFO\|.*listening on port"),
    (["-vinfo"], r"\|INFO\|.*listening on port"),
    (["--verbose=info"], r"\|INFO\|.*listening on port"),
    (["-vconsole:info", "-vPATTERN:console:%p/%m"], r"^INFO/.*listening on port"),
    (["-vconsole:info", "-vPATTERN:console:<%A %c %05N %%>%m"],
     r"^<ovsdb-server \w+ 0000\d %>.*listening"),
    (["-v"], r"\|DBG\|"),
    (["-vdbg"], r"\|DBG\|"),
    (["-vany:console:dbg"], r"\|DBG\|"),
    (["-vCONSOLE:DBG"], r"\|DBG\|"),
])
def test_console(lab, options, expected):
    result = run(lab, lab.db("small"), "--remote=ptcp:0:127.0.0.1", "--run=true", *options)
    assert result.status == 0
    assert re.search(expected, result.err, re.M), result


def test_console_default_shows_information_about_ports(lab):
    """At the default level the console shows which port was chosen, as scripts expect."""
    result = run(lab, lab.db("small"), "--remote=ptcp:0:127.0.0.1", "--run=true")
    assert "listening on port" in result.err and result.status == 0
    result = run(lab, lab.db("small"), "--remote=ptcp:0:127.0.0.1", "--run=true", "-vconsole:warn")
    assert result.ok() == ""


# Control commands

COMMANDS = ["exit", "version", "list-commands", "memory/show", "vlog/list", "vlog/set",
            "vlog/reopen", "vlog/list-pattern", "ovsdb-server/compact", "ovsdb-server/reconnect",
            "ovsdb-server/add-remote", "ovsdb-server/remove-remote", "ovsdb-server/list-remotes",
            "ovsdb-server/add-db", "ovsdb-server/remove-db", "ovsdb-server/list-dbs"]


@pytest.fixture(params=["ours", "reference"])
def appctl(request, lab):
    """Runs a command with our ovs-appctl and with Debian's."""
    lab.serve("small")
    program = (lab.programs if request.param == "ours" else lab.reference).appctl
    target = ["-t", lab.servers[0].control_path]

    def call(*args):
        return lab.run(program, *target, *args)

    call.server = lab.servers[0]
    return call


def test_appctl_list_commands(appctl):
    lines = appctl("list-commands").lines()
    assert lines[0] == "The available commands are:"
    names = [line.split()[0] for line in lines[1:]]
    assert set(COMMANDS) <= set(names)
    assert names == sorted(names)
    assert all(line.startswith("  ") for line in lines[1:])


@pytest.mark.difference("cluster-commands-always")
@pytest.mark.parametrize("name", ["small", "_Server", "missing", ""])
@pytest.mark.parametrize("command, args", [
    ("cid", []), ("sid", []), ("status", []), ("leave", []), ("kick", ["abcd"]),
    ("change-election-timer", ["1000"]), ("set-backlog-threshold", ["100", "100000"])])
def test_appctl_cluster_commands_of_other_databases(appctl, command, args, name):
    result = appctl(f"cluster/{command}", name, *args)
    assert result.status == 2 and "unknown cluster" in result.err


@pytest.mark.difference("cluster-commands-always")
def test_appctl_cluster_failure_test(appctl):
    result = appctl("cluster/failure-test", "no-such-scenario")
    assert result.status == 2 and "unknown test scenario" in result.err


def test_appctl_version(appctl):
    assert re.match(r"ovsdb-server \(.+\) \d", appctl("version").ok())


@pytest.mark.ours("the test checks the version of this server")
def test_version_ends_with_the_level_of_compatibility(lab, appctl):
    version = appctl("version").ok().splitlines()[0]
    assert version.split()[-1] == "4.0.0"
    for program in ("server", "client", "tool", "appctl"):
        printed = lab.run(getattr(lab.programs, program), "--version").ok().splitlines()[0]
        assert printed.split(" ", 1)[1] == version.split(" ", 1)[1]


@pytest.mark.ours("Debian's server logs to standard error when it starts")
@pytest.mark.skipif(not os.path.exists(OVS_LIB), reason="openvswitch-switch is not installed")
def test_start_script_stops_gracefully(lab):
    """Scripts use "exit" if the last word of the version is 2.5.90 or later, else SIGTERM."""
    run(lab, lab.db("small"), "--detach", "--pidfile", "--no-chdir",
        f"--remote=punix:{lab.path('s')}",
        f"--log-file={lab.path('server.log')}").ok()
    # The script allows 2 s, which a program with sanitizers may need on a loaded machine.
    script = f'''. {OVS_LIB}
        sleep() {{ command sleep "$(awk "BEGIN {{ print 10 * $1 }}")"; }}
        stop_daemon ovsdb-server'''
    result = lab.run("/bin/bash", "-c", script)
    assert "Exiting ovsdb-server" in result.out and "Killing" not in result.out, result
    assert not (lab.run_dir / "ovsdb-server.pid").exists()


def test_appctl_unknown_command(appctl):
    result = appctl("garbage").fails(2, '"garbage" is not a valid command')
    assert result.out == ""


@pytest.mark.parametrize("args", [
    ["version", "x"], ["exit", "a", "b"], ["ovsdb-server/list-dbs", "x"], ["ovsdb-server/add-db"],
    ["ovsdb-server/remove-db"], ["ovsdb-server/reconnect", "x"],
    ["ovsdb-server/list-remotes", "x"], ["memory/show", "x"],
], ids=" ".join)
def test_appctl_wrong_number_of_arguments(appctl, args):
    appctl(*args).fails(2, "argument")


def test_appctl_exit(appctl):
    assert appctl("exit").ok() == ""
    assert appctl.server.wait_end() == 0


def test_appctl_memory(appctl):
    appctl.server.client().call("monitor", "small", "m", {"T": [{}]})
    text = appctl("memory/show").ok()
    assert re.fullmatch(r"([a-z][a-z -]*:\d+)( [a-z][a-z -]*:\d+)*\n", text), text
    numbers = dict(word.rsplit(":", 1) for word in text.split())
    assert numbers["monitors"] == "1" and numbers["sessions"] == "1"


def test_appctl_compact(appctl):
    assert appctl("ovsdb-server/compact").ok() == ""
    assert appctl("ovsdb-server/compact", "small").ok() == ""
    appctl("ovsdb-server/compact", "nope").fails(2, "no database by that name")


def test_appctl_databases(appctl, lab):
    assert appctl("ovsdb-server/list-dbs").ok() == "_Server\nsmall\n"
    other = lab.db("other")
    assert appctl("ovsdb-server/add-db", other).ok() == ""
    assert appctl("ovsdb-server/list-dbs").ok() == "_Server\nother\nsmall\n"
    assert appctl.server.client().call("get_schema", "other")["name"] == "other"
    assert appctl("ovsdb-server/remove-db", "other").ok() == ""
    assert appctl("ovsdb-server/list-dbs").ok() == "_Server\nsmall\n"
    appctl("ovsdb-server/remove-db", "other").fails(2)
    appctl("ovsdb-server/remove-db", "_Server").fails(2)
    assert lab.run(lab.reference.tool, "transact", other, '["other"]').ok() == "[]\n"


@pytest.mark.difference("failed-add-db-is-harmless")
def test_database_of_a_name_in_use(lab):
    server = lab.serve("small")
    with pytest.raises(RpcError, match="duplicate database name"):
        server.control("ovsdb-server/add-db", lab.db("small", "copy.db"))
    assert server.client().call("get_schema", "small")["name"] == "small"
    assert server.control("ovsdb-server/list-dbs").split() == ["_Server", "small"]


def test_appctl_reconnect(appctl):
    client = appctl.server.client()
    client.call("echo")
    assert appctl("ovsdb-server/reconnect").ok() == ""
    client.wait_closed()
    assert appctl.server.client().call("echo", 1) == [1]


def vlog_levels(text):
    lines = text.splitlines()
    assert lines[0].split() == ["console", "syslog", "file"]
    return {words[0]: words[1:] for words in (line.split() for line in lines[2:])}


def test_appctl_vlog_set(appctl):
    levels = vlog_levels(appctl("vlog/list").ok())
    assert len(levels) >= 5
    module = sorted(levels)[0]
    assert appctl("vlog/set", f"{module}:file:dbg").ok() == ""
    after = vlog_levels(appctl("vlog/list").ok())
    assert after[module][2] == "DBG" and {**after, module: 0} == {**levels, module: 0}
    appctl("vlog/set", "console:emer", "syslog:err", "file:warn").ok()
    assert set(map(tuple, vlog_levels(appctl("vlog/list").ok()).values())) == {
        ("EMER", "ERR", "WARN")}
    appctl("vlog/set", "off").ok()
    assert set(map(tuple, vlog_levels(appctl("vlog/list").ok()).values())) == {("OFF",) * 3}
    appctl("vlog/set").ok()
    assert set(map(tuple, vlog_levels(appctl("vlog/list").ok()).values())) == {("DBG",) * 3}


@pytest.mark.parametrize("spec", ["garbage", "garbage:info", "any:any:bad",
                                  "PATTERN:nowhere:%m", "FACILITY:nope"])
def test_appctl_vlog_set_nonsense(appctl, spec):
    before = appctl("vlog/list").ok()
    appctl("vlog/set", spec).fails(2)
    assert appctl("vlog/list").ok() == before


def test_appctl_vlog_pattern(appctl):
    appctl("vlog/set", "PATTERN:file:marked %p %m").ok()
    assert "marked %p %m" in appctl("vlog/list-pattern").ok()
    appctl("vlog/set", "PATTERN:file:%D{%Y-%m-%dT%H:%M:%S.###Z}|%05N|%c|%p|%m").ok()


def test_appctl_vlog_reopen(appctl):
    path = appctl.server.log_path
    os.rename(path, path + ".1")
    assert appctl("vlog/reopen").ok() == ""
    wait.until(lambda: os.path.exists(path), "the new log file")


def test_control_survives_nonsense(lab):
    server = lab.serve("small").allow(r"\|WARN\|")
    for text in ('hello', '{}', '[]', '{"method":5,"params":[],"id":1}',
                 '{"method":"version","params":[5],"id":1}', '{"id":1,"result":"x","error":null}',
                 '{"method":"version","params":{},"id":1}', "[" * 100000):
        with Client(server.control_path) as client:
            client.send_raw(text)
    with Client(server.control_path) as client:
        client.send_raw('{"method":"version","par')
        assert server.control("version")
        client.send_raw('ams":[],"id":1}{"method":"list-commands","params":[],"id":2}')
        assert "ovsdb-server" in client.result(1) and "commands" in client.result(2)


# Databases at run time


def test_databases_come_and_go_for_clients(lab):
    server = lab.serve("small")
    plain, aware = server.client(), server.client()
    aware.call("set_db_change_aware", True)
    plain.call("echo")
    server.control("ovsdb-server/add-db", lab.db("other"))
    plain.wait_closed()
    assert sorted(aware.call("list_dbs")) == ["_Server", "other", "small"]
    aware.insert("other", "X", {"n": 1})
    aware.call("monitor", "other", "o", {"X": [{}]})
    aware.call("monitor", "small", "s", {"T": [{}]})
    server.control("ovsdb-server/remove-db", "other")
    assert aware.notification() == ("monitor_canceled", ["o"])
    assert aware.error("get_schema", "other")["error"] == "unknown database"
    aware.insert("small", "T", {})
    assert aware.notification("update")[0] == "s"


def test_waiting_transaction_on_a_database_removed(lab):
    server = lab.serve("small", "other")
    client = server.client()
    client.call("set_db_change_aware", True)
    id_ = client.request("transact", ["other", {"op": "wait", "table": "X", "where": [],
                                                "columns": ["n"], "until": "!=", "rows": []}])
    client.call("echo")
    server.control("ovsdb-server/remove-db", "other")
    reply = client.reply(id_)
    assert reply["error"] or "error" in reply["result"][0]


def test_database_added_again_has_its_data(lab):
    server = lab.serve("small")
    db = lab.db("other")
    server.control("ovsdb-server/add-db", db)
    server.client().insert("other", "X", {"n": 5})
    server.control("ovsdb-server/remove-db", "other")
    server.control("ovsdb-server/add-db", db)
    assert server.client().select("other", "X", ["n"]) == [{"n": 5}]


# As a service


class NotifySocket:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(path))
        self.socket.settimeout(wait.PATIENCE)
        self.lines = []

    def wait_for(self, line):
        self.wait_until(lambda lines: line in lines)

    def wait_until(self, condition):
        while not condition(self.lines):
            self.lines += self.socket.recv(4096).decode().splitlines()


@pytest.mark.ours("the reference server does not notify the service manager")
def test_notifies_the_service_manager(lab):
    notify = NotifySocket(lab.path("notify"))
    server = lab.new_server()
    server.env = {**server.env, "NOTIFY_SOCKET": str(lab.path("notify"))}
    server.launch([lab.db("small")])
    notify.wait_for("READY=1")
    assert server.client().call("list_dbs")
    assert any(line.startswith("STATUS=") for line in notify.lines)
    server.process.send_signal(signal.SIGTERM)
    notify.wait_for("STOPPING=1")
    assert server.wait_end() == 0


@pytest.mark.ours("the reference server has no --recover-damaged")
def test_status_names_a_recovered_database(lab):
    db = lab.db("small")
    with open(db, "ab") as file:
        file.write(b"garbage\n")
    notify = NotifySocket(lab.path("notify"))
    server = lab.new_server().allow(r"small\.db")
    server.env = {**server.env, "NOTIFY_SOCKET": str(lab.path("notify"))}
    server.launch([db], "--recover-damaged")
    notify.wait_for("READY=1")
    notify.wait_until(lambda lines: any(
        line.startswith("STATUS=database small was recovered from damage") for line in lines))
    server.stop()


@pytest.mark.ours("the reference server does not support socket activation")
@pytest.mark.parametrize("family", ["unix", "tcp"])
@pytest.mark.parametrize("named", [True, False])
def test_sockets_from_the_service_manager(lab, family, named):
    if family == "unix":
        listener, target = socket.socket(socket.AF_UNIX), str(lab.path("passed"))
        listener.bind(target)
    else:
        listener = socket.socket(socket.AF_INET)
        listener.bind(("127.0.0.1", 0))
        target = listener.getsockname()
    listener.listen()
    early = Client(target)
    id_ = early.request("list_dbs", [])
    server = lab.serve("small", remotes=[], fds={"db": listener} if named else [listener])
    assert "small" in early.result(id_)
    assert "small" in server.client(target).call("list_dbs")
    early.close()
    assert server.stop() == 0
    if family == "unix":
        assert os.path.exists(target), "the socket belongs to the service manager"


def test_databases_are_listed_in_order(lab):
    """The order is byte by byte: a name that begins with a capital precedes _Server."""
    text = lab_module.schema("small")
    paths = [dbfile.create(lab.path(f"{name}.db"), {**text, "name": name})
             for name in ("small", "Open_vSwitch")]
    server = lab.new_server().start(paths)
    assert server.control("ovsdb-server/list-dbs") == "Open_vSwitch\n_Server\nsmall\n"
