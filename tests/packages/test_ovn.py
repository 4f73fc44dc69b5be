# SPDX-License-Identifier: Apache-2.0
"""OVN beside the package: its own servers go on, clustered or not, until they are moved."""
import subprocess

import pytest
from harness import wait
from host import OVN, SWITCH
from roots import SOURCE

NB, SB = "/run/ovn/ovnnb_db.ctl", "/run/ovn/ovnsb_db.ctl"
OWN, OURS = "(Open vSwitch)", "(ovsdbd)"
DAEMONS = ("ovn-northd", "ovn-controller", "ovs-vswitchd")
CLUSTERED = "--db-nb-cluster-local-addr=127.0.0.1 --db-sb-cluster-local-addr=127.0.0.1"


def served_by(host, name):
    """Waits for servers of this name: a restart of ovn-central does not wait for its servers, and OVN's
    units count as started before their servers answer."""
    wait.until(lambda: not host.ok("systemctl", "list-jobs", "--no-legend").strip(), "the units", 90)
    for target in (NB, SB):
        wait.until(lambda t=target: name in host.run("ovs-appctl", "-T", "10", "-t", t, "version").stdout,
                   f"{target} to be a server {name}", 90)
    return True


NORTHBOUND = ("unix:/run/ovn/ovnnb_db.sock", "OVN_Northbound")
SOUTHBOUND = ("unix:/run/ovn/ovnsb_db.sock", "OVN_Southbound")


def dumps(host):
    """The contents of all databases of the host, after OVN's daemons have written theirs."""
    host.ok("ovn-nbctl", "--timeout=60", "--wait=hv", "sync", timeout=90)
    return [host.dump(*database) for database in (NORTHBOUND, SOUTHBOUND, ())]


def keeps(host, before):
    for dump, database in zip(before, (NORTHBOUND, SOUTHBOUND, ())):
        host.keeps(dump, *database)
    return True


def works(host, name, n):
    """OVN works with these servers: there were n logical switches, and another one can be added."""
    assert served_by(host, name)
    assert len(host.logical_switches()) == n
    host.add_logical_switch(f"sw{n}")
    for unit in DAEMONS:
        wait.until(lambda u=unit: host.state(u) == "active", f"{unit} to run", 60)
    failed = host.ok("systemctl", "--failed", "--plain", "--no-legend")
    assert "ov" not in failed, failed


def test_ovn_moves_and_comes_back(host):
    host.install(*SWITCH, *OVN)
    host.start_ovn()
    before = dumps(host)
    host.install("ovsdbd")
    assert keeps(host, before)
    works(host, OWN, 1)  # OVN's units keep their server
    host.ok("systemctl", "restart", "ovn-ovsdb-server-nb", "ovn-ovsdb-server-sb")
    works(host, OWN, 2)

    host.ok("ovn-nbctl", "ls-del", "sw1", "--", "ls-del", "sw2")
    before = dumps(host)
    said = host.ok("ovsdbd-migrate", "ovn", timeout=120)
    assert "/var/lib/ovn/ovnnb_db.db.before-ovsdbd" in said
    assert served_by(host, OURS) and keeps(host, before)
    works(host, OURS, 1)
    host.reboot()
    works(host, OURS, 2)
    assert host.state("ovn-ovsdb-server-nb") == "inactive"
    pid = host.vswitchd()
    host.ok("systemctl", "restart", "ovn-central")
    works(host, OURS, 3)

    before = dumps(host)
    host.ok("ovsdbd-migrate", "ovn-back", timeout=120)
    assert served_by(host, OWN) and keeps(host, before)
    works(host, OWN, 4)
    assert host.ok("stat", "-c", "%U", "/var/lib/ovn/ovnnb_db.db").strip() == "root"

    # The removal brings OVN back by itself.
    host.ok("ovsdbd-migrate", "ovn", timeout=120)
    host.dpkg("-r", "ovsdbd")
    works(host, OWN, 5)
    assert host.vswitchd() == pid
    host.reboot()
    works(host, OWN, 6)


def test_clustered_ovn(host):
    """It keeps its own server; moving it takes an explicit option; then it can become a cluster again."""
    host.ctl_options(CLUSTERED, "ovn-central")
    host.install(*SWITCH, *OVN)
    host.start_ovn()
    before = dumps(host)
    host.install("ovsdbd")
    host.ok("systemctl", "restart", "ovn-central")
    assert served_by(host, OWN) and keeps(host, before)
    works(host, OWN, 1)
    host.reboot()
    works(host, OWN, 2)
    host.ok("ovn-nbctl", "ls-del", "sw1", "--", "ls-del", "sw2")

    refused = host.run("ovsdbd-migrate", "ovn")
    assert refused.returncode == 1 and "--leave-cluster" in refused.stderr
    works(host, OWN, 1)
    host.ok("ovn-nbctl", "ls-del", "sw1")

    before = dumps(host)
    host.ok("ovsdbd-migrate", "ovn", "--leave-cluster", timeout=120)
    assert keeps(host, before)
    host.ctl_options("", "ovn-central")
    works(host, OURS, 1)
    host.reboot()
    works(host, OURS, 2)

    before = dumps(host)
    host.ctl_options(CLUSTERED, "ovn-central")
    host.ok("ovsdbd-migrate", "ovn-back", timeout=120)
    assert served_by(host, OWN) and keeps(host, before)
    works(host, OWN, 3)
    assert host.path("/var/lib/ovn/ovnnb_db.db").read_bytes().startswith(b"OVSDB CLUSTER")


REMOTES = "--db-nb-create-insecure-remote=yes --db-sb-create-insecure-remote=yes"


def backup_of(address):
    """The options of OVN's start script for the backup of another host's databases."""
    return f"{REMOTES} --db-nb-sync-from-addr={address} --db-sb-sync-from-addr={address}"


def replicates(active, backup):
    """Waits until a backup has the contents of the active host and its status says so."""
    for target in (NB, SB):
        wait.until(lambda t=target: "state: backup" in backup.run(
            "ovs-appctl", "-T", "10", "-t", t, "ovsdb-server/sync-status").stdout,
            f"{target} to be a backup", 60)
    for database in (NORTHBOUND, SOUTHBOUND):
        wait.until(lambda d=database: backup.dump(*d) == active.dump(*d), "the same contents", 60)
    return True


def promote(backup):
    """Makes a backup the active host, also after a restart."""
    backup.ctl_options(REMOTES, "ovn-central")
    if OURS in backup.server(NB):
        for name in ("ovnnb_db", "ovnsb_db"):
            backup.ok("sed", "-i", "/^source = /d; /^backup = /d", f"/etc/ovsdb/{name}.conf")
            backup.ok("systemctl", "reload", f"ovsdb-server@{name}")
    else:
        # The command that makes OVN's server active leaves ovn-northd without the lock.
        backup.ok("systemctl", "restart", "ovn-central")
        assert served_by(backup, OWN)


def add_logical_switch(host, name):
    """Adds it, and waits until northd has written it to the southbound database."""
    host.ok("ovn-nbctl", "--timeout=60", "--wait=sb", "ls-add", name, timeout=90)


def test_active_backup(pair):
    """One host after the other moves, as a backup of the one that is active, and back."""
    first, second = pair
    first.ctl_options(REMOTES, "ovn-central")
    second.ctl_options(backup_of("10.0.0.1"), "ovn-central")
    for host in pair:
        host.install(*SWITCH, *OVN[:2])
        assert served_by(host, OWN)
    add_logical_switch(first, "sw0")
    assert replicates(first, second)
    before = [first.dump(*NORTHBOUND), first.dump(*SOUTHBOUND)]

    for host in pair:
        host.install("ovsdbd")
    second.ok("ovsdbd-migrate", "ovn", timeout=120)
    assert served_by(second, OURS) and replicates(first, second)  # ours from OVN's server
    assert [second.dump(*NORTHBOUND), second.dump(*SOUTHBOUND)] == before

    promote(second)
    first.ctl_options(backup_of("10.0.0.2"), "ovn-central")
    first.ok("ovsdbd-migrate", "ovn", timeout=120)
    assert served_by(first, OURS) and replicates(second, first)  # ours from ours
    assert [first.dump(*NORTHBOUND), first.dump(*SOUTHBOUND)] == before
    add_logical_switch(second, "sw1")
    for unit in ("ovsdb-server@ovnnb_db", "ovsdb-server@ovnsb_db"):  # it stays the active one
        second.ok("systemctl", "restart", unit)
    assert replicates(second, first)
    assert first.logical_switches() == second.logical_switches() == ["sw0", "sw1"]
    before = [second.dump(*NORTHBOUND), second.dump(*SOUTHBOUND)]

    first.ok("ovsdbd-migrate", "ovn-back", timeout=120)
    assert served_by(first, OWN) and replicates(second, first)  # OVN's server from ours
    assert [first.dump(*NORTHBOUND), first.dump(*SOUTHBOUND)] == before
    promote(first)
    second.ctl_options(backup_of("10.0.0.1"), "ovn-central")
    second.ok("ovsdbd-migrate", "ovn-back", timeout=120)
    assert served_by(second, OWN) and replicates(first, second)
    assert [second.dump(*NORTHBOUND), second.dump(*SOUTHBOUND)] == before
    add_logical_switch(first, "sw2")
    assert replicates(first, second)
    assert second.logical_switches() == ["sw0", "sw1", "sw2"]


def test_options_of_the_start_script(host):
    """The options of /etc/default/ovn-central are in the configuration of the instances."""
    host.ctl_options("--db-nb-create-insecure-remote=yes --db-nb-addr=127.0.0.1 --db-nb-port=16641 "
                     "--db-sb-sync-from-addr=127.0.0.9", "ovn-central")
    host.install(*SWITCH, *OVN)
    host.install("ovsdbd")
    host.ok("ovsdbd-migrate", "ovn", timeout=120)
    assert "OVN_Northbound" in host.ok("ovsdb-client", "list-dbs", "tcp:127.0.0.1:16641")
    status = host.ok("ovs-appctl", "-t", SB, "ovsdb-server/sync-status")
    assert "state: backup" in status and "tcp:127.0.0.9:6642" in status

    host.ok("ovsdbd-migrate", "ovn-back", timeout=120)
    host.ok("rm", "/etc/ovsdb/ovnnb_db.conf", "/etc/ovsdb/ovnsb_db.conf")
    host.ctl_options("--db-nb-file=/srv/nb.db", "ovn-central")
    refused = host.run("ovsdbd-migrate", "ovn")
    assert refused.returncode == 1 and "--db-nb-file=/srv/nb.db: not supported" in refused.stderr
    assert served_by(host, OWN)


@pytest.mark.parametrize("words", [(), ("no-such",), ("status", "now"), ("ovn-back", "now")])
def test_usage(words):
    result = subprocess.run([SOURCE / "host/ovsdbd-migrate.sh", *words], check=False, text=True,
                            capture_output=True)
    assert result.returncode == 1 and "usage: ovsdbd-migrate" in result.stderr
