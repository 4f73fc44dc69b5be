# SPDX-License-Identifier: Apache-2.0
"""The life of the service: long starts, status, signals, hangs, a full disk."""
import json
import os
import re
import signal
import time

from harness import dbfile, wait
from harness.lab import schema
from service import CONFIG, UNIT

STATE = "/var/lib/openvswitch"
UNWRITTEN, WRITABLE = "21321296cf0d40de941053ef5c6a224a", "96869b37530d4ea09fd13a27df4eea7b"
NEWER = "/run/openvswitch/newer.ovsschema"
DROP_IN = f"/etc/systemd/system/{UNIT}.d/t.conf"


def write_big(service, size):
    """A database of about `size` bytes, of many records; returns the number of its rows."""
    path = service.container.path(f"{STATE}/conf.db")
    service.ok("mkdir", "-p", STATE)
    rows_per_record, n_rows = 1000, 0
    with open(path, "wb") as out:
        out.write(dbfile.record(schema("small")))
        while out.tell() < size:
            rows = {f"00000000-0000-4000-8000-{n:012x}": {"name": f"row {n}", "n": n}
                    for n in range(n_rows, n_rows + rows_per_record)}
            n_rows += rows_per_record
            out.write(dbfile.record({"T": rows, "_date": 1700000000000}))
    service.ok("chown", "-R", "ovsdb:", STATE)
    return n_rows


def begin_to_load(service):
    """Starts the service with a file that takes seconds to load and waits for progress in its
    status; returns the number of rows."""
    n_rows = write_big(service, 160 << 20)
    service.ok("systemctl", "start", "--no-block", UNIT)
    status = wait.until(lambda: "%" in service.show("StatusText") and service.show("StatusText"),
                        "progress in the status", 30)
    assert status.startswith("loading /etc/openvswitch/conf.db: ")
    assert 0 <= int(status.split()[-2]) <= 100
    return n_rows


def hold_up(service):
    """Stops the process until its start has taken more than three seconds, as a slow disk would.
    Returns the time at which the start began."""
    service.signal_main(signal.SIGSTOP)
    assert service.show("SubState") == "start"
    began = int(service.show("ExecMainStartTimestampMonotonic"))
    wait.until(lambda: time.monotonic() * 1e6 - began > 3_000_000, "more time than is allowed")
    service.signal_main(signal.SIGCONT)
    return began


def test_a_start_that_takes_longer_than_the_unit_allows(service):
    service.write(DROP_IN, "[Service]\nTimeoutStartSec=2\n")
    n_rows = begin_to_load(service)
    began = hold_up(service)
    wait.until(lambda: service.show("SubState") == "running", "the end of the start", 60)
    assert int(service.show("ActiveEnterTimestampMonotonic")) - began > 3_000_000
    assert service.show("NRestarts") == "0"
    counted = service.client().transact("small", {
        "op": "select", "table": "T", "where": [["n", "==", n_rows - 1]], "columns": ["n"]})
    assert counted == [{"rows": [{"n": n_rows - 1}]}]


def test_a_stop_in_the_middle_of_a_start(service):
    """It does not wait for the end of the start."""
    begin_to_load(service)
    service.ok("systemctl", "stop", UNIT)
    assert service.show("Result") == "success"
    assert not service.container.path("/run/openvswitch/ovsdb-server.pid").exists()
    messages = [e["MESSAGE"] for e in service.journal()]
    assert any("before /etc/openvswitch/conf.db was ready" in m for m in messages), messages
    assert not any("serving database" in m for m in messages)


def test_a_stop_in_the_middle_of_a_conversion(service):
    """A conversion may take longer than a start may, as long as it makes progress. A stop ends it
    at once, and the file is unchanged."""
    service.write(DROP_IN, "[Service]\nTimeoutStartSec=2\n")
    write_big(service, 80 << 20)
    service.ok("cp", f"{STATE}/conf.db", f"{STATE}/conf.db.before")
    service.container.path(NEWER).write_text(json.dumps(dict(schema("small"), version="2.0.0")))
    service.configure(schema=NEWER)
    service.ok("systemctl", "start", "--no-block", UNIT)
    wait.until(lambda: re.match(r"converting /etc/openvswitch/conf\.db: \d+ %",
                                service.show("StatusText")), "a conversion", 60)
    hold_up(service)
    service.ok("systemctl", "stop", UNIT)
    assert service.show("Result") == "success"
    service.ok("cmp", f"{STATE}/conf.db", f"{STATE}/conf.db.before")
    assert "tmp" not in service.ok("ls", STATE)


def test_status_counts(service):
    client = service.start().client()
    client.insert("small", "T", {"name": "x"})
    wait.until(lambda: "clients: 1, transactions: 1" in service.show("StatusText"),
               "the numbers in the status", 30)
    text = service.ok("systemctl", "status", UNIT)
    assert 'Status: "databases: 1, clients: 1, transactions: 1' in text


def test_signals(service):
    """SIGUSR1 reopens the log, SIGUSR2 logs the state, and neither disturbs a client. SIGINT ends
    the service."""
    service.configure("[options]\nlog-file = /var/log/ovsdb/t.log\n")
    client = service.start().client()
    log = service.container.path("/var/log/ovsdb/t.log")
    service.ok("mv", "/var/log/ovsdb/t.log", "/var/log/ovsdb/t.log.1")
    service.signal_main(signal.SIGUSR1)
    wait.until(log.exists, "a new log")
    service.signal_main(signal.SIGUSR2)
    wait.until(lambda: "databases: 1, clients: 1" in log.read_text(), "the state in the log")
    assert client.call("echo", 1) == [1]
    service.signal_main(signal.SIGINT)
    wait.until(lambda: service.show("ActiveState") == "inactive", "the end")
    assert service.show("Result") == "success"


def test_replies_before_the_end(service):
    """Requests received before the signal are answered, in any order in which the loop sees both."""
    client = service.start().client()
    for n in range(100):
        client.request("transact", ["small", {"op": "insert", "table": "T", "row": {"n": n}},
                                    {"op": "commit", "durable": True}], id_=n)
    client.result(0)
    service.ok("systemctl", "stop", UNIT)
    answered = 1 + len(client.wait_closed())
    service.start()
    stored = service.client().select("small", "T", ["n"])
    assert len(stored) == answered


def test_a_failed_reload_is_seen(service):
    service.start()
    good = service.container.path(CONFIG).read_text()
    service.container.path(CONFIG).write_text(good + "colour = red\n")
    assert service.container.run("systemctl", "reload", UNIT).returncode != 0
    assert service.show("ActiveState") == "active"
    wait.until(lambda: "colour: unknown key" in service.show("StatusText"), "the status")
    entries = service.journal("MESSAGE_ID=d27b6f9e5a0c41f3b6e8417c03d95a2e")
    assert [e["PRIORITY"] for e in entries] == ["4"]
    assert f"{CONFIG}:3: colour" in entries[0]["MESSAGE"]
    service.container.path(CONFIG).write_text(good)
    service.ok("systemctl", "reload", UNIT)
    wait.until(lambda: "colour" not in service.show("StatusText"), "the status without it")


def test_a_loop_that_hangs(service):
    """The event loop blocks because nothing reads its log; the process is alive."""
    service.write(DROP_IN, "[Service]\nWatchdogSec=2\nTimeoutAbortSec=2\n")
    fifo = "/run/openvswitch/t.fifo"
    service.configure(f"[options]\nlog-file = {fifo}\n")
    service.ok("mkfifo", "-m", "666", fifo)
    reader = os.open(service.container.path(fifo), os.O_RDONLY | os.O_NONBLOCK)
    try:
        service.start().client().insert("small", "T", {"name": "kept"})
        pid = service.show("MainPID")
        service.ok("rm", fifo)
        # Each writes a line, until the pipe is full.
        service.container.run("sh", "-c", f"while kill -USR2 {pid}; do :; done")
        wait.until(lambda: service.show("SubState") == "running", "another server", 30)
    finally:
        os.close(reader)
    assert service.show("NRestarts") == "1"
    assert service.client().select("small", "T", ["name"]) == [{"name": "kept"}]
    assert any("Watchdog timeout" in m["MESSAGE"] for m in service.all_messages())


def test_a_full_disk(service):
    """Transactions fail and the status has the reason; they succeed as soon as there is space."""
    service.ok("mkdir", "-p", STATE)
    service.ok("mount", "-t", "tmpfs", "-o", "size=256k,mode=755", "tmpfs", STATE)
    try:
        client = service.start().client()
        rows = 0
        while rows < 1000:
            reply = client.transact("small", {"op": "insert", "table": "T",
                                              "row": {"name": "x" * 4000, "n": rows}},
                                    {"op": "commit", "durable": True})
            if "error" in str(reply):
                break
            rows += 1
        assert 10 < rows < 1000
        assert "I/O error" in str(reply) and "No space left on device" in str(reply)
        wait.until(lambda: "database small cannot be written: No space left on device"
                   in service.show("StatusText"), "the status", 30)
        assert len(client.select("small", "T", ["n"])) == rows
        service.ok("mount", "-o", "remount,size=8m", STATE)
        client.insert("small", "T", {"name": "after", "n": 7777})
        wait.until(lambda: "cannot be written" not in service.show("StatusText"), "it is over", 30)
        assert len(service.restart().client().select("small", "T", ["n"])) == rows + 1
        names = {e.get("MESSAGE_ID") for e in service.journal("OVSDB_DATABASE=small")}
        assert {UNWRITTEN, WRITABLE} <= names
    finally:
        service.ok("systemctl", "stop", UNIT)
        service.ok("umount", STATE)
