# SPDX-License-Identifier: Apache-2.0
"""Runs inside of the enforcing system: uses the services in every way that touches files, sockets
or processes, then looks for refusals. Prints "ok NAME" or "not ok NAME: reason" for each test, then
"end", and the journal if a test has failed."""
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import time
import traceback

UNIT = "ovsdb-server.service"
HERE = pathlib.Path(__file__).resolve().parent
CONFIG = pathlib.Path("/etc/ovsdb/ovsdb-server.conf")
SCHEMA = "/usr/share/openvswitch/small.ovsschema"
DB_SOCK = "/run/openvswitch/db.sock"
DATABASE = f"[database conf.db]\nschema = {SCHEMA}\n"
DOMAIN = "ovsdbd_t"
TESTS = []


def test(function):
    TESTS.append(function)
    return function


def ok(*command, fails=False):
    result = subprocess.run(command, check=False, text=True, stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert bool(result.returncode) == fails, (command, result.returncode, result.stdout)
    return result.stdout


def until(condition, what):
    end = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < end, f"no {what}"
        time.sleep(1)  # costs nothing: the clock of an idle machine jumps


def show(name, unit=UNIT):
    return ok("systemctl", "show", "-P", name, unit).strip()


def domain_of(pid):
    return pathlib.Path(f"/proc/{pid}/attr/current").read_text().rstrip("\0\n").split(":")[2]


def configure(text=""):
    CONFIG.write_text(DATABASE + text)


# Refused in every change of domain: signals, limits and the environment are not inherited.
INHERITANCE = {"noatsecure", "rlimitinh", "siginh"}


def refusals():
    """The access vector messages so far of which the domain, or a type of its files, is part."""
    lines = set()
    for line in ok("journalctl", "-q", "-b", "-o", "cat").splitlines():
        found = re.search(r"avc:  denied  \{ (.*?) \}.*:ovsdbd_\w+:", line)
        if found and not set(found[1].split()) <= INHERITANCE:
            lines.add(line[line.index("avc:"):])
    return sorted(lines)


def restart():
    """systemd limits how often a service starts, which tests do more often than administrators."""
    ok("systemctl", "reset-failed")
    ok("systemctl", "restart", UNIT)


class Client:
    def __init__(self, path=DB_SOCK):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(60)
        self.socket.connect(path)

    def call(self, method, *params):
        self.socket.sendall(json.dumps({"id": 1, "method": method, "params": params}).encode())
        text = ""
        while True:
            data = self.socket.recv(65536)
            assert data, "the server has closed the connection"
            text += data.decode()
            try:
                return json.loads(text)["result"]
            except ValueError:
                pass

    def insert(self, name):
        operation = {"op": "insert", "table": "T", "row": {"name": name}}
        result, = self.call("transact", "small", operation)
        assert "uuid" in result, result


@test
def enforcing():
    assert pathlib.Path("/sys/fs/selinux/enforce").read_text() == "1"
    assert domain_of("self") != DOMAIN


@test
def serving():
    """The database is made, written, synced and compacted."""
    configure()
    ok("systemctl", "start", "ovsdb-server.socket", UNIT)
    assert domain_of(show("MainPID")) == DOMAIN
    Client().insert("kept")
    ok("ovs-appctl", "-t", "ovsdb-server", "ovsdb-server/compact")
    Client().insert("after")


@test
def reload():
    configure("[remote ptcp:6641:127.0.0.1]\n")
    ok("systemctl", "reload", UNIT)
    command = ["ovsdb-client", "list-dbs", "tcp:127.0.0.1:6641"]
    until(lambda: not subprocess.run(command, check=False, stdout=subprocess.DEVNULL,
                                     stderr=subprocess.DEVNULL).returncode,
          "remote after a reload")


@test
def log_files():
    configure("[options]\nlog-file =\n")
    restart()
    log = pathlib.Path("/var/log/ovsdb/ovsdb-server.log")
    assert "serving database" in log.read_text()
    log.rename("/var/log/ovsdb/ovsdb-server.log.1")
    ok("ovs-appctl", "-t", "ovsdb-server", "vlog/reopen")
    assert log.exists()


@test
def restart_with_handover():
    """A connection and its monitor survive the restart."""
    client = Client()
    client.call("monitor", "small", "m", {"T": {}})
    pid = show("MainPID")
    restart()
    assert show("MainPID") != pid
    assert client.call("echo", "still here") == ["still here"]


@test
def tls():
    pki = pathlib.Path("/etc/ovsdb/pki")
    pki.mkdir(exist_ok=True)
    ok("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
       "-nodes", "-days", "2", "-subj", "/CN=localhost", "-keyout", f"{pki}/key",
       "-out", f"{pki}/cert")
    ok("chown", "-R", "ovsdb", str(pki))
    configure(f"[options]\nprivate-key = {pki}/key\ncertificate = {pki}/cert\nca-cert ="
              f" {pki}/cert\n"
              "[remote pssl:6642:127.0.0.1]\n")
    restart()
    assert "small" in ok("ovsdb-client", f"--private-key={pki}/key", f"--certificate={pki}/cert",
                         f"--ca-cert={pki}/cert", "list-dbs", "ssl:127.0.0.1:6642")


@test
def outgoing_connection():
    listener = socket.create_server(("127.0.0.1", 6699))
    listener.settimeout(60)
    configure("[remote tcp:127.0.0.1:6699]\n")
    restart()
    listener.accept()[0].close()
    listener.close()


@test
def instance_as_backup():
    """A further server, which follows the first over TCP."""
    configure("[remote ptcp:6641:127.0.0.1]\n")
    restart()
    pathlib.Path("/etc/ovsdb/copy.conf").write_text(
        f"[options]\nsync-from = tcp:127.0.0.1:6641\n[database copy.db]\nschema = {SCHEMA}\n")
    ok("systemctl", "start", "ovsdb-server@copy.socket", "ovsdb-server@copy.service")
    assert domain_of(show("MainPID", "ovsdb-server@copy.service")) == DOMAIN
    Client().insert("copied")
    copy = Client("/run/ovsdb/copy.sock")
    until(lambda: copy.call("transact", "small", {
        "op": "select", "table": "T", "where": [["name", "==", "copied"]]})[0]["rows"],
        "row in the copy")
    ok("systemctl", "stop", "ovsdb-server@copy.socket", "ovsdb-server@copy.service")


def fetch_metrics(family, address):
    """The output of the metrics socket for the request that Prometheus sends."""
    with socket.socket(family) as connection:
        connection.settimeout(60)
        connection.connect(address)
        connection.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        return b"".join(iter(lambda: connection.recv(65536), b"")).decode()


@test
def metrics():
    """On the sockets that systemd opens, of TCP and in /run/ovsdb."""
    ok("systemctl", "stop", UNIT)
    ok("systemctl", "start", "ovsdb-server-metrics.socket", "ovsdb-server-metrics@copy.socket",
       UNIT, "ovsdb-server@copy.service")
    assert "ovsdb_build_info" in fetch_metrics(socket.AF_INET, ("127.0.0.1", 9640))
    assert "ovsdb_build_info" in fetch_metrics(socket.AF_UNIX, "/run/ovsdb/copy.metrics.sock")
    ok("systemctl", "stop", "ovsdb-server-metrics.socket", "ovsdb-server-metrics@copy.socket",
       "ovsdb-server@copy.socket", "ovsdb-server@copy.service")


@test
def system_ids():
    """Open vSwitch's own ovs-vsctl records the identity of the host; the id is kept in a file."""
    CONFIG.write_text("[database /var/lib/openvswitch/ids.db]\nschema = vswitch.ovsschema\n" + DATABASE)
    restart()
    ok("systemctl", "restart", "ovsdb-system-ids.service")
    system_id = ok("ovs-vsctl", "--timeout=60", "get", "Open_vSwitch", ".", "external_ids:system-id")
    made = pathlib.Path("/etc/openvswitch/system-id.conf").read_text().strip()
    assert system_id.strip().strip('"') == made and len(made) == 36
    assert ok("ovs-vsctl", "--timeout=60", "get", "Open_vSwitch", ".", "system_type").strip() == "debian"


@test
def generator():
    """The generator has run at boot, before the policy could decide about a service."""
    text = pathlib.Path("/run/systemd/generator/ovs-vswitchd.service").read_text()
    assert "Wants=ovsdb-server.service" in text and "Requires=ovsdb-server" not in text


@test
def log_rotation():
    """By logrotate in its own domain, as systemd's timer starts it."""
    configure("[options]\nlog-file =\n")
    restart()
    ok("systemd-run", "--wait", "--collect", "--quiet", "/usr/sbin/logrotate", "--force",
       "/etc/logrotate.d/ovsdbd")
    log = "/var/log/ovsdb/ovsdb-server.log"
    assert os.path.exists(f"{log}.1")
    descriptors = pathlib.Path(f"/proc/{show('MainPID')}/fd").iterdir()
    assert [f for f in map(os.readlink, descriptors) if f.startswith("/var/log/")] == [log]


@test
def watchdog():
    """The server notifies the watchdog of systemd, which restarts it when it is stopped."""
    drop_in = pathlib.Path(f"/run/systemd/system/{UNIT}.d/watchdog.conf")
    drop_in.parent.mkdir(parents=True, exist_ok=True)
    drop_in.write_text("[Service]\nWatchdogSec=5\n")
    ok("systemctl", "daemon-reload")
    restart()
    pid = show("MainPID")
    started = time.monotonic()
    first = show("WatchdogTimestampMonotonic")
    until(lambda: show("WatchdogTimestampMonotonic") != first and time.monotonic() > started + 11,
          "watchdog message")
    assert show("MainPID") == pid
    os.kill(int(pid), signal.SIGSTOP)
    until(lambda: show("MainPID") not in (pid, "0") and show("ActiveState") == "active",
          "restart by the watchdog")
    Client().insert("after the watchdog")
    drop_in.unlink()
    ok("systemctl", "daemon-reload")


@test
def stopping():
    ok("systemctl", "stop", "ovsdb-server.socket", UNIT)
    assert show("Result") == "success"


@test
def no_denial():
    found = refusals()
    assert not found, "\n".join(["", *found])


def probe(python, *properties):
    """The output of probe.py, started by systemd with this interpreter."""
    output = pathlib.Path("/run/ovsdb/probe")
    output.write_text("")
    ok("systemd-run", "--wait", "--collect", "--quiet", f"--property=StandardOutput=file:{output}",
       "--property=StandardError=journal", *properties, str(python), str(HERE / "probe.py"))
    domain, *could = output.read_text().splitlines()
    return domain, could


@test
def other_code_elsewhere():
    """The control: root without the domain can do all that is tried."""
    domain, could = probe("/usr/bin/python3")
    assert domain != DOMAIN
    missing = [line for line in could if line.startswith("CANNOT")]
    assert could[-1] == "DONE" and not missing, (domain, missing)


@test
def other_code_in_the_domain():
    """Code of root in the domain, without the unit's sandbox, can do only what the server needs.
    The domain gives root no access to files of other users, so the folders become root's."""
    ok("chown", "root", "/var/log/ovsdb", "/var/lib/openvswitch")
    ok("rm", "-f", "/var/log/ovsdb/probe.log")  # of the control
    domain, could = probe(HERE / "confined-python3")
    assert domain == DOMAIN, domain
    assert could[-1] == "DONE"
    assert [line for line in could if line.startswith("CAN ")] == \
        ["CAN append to its log", "CAN use an unreserved port", "CAN write its database"], could


def main():
    failed = False
    for function in TESTS:
        start = time.monotonic()
        try:
            function()
            print(f"ok {function.__name__} ({time.monotonic() - start:.0f} s)", flush=True)
        except Exception as error:  # pylint: disable=broad-except
            failed = True
            at = traceback.extract_tb(error.__traceback__)[1:2]
            reason = f"{error!r} {at[0].line if at else ''}".replace("\n", " | ")
            print(f"not ok {function.__name__}: {reason}", flush=True)
    print("end", flush=True)
    if failed:
        print(ok("journalctl", "-q", "-b", "-o", "short-monotonic"), flush=True)


if __name__ == "__main__":
    main()
