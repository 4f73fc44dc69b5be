# SPDX-License-Identifier: Apache-2.0
"""What bench.py measures of clusters: three members on this machine."""
import json
import shutil
import socket
import tempfile
import time

from harness import wait
from harness.cluster import free_ports
from harness.lab import Lab
from rows import HERE, row, scale


class Cluster:
    """Three members of one implementation."""

    def __init__(self, bench, site):
        self.site = site
        self.lab = Lab(site.programs, site.programs, tempfile.mkdtemp(dir=bench.directory))
        self.addresses = [f"tcp:127.0.0.1:{port}" for port in free_ports(3)]
        self.servers = []
        shutil.copy(HERE / "bench.ovsschema", self.lab.directory)
        self.tool("create-cluster", "0.db", "bench.ovsschema", self.addresses[0])
        for number in 1, 2:
            self.tool("join-cluster", f"{number}.db", "bench", self.addresses[number],
                      self.addresses[0])
        for number in range(3):
            self.servers.append(self.start(number))

    def tool(self, *args):
        self.lab.run(self.site.programs.tool, "-vconsole:off", *args).ok()

    def start(self, number):
        server = self.lab.new_server(self.site.programs)
        server.launch([self.lab.path(f"{number}.db")])
        self.lab.run(self.site.programs.client, "-vconsole:off", "-t", "60", "wait",
                     f"unix:{server.socket_path}", "bench", "connected")
        wait.until(lambda: self.state(server), "a member that is connected", 60)
        return server

    def state(self, server):
        """What the row of _Server says: None until the member is connected."""
        try:
            with server.client() as client:
                [reply] = client.call("transact", "_Server", {
                    "op": "select", "table": "Database", "where": [["name", "==", "bench"]]})
                [found] = reply["rows"]
                return found if found["connected"] else None
        except (OSError, AssertionError):
            return None

    def roles(self):
        """The leader and the followers."""
        def leads(server):
            return (self.state(server) or {}).get("leader")
        leader = wait.until(lambda: next(filter(leads, self.servers), None), "a leader", 60)
        return leader, [server for server in self.servers if server is not leader]

    def load(self, server, name, **options):
        self.site.server = server
        self.site.target = server.socket_path
        return self.site.load(name, **options)

    def stop(self):
        self.site.server = None
        for server in self.servers:
            server.process.kill()
            server.process.wait()
            server.clean_up()


def writes(cluster, bench, server, where, start):
    """Durable transactions, each client's one after the other."""
    found = {}
    for clients, count in (1, 500), (64, 50), (512, 10):
        n = scale(bench, count) if clients == 1 else count
        result = cluster.load(server, "insert", clients=clients, count=n, window=1, durable=1,
                              start=start)
        start += clients * n
        label = f"cluster, {where}, {clients} clients"
        found[f"{label}: transactions/s"] = result["n"] / result["wall_ns"] * 1e9
        found[f"{label}: p50, ms"] = result["p50_ns"] / 1e6
        found[f"{label}: p99, ms"] = result["p99_ns"] / 1e6
        found[f"{label}: CPU of this member, us each"] = result["cpu_ns"] / result["n"] / 1000
    return found


@row("cluster", repeat=1, reference_repeat=1)
def cluster_writes(bench, site):
    cluster = Cluster(bench, site)
    try:
        leader, followers = cluster.roles()
        return {**writes(cluster, bench, leader, "leader", 0),
                **writes(cluster, bench, followers[0], "follower", 100000)}
    finally:
        cluster.stop()


@row("cluster-pipelined", repeat=1, reference_repeat=1)
def cluster_pipelined(bench, site):
    cluster = Cluster(bench, site)
    try:
        leader, _ = cluster.roles()
        n = scale(bench, 10000)
        found = cluster.load(leader, "insert", count=n, window=n, durable=1)
        return {f"cluster, {n:,} pipelined writes: wall, ms": found["wall_ns"] / 1e6,
                f"cluster, {n:,} pipelined writes: CPU of the leader, ms": found["cpu_ns"] / 1e6}
    finally:
        cluster.stop()


def write_somewhere(servers, name):
    """Tries the servers in turn until one acknowledges a durable insert."""
    while True:
        for server in servers:
            try:
                with socket.socket(socket.AF_UNIX) as connection:
                    connection.settimeout(1)
                    connection.connect(str(server.socket_path))
                    connection.sendall(json.dumps({"id": 0, "method": "transact", "params": [
                        "bench", {"op": "insert", "table": "Item", "row": {"name": name}},
                        {"op": "commit", "durable": True}]}).encode())
                    reply = json.loads(connection.recv(65536))
                    if not reply["error"] and not any("error" in one for one in reply["result"]):
                        return
            except (OSError, ValueError):
                pass
        time.sleep(0.005)


@row("cluster-failover", repeat=3, reference_repeat=3)
def cluster_failover(bench, site):
    """From the end of the leader to the first write that is acknowledged."""
    cluster = Cluster(bench, site)
    try:
        leader, followers = cluster.roles()
        write_somewhere(followers, "before")
        begin = time.monotonic()
        leader.process.kill()
        write_somewhere(followers, "after")
        return {"cluster, fail-over after the leader's end: ms":
                (time.monotonic() - begin) * 1000}
    finally:
        cluster.stop()
