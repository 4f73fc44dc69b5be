# SPDX-License-Identifier: Apache-2.0
"""Active-backup replication: a backup follows an active server, and serves read-only meanwhile."""
import json

import pytest

from harness import wait
from harness.lab import schema
from harness.proxy import Proxy
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


def is_replicating(lab, server):
    return any(line.startswith("replicating: ") for line in status(lab, server))


def test_backup_follows(lab):
    active, backup = serve_pair(lab)
    wait.until(lambda: f"replicating: unix:{active.socket_path}" in status(lab, backup),
               "the status")
    assert status(lab, active) == ["state: active", ""]
    assert_follows(active, backup, "one")


@pytest.mark.difference("sync-status-by-database")
def test_status_of_each_database(lab):
    active = lab.serve(lab.db("small", "active.db"), lab.db("ops", "active2.db"))
    source = f"unix:{active.socket_path}"
    backup = lab.serve(lab.db("small", "backup.db"), lab.db("ops", "backup2.db"),
                       options=[f"--sync-from={source}", "--sync-exclude-tables=small:I,small:C"])
    blocks = ["database: ops", "state: backup", f"replicating: {source}", "",
              "database: small", "state: backup", f"replicating: {source}",
              "exclude: small:C,small:I", ""]
    wait.until(lambda: status(lab, backup) == blocks, "the status")
    command(lab, backup, "disconnect-active-ovsdb-server").ok()
    assert status(lab, backup) == ["database: ops", "state: active", "",
                                   "database: small", "state: active", ""]


@pytest.mark.difference("sync-status-by-database")
def test_status_of_one_that_cannot_be_reached(lab):
    source = f"unix:{lab.path('none.sock')}"
    backup = lab.serve(lab.db("small"), options=[f"--sync-from={source}"])
    backup.allow("net")
    wait.until(lambda: status(lab, backup) == ["database: small", "state: backup",
                                               f"connecting: {source}",
                                               "error: No such file or directory", ""],
               "the reason")


def other_small(lab, name, version, columns, tables):
    """A database "small" whose schema has these columns of T and further tables beside."""
    text = schema("small")
    text["version"] = version
    text["tables"]["T"]["columns"].update(columns)
    text["tables"].update(tables)
    path = lab.path(f"{name}.ovsschema")
    path.write_text(json.dumps(text))
    lab.tool("create", lab.path(name), path).ok()
    return lab.path(name)


MORE = {"extra": {"type": {"key": "integer", "min": 0, "max": 1}}}
NEW_TABLE = {"New": {"isRoot": True, "columns": {"x": {"type": "integer"}}}}


@pytest.mark.parametrize("columns, tables", [({}, {}), (MORE, {}), ({}, NEW_TABLE)],
                         ids=["version", "column", "table"])
def test_the_backup_has_a_newer_schema(lab, columns, tables):
    active = lab.serve(lab.db("small", "active.db"))
    backup = lab.serve(other_small(lab, "backup.db", "9.0.0", columns, tables),
                       options=[f"--sync-from=unix:{active.socket_path}"])
    assert_follows(active, backup, "one")


@pytest.mark.ours("the reference server ends replication when the schemas differ")
@pytest.mark.parametrize("columns, tables", [(MORE, {}), ({}, NEW_TABLE)], ids=["column", "table"])
def test_the_backup_has_an_older_schema(lab, columns, tables):
    """Tables and columns that the backup does not have are left out, and the log names them."""
    active = lab.serve(other_small(lab, "active.db", "9.0.0", columns, tables))
    backup = lab.serve(lab.db("small", "backup.db"),
                       options=[f"--sync-from=unix:{active.socket_path}"])
    backup.allow("not replicated, as only the active server's schema has it: "
                 + ("T:extra" if columns else "New"))
    assert_follows(active, backup, "one")
    assert "only the active server's schema has it" in backup.log()


@pytest.mark.ours("sync-status of the reference server does not show the reason")
def test_status_says_why_contents_do_not_fit(lab):
    name = {"name": {"type": {"key": {"type": "string", "maxLength": 3}}}}
    active = lab.serve(lab.db("small", "active.db"))
    with Client(active.socket_path) as client:
        client.insert("small", "T", {"name": "too long"})
    backup = lab.serve(other_small(lab, "backup.db", "9.0.0", name, {}),
                       options=[f"--sync-from=unix:{active.socket_path}"])
    backup.allow("replication", "net")
    wait.until(lambda: any(line.startswith("error: database small: ") and "column name" in line
                           for line in status(lab, backup)), "the reason")
    with Client(active.socket_path) as client:
        client.transact("small", {"op": "update", "table": "T", "where": [],
                                  "row": {"name": "abc"}})
    wait.until(lambda: is_replicating(lab, backup), "the end of it", 20)
    assert not any(line.startswith("error: ") for line in status(lab, backup))


def test_a_server_that_is_to_copy_itself(lab):
    """It goes back to being active."""
    server = lab.serve(lab.db("small"))
    server.allow("replication|ovsdb_error|net")
    command(lab, server, "set-active-ovsdb-server", f"unix:{server.socket_path}").ok()
    command(lab, server, "connect-active-ovsdb-server").ok()
    wait.until(lambda: "state: active" in status(lab, server), "the former role")
    with Client(server.socket_path) as client:
        client.insert("small", "T", {"name": "x"})


def test_connecting_without_a_source(lab):
    """Scripts read the text, and go on."""
    server = lab.serve(lab.db("small"))
    result = command(lab, server, "connect-active-ovsdb-server")
    assert (result.status, result.out) == (
        0, "Unable to connect: active server is not specified.\n")
    assert status(lab, server) == ["state: active", ""]


@pytest.mark.parametrize("reference_is", ["active", "backup"])
def test_beside_the_reference(lab, reference_is):
    active, backup = serve_pair(lab, **{reference_is + "_programs": lab.reference})
    assert_follows(active, backup, "one")


def test_backup_is_read_only(lab):
    _, backup = serve_pair(lab)
    with Client(backup.socket_path) as client:
        result = client.transact("small", {"op": "insert", "table": "T", "row": {}})
        assert result[0]["error"] == "not allowed"
        assert "not allowed" in str(client.error("lock", "door"))


def test_contents_of_the_backup_are_replaced(lab):
    active, backup = serve_pair(lab, "--active")
    assert "state: active" in status(lab, backup)
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
    assert "state: active" in status(lab, backup)
    with Client(backup.socket_path) as client:
        client.insert("small", "T", {"name": "own"})
    assert "own" in [row["name"] for row in rows(backup)]
    assert "own" not in [row["name"] for row in rows(active)]


@pytest.mark.ours("the reference server leaves the client connected: it never gets the lock")
def test_a_refused_lock_is_requested_again(lab):
    """Clients request a lock once in a connection. ovn-northd beside a backup would remain in
    standby."""
    _, backup = serve_pair(lab)
    with Client(backup.socket_path) as northd, Client(backup.socket_path) as other:
        for client in (northd, other):
            client.call("set_db_change_aware", True)
        assert "not allowed" in str(northd.error("lock", "door"))
        assert command(lab, backup, "disconnect-active-ovsdb-server").status == 0
        northd.wait_closed()
        assert other.call("echo", 1) == [1]
        assert other.call("lock", "door") == {"locked": True}


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


@pytest.mark.ours("the reference server transfers all contents after each reconnection")
@pytest.mark.parametrize("cut", ["the connection", "the source"])
def test_reconnecting_costs_the_difference(lab, cut):
    """The backup sends its last transaction id, and the source recognizes it even after a restart,
    if no column is ephemeral."""
    active, copy = (other_small(lab, name, "1.2.3", {"eph": {"type": "string"}}, {})
                    for name in ("active.db", "backup.db"))
    active = lab.serve(active)
    path = lab.path("proxy.sock")
    with Client(active.socket_path) as client:
        client.transact("small", *[{"op": "insert", "table": "T", "row": {"name": f"row {i}", "n": i}}
                                   for i in range(3000)])
    with Proxy(path, active) as proxy:
        backup = lab.serve(copy, options=[f"--sync-from=unix:{path}"])
        assert_follows(active, backup, "one")
        assert proxy.n_bytes > 100_000
    path.unlink()
    with Client(active.socket_path) as client:
        client.transact("small", {"op": "update", "table": "T", "where": [["n", "==", 7]],
                                  "row": {"tags": ["set", ["x", "y"]]}},
                        {"op": "delete", "table": "T", "where": [["n", "==", 8]]})
        client.insert("small", "T", {"name": "new"})
    if cut == "the source":
        active.stop()
        active.start([lab.path("active.db")])
    with Proxy(path, active) as proxy:
        wait.until(lambda: rows(backup) == rows(active), "the backup to follow again")
        assert_follows(active, backup, "two")
        assert proxy.n_bytes < 20_000


@pytest.mark.ours("the reference server transfers all contents after each reconnection")
def test_a_server_that_was_active_gets_all_contents(lab):
    """Changes that clients made while the server was active are replaced by the contents of the
    source."""
    active, backup = serve_pair(lab)
    assert_follows(active, backup, "one")
    command(lab, backup, "disconnect-active-ovsdb-server").ok()
    with Client(backup.socket_path) as client:
        client.insert("small", "T", {"name": "own"})
    command(lab, backup, "connect-active-ovsdb-server").ok()
    wait.until(lambda: rows(backup) == rows(active), "the contents of the source")


def test_the_contents_of_a_backup_are_stored(lab):
    active, backup = serve_pair(lab)
    assert_follows(active, backup, "one")
    expected = rows(active)
    backup.stop()
    backup.start([lab.path("backup.db")])
    assert rows(backup) == expected


def test_source_is_shown_and_changed(lab):
    active = lab.serve(lab.db("small", "active.db"))
    other = lab.serve(lab.db("small", "other.db"))
    source = f"unix:{active.socket_path}"
    assert command(lab, other, "set-active-ovsdb-server", source).status == 0
    assert command(lab, other, "get-active-ovsdb-server").out == source + "\n"
    assert "state: active" in status(lab, other)
    assert command(lab, other, "connect-active-ovsdb-server").status == 0
    assert_follows(active, other, "one")


@pytest.mark.ours("the reference server changes the source only at the next connection")
def test_a_new_source_without_a_key(lab):
    """A command sets a source with TLS, for which the backup has no key."""
    _, backup = serve_pair(lab)
    backup.allow("cannot connect to the active server: .*TLS needs --private-key")
    backup.control("ovsdb-server/set-active-ovsdb-server", "ssl:127.0.0.1:6640")
    wait.until(lambda: "TLS needs --private-key" in backup.log(), "the reason")


@pytest.mark.difference("backup-status-is-live")
def test_other_schema_is_not_replicated(lab):
    active = lab.serve(lab.db("small", "active.db"))
    backup = lab.serve(lab.db("ops", "backup.db"),
                       options=[f"--sync-from=unix:{active.socket_path}"])
    backup.allow("replication")
    wait.until(lambda: "replication|WARN" in backup.log(), "the warning")
    assert not is_replicating(lab, backup)
    assert "error: the active server does not have it" in status(lab, backup)
