# SPDX-License-Identifier: Apache-2.0
"""The access control that ovn-northd sets up in the southbound database: hypervisors connect by TLS
with the role ovn-controller and the name of their chassis in the certificate."""

import pytest

from harness.rbac_server import free_address
from hypervisor import Hypervisor


def guarded_hypervisor(site, chassis, name_in_certificate, address):
    identity = site.pki.issue(f"{chassis}-as-{name_in_certificate}", cn=name_in_certificate)
    return Hypervisor(site, chassis, f"ssl:{address[0]}:{address[1]}", 2,
                      identity.options(site.pki.cert))


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
    hypervisor = guarded_hypervisor(site, "hv2", "hv2", guarded)
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
        hypervisor.stop_controller()
        site.wait(lambda: names(site) == {"hv1"}, "the end of its chassis")
    finally:
        hypervisor.stop()


def test_a_controller_is_refused_the_chassis_of_another(site, guarded):
    hypervisor = guarded_hypervisor(site, "hv3", "hv2", guarded)
    try:
        hypervisor.start()
        if site.lab.programs.is_reference:
            return  # it says nothing that could be waited for
        site.central.wait_log(r'rbac\|WARN\|.*client "hv2" with role "ovn-controller".*Chassis')
        assert "hv3" not in names(site)
    finally:
        hypervisor.stop()
