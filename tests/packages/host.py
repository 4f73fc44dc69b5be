# SPDX-License-Identifier: Apache-2.0
"""A host in a container, with Open vSwitch on dummy devices and OVN, as an administrator sees it."""
import json
import shutil

from container import Container
from harness import wait

SWITCH = ("python3-openvswitch", "openvswitch-common", "openvswitch-switch")
OVN = ("ovn-common", "ovn-central", "ovn-host")
# Columns that the daemons write continually or after they have reconnected.
VOLATILE = {"statistics", "status", "is_connected", "cur_cfg", "nb_cfg_timestamp", "sb_cfg_timestamp",
            "hv_cfg_timestamp"}
OPTIONS = "--ovs-vswitchd-options=--enable-dummy=system --no-mlockall"


class Host(Container):
    def __init__(self, material):
        super().__init__(material.root)
        self.material = material

    def start(self):
        self.make_root()
        (self.root / "etc/hostname").write_text("hv1\n")
        (self.root / "etc/machine-id").write_text("")
        self.ctl_options("")
        shutil.copy(self.material.package, self.root / "debs/ovsdbd.deb")
        shutil.copy(self.material.newer, self.root / "debs/ovsdbd-newer.deb")
        self.boot()

    def ctl_options(self, text, name="openvswitch-switch"):
        """The options of Open vSwitch's start script."""
        text = f"{OPTIONS} {text}" if name == "openvswitch-switch" else text
        (self.root / "etc/default").mkdir(exist_ok=True)
        target = self.path(f"/etc/default/{name}") if self.init else self.root / f"etc/default/{name}"
        target.write_text(f'OVS_CTL_OPTS="{text}"\n' if name == "openvswitch-switch"
                          else f'OVN_CTL_OPTS="{text}"\n')

    # Packages. Each returns what was printed.

    def dpkg(self, *arguments, succeeds=True):
        result = self.run("env", "DEBIAN_FRONTEND=noninteractive", "dpkg", "--force-confold", *arguments,
                          timeout=300)
        text = result.stdout + result.stderr
        assert (result.returncode == 0) == succeeds, text
        return text

    def install(self, *names, succeeds=True):
        """Installs distribution packages, and "ovsdbd" or "ovsdbd-newer"."""
        debs = self.path("/debs")
        files = [f"/debs/{deb.name}" for name in names
                 for deb in debs.glob(f"{name}.deb" if name.startswith("ovsdbd") else f"{name}_*.deb")]
        assert len(files) == len(names), (names, files)
        return self.dpkg("-i", *files, succeeds=succeeds)

    # The switch.

    def state(self, unit):
        return self.run("systemctl", "is-active", unit).stdout.strip()

    def vswitchd(self):
        """The process id of the switch, which must run."""
        pid = self.ok("systemctl", "show", "-P", "MainPID", "ovs-vswitchd.service").strip()
        assert pid != "0", self.run("systemctl", "status", "ovs-vswitchd.service").stdout
        return pid

    def server(self, target="ovsdb-server"):
        """The first line of a database server's version: "... (ovsdbd) ..." or "... (Open vSwitch) ..."."""
        return self.ok("ovs-appctl", "-T", "10", "-t", target, "version").splitlines()[0]

    def vsctl(self, *words):
        return self.ok("ovs-vsctl", "--timeout=30", *words).strip()

    def external_id(self, name):
        return self.vsctl("--if-exists", "get", "Open_vSwitch", ".", f"external_ids:{name}").strip('"')

    def add_bridge(self, name):
        self.vsctl("add-br", name, "--", "set", "Bridge", name, "datapath_type=dummy",
                   "--", "add-port", name, f"{name}-p", "--", "set", "Interface", f"{name}-p", "type=dummy")

    def forwards(self):
        """The switch follows the database: a port of each bridge has a port number in the
        switch."""
        bridges = self.vsctl("list-br").split()
        assert bridges
        for bridge in bridges:
            wait.until(lambda b=bridge: self.vsctl("get", "Interface", f"{b}-p", "ofport") not in ("[]", "-1"),
                       f"{bridge} to have its port", 60)

    def works(self, server):
        """The switch runs on a server of this name, and takes a new bridge."""
        assert f"({server})" in self.server(), self.server()
        name = f"t{len(self.vsctl('list-br').split())}"
        self.add_bridge(name)
        self.forwards()
        failed = self.ok("systemctl", "--failed", "--plain", "--no-legend")
        assert not [line for line in failed.splitlines() if "ov" in line], failed

    def dump(self, remote="unix:/run/openvswitch/db.sock", database="Open_vSwitch"):
        """The rows of every table but for VOLATILE columns, as a sorted list of (table, row)."""
        text = self.ok("ovsdb-client", "--timeout=30", "--format=json", "dump", remote, database)
        rows = []
        for table in map(json.loads, text.splitlines()):
            for values in table["data"]:
                row = {name: value for name, value in zip(table["headings"], values)
                       if name not in VOLATILE}
                rows.append((table["caption"], json.dumps(row, sort_keys=True)))
        assert rows, text
        return sorted(rows)

    def keeps(self, dump, *database):
        """Asserts that a database has the same contents as when `dump` was made. A daemon that has
        reconnected may write first, so it waits."""
        try:
            wait.until(lambda: self.dump(*database) == dump, "the contents to be the same", 30)
        except AssertionError as error:
            now = self.dump(*database)
            lines = [f"- {row}" for row in dump if row not in now] + [
                f"+ {row}" for row in now if row not in dump]
            raise AssertionError("\n".join(["the contents have changed:", *lines])) from error

    # OVN.

    def start_ovn(self):
        self.vsctl("set", "Open_vSwitch", ".", "external_ids:ovn-remote=unix:/run/ovn/ovnsb_db.sock",
                   "external_ids:ovn-encap-type=geneve", "external_ids:ovn-encap-ip=127.0.0.1")
        self.add_logical_switch("sw0")

    def add_logical_switch(self, name):
        """Also waits until northd has written it to the southbound database, and a chassis
        exists."""
        self.ok("ovn-nbctl", "--timeout=60", "--wait=sb", "ls-add", name, "--", "lsp-add", name, f"{name}-p")
        wait.until(lambda: self.ok("ovn-sbctl", "--timeout=30", "--bare", "--columns=name", "list",
                                   "Chassis").strip(), "a chassis", 60)

    def logical_switches(self):
        text = self.ok("ovn-nbctl", "--timeout=30", "--bare", "--columns=name", "list", "Logical_Switch")
        return sorted(text.split())
