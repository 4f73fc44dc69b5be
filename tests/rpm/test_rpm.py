# SPDX-License-Identifier: Apache-2.0
"""The RPM packages: their contents, the effects of their scripts, and that the service runs."""
import re
import shutil
import subprocess

import pytest

from harness import wait
from harness.rpc import Client

from conftest import NEWER, RPMS, binary_packages

UNIT = "ovsdb-server.service"
SOCKET = "ovsdb-server.socket"
RPM = ("rpm", "--dbpath", "/var/lib/rpm", "--force-debian")


def query(packages, name, *arguments):
    file, = (f for f in binary_packages(packages) if re.match(rf"{name}-[0-9]", f.name))
    return subprocess.run(["rpm", "-qp", *arguments, file], check=True, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout


def test_rpmlint(packages):
    """Other findings, and why they are accepted, are in packaging/rpm/rpmlint.toml."""
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
    assert files["/var/lib/ovsdb"] == ["040755", "ovsdb", "ovsdb"]
    assert query(packages, "ovsdbd", "--configfiles").split() == ["/etc/logrotate.d/ovsdbd",
                                                                  "/etc/ovsdb/ovsdb-server.conf"]
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
    assert host.ok("stat", "-c", "%U:%G %a", "/var/lib/ovsdb").strip() == "ovsdb:ovsdb 755"


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


def test_upgrade(host, newer):
    """Services are restarted, with their connections; the configuration stays as it was edited, and
    units that were disabled stay so."""
    start(host)
    host.path("/etc/ovsdb/more.conf").write_text(
        "[database /var/lib/ovsdb/more.db]\nschema = /usr/share/openvswitch/small.ovsschema\n")
    host.ok("systemctl", "start", "ovsdb-server@more.service")
    host.ok("systemctl", "disable", SOCKET)
    edited = host.path("/etc/ovsdb/ovsdb-server.conf").read_text()
    units = (UNIT, "ovsdb-server@more.service")
    before = [host.ok("systemctl", "show", "-P", "MainPID", unit) for unit in units]
    (host.path("/root") / "newer").mkdir()
    for package in binary_packages(newer):
        shutil.copy(package, host.path("/root/newer"))
    client = Client(host.path("/run/openvswitch/db.sock"))
    try:
        client.insert("small", "T", {"name": "kept"})
        said = host.ok("sh", "-c", " ".join([*RPM, "-U", "--nodeps", "/root/newer/*.rpm", "2>&1"]),
                       timeout=300)
        assert "ailed" not in said, said
        for unit, pid in zip(units, before):
            wait.until(lambda u=unit, p=pid: host.ok("systemctl", "show", "-P", "MainPID", u) not in (
                p, "0\n"), f"a restart of {unit}", 60)
        assert client.select("small", "T", ["name"]) == [{"name": "kept"}]
    finally:
        client.close()
    assert f"(ovsdbd) {NEWER}" in host.ok("ovs-appctl", "-t", "ovsdb-server", "version")
    assert NEWER in host.ok("systemctl", "show", "-P", "Description", UNIT)
    assert host.path("/etc/ovsdb/ovsdb-server.conf").read_text() == edited
    assert NEWER in host.path("/etc/ovsdb/ovsdb-server.conf.rpmnew").read_text()
    changed = host.run(*RPM, "-V", "--nodeps", "ovsdbd", "ovsdbd-selinux").stdout.splitlines()
    assert [line.split()[-1] for line in changed] == ["/etc/ovsdb/ovsdb-server.conf"]
    assert host.run("systemctl", "is-enabled", SOCKET).stdout.strip() == "disabled"
    assert host.ok("systemctl", "is-enabled", UNIT).strip() == "enabled"
    assert "ovsdb" not in host.ok("systemctl", "--failed", "--plain", "--no-legend")


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
