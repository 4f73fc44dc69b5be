# SPDX-License-Identifier: Apache-2.0
"""The accesses that the unit allows the server, and the explanations in the journal."""
import ctypes

import pytest

from service import DATABASE, SCHEMA, UNIT

NET_BIND_SERVICE = 1 << 10
NOT_CONFINED = "1e9f35c80b7d4d62a4c1f8e63b2a7095"


def process_status(service):
    text = service.container.path(f"/proc/{service.show('MainPID')}/status").read_text()
    return {name: value.split() for name, value in
            (line.split(":", 1) for line in text.splitlines())}


def test_security_figure(container, service):
    """In tenths; docs/SECURITY.md explains the remaining exposure."""
    result = container.run("systemd-analyze", "security", "--offline=true", "--no-pager",
                           "--threshold=15", service.show("FragmentPath"))
    assert result.returncode == 0, result.stdout


def test_privileges(service):
    """No root, no capability, no way to more."""
    status = process_status(service.start())
    assert status["Uid"] == [service.ok("id", "-u", "ovsdb").strip()] * 4
    for name in ("CapPrm", "CapEff", "CapBnd", "CapInh", "CapAmb"):
        assert int(status[name][0], 16) == 0, status
    assert status["NoNewPrivs"] == ["1"]
    assert status["Seccomp"] == ["2"]


def test_the_sandbox_allows_the_work_of_the_server(service):
    """Everything that takes files: writing, compaction, the log file."""
    service.configure("[options]\nlog-file =\n[remote ptcp:6641:127.0.0.1]\n")
    client = service.start().client()
    client.insert("small", "T", {"name": "kept"})
    service.ok("ovs-appctl", "-t", "ovsdb-server", "ovsdb-server/compact")
    service.ok("ovs-appctl", "-t", "ovsdb-server", "vlog/reopen")
    assert "serving database" in service.container.path(
        "/var/log/ovsdb/ovsdb-server.log").read_text()
    assert "small" in service.ok("ovsdb-client", "list-dbs", "tcp:127.0.0.1:6641")
    service.restart()
    assert service.client().select("small", "T", ["name"]) == [{"name": "kept"}]
    assert not [e for e in service.journal() if int(e["PRIORITY"]) < 6]


def test_low_ports(service):
    """They take a drop-in, or a socket unit, which needs no privilege of the server."""
    service.configure("[remote ptcp:907:127.0.0.1]\n")
    service.ok("systemctl", "start", UNIT)  # the remote may become possible later
    assert any("907" in e["MESSAGE"] and "Permission denied" in e["MESSAGE"]
               for e in service.journal())
    service.ok("systemctl", "stop", UNIT)
    service.write(f"/etc/systemd/system/{UNIT}.d/t.conf",
                  "[Service]\nCapabilityBoundingSet=CAP_NET_BIND_SERVICE\n"
                  "AmbientCapabilities=CAP_NET_BIND_SERVICE\n")
    status = process_status(service.start())
    assert int(status["CapEff"][0], 16) == NET_BIND_SERVICE
    assert "small" in service.ok("ovsdb-client", "list-dbs", "tcp:127.0.0.1:907")


def test_other_folders_are_closed(service):
    """A database in another folder: the unit denies it, and the journal names the file."""
    service.configure(database="/srv/other.db")
    assert service.container.run("systemctl", "start", UNIT).returncode
    assert any("/srv/" in e["MESSAGE"] and "Read-only file system" in e["MESSAGE"]
               for e in service.journal())


def test_a_database_of_root(service):
    """The files of a server that root ran are given to the service user at the first start."""
    service.ok("ovsdb-tool", "create", "/var/lib/openvswitch/conf.db", SCHEMA)
    service.ok("chown", "-R", "root:", "/var/lib/openvswitch")
    service.start().client().insert("small", "T", {"name": "kept"})
    assert service.ok("stat", "-c", "%U", "/var/lib/openvswitch/conf.db").strip() == "ovsdb"


def test_a_database_made_by_root(service):
    """A file that root makes in the service's folder is the service's."""
    service.start()
    service.ok("systemctl", "stop", UNIT)
    service.ok("sh", "-c", "rm /var/lib/openvswitch/conf.db /var/lib/openvswitch/.conf.db.*")
    service.ok("ovsdb-tool", "create", "/var/lib/openvswitch/conf.db", SCHEMA)
    service.start().client().insert("small", "T", {"name": "kept"})


def test_dynamic_user(service):
    """On a fresh system: systemd would move existing folders, which is impossible on an overlay."""
    service.ok("rm", "-rf", "/var/lib/openvswitch", "/var/log/ovsdb")
    service.write(f"/etc/systemd/system/{UNIT}.d/t.conf",
                  "[Service]\nDynamicUser=yes\nUser=ovsdb-dynamic\nSupplementaryGroups=ovsdb\n")
    try:
        status = process_status(service.start())
        assert int(status["Uid"][0]) > 60000
        service.client().insert("small", "T", {"name": "kept"})
        service.ok("ovs-appctl", "-t", "ovsdb-server", "ovsdb-server/compact")
        service.restart()
        assert service.client().select("small", "T", ["name"]) == [{"name": "kept"}]
    finally:
        service.ok("systemctl", "stop", UNIT)
        service.ok("sh", "-c", "rm -rf /var/lib/openvswitch /var/lib/private/openvswitch "
                   "/var/log/ovsdb /var/log/private/ovsdb")


PROBE = """
import ctypes, os, socket, sys

def attempt(what, action):
    try:
        action()
        print("CAN", what, flush=True)
    except OSError:
        pass

def write(path):
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT))

libc = ctypes.CDLL(None, use_errno=True)

def call(name, *args):
    if getattr(libc, name)(*args) < 0:
        raise OSError(ctypes.get_errno(), name)

for folder in ("/", "/etc", "/etc/ovsdb", "/etc/openvswitch", "/usr/lib", "/var/lib", "/var/log",
               "/var/log/openvswitch", "/run", "/run/systemd", "/root", "/home", "/srv", "/opt",
               "/boot", "/dev", "/dev/shm", "/sys/kernel", "/proc/sys/kernel"):
    attempt("write " + folder, lambda: write(folder + "/probe"))
for path in ("/etc/shadow", "/root/secret", "/run/secret", "/proc/1/environ", "/dev/mem",
             "/dev/kmsg", "/proc/kcore"):
    attempt("read " + path, lambda: open(path, "rb").read(1))
attempt("see init", lambda: os.stat("/proc/1/status"))
attempt("signal init", lambda: os.kill(1, 0))
attempt("become root", lambda: os.setuid(0))
attempt("mount", lambda: call("mount", b"none", b"/tmp", b"tmpfs", 0, None))
attempt("unshare", lambda: call("unshare", 0x10000000))
attempt("trace", lambda: call("ptrace", 16, 1, 0, 0))
attempt("netlink", lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW))
attempt("packet", lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW))
attempt("raw", lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1))
attempt("reboot", lambda: call("reboot", 0))
attempt("hostname", lambda: socket.sethostname("probe"))
attempt("nice", lambda: os.nice(-5))
attempt("set-user-id", lambda: (write("/var/lib/openvswitch/probe"),
                                os.chmod("/var/lib/openvswitch/probe", 0o4755)))
for folder in ("/var/lib/openvswitch", "/run/openvswitch", "/var/log/ovsdb", "/tmp"):
    write(folder + "/probe")
    os.unlink(folder + "/probe")
print("DONE", flush=True)
"""


def test_the_sandbox_confines_other_code(service):
    """Other code in the place of the server, in the same sandbox: its own folders, and no more."""
    service.container.path("/usr/share/openvswitch/probe.py").write_text(PROBE)
    service.ok("sh", "-c", "echo x >/root/secret; echo x >/run/secret; chmod 600 /run/secret")
    service.write(f"/etc/systemd/system/{UNIT}.d/t.conf",
                  "[Service]\nType=oneshot\nRemainAfterExit=yes\nWatchdogSec=0\nRestart=no\n"
                  "ExecStart=\n"
                  "ExecStart=/usr/bin/python3 /usr/share/openvswitch/probe.py\n")
    service.start()
    said = [e["MESSAGE"] for e in service.journal() if e["_TRANSPORT"] == "stdout"]
    assert said == ["DONE"], said


def test_the_mounts_of_the_running_server_are_read_only(service):
    """The same from where the server is, as its user: its mounts are those of the unit."""
    service.start()
    pid = service.show("MainPID")
    uid = service.ok("id", "-u", "ovsdb").strip()
    service.ok("touch", "/srv/open", "/etc/open")
    service.ok("chmod", "666", "/srv/open", "/etc/open")
    inside = ["nsenter", "-t", pid, "-m", "--setuid", uid, "--setgid", uid, "sh", "-c"]
    for path in ("/srv/open", "/etc/open"):
        assert "Read-only" in service.container.run(*inside, f"echo x >>{path}").stderr
    service.ok(*inside, "echo x >/var/lib/openvswitch/probe && rm /var/lib/openvswitch/probe")


def test_the_kernel_confines_it_too(service):
    """The unit's filter lets Landlock through, and a kernel that has it is used."""
    if ctypes.CDLL(None).syscall(444, None, 0, 1) <= 0:  # landlock_create_ruleset() for its version
        pytest.skip("no Landlock in this kernel")
    service.start()
    assert not service.journal(f"MESSAGE_ID={NOT_CONFINED}")


def test_the_catalog_explains(service):
    service.start()
    service.ok("systemctl", "stop", UNIT)
    text = service.explained()
    assert "Subject: Database small is served" in text
    assert "Subject: The file of database small was read" in text
    assert "Subject: ovsdb-server is stopping" in text
    entries = service.journal("OVSDB_DATABASE=small")
    assert DATABASE in entries[0]["MESSAGE"]
    assert len({e["MESSAGE_ID"] for e in entries}) >= 3, entries
    # Where in our code the journal is called would say nothing.
    assert not any("CODE_FILE" in e for e in entries)
