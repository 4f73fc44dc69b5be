# SPDX-License-Identifier: Apache-2.0
"""Relays and backups of large databases: all contents are made ready on another thread, while the old
ones are served, and clients get the difference."""
import time
import uuid

import pytest

from harness import wait
from harness.rpc import Client, Closed

N_ROWS = 30000
ZERO = "00000000-0000-0000-0000-000000000000"

pytestmark = pytest.mark.ours("it is about steps of our event loop")


def identifier(i):
    return str(uuid.UUID(int=(1 << 80) + i))


def contents(changed=(), without=()):
    return {"T": {identifier(i): {"name": f"row {i} " + 200 * "x", "n": -i if i in changed else i}
                  for i in range(N_ROWS) if i not in without}}


def longest_step(server):
    """The longest step of the event loop, in seconds."""
    lines = server.control("ovsdb-server/perf-counters-show").splitlines()
    [line] = [line for line in lines if line.startswith("loop_step")]
    return float(line.split()[-1]) / 1e6


def numbers(server):
    with Client(server.socket_path) as client:
        return sorted(row["n"] for row in client.select("small", "T", ["n"]))


def numbers_of(value):
    return sorted(row["n"] for row in value["T"].values())


def monitor(client, since=ZERO):
    return client.call("monitor_cond_since", "small", "m", {"T": [{"columns": ["n"]}]}, since,
                       patience=60)


def is_connected(relay):
    try:
        with Client(relay.socket_path) as client:
            client.call("set_db_change_aware", True)
            [row] = client.select("_Server", "Database", ["connected"], [["name", "==", "small"]])
            return row["connected"]
    except Closed:
        return False


def serve_relay(lab, source):
    relay = lab.new_server().start([f"relay:small:unix:{source.socket_path}"])
    relay.allow("replication", "net")
    return relay


def serve_backup(lab, active):
    backup = lab.new_server().start([lab.db("small", "backup.db")],
                                    f"--sync-from=unix:{active.socket_path}")
    backup.allow("replication", "net")
    wait.until(lambda: is_replicating(backup), "the backup to replicate", 60)
    return backup


def is_replicating(backup):
    return "replicating: " in backup.control("ovsdb-server/sync-status")


@pytest.fixture
def source(lab):
    return lab.serve(lab.db("small", "source.db", contents()))


def test_first_contents_of_a_relay(lab, source):
    relay = serve_relay(lab, source)
    relay.control("ovsdb-server/perf-counters-clear")
    start = time.monotonic()
    wait.until(lambda: is_connected(relay), "the relay to be connected", 60)
    took, step = time.monotonic() - start, longest_step(relay)
    assert step < took / 4 or step < 0.1, f"a step of {step} s in {took} s"
    assert numbers(relay) == list(range(N_ROWS))
    with relay.client() as client:
        _, txn_id, _ = monitor(client)
    source.client().insert("small", "T", {"n": -1})
    wait.until(lambda: numbers(relay)[0] == -1, "the relay to follow")
    found, _, updates = monitor(relay.client(), txn_id)
    assert found and numbers_of_inserts(updates) == [-1]


def numbers_of_inserts(updates):
    return sorted(row["insert"]["n"] for row in updates["T"].values())


def test_changes_while_a_relay_loads(lab, source):
    """The source commits all the time while the relay starts. Each commit is in the contents or in an
    update."""
    writer = source.client()
    relay = serve_relay(lab, source)
    n = 0
    while not is_connected(relay):
        n += 1
        writer.insert("small", "T", {"n": -n})
    wait.until(lambda: numbers(relay) == list(range(-n, 0)) + list(range(N_ROWS)),
               "the relay to follow")


def test_a_backup_gets_the_difference(lab, source):
    backup = serve_backup(lab, source)
    client = backup.client()
    client.call("set_db_change_aware", True)
    monitor(client)
    backup.control("ovsdb-server/disconnect-active-ovsdb-server")
    changes = source.client()
    changes.commit("small", {"op": "delete", "table": "T", "where": [["n", "==", 7]]},
                   {"op": "update", "table": "T", "where": [["n", "==", 8]], "row": {"n": -8}},
                   {"op": "insert", "table": "T", "row": {"n": -1}})
    backup.control("ovsdb-server/perf-counters-clear")
    start = time.monotonic()
    backup.control("ovsdb-server/connect-active-ovsdb-server")
    updates = client.notification("update3", patience=60)[2]["T"]
    took, step = time.monotonic() - start, longest_step(backup)
    assert step < took / 4 or step < 0.1, f"a step of {step} s in {took} s"
    assert updates.pop(identifier(7)) == {"delete": None}
    assert updates.pop(identifier(8)) == {"modify": {"n": -8}}
    assert list(updates.values()) == [{"insert": {"n": -1}}]
    wait.until(lambda: is_replicating(backup), "the backup to replicate")
    assert numbers(backup) == numbers(source)
    client.has_no_notification()


def test_a_relay_gets_the_difference_of_another_source(lab, source):
    """The source is replaced by one that does not know the relay's last transaction."""
    relay = serve_relay(lab, source)
    wait.until(lambda: is_connected(relay), "the relay to be connected", 60)
    client = relay.client()
    client.call("set_db_change_aware", True)
    monitor(client)
    source.stop()
    lab.db("small", "source.db", contents(changed=[5, 6], without=[9]))
    source.start([lab.path("source.db")])
    updates = client.notification("update3", patience=60)[2]["T"]
    assert updates == {identifier(5): {"modify": {"n": -5}}, identifier(6): {"modify": {"n": -6}},
                       identifier(9): {"delete": None}}
    wait.until(lambda: is_connected(relay), "the relay to be connected", 60)
    assert numbers(relay) == numbers(source)


@pytest.mark.parametrize("command", ["ovsdb-server/disconnect-active-ovsdb-server",
                                     "ovsdb-server/remove-db small", "exit"])
def test_the_end_of_a_backup_while_it_loads(lab, source, command):
    backup = serve_backup(lab, source)
    for _ in range(3):
        backup.control("ovsdb-server/disconnect-active-ovsdb-server")
        backup.control("ovsdb-server/connect-active-ovsdb-server")
    backup.control(*command.split())
    if command == "exit":
        backup.wait_end()
    else:
        backup.stop()


@pytest.mark.parametrize("command", ["ovsdb-server/remove-db small", "exit"])
def test_the_end_of_a_relay_while_it_loads(lab, source, command):
    relay = serve_relay(lab, source)
    with Client(relay.socket_path) as client:
        client.call("echo")
    relay.control(*command.split())
    if command == "exit":
        relay.wait_end()
    else:
        relay.stop()
