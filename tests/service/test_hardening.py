# SPDX-License-Identifier: Apache-2.0
"""What the unit leaves the server, and what the journal explains about it."""
from test_unit import DATABASE, UNIT, service  # noqa: F401 pylint: disable=unused-import

NET_BIND_SERVICE = 1 << 10


def process_status(service):
    text = service.container.path(f"/proc/{service.show('MainPID')}/status").read_text()
    return {name: value.split() for name, value in
            (line.split(":", 1) for line in text.splitlines())}


def test_security_figure(container):
    """In tenths; what remains is explained in the manual page."""
    result = container.run("systemd-analyze", "security", "--offline=true", "--no-pager",
                           "--threshold=17", "/lib/systemd/system/" + UNIT)
    assert result.returncode == 0, result.stdout


def test_privileges(service):
    status = process_status(service.start())
    for name in ("CapPrm", "CapEff", "CapBnd"):
        assert int(status[name][0], 16) == NET_BIND_SERVICE, status
    assert status["NoNewPrivs"] == ["1"]
    assert status["Seccomp"] == ["2"]


def test_it_serves_inside_of_it(service):
    """Everything that takes files: writing, compaction, the log file, low ports."""
    service.write("/etc/default/ovsdb-server",
                  'OPTIONS="--remote=ptcp:907:127.0.0.1 --log-file"\n')
    client = service.start().client()
    client.insert("small", "T", {"name": "kept"})
    service.ok("ovs-appctl", "-t", "ovsdb-server", "ovsdb-server/compact")
    service.ok("ovs-appctl", "-t", "ovsdb-server", "vlog/reopen")
    assert "small" in service.ok("ovsdb-client", "list-dbs", "tcp:127.0.0.1:907")
    service.ok("systemctl", "restart", UNIT)
    assert service.client().select("small", "T", ["name"]) == [{"name": "kept"}]
    assert not [e for e in service.journal() if int(e["PRIORITY"]) < 6]


def test_other_folders_are_closed(service):
    """A database in a home folder, which is named on the command line: the unit says no."""
    service.ok("cp", DATABASE, "/root/other.db")
    service.write("/etc/default/ovsdb-server", "OPTIONS=/root/other.db\n")
    assert service.container.run("systemctl", "start", UNIT).returncode
    assert any("/root/other.db" in e["MESSAGE"] for e in service.journal())


def test_another_user(service):
    """A drop-in makes it a service without root; the folder is that user's."""
    service.write(f"/etc/systemd/system/{UNIT}.d/t.conf",
                  "[Service]\nUser=daemon\nAmbientCapabilities=CAP_NET_BIND_SERVICE\n")
    service.ok("chown", "-R", "daemon:", "/etc/openvswitch", "/run/openvswitch")
    try:
        status = process_status(service.start())
        assert status["Uid"] == ["1"] * 4 and int(status["CapEff"][0], 16) == NET_BIND_SERVICE
        service.client().insert("small", "T", {"name": "kept"})
        service.ok("systemctl", "stop", UNIT)
    finally:
        service.ok("chown", "-R", "root:", "/etc/openvswitch", "/run/openvswitch",
                   "/var/log/openvswitch", "/var/lib/openvswitch")


def test_the_catalog_explains(service):
    service.ok("journalctl", "--update-catalog")
    service.start()
    service.ok("systemctl", "stop", UNIT)
    service.ok("journalctl", "--sync", "-q")
    text = service.ok("journalctl", "-q", "-x", "--after-cursor", service.cursor, "-u", UNIT)
    assert "Subject: Database small is served" in text
    assert "Subject: The file of database small was read" in text
    assert "Subject: ovsdb-server stops" in text
    entries = service.journal("OVSDB_DATABASE=small")
    assert DATABASE in entries[0]["MESSAGE"]
    assert len({e["MESSAGE_ID"] for e in entries}) >= 3, entries
    # Where in our code the journal is called would say nothing.
    assert not any("CODE_FILE" in e for e in entries)
