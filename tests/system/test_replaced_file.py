# SPDX-License-Identifier: Apache-2.0
"""A database file that is removed, replaced or overwritten while it is served. Later commits would
be lost at the next start, so the database becomes read-only, and the status has the reason."""
import os
import shutil

import pytest

from harness import dbfile, wait
from harness.small_schema import A, names

pytestmark = pytest.mark.ours("the reference server loses what it commits after the replacement")


def durable(name):
    return [{"op": "insert", "table": "T", "row": {"name": name}},
            {"op": "commit", "durable": True}]


def remove(db, other):
    os.unlink(db)


def rename(db, other):
    os.rename(db, f"{db}.old")


def move_over(db, other):
    os.rename(other, db)


def cat_over(db, other):
    with open(db, "wb") as out:
        out.write(other.read_bytes())


def copy_over(db, other):
    shutil.copyfile(other, db)


INCIDENTS = {remove: "removed or renamed", rename: "removed or renamed", move_over: "replaced",
             cat_over: "overwritten", copy_over: "overwritten"}


@pytest.fixture
def other(lab):
    """Another database of the same schema."""
    return lab.db("small", "other.db", {"T": {A: {"name": "restored"}}})


def status(server):
    return server.control("ovsdb-server/get-db-storage-status", "small").strip()


@pytest.mark.parametrize("happen", INCIDENTS, ids=lambda f: f.__name__)
@pytest.mark.parametrize("operations", [durable("b"), durable("b")[:1]], ids=["durable", "usual"])
def test_nothing_is_committed(lab, other, happen, operations):
    db = lab.db("small")
    server = lab.serve(db).allow("by another program")
    client, watcher = server.client(), server.client()
    client.commit("small", *durable("a"))
    watcher.call("monitor", "small", "m", {"T": {"columns": ["name"]}})
    happen(db, other)
    left = db.read_bytes() if db.exists() else None
    [*_, error] = client.transact("small", *operations)
    assert error["error"] == "I/O error" and INCIDENTS[happen] in error["details"]
    assert INCIDENTS[happen] in status(server)
    assert watcher.call("echo", 1) == [1] and names(server) == ["a"]
    server.wait_log(rf"ERR.*small.db: .*{INCIDENTS[happen]} by another program; the database is"
                    rf" read-only")
    server.stop()
    assert left == (db.read_bytes() if db.exists() else None)


def test_status_alone_notices_it(lab):
    db = lab.db("small")
    server = lab.serve(db).allow("by another program")
    assert status(server) == "status: ok"
    os.unlink(db)
    assert "removed or renamed" in status(server)


def test_service_manager_is_told(lab, managed, manager, other):
    db = lab.db("small")
    managed.start([db])
    managed.allow("by another program")
    client = managed.client()
    os.rename(other, db)
    [*_, error] = client.transact("small", {"op": "insert", "table": "T", "row": {}})
    assert error["error"] == "I/O error"
    wait.until(lambda: any(line.startswith("STATUS=database small is read-only: the file was"
                                           " replaced")
                           for line in manager.said), "the status")
    managed.restart()
    assert names(managed) == ["restored"]
    managed.client().insert("small", "T", {"name": "new"})


def test_other_databases_go_on(lab):
    small, ops = lab.db("small"), lab.db("ops")
    server = lab.serve(small, ops).allow("by another program")
    client = server.client()
    os.unlink(small)
    assert client.transact("small", *durable("a"))[-1]["error"] == "I/O error"
    client.commit("ops", {"op": "insert", "table": "Leaf", "row": {"name": "a"}},
                  {"op": "commit", "durable": True})


@pytest.mark.parametrize("happen", INCIDENTS, ids=lambda f: f.__name__)
def test_compaction_and_conversion_replace_nothing(lab, other, happen):
    db = lab.db("small")
    server = lab.serve(db).allow("by another program")
    client = server.client()
    schema = client.call("get_schema", "small")
    client.commit("small", *durable("a"))
    happen(db, other)
    left = db.read_bytes() if db.exists() else None
    with server.client(server.control_path) as control:
        assert INCIDENTS[happen] in control.error("ovsdb-server/compact", "small")
    assert client.error("convert", "small", {**schema, "version": "9.9.9"})["error"] == "I/O error"
    assert left == (db.read_bytes() if db.exists() else None)


def test_own_compaction_and_conversion_are_no_replacement(lab):
    real = lab.db("small", "real.db")
    link = lab.path("link.db")
    link.symlink_to("real.db")
    server = lab.serve(link)
    client = server.client()
    schema = client.call("get_schema", "small")
    client.call("set_db_change_aware", True)
    for number in range(3):
        client.commit("small", *durable(f"a{number}"))
        server.control("ovsdb-server/compact")
        client.commit("small", *durable(f"b{number}"))
        client.call("convert", "small", {**schema, "version": f"9.9.{number}"})
        client.commit("small", *durable(f"c{number}"))
    assert status(server) == "status: ok"
    server.stop()
    server.start([link])
    assert len(names(server)) == 9 and len(dbfile.read(real)) > 2


def test_tool_refuses_a_served_file(lab):
    db = lab.db("small")
    server = lab.serve(db)
    server.client().commit("small", *durable("a"))
    result = lab.tool("compact", db)
    assert result.status == 1 and f"process {server.pid}" in result.err
    server.client().commit("small", *durable("b"))
    assert status(server) == "status: ok"
