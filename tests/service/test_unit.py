# SPDX-License-Identifier: Apache-2.0
"""The units as a system runs them: start, readiness, sockets, reload, watchdog, journal, stop."""
import signal

import pytest

from harness import wait
from service import DATABASE, DB_SOCK, ROOT, SOCKET, UNIT


def test_the_machine_boots_with_our_units(container):
    """Nothing that we install fails at boot."""
    failed = container.ok("systemctl", "--failed", "--plain", "--no-legend")
    assert "ovsdb" not in failed and "tmpfiles" not in failed, failed


def test_verify(container):
    names = sorted(p.name.removesuffix(".in").replace("@", "@x")
                   for p in (ROOT / "units").glob("ovsdb-*.in"))
    assert UNIT in names and SOCKET in names and "ovsdb-server@x.service" in names
    result = container.run("systemd-analyze", "verify", *names)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_tmpfiles(container):
    container.ok("rm", "-rf", "/run/openvswitch")
    result = container.run("systemd-tmpfiles", "--create", "ovsdbd.conf")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    assert container.path("/run/openvswitch").is_dir()


def test_start_means_ready(service):
    """When systemctl returns, clients are answered."""
    service.start()
    assert service.client().call("list_dbs") == ["_Server", "small"]
    assert service.show("ActiveState") == "active"
    assert service.show("SubState") == "running"
    assert service.show("StatusText").startswith("databases: 1")
    pid = service.container.path("/run/openvswitch/ovsdb-server.pid").read_text().strip()
    assert pid == service.show("MainPID")
    assert "ovsdbd" in service.ok("ovs-appctl", "-t", "ovsdb-server", "version")


def test_stop_is_clean(service):
    service.start().client().insert("small", "T", {"name": "kept"})
    service.ok("systemctl", "stop", UNIT)
    assert service.show("Result") == "success"
    assert service.show("ExecMainStatus") == "0"
    left = service.ok("ls", "-A", "/run/openvswitch").split()
    assert left == ["db.sock"]  # the socket unit's, which the service wants
    assert not [e for e in service.journal() if int(e["PRIORITY"]) < 6]
    service.start()
    assert service.client().select("small", "T", ["name"]) == [{"name": "kept"}]


def test_options_from_the_environment_file(service):
    service.write("/etc/default/ovsdb-server", 'OPTIONS="--remote=ptcp:6641:127.0.0.1"\n')
    service.start()
    assert "small" in service.ok("ovsdb-client", "list-dbs", "tcp:127.0.0.1:6641")


def test_a_database_that_is_missing(service):
    """Without a schema the start fails, and the journal names the file."""
    service.container.path("/etc/ovsdb/ovsdb-server.conf").write_text("[database conf.db]\n")
    assert service.container.run("systemctl", "start", UNIT).returncode
    entries = wait.until(service.journal, "journal entries")
    messages = [e["MESSAGE"] for e in entries]
    assert any(DATABASE in m and "No such file" in m for m in messages), messages


@pytest.mark.parametrize("option", ["detach", "monitor"])
def test_options_of_daemons_are_refused(service, option):
    """The service manager would wait in vain for the process that it has started."""
    service.configure(f"[options]\n{option} = yes\n")
    assert service.container.run("systemctl", "start", UNIT).returncode
    messages = [e["MESSAGE"] for e in service.journal()]
    assert any(m.startswith(f"--{option}: not possible in a service of Type=notify") for m in messages)


def test_reload(service):
    """SIGHUP: the log file is opened again; the process and its connections stay."""
    service.write("/etc/default/ovsdb-server", "OPTIONS=--log-file=/var/log/ovsdb/t.log\n")
    client = service.start().client()
    pid = service.show("MainPID")
    service.ok("mv", "/var/log/ovsdb/t.log", "/var/log/ovsdb/t.log.1")
    service.ok("systemctl", "reload", UNIT)
    wait.until(lambda: service.container.path("/var/log/ovsdb/t.log").exists(), "a new log")
    assert client.call("echo", 1) == [1]
    assert service.show("MainPID") == pid
    wait.until(lambda: service.show("ActiveState") == "active", "the end of the reload")
    assert service.show("StatusText").startswith("databases: 1")


def test_a_crash_is_followed_by_a_restart(service):
    service.start().client().insert("small", "T", {"name": "kept"})
    pid = service.show("MainPID")
    service.signal_main(signal.SIGKILL)
    wait.until(lambda: service.show("MainPID") not in ("0", pid)
               and service.show("SubState") == "running", "another server")
    assert service.client().select("small", "T", ["name"]) == [{"name": "kept"}]
    assert service.show("NRestarts") == "1"


# Sockets


def test_socket_activation(service):
    """A connection starts the server, which leaves the socket open in systemd when it ends."""
    service.start(SOCKET)
    assert service.show("ActiveState") == "inactive"
    assert service.client().call("list_dbs") == ["_Server", "small"]
    assert service.show("ActiveState") == "active"
    service.ok("systemctl", "stop", UNIT)
    assert service.container.path(DB_SOCK).exists()
    assert service.client().call("list_dbs") == ["_Server", "small"]


def test_restart_refuses_no_client(service):
    """A client that connects while the server restarts waits in the socket's queue."""
    service.start(SOCKET)
    service.client().insert("small", "T", {"name": "before"})
    service.signal_main(signal.SIGSTOP)
    waiting = service.client()
    waiting.request("transact", ["small", {"op": "select", "table": "T", "where": [],
                                           "columns": ["name"]}], id_=1)
    service.signal_main(signal.SIGKILL)
    assert waiting.result(1, 60) == [{"rows": [{"name": "before"}]}]


# Watchdog


def test_watchdog_is_petted(service):
    service.write(f"/etc/systemd/system/{UNIT}.d/t.conf", "[Service]\nWatchdogSec=1\n")
    service.start()
    first = service.show("WatchdogTimestampMonotonic")
    second = wait.until(lambda: service.show("WatchdogTimestampMonotonic") != first
                        and service.show("WatchdogTimestampMonotonic"), "a first sign of life")
    wait.until(lambda: service.show("WatchdogTimestampMonotonic") != second, "a second one")
    assert service.show("NRestarts") == "0"


def test_watchdog_bites(service):
    """A server that hangs is replaced."""
    service.write(f"/etc/systemd/system/{UNIT}.d/t.conf",
                  "[Service]\nWatchdogSec=1\nTimeoutAbortSec=1\n")
    service.start().client().insert("small", "T", {"name": "kept"})
    service.signal_main(signal.SIGSTOP)
    wait.until(lambda: service.show("NRestarts") == "1" and service.show("SubState") == "running",
               "another server", 30)
    assert service.client().select("small", "T", ["name"]) == [{"name": "kept"}]


# Journal


def test_journal_has_native_fields(service):
    service.start()
    bad = service.client()
    bad.send_raw("no JSON}")
    bad.wait_closed()
    service.ok("systemctl", "stop", UNIT)
    entries = [e for e in service.journal() if e["_TRANSPORT"] == "journal"]
    assert entries
    for entry in entries:
        assert entry["OVSDB_MODULE"], entry
        assert entry["SYSLOG_IDENTIFIER"] == "ovsdb-server"
        assert "|INFO|" not in entry["MESSAGE"]
    assert {"6", "4"} <= {e["PRIORITY"] for e in entries}
    assert any(e["MESSAGE"].startswith("ovsdb-server (ovsdbd)") for e in entries)
    assert len({e["MESSAGE_ID"] for e in entries if "MESSAGE_ID" in e}) > 3, entries
    # Nothing twice: what is in the journal is not on standard error too.
    messages = {e["MESSAGE"] for e in entries}
    assert not [e for e in service.journal() if e["_TRANSPORT"] == "stdout"
                and any(m in e["MESSAGE"] for m in messages)]
