# SPDX-License-Identifier: Apache-2.0
"""The RPM packages: their contents, what their scripts do, and that the service runs."""
import shutil
import subprocess

import pytest

from harness import wait
from harness.rpc import Client

from conftest import RPMS

UNIT = "ovsdb-server.service"
SOCKET = "ovsdb-server.socket"
RPM = ("rpm", "--dbpath", "/var/lib/rpm", "--force-debian")


def query(packages, name, *arguments):
    file, = (f for f in packages.glob(f"{name}-[0-9]*.rpm") if ".src." not in f.name)
    return subprocess.run(["rpm", "-qp", *arguments, file], check=True, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout


def test_rpmlint(packages):
    """What it says besides, and why that is right, is in packaging/rpm/rpmlint.toml."""
    if not shutil.which("rpmlint"):
        pytest.skip("needs rpmlint")
    result = subprocess.run(["rpmlint", "-c", RPMS / "rpmlint.toml", RPMS / "ovsdbd.spec",
                             *packages.glob("*.rpm")], check=False, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert result.returncode == 0 and " 0 errors, 0 warnings" in result.stdout, result.stdout


def test_files(packages):
    """rpmbuild itself fails when a file is installed that no list has."""
    files = {line.split()[0]: line.split()[4:7] for line in
             query(packages, "ovsdbd", "--dump").splitlines()}
    for program in ("/usr/sbin/ovsdb-server", "/usr/bin/ovsdb-tool", "/usr/bin/ovsdb-client",
                    "/usr/bin/ovs-appctl", "/usr/sbin/ovsdbd-migrate",
                    "/usr/lib/ovsdbd/system-ids"):
        assert files[program] == ["0100755", "root", "root"]
    assert files["/etc/ovsdb/ovsdb-server.conf"] == ["0100644", "root", "root"]
    assert files["/var/lib/ovsdb"] == ["040750", "ovsdb", "ovsdb"]
    assert query(packages, "ovsdbd", "--configfiles").split() == ["/etc/ovsdb/ovsdb-server.conf"]
    for unit in (UNIT, SOCKET, "ovsdb-server@.service", "ovsdb-server@.socket",
                 "ovsdb-system-ids.service",
                 "ovsdb-server-metrics.socket", "ovsdb-server@ovnnb_db.service.d/ovn.conf"):
        assert any(file.endswith("/systemd/system/" + unit) for file in files)
    assert not any("selinux" in file for file in files)
    assert {"/usr/share/selinux/packages/ovsdbd.pp",
            "/usr/share/selinux/devel/include/distributed/ovsdbd.if"} <= \
        set(query(packages, "ovsdbd-selinux", "-l").split())


def test_it_is_installed_whole(host):
    """Contents, owners and modes are those of the package, after the scripts and a boot."""
    assert host.ok(*RPM, "-V", "--nodeps", "ovsdbd", "ovsdbd-selinux") == ""
    assert host.ok("stat", "-c", "%U:%G %a", "/var/lib/ovsdb").strip() == "ovsdb:ovsdb 750"


def test_scripts_have_run(host):
    assert host.ok("id", "-un", "ovsdb").strip() == "ovsdb"
    assert host.ok("stat", "-c", "%U:%G %a", "/run/openvswitch").strip() == "root:ovsdb 1775"
    for unit in (UNIT, SOCKET):
        assert host.ok("systemctl", "is-enabled", unit).strip() == "enabled"
    catalog = host.ok("journalctl", "--list-catalog", "b0a4a6f5c9e34d7e8c6b1f2d93a57c42")
    assert "compacted" in catalog


def start(host):
    schema = RPMS.parents[1] / "tests/data/system/schemas/small.ovsschema"
    host.path("/usr/share/openvswitch/small.ovsschema").write_bytes(schema.read_bytes())
    host.path("/etc/ovsdb/ovsdb-server.conf").write_text(
        "[database /var/lib/openvswitch/small.db]\nschema = small.ovsschema\n")
    host.ok("systemctl", "restart", UNIT)


def test_upgrade_keeps_connections(host):
    """The service is restarted by the upgrade, the configuration stays as it was edited."""
    start(host)
    pid = host.ok("systemctl", "show", "-P", "MainPID", UNIT)
    client = Client(host.path("/run/openvswitch/db.sock"))
    try:
        client.insert("small", "T", {"name": "kept"})
        host.ok(*RPM, "-U", "--nodeps", "--replacepkgs", *host.rpm_files)
        wait.until(lambda: host.ok("systemctl", "show", "-P", "MainPID", UNIT) not in (pid, "0\n"),
                   "a restart", 30)
        assert client.select("small", "T", ["name"]) == [{"name": "kept"}]
    finally:
        client.close()
    assert "small" in host.path("/etc/ovsdb/ovsdb-server.conf").read_text()


def test_removal(host):
    """The last test: services stop and are disabled, databases stay and are given back to root."""
    start(host)
    assert host.ok("stat", "-c", "%U", "/var/lib/openvswitch").strip() == "ovsdb"
    host.ok(*RPM, "-e", "--nodeps", "ovsdbd-selinux", "ovsdbd")
    for unit in (UNIT, SOCKET):
        assert host.run("systemctl", "is-active", unit).stdout.strip() == "inactive"
        assert not host.path(f"/etc/systemd/system/multi-user.target.wants/{unit}").exists()
    for path in ("/usr/sbin/ovsdb-server", "/usr/share/selinux/packages/ovsdbd.pp"):
        assert not host.path(path).exists()
    assert host.path("/var/lib/openvswitch/small.db").exists()
    assert host.ok("stat", "-c", "%U", "/var/lib/openvswitch").strip() == "root"
    assert host.path("/etc/ovsdb/ovsdb-server.conf.rpmsave").exists()
