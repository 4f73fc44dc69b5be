# SPDX-License-Identifier: Apache-2.0
"""A full disk: writes fail with an error, reads succeed, and acknowledged transactions are kept."""
import subprocess
import threading

import pytest
from harness import dbfile, wait
from harness.rpc import Client

SCHEMA = {"name": "full", "version": "1.0.0", "tables": {
    "T": {"isRoot": True, "columns": {"tag": {"type": "string"}, "load": {"type": "string"}}}}}


@pytest.fixture
def disk(lab):
    """A file system of 1 MiB."""
    path = lab.path("disk")
    path.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", path],
                      check=False, stderr=subprocess.PIPE).returncode:
        pytest.skip("only root may mount a small file system")
    yield path
    for server in lab.servers:
        server.clean_up()
    subprocess.run(["umount", path], check=True)


@pytest.fixture
def db(disk):
    return dbfile.create(disk / "full.db", SCHEMA)


def tags(client):
    return {row["tag"] for row in client.select("full", "T", ["tag"])}


def fill(server, name, kept, durable):
    """Writes until the disk is full; adds the tags of confirmed transactions to `kept`."""
    client = server.client()
    for number in range(10000):
        tag = f"{name}-{number}"
        reply = client.transact("full",
                                {"op": "insert", "table": "T", "row": {
                                    "tag": tag, "load": "x" * 2000}},
                                {"op": "commit", "durable": durable})
        errors = [r["error"] for r in reply if r and "error" in r]
        if errors:
            assert errors == ["I/O error"], reply
            return
        kept.add(tag)
    raise AssertionError("the disk never was full")


def fill_by_four(server):
    kept = set()
    threads = [threading.Thread(target=fill, args=(server, f"w{i}", kept, i % 2 == 0))
               for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return kept


def test_full_disk_under_load(lab, disk, db):
    ballast = disk / "ballast"
    ballast.write_bytes(b"x" * 400000)
    server = lab.new_server().allow(r"full\.db|No space left").start([db])
    reader = server.client()
    kept = fill_by_four(server)
    assert len(kept) > 50
    assert tags(reader) == kept
    # While the disk is full, every write fails, and the file does not grow.
    reply = reader.transact("full", {"op": "insert", "table": "T", "row": {
        "tag": "too much", "load": "x" * 2000}})
    assert reply[-1]["error"] == "I/O error"
    # Transactions that write nothing succeed.
    reader.commit("full", {"op": "update", "table": "T", "where": [["tag", "==", "none"]],
                           "row": {"load": ""}})
    ballast.unlink()
    reader.insert("full", "T", {"tag": "after"})
    assert tags(reader) == kept | {"after"}
    server.stop()
    server.start([db])
    assert tags(server.client()) == kept | {"after"}


def test_kill_on_a_full_disk(lab, disk, db):
    """The server is killed while the disk is full: confirmed transactions are kept, rejected ones
    are not in the file."""
    (disk / "ballast").write_bytes(b"x" * 400000)
    server = lab.new_server().allow(r"full\.db|No space left").start([db])
    kept = fill_by_four(server)
    server.kill()
    server.start([db])
    assert tags(server.client()) == kept


def test_compaction_without_space(lab, disk, db):
    """A compaction without enough space fails with an error and leaves the database unchanged."""
    server = lab.new_server().allow(r"full\.db|No space left").start([db])
    kept = set()
    fill(server, "w", kept, True)
    with server.client(server.control_path) as control:
        error = control.error("ovsdb-server/compact", "full")
    assert "No space left" in error
    assert tags(server.client()) == kept
    assert sorted(p.name for p in disk.iterdir()) == [".full.db.~lock~", "full.db"]
    server.client().commit("full", {"op": "delete", "table": "T", "where": [["tag", "==", "w-1"]]})
    server.stop()
    server.start([db])
    assert tags(server.client()) == kept - {"w-1"}


def test_conversion_without_space(lab, disk, db):
    """A conversion without enough space changes nothing, and its client gets the error."""
    server = lab.new_server().allow(r"full\.db|No space left").start([db])
    kept = set()
    fill(server, "w", kept, True)
    client = server.client()
    client.call("set_db_change_aware", True)
    client.call("monitor", "full", "m", {"T": {"columns": ["tag"], "select": {"initial": False}}})
    error = client.error("convert", "full", {**SCHEMA, "version": "2.0.0"})
    assert error["error"] == "I/O error" and "No space left" in error["details"], error
    assert client.call("get_schema", "full")["version"] == "1.0.0"
    client.has_no_notification()
    assert sorted(p.name for p in disk.iterdir()) == [".full.db.~lock~", "full.db"]
    client.commit("full", {"op": "delete", "table": "T", "where": [["tag", "==", "w-1"]]})
    assert len(client.notification("update")[1]["T"]) == 1
    server.stop()
    server.start([db])
    assert tags(server.client()) == kept - {"w-1"}


def test_log_file_on_a_full_disk(lab, disk):
    """The server continues if its log file cannot be written."""
    db = dbfile.create(lab.path("full.db"), SCHEMA)
    server = lab.new_server()
    server.log_path = str(disk / "server.log")
    server.start([db])
    (disk / "ballast").write_bytes(b"x")
    with open(disk / "ballast", "ab", buffering=0) as ballast:
        try:
            while True:
                ballast.write(b"x" * 4096)
        except OSError:
            pass
    client = server.client()
    for number in range(200):
        server.client().send_raw("no JSON}")
        client.insert("full", "T", {"tag": str(number)})
    assert len(tags(client)) == 200
    server.allowed.append("")


def test_start_on_a_full_disk(lab, disk, db):
    """The server starts, or gives the reason why it cannot."""
    server = lab.new_server().allow(r"full\.db|No space left").start([db])
    server.client().insert("full", "T", {"tag": "a"})
    server.stop()
    try:
        (disk / "ballast").write_bytes(b"x" * 2000000)
    except OSError:
        pass
    server.start([db])
    assert tags(server.client()) == {"a"}


# A database whose schema has what is told of remotes written to the file.
TOLD = {"name": "told", "version": "1.0.0", "tables": {
    "Config": {"isRoot": True, "columns": {
        "remotes": {"type": {"key": {"type": "uuid", "refTable": "Remote"}, "min": 0, "max": 9}},
        "load": {"type": "string"}}},
    "Remote": {"columns": {"target": {"type": "string"}, "is_connected": {"type": "boolean"}}}}}


def test_status_of_remotes_is_written_when_there_is_space(lab, disk):
    def is_connected():
        return client.select("told", "Remote", ["is_connected"])[0]["is_connected"]

    ballast = disk / "ballast"
    socket = lab.run_dir / "named.sock"
    server = lab.new_server().allow("No space left").start(
        [dbfile.create(disk / "told.db", TOLD)], "--remote=db:told,Config,remotes")
    client = server.client()
    client.commit("told",
                  {"op": "insert", "table": "Remote", "uuid-name": "r",
                   "row": {"target": f"punix:{socket}"}},
                  {"op": "insert", "table": "Config", "row": {"remotes": ["named-uuid", "r"]}})
    wait.until(socket.exists, "the remote")
    with ballast.open("wb", buffering=0) as file, pytest.raises(OSError):
        while True:
            file.write(b"x" * 4096)
    for size in (1000, 300, 100, 30, 10, 1):  # into what is left of the last page
        while "error" not in client.transact("told", {
                "op": "insert", "table": "Config", "row": {"load": "x" * size}})[-1]:
            pass
    with Client(socket) as other:
        other.call("echo")
        server.wait_log("cannot write the status of remotes: .*No space left")
        assert not is_connected()
        ballast.unlink()
        wait.until(is_connected, "what could not be written before")
