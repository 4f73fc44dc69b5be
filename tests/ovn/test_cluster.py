# SPDX-License-Identifier: Apache-2.0
"""OVN on clustered databases: ovn-ctl makes the cluster, and OVN goes on as members come and go."""
import json

import pytest

from harness import namespaces, wait
from harness.rpc import Client
from ovn import PATIENCE, SCHEMAS
from ovn_cluster import DATABASES, Site, at_once

KILLS = 6


def make_site(programs, reference, directory, protocol):
    namespaces.require("--net")
    return Site(programs, reference, directory, protocol)


@pytest.fixture(name="common", scope="module")
def common_fixture(programs, reference, tmp_path_factory):
    cluster = make_site(programs, reference, tmp_path_factory.mktemp("cluster"), "tcp")
    try:
        cluster.start()
        cluster.start_hypervisor()
        yield cluster
        cluster.finish()
    finally:
        cluster.clean_up()


@pytest.fixture(name="cluster")
def cluster_fixture(common):
    """With all members running, also those that an earlier test has stopped."""
    for host in common.hosts:
        host.start(*(name for name in DATABASES if not host.runs(name)))
    return common


def check_whole(cluster, names):
    """The ports are up, the switches have flows, one northd works, and all members agree."""
    cluster.wait_up(names)
    cluster.wait_one_northd()
    expected = cluster.ports()
    for host in cluster.hosts:
        wait.until(lambda h=host: cluster.ports(remote=h.socket("sb")) == expected,
                   f"the ports on {host.name}", PATIENCE)
    switches = {name.split("-")[0] for name in names}
    flows = cluster.until_done(lambda: cluster.sbctl("lflow-list"))
    for switch in switches:
        assert f'Datapath: "{switch}"' in flows, switch


def test_every_remote(cluster):
    """Each member takes transactions, the followers for the leader."""
    names = []
    for number, host in enumerate(cluster.hosts):
        names += cluster.add_ports(f"r{number}", 3, remote=f"tcp:{host.address}:6641")
    cluster.bind(names)
    check_whole(cluster, names)


def test_lock_at_a_follower(cluster):
    """A member's clients have their locks there, and transactions that assert them go through."""
    leader = cluster.leader("nb")
    follower = next(host for host in cluster.hosts if host is not leader)
    add = {"op": "insert", "table": "Address_Set", "row": {"name": "lock"}}
    remove = {"op": "delete", "table": "Address_Set", "where": [["name", "==", "lock"]]}
    with Client(follower.socket("nb")[len("unix:"):]) as owner, \
            Client(follower.socket("nb")[len("unix:"):]) as other:
        assert owner.call("lock", "a") == {"locked": True}
        assert other.call("lock", "a") == {"locked": False}
        owned = {"op": "assert", "lock": "a"}
        result = owner.call("transact", "OVN_Northbound", owned, add)
        assert result[0] == {} and "uuid" in result[1], result
        result = other.call("transact", "OVN_Northbound", owned, remove)
        assert result[0]["error"] == "not owner" and result[1] is None, result
        assert owner.call("transact", "OVN_Northbound", owned, remove) == [{}, {"count": 1}]


def test_loss_of_each_member(cluster):
    names = []
    for number, host in enumerate(cluster.hosts):
        for name in DATABASES:
            host.kill(name)
        names += cluster.add_ports(f"l{number}", 2)
        cluster.bind(names[-2:])
        cluster.wait_up(names[-2:])
        host.start(*DATABASES)
    check_whole(cluster, names)


def test_kill_of_the_leaders(cluster):
    """The leaders end suddenly, again and again, while ports are added."""
    names = []
    for number in range(KILLS):
        killed = {name: cluster.leader(name) for name in DATABASES}
        for name, host in killed.items():
            host.kill(name)
        names += cluster.add_ports(f"k{number}", 2)
        cluster.bind(names[-2:])
        at_once(lambda name, hosts=killed: hosts[name].start(name), *killed)
    check_whole(cluster, names)


def test_northd_moves_with_the_leader(cluster):
    """The lock of the active northd does not stay with a server that is no leader any more."""
    cluster.wait_one_northd()
    leader = cluster.leader("sb")
    leader.stop("sb")
    assert cluster.leader("sb") is not leader
    names = set(cluster.add_ports("n0", 1))
    wait.until(lambda: names <= cluster.ports(), "northd's work", PATIENCE)
    cluster.wait_one_northd()
    leader.start("sb")


def test_restart_of_all_members(cluster):
    """ovn-ctl stops and starts one after the other; clients do not notice."""
    names = []
    for number, host in enumerate(cluster.hosts):
        host.stop(*DATABASES)
        names += cluster.add_ports(f"x{number}", 1)
        host.start(*DATABASES)
    cluster.bind(names)
    check_whole(cluster, names)


def test_newer_schema(cluster, tmp_path):
    """A start with a newer schema converts the database of the whole cluster."""
    schema = json.loads(open(SCHEMAS["nb"], encoding="utf-8").read())
    major, minor, _ = schema["version"].split(".")
    schema["version"] = f"{major}.{int(minor) + 1}.0"
    schema["tables"]["NB_Global"]["columns"]["added"] = {"type": "string"}
    path = tmp_path / "nb.ovsschema"
    path.write_text(json.dumps(schema), encoding="utf-8")
    cluster.schemas["nb"] = path
    before = cluster.until_done(lambda: cluster.nbctl("ls-list"))
    cluster.hosts[0].stop("nb")
    cluster.hosts[0].start("nb")
    for host in cluster.hosts:
        wait.until(lambda h=host: cluster.run(
            "ovsdb-client", "get-schema-version", h.socket("nb"), "OVN_Northbound"
        ).out.strip() == schema["version"], f"the new schema on {host.name}", PATIENCE)
    assert cluster.until_done(lambda: cluster.nbctl("ls-list")) == before
    names = cluster.add_ports("s0", 1)
    cluster.bind(names)
    check_whole(cluster, names)


def test_tls(programs, reference, tmp_path):
    """Members and clients that have keys form a cluster over TLS."""
    cluster = make_site(programs, reference, tmp_path, "ssl")
    try:
        cluster.start()
        cluster.add_ports("t0", 2)
        wait.until(lambda: "t0-p1" in cluster.ports(), "northd's work", PATIENCE)
        for name in DATABASES:
            assert all("ssl:127.0.0" in host.appctl(f"ovn{name}_db.ctl", "cluster/status",
                                                    DATABASES[name][0]).ok()
                       for host in cluster.hosts)
        cluster.check_logs()
    finally:
        cluster.clean_up()
