# SPDX-License-Identifier: Apache-2.0
"""A second hypervisor, with its own database server, switch and ovn-controller. `number`
is the last byte of its tunnel address, which must differ."""
import re

from harness import wait
from harness.daemons import Daemons
from ovn import PATIENCE, QUIET, SCHEMAS

ZONE = re.compile(r"load:0x[0-9a-f]+->NXM_NX_REG1[123]\[\]")


class Hypervisor:
    """`remote`: of the southbound database; `tls`: options with key and certificates for it."""

    def __init__(self, site, chassis, remote, number, tls=()):
        self.site, self.chassis, self.remote = site, chassis, remote
        self.number, self.tls = number, tls
        self.server = site.lab.new_server()
        path = f"{self.server.directory}/conf.db"
        site.lab.tool("create", path, SCHEMAS["conf"]).ok()
        self.server.start([path])
        self.database = f"unix:{self.server.socket_path}"
        self.daemons = Daemons(self.server.env, self.server.directory)
        self.env = self.daemons.env

    def start(self):
        self.vsctl("init", "--", "set", "Open_vSwitch", ".",
                   f"external_ids:system-id={self.chassis}",
                   "external_ids:ovn-encap-type=geneve",
                   f"external_ids:ovn-encap-ip=127.0.0.{self.number}")
        self.use(self.remote)
        self.daemons.start("ovs-vswitchd", "--enable-dummy=system", "--disable-system",
                           self.database, prefix=["unshare", "--net"])
        self.vsctl("add-br", "br-int", "--", "set", "Bridge", "br-int", "fail-mode=secure")
        self.start_controller()

    def use(self, remote):
        """Takes another remote."""
        self.remote = remote
        self.vsctl("set", "Open_vSwitch", ".", f'external_ids:ovn-remote="{remote}"')

    def start_controller(self):
        self.daemons.start("ovn-controller", *self.tls, self.database)

    def stop_controller(self, *options):
        """Ends the controller, which deletes its chassis unless an option says "--restart"."""
        self.run("ovn-appctl", "-t", "ovn-controller", "exit", *options).ok()
        self.daemons.processes.pop("ovn-controller").wait(3 * wait.PATIENCE)

    def run(self, program, *words):
        return self.site.lab.run(program, QUIET, *words, env=self.env, patience=PATIENCE)

    def vsctl(self, *words):
        self.run("ovs-vsctl", "--no-wait", f"--db={self.database}", *words).ok()

    def sbctl(self, *words):
        """ovn-sbctl with this hypervisor's certificate."""
        return self.run("ovn-sbctl", "--timeout=30", f"--db={self.remote}", *self.tls, *words)

    def bind(self, name):
        """Plugs the interface of a logical port into the switch."""
        self.vsctl("add-port", "br-int", name, "--", "set", "Interface", name,
                   f"external_ids:iface-id={name}")

    def flows(self):
        """The flows of the switch, as sorted lines without counters, and without the zones of
        connection tracking, which each controller numbers itself."""
        lines = self.run("ovs-ofctl", "--no-stats", "dump-flows", "br-int").lines()
        return sorted(ZONE.sub("zone", line.strip()) for line in lines)

    def stop(self):
        self.daemons.stop()
        self.server.stop()
