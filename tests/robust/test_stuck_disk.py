# SPDX-License-Identifier: Apache-2.0
"""A disk whose syncs do not return, under one of several databases. The others are served as
before, also while that one is removed."""
import pytest

from harness import dbfile, wait

SCHEMA = {"name": "slow", "version": "1.0.0", "tables": {
    "T": {"isRoot": True, "columns": {"name": {"type": "string"}}}}}
HEALTHY = {**SCHEMA, "name": "healthy"}


def insert(name, durable):
    return [{"op": "insert", "table": "T", "row": {"name": name}},
            {"op": "commit", "durable": durable}]


def aware(server):
    client = server.client()
    client.call("set_db_change_aware", True)
    return client


def names(client, db):
    return {row["name"] for row in client.select(db, "T", ["name"])}


class Disk:
    def __init__(self, path):
        self.path = path
        self.db = dbfile.create(path / "slow.db", SCHEMA)
        self.stuck = path / "stuck"


@pytest.fixture
def disk(lab, library):
    path = lab.path("disk")
    path.mkdir()
    lab.env.update(LD_PRELOAD=str(library), FAULTY_FOLDER=str(path), FAULTY_AT="0",
                   ASAN_OPTIONS=lab.env["ASAN_OPTIONS"] + ":verify_asan_link_order=0")
    disk = Disk(path)
    yield disk
    disk.stuck.unlink(missing_ok=True)


@pytest.fixture
def server(lab, disk):
    return lab.new_server().start([disk.db, dbfile.create(lab.path("healthy.db"), HEALTHY)])


def check_healthy(server, name):
    """Everything but the stuck database answers."""
    with server.client() as client:
        client.call("set_db_change_aware", True)
        client.commit("healthy", *insert(name, True))
        assert name in names(client, "healthy")


@pytest.mark.ours("the reference server syncs on its only thread")
@pytest.mark.parametrize("pending", ["a durable commit", "another commit"])
def test_the_database_is_removed(lab, disk, server, pending):
    client, control = aware(server), server.client(server.control_path)
    client.commit("slow", *insert("first", True))
    disk.stuck.touch()
    is_durable = pending == "a durable commit"
    commit = client.request("transact", ["slow", *insert("second", is_durable)])
    if not is_durable:
        client.result(commit)
    check_healthy(server, "a")
    remove = control.request("ovsdb-server/remove-db", ["slow"])
    wait.until(lambda: server.control("ovsdb-server/list-dbs").split() == ["_Server", "healthy"],
               "the end of the service")
    check_healthy(server, "b")
    # Another file is opened meanwhile, the same file afterwards.
    server.control("ovsdb-server/add-db",
                   dbfile.create(lab.path("other.db"), {**SCHEMA, "name": "other"}))
    again = server.client(server.control_path)
    add = again.request("ovsdb-server/add-db", [str(disk.db)])
    check_healthy(server, "c")
    assert control.receive_waiting() == ([], True), "a reply before the file is closed"
    assert again.receive_waiting() == ([], True), "a reply before the file is closed"
    assert is_durable <= (client.receive_waiting()[0] == []), "a reply before the sync"
    disk.stuck.unlink()
    assert control.result(remove) == ""
    assert again.result(add) == ""
    if is_durable:
        assert client.result(commit)[0]["uuid"]
    assert names(aware(server), "slow") == {"first", "second"}


@pytest.mark.ours("the reference server syncs on its only thread")
def test_the_server_ends_while_it_is_removed(disk, server):
    client, control = aware(server), server.client(server.control_path)
    disk.stuck.touch()
    client.commit("slow", *insert("kept", False))
    remove = control.request("ovsdb-server/remove-db", ["slow"])
    wait.until(lambda: "slow" not in server.control("ovsdb-server/list-dbs"),
               "the end of the service")
    server.process.terminate()
    server.wait_log("stopping")
    disk.stuck.unlink()
    assert control.result(remove) == ""
    server.wait_end()
    server.start([disk.db])
    assert names(aware(server), "slow") == {"kept"}
