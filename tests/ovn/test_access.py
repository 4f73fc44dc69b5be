# SPDX-License-Identifier: Apache-2.0
"""The access control that ovn-northd sets up in the southbound database: hypervisors connect by TLS
with the role ovn-controller and the name of their chassis in the certificate."""

import pytest

from harness.daemons import Daemons
from harness.rbac_server import free_address
from ovn import SCHEMAS


class Hypervisor:
    """A second hypervisor, with its own database server, switch and ovn-controller."""

    def __init__(self, site, chassis, name_in_certificate, address):
        self.site, self.chassis = site, chassis
        self.server = site.lab.new_server()
        path = f"{self.server.directory}/conf.db"
        site.lab.tool("create", path, SCHEMAS["conf"]).ok()
        self.server.start([path])
        self.daemons = Daemons(self.server.env, self.server.directory)
        self.env = self.daemons.env
        identity = site.pki.issue(f"{chassis}-as-{name_in_certificate}", cn=name_in_certificate)
        self.tls = identity.options(site.pki.cert)
        self.remote = f"ssl:{address[0]}:{address[1]}"

    def start(self):
        database = f"unix:{self.server.socket_path}"
        self.vsctl("init", "--", "set", "Open_vSwitch", ".",
                   f"external_ids:system-id={self.chassis}",
                   f"external_ids:ovn-remote={self.remote}",
                   "external_ids:ovn-encap-type=geneve", "external_ids:ovn-encap-ip=127.0.0.2")
        self.daemons.start("ovs-vswitchd", "--enable-dummy=system", "--disable-system", database,
                           prefix=["unshare", "--net"])
        self.vsctl("add-br", "br-int", "--", "set", "Bridge", "br-int", "fail-mode=secure")
        self.daemons.start("ovn-controller", *self.tls, database)

    def vsctl(self, *words):
        self.site.lab.run("ovs-vsctl", "--no-wait", f"--db=unix:{self.server.socket_path}", *words,
                          env=self.env).ok()

    def sbctl(self, *words):
        """ovn-sbctl with this hypervisor's certificate."""
        return self.site.lab.run("ovn-sbctl", "--timeout=30", f"--db={self.remote}", *self.tls,
                                 *words, env=self.env)

    def stop(self):
        self.daemons.stop()
        self.server.stop()


@pytest.fixture(name="guarded")
def guarded_fixture(site):
    """The address of the remote whose clients have the role."""
    address = free_address("127.0.0.1")
    site.wait(lambda: site.find("OVN_Southbound", "RBAC_Role", ["name"]), "the rules of northd")
    site.central.allow(r"\|rbac\|WARN\|", r"ssl:.*WARN|WARN\|ssl:")
    site.sbctl("set-connection", "role=ovn-controller", f"pssl:{address[1]}:{address[0]}").ok()
    yield address
    site.sbctl("del-connection").ok()


def names(site):
    return {row["name"] for row in site.find("OVN_Southbound", "Chassis", ["name"])}


def test_a_controller_writes_its_own_chassis(site, guarded):
    hypervisor = Hypervisor(site, "hv2", "hv2", guarded)
    try:
        hypervisor.start()
        site.wait(lambda: "hv2" in names(site), "the chassis of the guarded controller")
        site.wait(lambda: site.find("OVN_Southbound", "Chassis_Private", ["name"],
                                    ["name", "==", "hv2"]), "its other row")
        hypervisor.sbctl("set", "Chassis", "hv2", "external_ids:own=yes").ok()
        other = hypervisor.sbctl("set", "Chassis", "hv1", "external_ids:own=yes")
        other.fails(saying="permission error")
        assert "hv2" in other.err and "Chassis" in other.err
        hypervisor.sbctl("chassis-del", "hv1").fails(saying="permission error")
        hypervisor.sbctl("set", "SB_Global", ".", "ipsec=true").fails(saying="permission error")
        assert names(site) == {"hv1", "hv2"}
        # The controller, when it ends, takes its chassis away itself.
        site.lab.run("ovn-appctl", "-t", "ovn-controller", "exit", env=hypervisor.env).ok()
        site.wait(lambda: names(site) == {"hv1"}, "the end of its chassis")
    finally:
        hypervisor.stop()


def test_a_controller_is_refused_the_chassis_of_another(site, guarded):
    hypervisor = Hypervisor(site, "hv3", "hv2", guarded)
    try:
        hypervisor.start()
        if site.lab.programs.is_reference:
            return  # it says nothing that could be waited for
        site.central.wait_log(r'rbac\|WARN\|.*client "hv2" with role "ovn-controller".*Chassis')
        assert "hv3" not in names(site)
    finally:
        hypervisor.stop()
