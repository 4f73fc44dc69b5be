# SPDX-License-Identifier: Apache-2.0
"""Clusters of Debian's ovsdb-server on the loopback interface, for their files."""
import hashlib
import json
import socket
import subprocess

from harness import wait


def free_ports(n):
    """Returns ports of the loopback interface that nothing uses now."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(n)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def is_served(server):
    """Whether this program serves clustered databases: whether it is built with libraft."""
    said = subprocess.run(["ldd", server], check=True, text=True, stdout=subprocess.PIPE).stdout
    return "libraft" in said


def write(path, *records):
    """Writes a clustered file by hand."""
    with open(path, "wb") as out:
        for value in records:
            body = json.dumps(value, separators=(",", ":")).encode() + b"\n"
            out.write(b"OVSDB CLUSTER %d %s\n" % (len(body), hashlib.sha1(body).hexdigest().encode()))
            out.write(body)
    return path


def read(path):
    """Returns the records of a clustered file as values."""
    records = []
    with open(path, "rb") as source:
        while header := source.readline():
            magic, kind, length, digest = header.split()
            assert (magic, kind) == (b"OVSDB", b"CLUSTER"), header
            body = source.read(int(length))
            assert hashlib.sha1(body).hexdigest() == digest.decode(), header
            records.append(json.loads(body))
    return records


class Cluster:
    """Servers of the reference in a lab. A member has a name and the file NAME.db."""

    def __init__(self, lab, database):
        self.lab = lab
        self.database = database
        self.members = {}

    def start(self, name):
        """Starts the server of NAME.db; returns when it is a member that knows the leader."""
        member = self.lab.serve(self.lab.path(f"{name}.db"),
                                programs=self.lab.reference).allow(".*")
        self.members[name] = member
        self.client("wait", self.socket(name), self.database, "connected").ok()

    def socket(self, name):
        return f"unix:{self.members[name].socket_path}"

    def client(self, *args):
        return self.lab.run(self.lab.reference.client, "-vconsole:off", "-t", "30", *args)

    def transact(self, name, *operations):
        reply = json.loads(self.client("transact", self.socket(name),
                                       json.dumps([self.database, *operations])).ok())
        assert not any("error" in one for one in reply if one), reply

    def wait_for_file(self, name, text):
        """Waits until the file of the member holds `text`."""
        wait.until(lambda: text.encode() in self.lab.path(f"{name}.db").read_bytes(),
                   f"{text!r} in the file of {name}")

    def stop(self):
        for member in self.members.values():
            member.stop()
