# SPDX-License-Identifier: Apache-2.0
"""A host whose Open vSwitch was set up as RPM packages do it: the database is a file in
/etc/openvswitch, the units call ovs-ctl, and files of our package replace those programs. The
administrator migrates it as docs/MIGRATION.md describes."""
from host import OPTIONS, SWITCH

ORIGIN = "/etc/openvswitch/conf.db"
DATABASE = "/var/lib/openvswitch/conf.db"
CTL = "/usr/share/openvswitch/scripts/ovs-ctl"
UNITS = {
    "ovsdb-server": f"""[Unit]
After=network-pre.target
Before=ovs-vswitchd.service
PartOf=openvswitch.service
[Service]
Type=forking
PIDFile=/run/openvswitch/ovsdb-server.pid
EnvironmentFile=-/etc/sysconfig/openvswitch
ExecStart={CTL} --no-ovs-vswitchd --no-monitor --system-id=random start $OPTIONS
ExecStop={CTL} --no-ovs-vswitchd stop
""",
    "ovs-vswitchd": f"""[Unit]
After=ovsdb-server.service
Requires=ovsdb-server.service
PartOf=openvswitch.service
[Service]
Type=forking
PIDFile=/run/openvswitch/ovs-vswitchd.pid
EnvironmentFile=-/etc/sysconfig/openvswitch
ExecStart={CTL} --no-ovsdb-server --no-monitor --system-id=random start $OPTIONS
ExecStop={CTL} --no-ovsdb-server stop
""",
    "openvswitch": """[Unit]
Requires=ovsdb-server.service ovs-vswitchd.service
After=ovsdb-server.service ovs-vswitchd.service
[Service]
Type=oneshot
ExecStart=/bin/true
RemainAfterExit=yes
[Install]
WantedBy=multi-user.target
""",
}
# Of the Debian package only.
NOT_IN_RPM = ("ovs-lib", "openvswitch-switch.service")


def write_units(host, names):
    for name in names:
        host.path(f"/usr/lib/systemd/system/{name}.service").write_text(UNITS[name])
    host.ok("systemctl", "daemon-reload")


def install_open_vswitch(host):
    """Its programs are Debian's; its units and the place of its database are not."""
    host.install(*SWITCH)
    host.ok("systemctl", "disable", "--now", "openvswitch-switch", "ovs-vswitchd", "ovsdb-server",
            "ovs-record-hostname")
    host.ok("sh", "-c", "rm -f /usr/lib/systemd/system/ovs* /usr/lib/systemd/system/openvswitch* "
            "/etc/default/openvswitch-switch /etc/openvswitch/* /etc/openvswitch/.conf.db*; "
            "rm -rf /var/lib/openvswitch; mkdir -p /etc/sysconfig")
    host.path("/etc/sysconfig/openvswitch").write_text(f'OPTIONS="{OPTIONS} --system-type=lab"\n')
    write_units(host, UNITS)
    host.ok("systemctl", "enable", "--now", "openvswitch")


def our_files(host):
    listing = host.ok("sh", "-c", "dpkg-deb --fsys-tarfile /debs/ovsdbd.deb | tar -t")
    return [name.lstrip(".") for name in listing.split()
            if not name.endswith(("/", *NOT_IN_RPM)) and "/share/doc/" not in name]


def install_ours(host, files):
    """As an RPM package that replaces the programs; returns where the former files are kept."""
    host.path("/root/ours").write_text("".join(f".{name}\n" for name in files))
    host.ok("sh", "-c", "cd / && tar -c --ignore-failed-read -f /root/former.tar -T /root/ours 2>/dev/null; "
            "dpkg-deb --fsys-tarfile /debs/ovsdbd.deb | "
            "tar -x -C / --keep-directory-symlink --unlink-first -T /root/ours")
    host.ok("systemd-sysusers", "ovsdbd.conf")
    host.ok("systemd-tmpfiles", "--create", "ovsdbd.conf")
    host.ok("systemctl", "daemon-reload")


def remove_ours(host, files):
    host.ok("rm", *files)
    host.ok("tar", "-x", "-C", "/", "--keep-directory-symlink", "-f", "/root/former.tar")
    write_units(host, UNITS)


def test_open_vswitch_moves_and_comes_back(host):
    install_open_vswitch(host)
    host.works("Open vSwitch")
    assert host.path(ORIGIN).is_file() and not host.path(DATABASE).exists()
    dump, pid, system_id = host.dump(), host.vswitchd(), host.external_id("system-id")

    files = our_files(host)
    install_ours(host, files)
    host.ok("systemctl", "stop", "ovsdb-server")
    said = host.ok("ovsdbd-migrate", "take-over")
    assert f"Moved {ORIGIN} to {DATABASE}; a copy is {ORIGIN}.before-ovsdbd" in said
    host.ok("systemctl", "start", "ovsdb-server")
    host.keeps(dump)
    host.works("ovsdbd")
    assert host.vswitchd() == pid
    host.ok("systemctl", "restart", "ovsdb-server")
    assert host.vswitchd() == pid
    host.reboot()
    host.works("ovsdbd")
    assert host.external_id("system-id") == system_id
    assert host.vsctl("get", "Open_vSwitch", ".", "system_type") == "lab"

    dump, pid = host.dump(), host.vswitchd()
    host.ok("systemctl", "stop", "ovsdb-server.socket", "ovsdb-server.service")
    said = host.ok("ovsdbd-migrate", "give-back")
    assert f"Moved {DATABASE} back to {ORIGIN}" in said
    remove_ours(host, files)
    host.ok("systemctl", "start", "ovsdb-server")
    host.keeps(dump)
    host.works("Open vSwitch")
    assert host.vswitchd() == pid
    assert host.ok("stat", "-c", "%U", ORIGIN).strip() == "root"
    host.reboot()
    host.works("Open vSwitch")
    assert host.external_id("system-id") == system_id
