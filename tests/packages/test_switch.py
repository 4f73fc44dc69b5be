# SPDX-License-Identifier: Apache-2.0
"""The host's Open vSwitch: install, restart, upgrade, reboot and removal, in several orders."""
import shutil
import subprocess

import pytest
from harness import wait
from host import SWITCH

DATABASE = "/var/lib/openvswitch/conf.db"
LINK = "/etc/openvswitch/conf.db"


def identity(host):
    return {name: host.vsctl("get", "Open_vSwitch", ".", name)
            for name in ("ovs_version", "db_version", "system_type", "system_version", "external_ids")}


def test_lintian(package):
    """Nothing is wrong in the package."""
    if not shutil.which("lintian"):
        pytest.skip("lintian is not installed")
    result = subprocess.run(["lintian", "--allow-root", "--fail-on", "warning,error", package],
                            check=False, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert result.returncode == 0 and "W:" not in result.stdout, result.stdout


def test_a_working_switch_before_during_and_after(host):
    """The process of the switch continues from the installation to the removal; only a reboot ends
    it."""
    host.ctl_options("--system-type=lab --external-id=rack=7")
    host.install(*SWITCH)
    host.works("Open vSwitch")
    before, pid, dump = identity(host), host.vswitchd(), host.dump()
    said = host.install("ovsdbd")
    assert f"{DATABASE}.before-ovsdbd" in said and "ovs-vswitchd keeps running" in said
    host.keeps(dump)
    host.works("ovsdbd")
    assert (identity(host), host.vswitchd()) == (before, pid)

    for step in (("systemctl", "restart", "ovsdb-server"), ("systemctl", "reload", "ovsdb-server")):
        host.ok(*step)
        assert host.vswitchd() == pid, step
    host.install("ovsdbd-newer")
    assert host.vswitchd() == pid
    host.install("ovsdbd")  # a downgrade
    assert host.vswitchd() == pid
    host.works("ovsdbd")

    host.reboot()
    host.works("ovsdbd")
    assert identity(host) == before
    started = [int(host.ok("systemctl", "show", "-P", "ActiveEnterTimestampMonotonic", unit))
               for unit in ("ovsdb-server", "ovsdb-system-ids", "ovs-vswitchd")]
    assert started == sorted(started)
    host.ok("systemctl", "restart", "openvswitch-switch")  # as an upgrade of it does
    host.works("ovsdbd")

    pid, dump = host.vswitchd(), host.dump()
    said = host.dpkg("-r", "ovsdbd")
    assert "Open vSwitch's own OVSDB server serves its database" in said
    host.keeps(dump)
    host.works("Open vSwitch")
    assert host.vswitchd() == pid
    assert host.ok("stat", "-c", "%U", "/var/lib/openvswitch", DATABASE).split() == ["root", "root"]
    assert host.run("dpkg-divert", "--list", "*ovsdb*").stdout == ""
    host.dpkg("-P", "ovsdbd")
    assert not host.path("/etc/ovsdb").exists() and host.path(DATABASE).exists()
    host.reboot()
    host.works("Open vSwitch")
    assert identity(host) == before


def test_a_new_host_gets_its_identity(host):
    """Ours first, then Open vSwitch: nothing has set an id before."""
    said = host.install("ovsdbd")
    assert "Open vSwitch is not installed" in said
    assert host.state("ovsdb-server.service") == "inactive"
    assert "ovsdb" not in host.ok("systemctl", "--failed", "--plain", "--no-legend")
    host.ctl_options("--system-id=hv-17 --system-version=9 --db-file=/srv/other.db")
    host.install(*SWITCH)
    host.works("ovsdbd")
    ids = identity(host)
    assert (ids["ovs_version"], ids["system_type"], ids["system_version"]) == ('"3.1.0"', "debian", '"9"')
    assert ids["db_version"].strip('"') == host.ok(
        "ovsdb-tool", "schema-version", "/usr/share/openvswitch/vswitch.ovsschema").strip()
    assert host.external_id("system-id") == "hv-17"
    wait.until(lambda: host.external_id("hostname") == "hv1", "the host name", 60)
    journal = host.ok("journalctl", "-u", "ovsdb-system-ids")
    assert "--db-file=/srv/other.db: not applied" in journal

    host.ctl_options("")
    host.path("/etc/hosts").write_text("127.0.0.1 localhost\n127.0.1.1 hv1.example.net hv1\n")
    host.vsctl("remove", "Open_vSwitch", ".", "external_ids", "hostname")
    host.ok("systemctl", "restart", "ovsdb-server", "ovsdb-system-ids")
    made = host.path("/etc/openvswitch/system-id.conf").read_text().strip()
    assert host.external_id("system-id") == made and len(made) == 36
    assert host.external_id("hostname") == "hv1.example.net"

    # Open vSwitch goes and comes back while ours stays.
    host.dpkg("-r", "openvswitch-switch")
    host.reboot()
    assert "ovs" not in host.ok("systemctl", "--failed", "--plain", "--no-legend")
    host.install(*SWITCH)
    host.works("ovsdbd")
    assert host.external_id("system-id") == made


@pytest.mark.parametrize("place", ["/etc/openvswitch/conf.db", "/srv/ovs/conf.db"])
def test_a_database_in_another_place(host, place):
    """The installation moves the database and keeps a copy; the removal moves it back."""
    host.install(*SWITCH)
    host.works("Open vSwitch")
    host.ok("systemctl", "stop", "openvswitch-switch", "ovsdb-server")
    host.ok("rm", LINK, "/etc/openvswitch/.conf.db.~lock~")
    host.ok("mkdir", "-p", "/srv/ovs", "/var/lib/openvswitch/pki")
    host.ok("mv", DATABASE, place)
    if place != LINK:
        host.ok("ln", "-s", place, LINK)
    host.ok("systemctl", "start", "openvswitch-switch")
    host.works("Open vSwitch")
    dump = host.dump()

    said = host.install("ovsdbd")
    assert f"Moved {place} to {DATABASE}; a copy is {place}.before-ovsdbd" in said
    host.keeps(dump)
    host.works("ovsdbd")
    host.reboot()
    host.works("ovsdbd")
    assert host.ok("stat", "-c", "%U", "/var/lib/openvswitch/pki").strip() == "root"
    assert host.ok("readlink", "-f", LINK).strip() == DATABASE
    dump = host.dump()

    said = host.dpkg("-r", "ovsdbd")
    assert f"Moved {DATABASE} back to {place}" in said
    assert host.ok("readlink", "-f", LINK).strip() == place
    host.keeps(dump)
    host.works("Open vSwitch")
    host.install("ovsdbd")  # again
    host.works("ovsdbd")


def test_a_clustered_database_is_refused(host):
    """Before anything is changed."""
    host.install(*SWITCH)
    host.ok("systemctl", "stop", "openvswitch-switch", "ovsdb-server")
    host.ok("rm", "-f", DATABASE)
    host.ok("ovsdb-tool", "create-cluster", DATABASE, "/usr/share/openvswitch/vswitch.ovsschema",
            "unix:/run/openvswitch/raft.sock")
    said = host.install("ovsdbd", succeeds=False)
    assert "conf.db is a clustered database" in said and "cluster-to-standalone" in said
    assert host.run("dpkg-divert", "--list", "*ovsdb*").stdout == ""
    assert "Open vSwitch" in host.ok("ovsdb-server", "--version")


def test_a_reason_stays_in_the_status(host):
    host.install(*SWITCH)
    host.install("ovsdbd")
    pid = host.vswitchd()
    config = host.path("/etc/ovsdb/ovsdb-server.conf")
    good = config.read_text()
    config.write_text(good + "colour = red\n")
    host.run("systemctl", "restart", "ovsdb-server")
    wait.until(lambda: int(host.ok("systemctl", "show", "-P", "NRestarts", "ovsdb-server")) > 6,
               "several attempts", 90)
    # Proxy two attempts; each start clears it.
    wait.until(lambda: "colour: unknown key" in host.run("systemctl", "status", "ovsdb-server").stdout
               .partition("Status: ")[2].partition("\n")[0], "the reason in the status", 60)
    assert host.state("ovsdb-server.socket") == "active"
    config.write_text(good)
    wait.until(lambda: host.state("ovsdb-server") == "active", "the next attempt", 60)
    assert host.vswitchd() == pid
    host.works("ovsdbd")

    # Metrics: enabled and served without a stop, and after a reboot.
    host.ok("systemctl", "enable", "ovsdb-server-metrics.socket")
    host.ok("systemctl", "restart", "ovsdb-server")
    fetch = ("python3", "-c", "import urllib.request as r;"
             "print(r.urlopen('http://127.0.0.1:9640/metrics', timeout=30).read().decode())")
    assert "ovsdb_build_info" in host.ok(*fetch)
    assert host.vswitchd() == pid
    host.reboot()
    assert "ovsdb_build_info" in host.ok(*fetch)

    # Members of the group ask on the control socket; they change nothing.
    host.ok("useradd", "-G", "ovsdb", "operator1")
    as_member = ("setpriv", "--reuid=operator1", "--regid=operator1", "--init-groups")
    assert "Open_vSwitch" in host.ok(*as_member, "ovs-appctl", "-t", "ovsdb-server", "ovsdb-server/list-dbs")
    denied = host.run(*as_member, "ovs-appctl", "-t", "ovsdb-server", "exit")
    assert denied.returncode and "permission denied" in denied.stderr

    # Every unit is accepted by systemd; the manual pages are ours.
    units = [u for u in host.ok("dpkg", "-L", "ovsdbd").split() if u.startswith("/lib/systemd/system/ov")
             and u.endswith((".service", ".socket"))]
    result = host.run("systemd-analyze", "verify", "--man=no",
                      *[u.replace("@.", "@x.") for u in units if "/openvswitch-switch" not in u])
    assert (result.returncode, result.stderr) == (0, "")
    diverted = host.ok("dpkg-divert", "--list", "*man1/ovsdb-server*")
    assert "ovsdb-server.openvswitch.1.gz by ovsdbd" in diverted
