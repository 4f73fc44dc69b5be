# SPDX-License-Identifier: Apache-2.0
"""systemctl restart: clients of unencrypted connections do not notice."""
import contextlib
import os
import re
import signal
import threading

import pytest

from harness import wait
from harness.monitor_client import KINDS, MonitorClient
from service import SOCKET, UNIT

N_WATCHERS = 200
DB_SOCK = "unix:/run/openvswitch/db.sock"


@contextlib.contextmanager
def writing(service):
    """A client that writes continuously: every value once. Yields the list of those committed."""
    client, committed, end = service.client(), [], threading.Event()

    def write():
        while not end.is_set():
            name = f"value {len(committed)}"
            client.insert("small", "T", {"name": name, "eph": f"memory of {name}"})
            committed.append(name)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield committed
    finally:
        end.set()
        thread.join()


def more(committed, n):
    """Waits until so many more have been committed."""
    before = len(committed)
    wait.until(lambda: len(committed) >= before + n, "further commits")


def test_nothing_is_lost(service):
    """200 monitors of all kinds, a continuous writer, locks, waiting transactions."""
    service.start()
    watchers = [MonitorClient(service, list(KINDS)[n % 3]) for n in range(N_WATCHERS)]
    owner, queued = service.client(), service.client()
    owner.call("lock", "l")
    queued.call("lock", "l")
    waiting = queued.request("transact", [
        "small", {"op": "wait", "table": "T", "where": [["name", "==", "at last"]],
                  "columns": ["name"], "until": "==", "rows": [{"name": "at last"}]}])
    half = service.client()
    half.send_raw(b'{"id":1,"method":"echo","para')
    pid = service.show("MainPID")
    with writing(service) as committed:
        more(committed, 20)
        for _ in range(2):
            service.restart()
            more(committed, 20)
    assert service.show("MainPID") != pid
    half.send_raw(b'ms":["whole"]}')
    assert half.result(1) == ["whole"]
    owner.commit("small", {"op": "assert", "lock": "l"})
    owner.call("unlock", "l")
    assert queued.notification("locked") == ["l"]
    owner.insert("small", "T", {"name": "at last"})
    assert queued.result(waiting) == [{}]
    for watcher in watchers:
        watcher.check(service)
        names = [row["name"] for row in watcher.replica.rows("T").values()]
        assert sorted(names) == sorted(committed + ["at last"])
    entries = service.journal("MESSAGE_ID=f59dc1e8929b41aabbb7e7240805db47")
    assert len(entries) == 2
    assert all(f"{N_WATCHERS + 4} connections" in e["MESSAGE"] and "closed 0" in e["MESSAGE"]
               for e in entries), entries
    assert not [e for e in service.journal() if int(e["PRIORITY"]) < 6]


def test_the_socket_unit_refuses_no_client(service):
    """Clients that connect while no process runs are served by the next one."""
    service.start(SOCKET)
    old = service.start().client()
    old.call("echo")
    service.signal_main(signal.SIGSTOP)
    requests = [(c, c.request("list_dbs", [])) for c in (service.client() for _ in range(5))]
    service.signal_main(signal.SIGCONT)
    service.restart()
    for client, request in requests:
        assert client.result(request) == ["_Server", "small"]
    old.call("echo")


def test_a_final_stop_closes(service):
    client = service.start().client()
    client.call("lock", "l")
    service.ok("systemctl", "stop", UNIT)
    client.wait_closed()
    assert service.start().client().call("lock", "l") == {"locked": True}


def test_a_crash_closes(service):
    """kill -9 after a restart: the stored connections are not restored, but the service
    restarts."""
    client = service.start().client()
    client.call("lock", "l")
    service.restart()
    client.call("echo")
    pid = service.show("MainPID")
    service.signal_main(signal.SIGKILL)
    client.wait_closed()
    wait.until(lambda: service.show("MainPID") not in ("0", pid) and
               service.show("SubState") == "running", "the next process")
    assert service.client().call("lock", "l") == {"locked": True}


@contextlib.contextmanager
def another_version(service):
    """The program is replaced by one with another version, as in an upgrade."""
    name = service.ok("readlink", f"/proc/{service.show('MainPID')}/exe").strip()
    program = service.container.path(name)
    content = program.read_bytes()
    version = re.search(r"ovsdbd\) (\S+)", service.ok(name, "--version")).group(1).encode()
    assert version in content

    def replace(by):
        new = program.with_name("ovsdb-server.new")
        new.write_bytes(by)
        new.chmod(0o755)
        os.replace(new, program)

    replace(content.replace(version, b"9" * len(version)))
    yield
    replace(content)


def test_an_upgrade(service):
    """Another program takes over; the clients stay."""
    watcher = MonitorClient(service.start(), "monitor_cond_since")
    before = service.ok("ovs-appctl", "-t", "ovsdb-server", "version")
    with writing(service) as committed:
        more(committed, 5)
        with another_version(service):
            service.restart()
            assert service.ok("ovs-appctl", "-t", "ovsdb-server", "version") != before
            more(committed, 5)
    watcher.check(service)
    assert len(watcher.replica.rows("T")) == len(committed)


# Open vSwitch itself


@pytest.fixture
def vswitchd(service):
    service.configure(schema="/usr/share/openvswitch/vswitch.ovsschema")
    service.start()
    service.ok("ovs-vsctl", "--no-wait", f"--db={DB_SOCK}", "init")
    service.ok("ovs-vswitchd", DB_SOCK, "--detach", "--pidfile", "--no-chdir",
               "--enable-dummy=override", "--disable-system", "--log-file=/root/vswitchd.log",
               "-vconsole:off", "-vsyslog:off")
    yield service
    service.ok("ovs-appctl", "-t", "ovs-vswitchd", "exit")
    service.container.path("/root/vswitchd.log").unlink()


def test_ovs_vswitchd_stays_connected(vswitchd):
    """Through reload, restart and upgrade it works on and need not connect again."""
    vsctl = ("ovs-vsctl", "--timeout=10", f"--db={DB_SOCK}")
    pid = vswitchd.ok("pidof", "ovs-vswitchd")
    vswitchd.ok(*vsctl, "add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=dummy")
    vswitchd.ok("systemctl", "reload", UNIT)
    vswitchd.ok(*vsctl, "add-br", "br1", "--", "set", "bridge", "br1", "datapath_type=dummy")
    vswitchd.restart()
    vswitchd.ok(*vsctl, "add-br", "br2", "--", "set", "bridge", "br2", "datapath_type=dummy")
    with another_version(vswitchd):
        vswitchd.restart()
    vswitchd.ok(*vsctl, "add-br", "br3", "--", "set", "bridge", "br3", "datapath_type=dummy")
    # The sequence number that it writes back says that it has configured what it was told.
    assert vswitchd.ok(*vsctl, "get", "interface", "br3", "ofport").strip() == "65534"
    # For a moment it may have a child of the same name.
    assert pid.strip() in vswitchd.ok("pidof", "ovs-vswitchd").split()
    log = vswitchd.container.path("/root/vswitchd.log").read_text()
    assert len(re.findall(r"db\.sock: connected", log)) == 1, log
