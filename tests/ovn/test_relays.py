# SPDX-License-Identifier: Apache-2.0
"""Two relays of the southbound database, as ovn-ctl starts them, and two hypervisors whose
controllers know only the relays."""
import pytest

from hypervisor import Hypervisor
from relays import Relay

N_ROUNDS = 12
N_PORTS = 3  # added in each round


@pytest.fixture(name="relays")
def relays_fixture(site):
    relays = [Relay(site.lab, f"relay{number}", f"unix:{site.central.socket_path}")
              for number in range(2)]
    try:
        for relay in relays:
            relay.start()
            relay.until_connected()
        yield relays
    finally:
        for relay in relays:
            relay.stop()
    for relay in relays:
        relay.check_log()


@pytest.fixture(name="hosts")
def hosts_fixture(site, relays):
    """Each begins with another relay; both know both."""
    remotes = [relay.remote for relay in relays]
    hosts = [Hypervisor(site, f"relayed{number}", ",".join(order), 4 + number)
             for number, order in enumerate((remotes, remotes[::-1]))]
    try:
        for host in hosts:
            host.start()
        names = {host.chassis for host in hosts}
        site.wait(lambda: names <= chassis_names(site), "their chassis")
        yield hosts
    finally:
        for host in hosts:
            host.stop()
        for host in hosts:
            site.sbctl("--if-exists", "chassis-del", host.chassis).ok()


def chassis_names(site):
    return {row["name"] for row in site.find("OVN_Southbound", "Chassis", ["name"])}


def name_of(round_, number):
    return f"relayed-{round_}-{number}"


def add_ports(site, hosts, round_):
    """Adds ports, and an ACL for each; plugs them into the hosts in turn."""
    words = []
    for number in range(N_PORTS):
        name = name_of(round_, number)
        words += ["--", "lsp-add", "relayed", name,
                  "--", "lsp-set-addresses", name, f"00:00:00:01:{round_:02x}:{number:02x}",
                  "--", "acl-add", "relayed", "to-lport", str(1000 + round_ * N_PORTS + number),
                  f'outport=="{name}" && ip4', "allow"]
    site.nbctl(*words[1:]).ok()
    for number in range(N_PORTS):
        hosts[(round_ + number) % 2].bind(name_of(round_, number))


def places(site):
    """The chassis at which the southbound database has each port of the test."""
    chassis = {row["_uuid"][1]: row["name"]
               for row in site.find("OVN_Southbound", "Chassis", ["_uuid", "name"])}
    return {row["logical_port"]: chassis.get(row["chassis"][1])
            for row in site.find("OVN_Southbound", "Port_Binding",
                                 ["logical_port", "chassis"], ["up", "==", True])
            if row["logical_port"].startswith("relayed-") and row["chassis"] != ["set", []]}


def check_flows(site, host):
    """The flows are those of a controller that starts anew and is connected to the source."""
    over_relays = host.flows()
    host.stop_controller("--restart")
    host.use(f"unix:{site.central.socket_path}")
    host.start_controller()
    site.sync()
    try:
        site.wait(lambda: host.flows() == over_relays, f"equal flows on {host.chassis}")
    except AssertionError:
        flows = host.flows()
        assert [f for f in over_relays if f not in flows] == \
            [f for f in flows if f not in over_relays]
        raise
    assert sum("reg15=" in flow for flow in over_relays) > N_ROUNDS * N_PORTS


def test_controllers_while_relays_are_killed(site, relays, hosts):
    site.nbctl("ls-add", "relayed").ok()
    try:
        for round_ in range(N_ROUNDS):
            add_ports(site, hosts, round_)
            relay = relays[round_ % 2]
            if round_ % 4 < 2:
                relay.crash()
            else:
                relay.kill()
                relay.start()
            if round_ == N_ROUNDS * 2 // 3:
                site.kill_and_restart(site.central)
            relay.until_connected()
        wanted = {name_of(round_, number): hosts[(round_ + number) % 2].chassis
                  for round_ in range(N_ROUNDS) for number in range(N_PORTS)}
        site.wait(lambda: places(site) == wanted, "the ports at their hosts")
        site.sync()
        for relay in relays:
            relay.until_connected()
            for table, columns in (("Port_Binding", ["_uuid", "logical_port", "chassis", "up"]),
                                   ("Logical_Flow", ["_uuid", "match", "actions"]),
                                   ("Chassis", ["_uuid", "name"])):
                expected = sorted(site.find("OVN_Southbound", table, columns), key=str)
                site.wait(lambda r=relay, t=table, c=columns, e=expected:
                          sorted(r.rows(t, c), key=str) == e, f"{table} of the relay")
        for host in hosts:
            host.daemons.check()
            check_flows(site, host)
    finally:
        site.nbctl("ls-del", "relayed").ok()
        site.sync()
