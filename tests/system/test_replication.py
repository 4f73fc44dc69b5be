# SPDX-License-Identifier: Apache-2.0
"""Active-backup replication: a backup follows an active server, and serves read-only meanwhile."""
import pytest

from harness import wait
from harness.rpc import Client

COLUMNS = ["_uuid", "name", "n", "tags", "map"]


def rows(server):
    with Client(server.socket_path) as client:
        return sorted(client.select("small", "T", COLUMNS), key=str)


def status(lab, server):
    return command(lab, server, "sync-status").out.split("\n")


def command(lab, server, name, *args):
    return lab.appctl("-t", server.control_path, "ovsdb-server/" + name, *args)


def serve_pair(lab, *options, backup_programs=None, active_programs=None):
    active = lab.serve(lab.db("small", "active.db"), programs=active_programs)
    backup = lab.serve(lab.db("small", "backup.db"), programs=backup_programs,
                       options=[f"--sync-from=unix:{active.socket_path}", *options])
    return active, backup


def assert_follows(active, backup, name):
    with Client(active.socket_path) as client:
        client.insert("small", "T", {"name": name, "n": 5, "tags": ["set", ["a", "b"]],
                                     "map": ["map", [["k", "v"]]]})
        client.transact("small", {"op": "insert", "table": "T", "row": {"name": "gone"}})
        client.transact("small", {"op": "update", "table": "T", "where": [["name", "==", name]],
                                  "row": {"n": 6, "tags": "c"}},
                        {"op": "delete", "table": "T", "where": [["name", "==", "gone"]]})
    wait.until(lambda: rows(backup) == rows(active), "the backup to follow")
    assert [row["n"] for row in rows(backup) if row["name"] == name] == [6]


def test_backup_follows(lab):
    active, backup = serve_pair(lab)
    wait.until(lambda: f"replicating: unix:{active.socket_path}" in status(lab, backup), "the status")
    assert status(lab, backup)[:3] == ["state: backup", f"replicating: unix:{active.socket_path}",
                                       "database: small"]
    assert status(lab, active)[0] == "state: active"
    assert_follows(active, backup, "one")


@pytest.mark.parametrize("peer_is", ["active", "backup"])
def test_beside_the_peer(lab, peer_is):
    active, backup = serve_pair(lab, **{peer_is + "_programs": lab.peer})
    assert_follows(active, backup, "one")


def test_backup_is_read_only(lab):
    _, backup = serve_pair(lab)
    with Client(backup.socket_path) as client:
        result = client.transact("small", {"op": "insert", "table": "T", "row": {}})
        assert result[0]["error"] == "not allowed"
        assert "not allowed" in str(client.error("lock", "door"))


def test_contents_of_the_backup_are_replaced(lab):
    active, backup = serve_pair(lab, "--active")
    assert status(lab, backup)[0] == "state: active"
    with Client(active.socket_path) as client:
        client.insert("small", "T", {"name": "theirs"})
    with Client(backup.socket_path) as client:
        client.insert("small", "T", {"name": "ours"})
    assert command(lab, backup, "connect-active-ovsdb-server").status == 0
    wait.until(lambda: rows(backup) == rows(active), "the backup to follow")
    assert [row["name"] for row in rows(backup)] == ["theirs"]


def test_roles_change(lab):
    active, backup = serve_pair(lab)
    assert_follows(active, backup, "one")
    assert command(lab, backup, "disconnect-active-ovsdb-server").status == 0
    assert status(lab, backup)[0] == "state: active"
    with Client(backup.socket_path) as client:
        client.insert("small", "T", {"name": "own"})
    assert "own" in [row["name"] for row in rows(backup)]
    assert "own" not in [row["name"] for row in rows(active)]


def test_excluded_tables_are_left_alone(lab):
    active, backup = serve_pair(lab, "--active", "--sync-exclude-tables=small:I")
    for server, b in ((active, "theirs"), (backup, "ours")):
        with Client(server.socket_path) as client:
            client.insert("small", "I", {"a": 1, "b": b})
    command(lab, backup, "connect-active-ovsdb-server")
    assert_follows(active, backup, "one")
    assert "exclude: small:I" in status(lab, backup)
    with Client(backup.socket_path) as client:
        assert client.select("small", "I", ["b"]) == [{"b": "ours"}]
    assert command(lab, backup, "get-sync-exclude-tables").out == "small:I\n"


@pytest.mark.difference("backup-status-is-live")
def test_backup_connects_again(lab):
    active, backup = serve_pair(lab)
    backup.allow("replication", "net")
    assert_follows(active, backup, "one")
    path = lab.path("active.db")
    active.kill()
    wait.until(lambda: any(line.startswith("connecting:") for line in status(lab, backup)),
               "the connection to be lost")
    active.start([path])
    wait.until(lambda: any(line.startswith("replicating:") for line in status(lab, backup)),
               "the connection to be back")
    assert_follows(active, backup, "two")


def test_what_a_backup_holds_is_stored(lab):
    active, backup = serve_pair(lab)
    assert_follows(active, backup, "one")
    expected = rows(active)
    backup.stop()
    backup.start([lab.path("backup.db")])
    assert rows(backup) == expected


@pytest.mark.difference("backup-status-is-live")
def test_source_is_shown_and_changed(lab):
    active = lab.serve(lab.db("small", "active.db"))
    other = lab.serve(lab.db("small", "other.db"))
    source = f"unix:{active.socket_path}"
    assert command(lab, other, "connect-active-ovsdb-server").status == 2
    assert command(lab, other, "set-active-ovsdb-server", source).status == 0
    assert command(lab, other, "get-active-ovsdb-server").out == source + "\n"
    assert status(lab, other)[0] == "state: active"
    assert command(lab, other, "connect-active-ovsdb-server").status == 0
    assert_follows(active, other, "one")


@pytest.mark.ours("the peer goes over to it at the next connection")
def test_a_new_source_that_cannot_be_asked(lab):
    """A backup is told of one over TLS, for which it has no key."""
    _, backup = serve_pair(lab)
    backup.allow("the active server cannot be connected to: .*TLS needs --private-key")
    backup.control("ovsdb-server/set-active-ovsdb-server", "ssl:127.0.0.1:6640")
    wait.until(lambda: "TLS needs --private-key" in backup.log(), "the reason")


@pytest.mark.difference("backup-status-is-live")
def test_other_schema_is_not_replicated(lab):
    active = lab.serve(lab.db("small", "active.db"))
    backup = lab.serve(lab.db("ops", "backup.db"),
                       options=[f"--sync-from=unix:{active.socket_path}"])
    backup.allow("replication")
    wait.until(lambda: "replication|WARN" in backup.log(), "the warning")
    assert not any(line.startswith("replicating:") for line in status(lab, backup))
