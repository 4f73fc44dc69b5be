# SPDX-License-Identifier: Apache-2.0
"""Full disks of a cluster's members: what is acknowledged is kept, and members come back by themselves
when there is space."""
import json
import subprocess

import pytest
from harness import wait
from harness.cluster import free_ports, is_served

SCHEMA = {"name": "full", "version": "1.0.0", "tables": {
    "T": {"isRoot": True, "columns": {"tag": {"type": "string"}, "load": {"type": "string"}}}}}


@pytest.fixture
def disks(lab):
    """Three file systems of 1 MiB."""
    if not is_served(lab.programs.server):
        pytest.skip("built without libraft")
    paths = [lab.path(f"disk{i}") for i in range(3)]
    mounted = []
    for path in paths:
        path.mkdir()
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", path],
                          check=False, stderr=subprocess.PIPE).returncode:
            pytest.skip("only root may mount a small file system")
        mounted.append(path)
    yield paths
    for server in lab.servers:
        server.clean_up()
    for path in mounted:
        subprocess.run(["umount", path], check=True)


@pytest.fixture
def cluster(lab, disks):
    """Three members that are connected, each with a file on a disk of its own; the first one leads."""
    addresses = [f"tcp:127.0.0.1:{port}" for port in free_ports(3)]
    schema = lab.path("full.ovsschema")
    schema.write_text(json.dumps(SCHEMA))
    servers = []
    for disk, address in zip(disks, addresses):
        if servers:
            lab.tool("join-cluster", disk / "full.db", "full", address, addresses[0]).ok()
        else:
            lab.tool("create-cluster", disk / "full.db", schema, address).ok()
        server = lab.new_server().allow(".*").start([disk / "full.db"])
        servers.append(server)
        wait.until(lambda: row_of(servers[-1])["connected"], "a member")
    return servers


def row_of(server):
    with server.client() as client:
        return client.select("_Server", "Database", ["connected", "leader", "index"],
                             [["name", "==", "full"]])[0]


def fill(disk):
    """Leaves no space; returns the file that takes it."""
    ballast = disk / "ballast"
    with open(ballast, "wb", buffering=0) as out:
        try:
            while True:
                out.write(b"x" * 4096)
        except OSError:
            return ballast


def send(client, n):
    """Sends insertions; returns their tags by the ids of the requests."""
    return {client.request("transact", ["full", {"op": "insert", "table": "T", "row": {
        "tag": f"t{i}", "load": "x" * 2000}}]): f"t{i}" for i in range(n)}


def tags(server):
    with server.client() as client:
        return {row["tag"] for row in client.select("full", "T", ["tag"])}


@pytest.mark.parametrize("full", [[2], [0], [1, 2], [0, 1]], ids=str)
def test_full_disks(cluster, disks, full):
    ballasts = [fill(disks[i]) for i in full]
    with cluster[0].client() as client:
        sent = send(client, 20)
        if len(full) == 1:  # the majority acknowledges
            for request in sent:
                client.result(request)
    for ballast in ballasts:
        ballast.unlink()
    wait.until(lambda: any(row_of(s)["leader"] for s in cluster), "a leader")
    with cluster[1].client() as client:
        client.insert("full", "T", {"tag": "after"})
    expected = {"after", *sent.values()} if len(full) == 1 else {"after"}
    for server in cluster:
        wait.until(lambda s=server: expected <= tags(s), "all that was acknowledged")
    assert len({frozenset(tags(server)) for server in cluster}) == 1
