# SPDX-License-Identifier: Apache-2.0
"""A cluster of the servers under test on the loopback interface."""
import os
import signal

from harness import cluster, wait
from harness import lab as lab_module

# What members report when others are away. Tests make others go away all the time.
REPORTS = (r"\|ERR\|.*no leader for longer than the election timer",
           r"\|WARN\|.*(is not connected|leadership|cannot connect|[Cc]onnect|"
           r"Broken pipe|reset by peer|election|quorum|majority|in time)",)
# Several elections, on a busy machine.
PATIENCE = 6 * wait.PATIENCE


class Member:
    """A member that can be stopped, killed and frozen. Its file is NAME.db."""

    def __init__(self, members, name, address, options):
        self.lab, self.database = members.lab, members.database
        self.name, self.address, self.options = name, address, options
        self.path = self.lab.path(f"{name}.db")
        self.server = self.lab.new_server().allow(*REPORTS)
        self.remote = f"unix:{self.server.socket_path}"
        self.is_frozen = False

    def start(self):
        """Starts the server; it need not be connected to the others on return."""
        self.server.start([self.path], *self.options)

    def stop(self):
        self.server.stop()

    def kill(self):
        self.thaw()
        self.server.kill()

    def freeze(self):
        os.kill(self.server.pid, signal.SIGSTOP)
        self.is_frozen = True

    def thaw(self):
        if self.is_frozen:
            os.kill(self.server.pid, signal.SIGCONT)
        self.is_frozen = False

    def runs(self):
        return self.server.is_running() and not self.is_frozen

    def status(self):
        """The lines "Name: value" of cluster/status."""
        lines = self.server.control("cluster/status", self.database).splitlines()
        return dict(line.split(": ", 1) for line in lines if ": " in line and line[0] != " ")

    def sid(self):
        return self.lab.tool("-vconsole:off", "db-sid", self.path).ok().strip()

    def row(self):
        """The row of the database in _Server."""
        with self.server.client() as client:
            # Others are disconnected when the member gets its schema from the leader.
            client.call("set_db_change_aware", True)
            [row] = client.select("_Server", "Database", where=[["name", "==", self.database]])
        return row

    def client(self):
        return self.server.client()

    def wait_connected(self):
        return wait.until(lambda: self.row()["connected"], f"a quorum for {self.name}", PATIENCE)

    def wait_disconnected(self):
        wait.until(lambda: not self.row()["connected"], f"{self.name} without quorum", PATIENCE)


class Members:
    """A cluster of `n` members, all running."""

    def __init__(self, lab, n=3, schema="small", election_timer=None, options=()):
        self.lab = lab
        contents = lab_module.schema_path(schema) if isinstance(schema, str) else schema
        self.database = lab.tool("-vconsole:off", "schema-name", contents).ok().strip()
        addresses = [f"tcp:127.0.0.1:{port}" for port in cluster.free_ports(n)]
        self.all = [Member(self, "abcdefg"[i], address, options)
                    for i, address in enumerate(addresses)]
        first = self.all[0]
        timer = [f"--election-timer={election_timer}"] if election_timer else []
        made = lab.tool("-vconsole:off", *timer, "create-cluster", first.path, contents,
                        first.address)
        assert made.status == 0, str(made)  # it warns of ephemeral columns
        for member in self.all[1:]:
            lab.tool("-vconsole:off", "join-cluster", member.path, self.database, member.address,
                     first.address).ok()
        self.start()

    def __iter__(self):
        return iter(self.all)

    def start(self, *members):
        """Starts these members, or all, and waits until they are connected."""
        for member in members or self.all:
            member.start()
        for member in members or self.all:
            member.wait_connected()

    def running(self):
        return [member for member in self.all if member.runs()]

    def _leader(self):
        """The leader that all running members agree on, or None."""
        statuses = [(member, member.status()) for member in self.running()]
        leaders = [member for member, status in statuses if status["Role"] == "leader"]
        if len(leaders) != 1 or len({status["Term"] for _, status in statuses}) != 1:
            return None
        is_known = all(status["Leader"] == "self" or leaders[0].sid().startswith(status["Leader"])
                       for _, status in statuses)
        return leaders[0] if is_known else None

    def leader(self):
        """Waits until all running members agree on a leader."""
        return wait.until(self._leader, "a leader", PATIENCE)

    def followers(self):
        leader = self.leader()
        return [member for member in self.running() if member is not leader]

    def wait_equal(self):
        """Waits until all running members have applied the same entries."""
        def are_equal():
            logs = {(status["Log"].split(", ")[1], status["Entries not yet committed"],
                     status["Entries not yet applied"])
                    for status in (member.status() for member in self.running())}
            return len(logs) == 1 and logs.pop()[1:] == ("0", "0")

        wait.until(are_equal, "equal logs", PATIENCE)

    def remotes(self):
        return ",".join(member.remote for member in self.all)

    def check_files(self):
        """Debian's tool finds no contradiction in the files, and reads them."""
        def tool(*args):
            return self.lab.run(self.lab.reference.tool, "-vconsole:off", *args)

        tool("check-cluster", *(member.path for member in self.all)).ok()
        for member in self.all:
            tool("show-log", member.path).ok()

    def stop(self):
        for member in self.all:
            member.thaw()
            if member.runs():
                member.stop()
