# SPDX-License-Identifier: Apache-2.0
"""OVN's daemons and tools work with the server, and continue after it was killed."""
import pytest

from ovn import N_BOUND, N_PORTS, N_SWITCHES, PATIENCE, port_name, rows_of

BOUND = {port_name(n) for n in range(N_BOUND)}


def wait_bound(site, names):
    site.wait(lambda: names <= site.bound(), "the ports' bindings")
    site.wait(lambda: names <= site.up(), "the ports to be up")


def test_switches_and_ports(site):
    site.sync()
    wait_bound(site, BOUND)
    assert len(site.nbctl("ls-list").lines()) == N_SWITCHES
    assert len(site.nbctl("lsp-list", "s7").lines()) == N_PORTS
    assert len(site.find("OVN_Southbound", "Datapath_Binding", ["_uuid"])) == N_SWITCHES
    assert len(site.find("OVN_Southbound", "Port_Binding", ["_uuid"])) == N_SWITCHES * N_PORTS
    assert site.bound() == BOUND == site.up(), "only those"
    assert len(site.sbctl("--bare", "--columns=logical_port", "find", "Port_Binding",
                          "up=true").ok().split()) == N_BOUND
    shown = site.sbctl("show").ok()
    assert 'Chassis hv1' in shown and shown.count("Port_Binding") == N_BOUND


def test_flows_reach_the_switch(site):
    """The results of northd are in the southbound database, and a packet is forwarded
    accordingly."""
    site.sync()
    flows = site.sbctl("lflow-list", "s3").ok()
    assert "Pipeline: ingress" in flows and "Pipeline: egress" in flows
    site.nbctl("lsp-set-addresses", "s3-p0", "00:00:00:00:03:00", "--",
               "lsp-set-addresses", "s3-p1", "00:00:00:00:03:01").ok()
    site.sync()
    trace = site.lab.run("ovn-trace", f"--db=unix:{site.central.socket_path}", "--minimal", "s3",
                         'inport=="s3-p0" && eth.src==00:00:00:00:03:00 && '
                         'eth.dst==00:00:00:00:03:01', env=site.env).ok()
    assert 'output("s3-p1");' in trace


@pytest.mark.parametrize("port", [f"s{N_SWITCHES - 1}-p{N_PORTS - 1}"])
def test_a_port_comes_and_goes(site, port):
    site.bind(port)
    wait_bound(site, {port})
    site.vsctl("del-port", "br-int", port).ok()
    site.wait(lambda: port not in site.bound() | site.up(), "the port to be released")
    wait_bound(site, BOUND)


@pytest.mark.difference("resume")
def test_kill_of_the_central_server(site):
    """Clients that reconnect get the changes that they missed, not all contents, and continue."""
    site.sync()
    wait_bound(site, BOUND)
    last = {name: site.follow(name)[1] for name in ("OVN_Northbound", "OVN_Southbound")}
    chassis = site.find("OVN_Southbound", "Chassis", ["_uuid", "name"])
    site.kill_and_restart(site.central)
    for name, id_ in last.items():
        found, _, updates = site.follow(name, id_)
        assert found, f"{name}: the history must go back to before the restart"
        assert rows_of(updates) < N_SWITCHES, f"{name}: more than what the daemons wrote since"
    assert site.bound() >= BOUND and site.up() >= BOUND, "nothing was lost"
    site.nbctl("ls-add", "after", "--", "lsp-add", "after", "after-p0").ok()
    site.bind("after-p0")
    wait_bound(site, {"after-p0", *BOUND})
    site.sync()
    assert site.find("OVN_Southbound", "Chassis", ["_uuid", "name"]) == chassis
    site.vsctl("del-port", "br-int", "after-p0").ok()
    site.nbctl("ls-del", "after").ok()
    site.sync()
    site.wait(lambda: site.bound() == BOUND == site.up(), "the state of before")


def test_kill_while_switches_come_and_go(site):
    """The server is killed during the work: confirmed transactions are kept, and northd updates the
    southbound database accordingly."""
    for number in range(4):
        site.nbctl("ls-add", f"k{number}", "--", "lsp-add", f"k{number}", f"k{number}-p").ok()
        site.kill_and_restart(site.central)
    site.sync()
    ports = {r["logical_port"] for r in site.find("OVN_Southbound", "Port_Binding",
                                                  ["logical_port"])}
    assert {f"k{number}-p" for number in range(4)} <= ports
    for number in range(4):
        site.nbctl("ls-del", f"k{number}").ok()
    site.sync()
    assert len(site.find("OVN_Southbound", "Datapath_Binding", ["_uuid"])) == N_SWITCHES
    wait_bound(site, BOUND)


def test_kill_of_the_switchs_server(site):
    interfaces = set(site.vsctl("list-ifaces", "br-int").lines())
    assert BOUND <= interfaces
    site.kill_and_restart(site.local)
    assert set(site.vsctl("list-ifaces", "br-int").lines()) == interfaces
    port = f"s{N_SWITCHES - 2}-p{N_PORTS - 1}"
    site.bind(port)
    wait_bound(site, {port, *BOUND})
    site.vsctl("del-port", "br-int", port).ok()
    site.wait(lambda: port not in site.bound(), "the port to be released")


def test_kill_of_both_servers(site):
    site.sync()
    site.central.kill()
    site.kill_and_restart(site.local)
    site.central.start(site.central.databases, *site.central.options)
    site.sync()
    wait_bound(site, BOUND)


@pytest.mark.parametrize("everything", ["true", "false"])
def test_conditions_of_the_controller_change(site, everything):
    """The controller monitors all of the southbound database, or its part of it; no change is
    lost."""
    site.vsctl("set", "Open_vSwitch", ".", f"external_ids:ovn-monitor-all={everything}").ok()
    site.nbctl("ls-add", "c0", "--", "lsp-add", "c0", "c0-p").ok()
    site.bind("c0-p")
    wait_bound(site, {"c0-p", *BOUND})
    site.sync()
    site.vsctl("del-port", "br-int", "c0-p").ok()
    site.nbctl("ls-del", "c0").ok()
    site.sync()
    site.wait(lambda: site.bound() == BOUND == site.up(), "the state of before")


def test_northd_rests_and_goes_on(site):
    northd = site.lab.run_dir / "northd.ctl"
    site.sync()
    site.lab.run(site.lab.reference.appctl, "-t", northd, "pause").ok()
    site.nbctl("ls-add", "r0", "--", "lsp-add", "r0", "r0-p").ok()
    assert site.find("OVN_Southbound", "Port_Binding", ["_uuid"],
                     ["logical_port", "==", "r0-p"]) == []
    site.lab.run(site.lab.reference.appctl, "-t", northd, "resume").ok()
    site.sync()
    assert site.find("OVN_Southbound", "Port_Binding", ["_uuid"], ["logical_port", "==", "r0-p"])
    site.nbctl("ls-del", "r0").ok()


# ovsdbapp, what OpenStack's Neutron talks to OVN with


@pytest.fixture
def northbound(site):
    connection = pytest.importorskip("ovsdbapp.backend.ovs_idl.connection")
    impl_idl = pytest.importorskip("ovsdbapp.schema.ovn_northbound.impl_idl")
    idl = connection.OvsdbIdl.from_server(f"unix:{site.central.socket_path}", "OVN_Northbound")
    api = impl_idl.OvnNbApiIdlImpl(connection.Connection(idl, timeout=int(PATIENCE)))
    yield api
    api.ovsdb_connection.stop(timeout=10)


@pytest.mark.filterwarnings("ignore:setDaemon:DeprecationWarning")
def test_ovsdbapp(site, northbound):
    """Its thread takes half a minute to notice that the server is back, whichever server it is."""
    api = northbound
    assert len(api.ls_list().execute(check_error=True)) == N_SWITCHES
    with api.transaction(check_error=True) as transaction:
        transaction.add(api.ls_add("app"))
        for number in range(3):
            transaction.add(api.lsp_add("app", f"app-p{number}"))
    assert {p.name for p in api.lsp_list("app").execute(check_error=True)} == {
        "app-p0", "app-p1", "app-p2"}
    site.kill_and_restart(site.central)
    api.lsp_set_addresses("app-p1", ["00:00:00:00:00:01"]).execute(check_error=True)
    api.db_set("Logical_Switch", "app", ("external_ids", {"k": "v"})).execute(check_error=True)
    assert api.ls_get("app").execute(check_error=True).external_ids == {"k": "v"}
    assert site.nbctl("lsp-get-addresses", "app-p1").lines() == ["00:00:00:00:00:01"]
    api.ls_del("app").execute(check_error=True)
    assert len(site.nbctl("ls-list").lines()) == N_SWITCHES
