# SPDX-License-Identifier: Apache-2.0
"""Clients built on Python's and on C's IDL resume at relays: after a restart, or at another relay,
they receive the difference. What they receive is counted by proxies between them and the relays."""
import json
import pathlib
import shutil

import pytest

from harness import dbfile, wait
from harness.daemons import PATH, Daemons
from harness.idl import Idl
from harness.lab import schema
from harness.proxy import Proxy
from harness.rpc import Client, Closed

SCHEMA = pathlib.Path("/usr/share/ovn/ovn-nb.ovsschema")
N_ROWS = 2000
# Replies to the first requests of a connection, with two schemas, and the difference.
DIFFERENCE = 30000

pytestmark = pytest.mark.difference("transaction-ids-of-files")


def uuid(number):
    return f"00000000-0000-4000-8000-{number:012d}"


class Relay:
    """A relay behind a proxy, which counts what its clients receive."""

    def __init__(self, lab, name, database, source):
        self.database = database
        self.argument = f"relay:{database}:unix:{source}"
        self.server = lab.new_server().allow("replication", "net", r"reconnect\|WARN",
                                             r"ovsdb_cs\|WARN", "jsonrpc", "stale")
        self.start()
        self.proxy = Proxy(lab.path(f"{name}.proxy"), self.server)
        self.remote = f"unix:{self.proxy.path}"

    def start(self):
        self.server.start([self.argument])
        wait.until(self.is_connected, "the relay to be connected", 3 * wait.PATIENCE)

    def is_connected(self):
        try:
            with Client(self.server.socket_path) as client:
                client.call("set_db_change_aware", True)
                rows = client.select("_Server", "Database", ["connected"],
                                     [["name", "==", self.database]])
            return rows == [{"connected": True}]
        except Closed:
            return False

    def take_bytes(self):
        n_bytes, self.proxy.n_bytes = self.proxy.n_bytes, 0
        return n_bytes


class Place:
    """A source with many rows and two relays of it."""

    def __init__(self, lab, path, database):
        self.path = path
        self.source = lab.serve(path)
        between = self.between = Proxy(lab.path("source.proxy"), self.source)
        self.relays = [Relay(lab, f"relay{number}", database, between.path)
                       for number in range(2)]

    @property
    def remote(self):
        return ",".join(relay.remote for relay in self.relays)

    def take_bytes(self):
        return [relay.take_bytes() for relay in self.relays]

    def close(self):
        for proxy in (self.between, *(relay.proxy for relay in self.relays)):
            proxy.close()


@pytest.fixture
def place(lab):
    rows = {uuid(number): {"name": f"row {number}" + "x" * 50} for number in range(N_ROWS)}
    lasting = schema("small")
    del lasting["tables"]["T"]["columns"]["eph"]  # relays of ephemeral columns cannot resume
    place = Place(lab, dbfile.create(lab.path("small.db"), lasting,
                                     {"_date": 1700000000000, "T": rows}), "small")
    yield place
    place.close()


def insert(place, name):
    with Client(place.source.socket_path) as client:
        client.insert("small", "T", {"name": name})


def names(idl):
    return {row.name for row in idl.rows("T")}


def used_relay(place):
    """The relay from which the client has received the contents."""
    n_bytes = place.take_bytes()
    assert max(n_bytes) > N_ROWS * 50 and min(n_bytes) < DIFFERENCE, n_bytes
    return place.relays[n_bytes.index(max(n_bytes))]


@pytest.fixture
def idl(place):
    idl = Idl(place.remote, columns=["name", "n"], leader_only=False).connect()
    assert len(idl.rows("T")) == N_ROWS
    yield idl
    idl.idl.close()


def see(place, idl, name):
    """An update, because the IDL resumes from the last update, never from a reply."""
    insert(place, name)
    idl.until(lambda: name in names(idl), "the change")


def test_python_at_another_relay(place, idl):
    """The relay that the client uses ends, and the client resumes at the other one."""
    see(place, idl, "before")
    relay = used_relay(place)
    relay.server.kill()
    insert(place, "meanwhile")
    idl.until(lambda: "meanwhile" in names(idl), "the change at the other relay")
    assert len(idl.rows("T")) == N_ROWS + 2
    assert sum(place.take_bytes()) < DIFFERENCE
    relay.start()
    see(place, idl, "after")
    assert sum(place.take_bytes()) < DIFFERENCE


def test_python_at_a_restarted_relay(place, idl):
    """The only relay restarts. It knows the last transaction of its source by its id."""
    see(place, idl, "before")
    relay = used_relay(place)
    other = next(one for one in place.relays if one is not relay)
    other.server.stop()
    relay.server.kill()
    idl.until(lambda: not idl.idl._session.is_connected(), "the loss of the connection")
    relay.start()
    see(place, idl, "after")
    assert len(idl.rows("T")) == N_ROWS + 2
    assert sum(place.take_bytes()) < DIFFERENCE


def test_the_relays_when_their_source_restarts(place, idl):
    """The relays receive the difference from the source, and so does the client."""
    see(place, idl, "before")
    used_relay(place)
    place.between.n_bytes = 0
    place.source.kill()
    place.source.allow("torn", "pidfile", "lock", "stale").start([place.path])
    insert(place, "after")
    idl.until(lambda: "after" in names(idl), "the new row")
    for relay in place.relays:
        wait.until(relay.is_connected, "the relay to be connected", 3 * wait.PATIENCE)
    assert place.between.n_bytes < 2 * DIFFERENCE
    assert sum(place.take_bytes()) < DIFFERENCE


# ovn-nbctl as a daemon: C's IDL


class Nbctl:
    def __init__(self, lab, remote):
        self.lab = lab
        self.daemons = Daemons(lab.env, lab.directory)
        self.control = lab.path("nbctl.ctl")
        self.daemons.start("ovn-nbctl", f"--db={remote}", "--no-leader-only", "--detach",
                           f"--unixctl={self.control}")
        self.pid_path = lab.run_dir / "ovn-nbctl.pid"
        wait.until(self.control.exists, "ovn-nbctl", 3 * wait.PATIENCE)

    def switches(self):
        """The names of the switches; waits while the daemon is not connected."""
        done = self.lab.run(self.lab.reference.appctl, "-t", self.control, "run", "ls-list",
                            patience=6 * wait.PATIENCE)
        return sorted(line.split("(")[1].rstrip(")") for line in done.out.splitlines())

    def until(self, name):
        wait.until(lambda: name in self.switches(), f"the switch {name}", 3 * wait.PATIENCE)

    def stop(self):
        self.lab.run(self.lab.reference.appctl, "-t", self.control, "exit").ok()
        self.daemons.stop()


@pytest.fixture
def north(lab):
    if not shutil.which("ovn-nbctl", path=PATH):
        pytest.skip("ovn-nbctl is not installed")
    path = dbfile.create(lab.path("nb.db"), json.loads(SCHEMA.read_text()), {
        "_date": 1700000000000, "NB_Global": {uuid(N_ROWS): {}},
        "Logical_Switch": {uuid(number): {"name": f"s{number}", "external_ids": [
            "map", [["text", "x" * 60]]]} for number in range(N_ROWS)}})
    place = Place(lab, path, "OVN_Northbound")
    yield place
    place.close()


@pytest.fixture
def nbctl(lab, north):
    nbctl = Nbctl(lab, north.remote)
    try:
        assert len(nbctl.switches()) == N_ROWS
        yield nbctl
    finally:
        nbctl.stop()


def add_switch(place, name):
    with Client(place.source.socket_path) as client:
        client.insert("OVN_Northbound", "Logical_Switch", {"name": name})


def test_c_at_another_relay(north, nbctl):
    add_switch(north, "before")
    nbctl.until("before")
    relay = used_relay(north)
    relay.server.kill()
    add_switch(north, "meanwhile")
    nbctl.until("meanwhile")
    assert len(nbctl.switches()) == N_ROWS + 2
    assert sum(north.take_bytes()) < 3 * DIFFERENCE  # the schema of the database is longer
    relay.start()


def test_c_at_a_restarted_relay(north, nbctl):
    add_switch(north, "before")
    nbctl.until("before")
    relay = used_relay(north)
    next(one for one in north.relays if one is not relay).server.stop()
    relay.server.kill()
    relay.start()
    # It knows the transactions from its start on, so it must have the last one that the client has.
    wait.until(relay.is_connected, "the relay to be connected", 3 * wait.PATIENCE)
    add_switch(north, "after")
    nbctl.until("after")
    assert len(nbctl.switches()) == N_ROWS + 2
    assert sum(north.take_bytes()) < 3 * DIFFERENCE
