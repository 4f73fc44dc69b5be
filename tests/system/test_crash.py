# SPDX-License-Identifier: Apache-2.0
"""Changes that commands have made survive a crash, under --monitor and under a service manager."""
import os
import signal

import pytest

from harness import wait
from harness.rpc import Client

pytestmark = pytest.mark.ours("the reference server loses most changes of commands in a crash")


class Watched:
    """A server in the background that a monitor process starts again."""

    def __init__(self, lab, *options, db="small.db"):
        self.lab = lab
        self.socket = lab.run_dir / "db.sock"
        self.control_path = lab.run_dir / "watched.ctl"
        self.pidfile = lab.run_dir / "watched.pid"
        self.db = lab.db("small", db)
        # The database by a relative name: the monitor leaves the folder.
        lab.run(lab.programs.server, db, "--detach", "--monitor", f"--pidfile={self.pidfile}",
                f"--unixctl={self.control_path}", f"--remote=punix:{self.socket}",
                f"--log-file={self.log_path}", "-vsyslog:off", "-vconsole:off", *options).ok()
        self.pid = int(self.pidfile.read_text())

    @property
    def log_path(self):
        return self.lab.path("watched.log")

    def log(self):
        return self.log_path.read_text()

    def control(self, command, *args):
        with Client(self.control_path) as client:
            return client.call(command, *map(str, args))

    def restart(self):
        """Crashes it, and waits until the next process serves."""
        former = self.pid
        os.kill(former, signal.SIGABRT)

        def restarted():
            try:
                self.pid = int(self.pidfile.read_text())
                return self.pid != former and self.control("list-commands")
            except (OSError, ValueError):
                return False

        wait.until(restarted, "the restart")

    def stop(self):
        self.pid = int(self.pidfile.read_text())
        os.kill(self.pid, signal.SIGTERM)
        wait.until(lambda: not self.pidfile.exists(), "the end")


@pytest.fixture
def watched(lab):
    started = []

    def start(*options, **how):
        started.append(Watched(lab, *options, **how))
        return started[-1]

    yield start
    for one in started:
        if one.pidfile.exists():
            one.stop()


class Managed:
    """The same interface for a server of a service manager that has it started again."""

    def __init__(self, server):
        self.server = server
        self.socket = server.socket_path
        self.db = server.how[0][0]
        self.control = server.control
        self.log = server.log

    def restart(self):
        server = self.server
        dbs, options, remotes = server.how
        server.process.send_signal(signal.SIGABRT)
        server.process.wait()
        server.start(dbs, *options, remotes=remotes)


@pytest.fixture(params=["monitor", "service manager"])
def start(request, lab, watched, managed):
    def start_one(*options):
        if request.param == "monitor":
            return watched(*options)
        managed.allow("replication", "net", "cannot serve a database that", "cannot open a remote that")
        return Managed(managed.start([lab.db("small")], *options))

    return start_one


def remotes(server):
    return server.control("ovsdb-server/list-remotes").split()


def test_remotes(start, lab):
    server = start("--remote=punix:other.sock", "--remote=ptcp:0:127.0.0.1")
    server.control("ovsdb-server/add-remote", "punix:added.sock")
    server.control("ovsdb-server/add-remote", "db:small,T,name")
    server.control("ovsdb-server/add-remote", "punix:gone.sock")
    server.control("ovsdb-server/remove-remote", "punix:gone.sock")
    server.control("ovsdb-server/remove-remote", "punix:other.sock")
    before = remotes(server)
    assert "punix:added.sock" in before and "punix:other.sock" not in before
    server.restart()
    assert remotes(server) == before
    with Client(lab.run_dir / "added.sock") as client:
        assert client.call("list_dbs")
    assert not (lab.run_dir / "other.sock").exists()
    # What was removed can be added again, and then it is no longer removed.
    server.control("ovsdb-server/add-remote", "punix:other.sock")
    assert "punix:other.sock" in remotes(server)


def test_databases(start, lab):
    added = lab.db("ops", "added.db")
    server = start()
    server.control("ovsdb-server/add-db", added)
    server.control("ovsdb-server/remove-db", "small")
    server.restart()
    assert server.control("ovsdb-server/list-dbs").split() == ["_Server", "ops"]


def test_relays(start, lab):
    """A relay that a command has added is restored with its settings, even if its source cannot be
    reached."""
    server = start()
    server.control("ovsdb-server/add-db", f"relay:ops:unix:{lab.path('source.sock')}")
    server.control("ovsdb-server/add-db", "relay:gone:unix:/nowhere")
    server.control("ovsdb-server/set-relay-source-probe-interval", "9000")
    server.control("ovsdb-server/remove-db", "gone")
    server.restart()
    assert server.control("ovsdb-server/list-dbs").split() == ["_Server", "ops", "small"]
    server.restart()
    assert server.control("ovsdb-server/list-dbs").split() == ["_Server", "ops", "small"]


def test_a_database_that_is_gone(start, lab):
    """The others are served all the same."""
    added = lab.db("ops", "added.db")
    server = start()
    server.control("ovsdb-server/add-db", added)
    added.unlink()
    server.restart()
    assert server.control("ovsdb-server/list-dbs").split() == ["_Server", "small"]
    assert "cannot serve a database that a command added" in server.log()


def test_a_demoted_server_stays_a_backup(start, lab):
    server = start()
    source = f"unix:{lab.path('active.sock')}"
    server.control("ovsdb-server/set-active-ovsdb-server", source)
    server.control("ovsdb-server/set-active-ovsdb-server-probe-interval", "7000")
    server.control("ovsdb-server/set-sync-exclude-tables", "small:I")
    server.control("ovsdb-server/connect-active-ovsdb-server")
    server.restart()
    assert "state: backup" in server.control("ovsdb-server/sync-status")
    assert server.control("ovsdb-server/get-active-ovsdb-server").strip() == source
    assert server.control("ovsdb-server/get-sync-exclude-tables").strip() == "small:I"
    with Client(server.socket) as client:
        assert client.transact("small", {"op": "insert", "table": "T", "row": {}})[0]["error"] == \
            "not allowed"


def test_a_promoted_server_stays_active(start, lab):
    server = start(f"--sync-from=unix:{lab.path('active.sock')}")
    server.control("ovsdb-server/disconnect-active-ovsdb-server")
    server.restart()
    assert "state: active" in server.control("ovsdb-server/sync-status")
    with Client(server.socket) as client:
        client.insert("small", "T", {"name": "x"})


def test_audit_and_log(start):
    server = start()
    server.control("ovsdb-server/tlog-set", "small", "on")
    server.control("ovsdb-server/tlog-set", "small:I", "off")
    server.control("ovsdb-server/memory-trim-on-compaction", "on")
    server.control("vlog/set", "session:file:dbg", "PATTERN:file:%m of \u00e4 pattern\n|%p",
                   "FACILITY:local3")
    server.control("vlog/disable-rate-limit", "net")
    before = [server.control(command) for command in ("ovsdb-server/tlog-list", "vlog/list",
                                                      "vlog/list-pattern")]
    server.restart()
    assert before == [server.control(command) for command in ("ovsdb-server/tlog-list", "vlog/list",
                                                              "vlog/list-pattern")]


def test_column_differences(start):
    """Records contain differences again, as the command has set it."""
    server = start("--disable-file-column-diff")
    server.control("ovsdb/file/column-diff-enable")
    server.restart()
    tags = ["set", [f"tag number {n}" for n in range(100)]]
    with Client(server.socket) as client:
        client.insert("small", "T", {"name": "x", "tags": tags})
        client.commit("small", {"op": "mutate", "table": "T", "where": [], "mutations": [
            ["tags", "insert", "one more"]]}, )
    last = open(server.db, "rb").read().splitlines()[-1]
    assert b"one more" in last and b"tag number 7" not in last


def test_a_crash_without_commands(start):
    server = start()
    server.restart()
    assert "restoring" not in server.log()


def test_a_clean_end_forgets(watched):
    server = watched()
    server.control("ovsdb-server/add-remote", "punix:added.sock")
    server.stop()
    assert "punix:added.sock" not in remotes(watched(db="another.db"))


@pytest.mark.parametrize("end", ["exit", "SIGINT"])
def test_a_clean_end_under_a_manager(managed, lab, end):
    """SIGTERM may be a restart; these are not."""
    server = managed.start([lab.db("small")])
    server.control("ovsdb-server/add-remote", "punix:added.sock")
    assert "ovsdbd-run-time" in server.manager.store
    if end == "exit":
        server.control("exit")
    else:
        server.process.send_signal(signal.SIGINT)
    assert server.wait_end() == 0
    wait.until(lambda: "ovsdbd-run-time" not in server.manager.store, "the store to be empty")


def test_a_restart_under_a_manager(managed, lab):
    """Clients of a remote that a command has added go on, too."""
    server = managed.start([lab.db("small")])
    server.control("ovsdb-server/add-remote", "punix:added.sock")
    server.control("ovsdb-server/add-db", lab.db("ops", "added.db"))
    client = server.client(lab.run_dir / "added.sock")
    client.insert("small", "T", {"name": "x", "eph": "memory"})
    server.restart()
    assert client.select("small", "T", ["name", "eph"]) == [{"name": "x", "eph": "memory"}]
    assert "ops" in server.control("ovsdb-server/list-dbs")


def test_a_changed_configuration_counts(managed, lab):
    """Proxy two processes the administrator has given it another source."""
    path = lab.db("small")
    one, two = (f"unix:{lab.path(name)}" for name in ("one.sock", "two.sock"))
    server = managed.start([path], f"--sync-from={one}", "--active")
    server.allow("replication", "net")
    server.control("ovsdb-server/set-active-ovsdb-server", f"unix:{lab.path('three.sock')}")
    server.control("ovsdb-server/set-sync-exclude-tables", "small:I")
    server.end()
    server.start([path], f"--sync-from={two}", "--active")
    assert server.control("ovsdb-server/get-active-ovsdb-server").strip() == two
    assert server.control("ovsdb-server/get-sync-exclude-tables").strip() == "small:I"


def test_a_reload_keeps_what_commands_have_changed(lab):
    """A reload keeps the settings that the file does not contain."""
    file = lab.path("server.conf")
    file.write_text("")
    server = lab.serve("small", options=[f"--config-file={file}", "--remote=punix:other.sock",
                                         f"--sync-from=unix:{lab.path('one.sock')}", "--active"])
    server.control("ovsdb-server/remove-remote", "punix:other.sock")
    server.control("ovsdb-server/set-sync-exclude-tables", "small:I")
    server.control("ovsdb-server/reload")
    assert "punix:other.sock" not in remotes(server)
    assert server.control("ovsdb-server/get-sync-exclude-tables").strip() == "small:I"


def test_roles_of_databases(start, lab):
    server = start()
    server.control("ovsdb-server/add-db", lab.db("ops", "added.db"))
    server.control("ovsdb-server/set-active-ovsdb-server", "unix:/nonexistent,unix:/none", "ops")
    server.control("ovsdb-server/connect-active-ovsdb-server", "ops")
    server.control("ovsdb-server/set-active-ovsdb-server", "unix:/nonexistent", "small")
    server.restart()
    status = server.control("ovsdb-server/sync-status", "ops")
    assert status.startswith("database: ops\nstate: backup\n"
                             "connecting: unix:/nonexistent,unix:/none\n")
    assert server.control("ovsdb-server/sync-status", "small").strip() == \
        "database: small\nstate: active"
    assert server.control("ovsdb-server/get-active-ovsdb-server", "small").strip() == \
        "unix:/nonexistent"
