# SPDX-License-Identifier: Apache-2.0
"""A restart during long work, or during another restart: the work is completed or canceled, and
clients get a reply in either case."""
import copy
import os
import signal
import threading

import pytest

from harness import dbfile, wait
from harness.lab import schema
from harness.replica import ZERO, Replica
from harness.monitor_client import KINDS, MonitorClient

pytestmark = pytest.mark.ours("the reference server hands over no connections")

N_ROWS = 20000
NEW = copy.deepcopy(schema("small"))
NEW["version"] = "2.0.0"
NEW["tables"]["T"]["columns"]["extra"] = {"type": {"key": "string", "min": 0}}


@pytest.fixture
def server(lab, managed):
    """With a database with which everything takes a moment."""
    return managed.start([lab.db("small", None, {"_date": 1700000000000, "T": {
        f"00000000-0000-4000-8000-{i:012}": {"name": f"row {i}", "n": i}
        for i in range(N_ROWS)}})])


def start_again(server):
    dbs, options, remotes = server.how
    return server.start(dbs, *options, remotes=remotes)


def check_files(server, client, n_rows):
    assert len(client.select("small", "T", ["_uuid"])) == n_rows
    assert not [name for name in os.listdir(os.path.dirname(server.how[0][0]))
                if name.endswith(".tmp")]


def test_a_conversion(server):
    """The client that requested the conversion gets a reply, and the transactions that waited for
    it run."""
    converter, other = server.client(), server.client()
    for client in converter, other:
        client.call("set_db_change_aware", True)
    converting = converter.request("convert", ["small", NEW])
    insertion = other.request("transact", ["small", {"op": "insert", "table": "T", "row": {}}])
    other.call("list_dbs")  # the insertion has been read
    server.restart()
    error = converter.reply(converting)["error"]
    assert error in (None, "canceled")
    assert "uuid" in other.result(insertion)[0]
    assert other.call("get_schema", "small")["version"] == ("1.2.3" if error else "2.0.0")
    check_files(server, other, N_ROWS + 1)


def test_a_compaction(server, lab):
    client = server.client()
    client.call("lock", "l")
    command = threading.Thread(target=lab.appctl, args=(
        "-t", os.path.join(server.run_dir, "ctl"), "ovsdb-server/compact"))
    command.start()
    for n in range(20):
        client.insert("small", "T", {"name": "meanwhile", "n": n})
    server.restart()
    command.join()
    client.commit("small", {"op": "assert", "lock": "l"})
    check_files(server, client, N_ROWS + 20)


@pytest.mark.parametrize("kind", KINDS)
def test_initial_contents(server, kind):
    """Not all of them read before the restart, with commits before and after it."""
    reader, writer = server.client(), server.client()
    request = reader.request(kind, ["small", ["m", kind], {"T": {"columns": ["name"]}},
                                    *([ZERO] if kind == "monitor_cond_since" else [])])
    behind = reader.request("echo", ["behind it"])
    writer.insert("small", "T", {"name": "before"})
    server.restart()
    writer.insert("small", "T", {"name": "after"})
    replica = Replica({"T": {"name": ""}}, set())
    result = reader.result(request)
    replica.apply(result[-1] if kind == "monitor_cond_since" else result)
    assert reader.result(behind) == ["behind it"]
    reader.call("echo")
    while reader.notifications:
        replica.apply(reader.notification(KINDS[kind])[-1])
    names = [row["name"] for row in replica.rows("T").values()]
    assert sorted(names) == sorted([f"row {n}" for n in range(N_ROWS)] + ["before", "after"])


@pytest.mark.parametrize("kind", ["monitor_cond", "monitor_cond_since"])
def test_conditions_that_change(server, kind):
    """Some of the changes have been replied to, others have not: the last one counts, and each row
    is inserted and deleted once."""
    watcher = MonitorClient(server, kind, ["name", "n"], [["n", "<", 10]])
    requests = [watcher.client.request("monitor_cond_change", [
        ["m", kind], ["m", kind], {"T": [{"where": [["n", "<", bound]]}]}])
                for bound in (5000, 20, 3000, 15)]
    server.restart()
    for request in requests:
        watcher.client.result(request)
    watcher.catch_up()
    assert sorted(row["n"] for row in watcher.replica.rows("T").values()) == list(range(15))


def test_restarts_one_upon_another(server):
    """The signal to end arrives while the next process starts, at any point of the start."""
    owner, second = server.client(), server.client()
    owner.call("lock", "l")
    second.call("lock", "l")
    watcher = MonitorClient(server, "monitor_cond_since", ["name"], [["n", "<", 5]])
    dbs, options, remotes = server.how
    server.end()
    for _ in range(4):
        server.launch(dbs, *options, remotes=remotes, fds=server.manager.passed())
        server.process.terminate()
        # At the very first there is nobody who could end in another way.
        assert server.process.wait(wait.PATIENCE) in (0, -signal.SIGTERM)
        server.process = None
    start_again(server)
    owner.commit("small", {"op": "assert", "lock": "l"})
    owner.call("unlock", "l")
    assert second.notification("locked") == ["l"]
    owner.insert("small", "T", {"name": "x", "n": 1})
    watcher.catch_up()
    assert sorted(row["name"] for row in watcher.replica.rows("T").values()) == [
        *(f"row {n}" for n in range(5)), "x"]


def test_a_store_that_is_full(server):
    """Connections that the service manager does not store are closed."""
    client = server.client()
    client.call("lock", "l")
    server.manager.max_fds = 0
    server.end()
    client.wait_closed()
    start_again(server)
    assert server.client().call("lock", "l") == {"locked": True}


def test_other_rights(lab, managed):
    """A remote becomes read-only between two processes: its connections end, and new ones have the
    new rights."""
    row = "00000000-0000-0000-0000-000000000001"
    path = lab.db("remotes", None, {
        "Manager": {row: {"target": "punix:named"}},
        "Config": {"0000000a-0000-0000-0000-000000000000": {"managers": ["uuid", row]}}})
    managed.start([path], "--remote=db:remotes,Config,managers")
    named = os.path.join(managed.run_dir, "named")
    client = managed.client(named)
    client.call("echo")
    managed.end()
    dbfile.append(path, {"Manager": {row: {"read_only": True}}})
    start_again(managed)
    client.wait_closed()
    refused = managed.client(named).transact("remotes", {
        "op": "insert", "table": "Manager", "row": {"target": "tcp:1.2.3.4:5"}})
    assert "not allowed" in str(refused)
