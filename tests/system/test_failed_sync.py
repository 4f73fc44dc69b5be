# SPDX-License-Identifier: Apache-2.0
"""A failing fsync. The content of the file is unknown afterwards: the database becomes read-only,
and no client gets a reply that its transaction was committed."""
import pathlib
import shutil
import subprocess

import pytest

from harness import dbfile, wait
from harness.lab import schema
from harness.rpc import Closed

SOURCE = pathlib.Path(__file__).resolve().parents[1] / "data" / "system" / "failing_sync.c"

pytestmark = [pytest.mark.skipif(not shutil.which("cc"), reason="there is no compiler"),
              pytest.mark.ours("the reference server syncs with another system call")]


@pytest.fixture
def flag(lab):
    """The file whose existence makes syncs fail."""
    library = lab.path("failing_sync.so")
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, SOURCE], check=True)
    flag = lab.path("failing")
    lab.env["LD_PRELOAD"] = str(library)
    lab.env["FAILING_SYNC"] = str(flag)
    lab.env["ASAN_OPTIONS"] += ":verify_asan_link_order=0"
    return flag


def durable(name):
    return [{"op": "insert", "table": "T", "row": {"name": name}},
            {"op": "commit", "durable": True}]


def test_no_commit_is_reported(lab, flag):
    path = lab.db("small")
    server = lab.serve(path)
    server.allow("cannot be synced", "did not take what was written", "depends on a failed write")
    client, other = server.client(), server.client()
    client.commit("small", *durable("first"))
    other.call("monitor", "small", "m", {"T": {"columns": ["name"]}})
    flag.touch()
    client.request("transact", ["small", *durable("lost")])
    assert client.wait_closed() == []
    with pytest.raises(Closed):
        other.notification("update")  # nor is anybody shown the row
    flag.unlink()
    with server.client() as late:
        [*_, error] = late.transact("small", *durable("later"))
        assert error["error"] == "I/O error" and "Input/output error" in error["details"]
        assert late.call("echo", 1) == [1]
    assert "Input/output error" in server.control("ovsdb-server/get-db-storage-status", "small")
    server.stop()
    server.start([path])
    with server.client() as late:
        assert "first" in {r["name"] for r in late.select("small", "T", ["name"])}
        late.commit("small", *durable("works again"))


def fail_sync(server, flag):
    """Makes the database "small" one whose file could not be synced."""
    server.allow("cannot be synced", "did not take what was written", "depends on a failed write")
    flag.touch()
    with server.client() as client:
        client.request("transact", ["small", *durable("lost")])
        assert client.wait_closed() == []
    flag.unlink()


def test_other_databases_go_on(lab, flag):
    """The failure is that of one database; the others are written as before."""
    server = lab.serve("small", "ops")
    fail_sync(server, flag)
    def status(name):
        return server.control("ovsdb-server/get-db-storage-status", name)

    assert "Input/output error" in status("small")
    assert status("ops").strip() == "status: ok"


def test_compaction_and_conversion_are_refused(lab, flag):
    server = lab.serve("small")
    fail_sync(server, flag)
    with server.client() as client:
        schema = client.call("get_schema", "small")
        assert client.error("convert", "small", schema)["error"] == "I/O error"
        assert client.error("transact", "nope")["error"] == "unknown database"
        with server.client(server.control_path) as control:
            assert "read-only" in control.error("ovsdb-server/compact", "small")


@pytest.fixture
def three(lab, flag):
    """A server with the databases "bad", "slow" and "good"; the flag that makes syncs of "bad" fail;
    the flag that makes syncs of "slow" last until it is removed."""
    paths = [dbfile.create(lab.path(f"{name}.db"), {**schema("small"), "name": name})
             for name in ("bad", "slow", "good")]
    server = lab.serve(*paths)
    server.allow("cannot be synced", "did not take what was written", "depends on a failed write")
    return server, flag.with_name("failing.bad.db"), flag.with_name("failing.slow.db.slow")


def test_slow_and_failed_disks_do_not_concern_others(three):
    """Clients of a database wait for its own disk only."""
    server, fails, is_slow = three
    bad, slow, good, watcher = (server.client() for _ in range(4))
    watcher.call("monitor", "good", "m", {"T": {"columns": ["name"]}})
    for name, client in (("bad", bad), ("slow", slow), ("good", good)):
        client.commit(name, *durable("first"))
    watcher.notification("update")
    fails.touch()
    is_slow.touch()
    slow_request = slow.request("transact", ["slow", *durable("late")])
    bad.request("transact", ["bad", *durable("lost")])
    assert bad.wait_closed() == []
    for number in range(20):
        good.commit("good", *durable(f"n{number}"))  # while the sync of "slow" has not ended
        watcher.notification("update")
    with server.client() as late:
        late.commit("good", *durable("late"))
        assert "lost" in {r["name"] for r in late.select("bad", "T", ["name"])}
        assert late.call("echo", 1) == [1]
    watcher.notification("update")
    assert is_slow.exists()
    is_slow.unlink()
    [inserted, _] = slow.result(slow_request)
    assert inserted["uuid"]
    good.commit("good", *durable("last"))


def test_output_of_one_connection_stays_in_order(three):
    """Replies stay in the order of the requests, also if they wait for different disks."""
    server, _, is_slow = three
    client = server.client()
    client.commit("slow", *durable("first"))
    is_slow.touch()
    first = client.request("transact", ["slow", *durable("late")])
    second = client.request("transact", ["good", *durable("early")])
    with server.client() as other:
        wait.until(lambda: "early" in {r["name"] for r in other.select("good", "T", ["name"])},
                   "the row of the second transaction")
    is_slow.unlink()
    assert client.receive()["id"] == first
    assert client.receive()["id"] == second
