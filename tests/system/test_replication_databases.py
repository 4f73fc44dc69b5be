# SPDX-License-Identifier: Apache-2.0
"""Active-backup replication of single databases: each has its own role, source and state."""
import json
import threading

import pytest

from harness import wait
from harness.lab import schema
from harness.rpc import Client, Closed, RpcError

pytestmark = pytest.mark.ours("the reference server has one role and one source for all databases")


def command(server, name, *args):
    return server.control("ovsdb-server/" + name, *args).strip()


def names(server):
    return sorted(row["name"] for row in server.client().select("small", "T", ["name"]))


def serve_two(lab, name, *options):
    return lab.serve(lab.db("small", f"{name}-small.db"), lab.db("ops", f"{name}-ops.db"),
                     options=options)


def replicates(server, db):
    return "replicating: " in command(server, "sync-status", db)


def test_the_commands_take_a_database(lab):
    active, server = serve_two(lab, "active"), serve_two(lab, "backup")
    source = f"unix:{active.socket_path}"
    active.client().insert("small", "T", {"name": "there"})
    assert command(server, "sync-status", "small") == "database: small\nstate: active"
    command(server, "set-active-ovsdb-server", source, "small")
    assert command(server, "get-active-ovsdb-server", "small") == source
    assert command(server, "get-active-ovsdb-server", "ops") == ""
    assert command(server, "get-active-ovsdb-server") == f"ops: \nsmall: {source}"
    command(server, "set-active-ovsdb-server-probe-interval", "7000", "small")
    command(server, "connect-active-ovsdb-server", "small")
    wait.until(lambda: replicates(server, "small"), "the copy")
    assert names(server) == ["there"]
    command(server, "sync-wait", "small")
    assert command(server, "sync-status") == (
        f"database: ops\nstate: active\n\ndatabase: small\nstate: backup\nreplicating: {source}")
    assert command(server, "connect-active-ovsdb-server", "ops") == \
        "Unable to connect: active server is not specified."
    assert "role: mixed\ndatabases: ops small\nbackups: small\n" in command(server, "status")
    metrics = server.control("metrics")
    assert 'ovsdb_database_replicating{database="small"} 1' in metrics
    assert 'ovsdb_database_backup{database="ops"} 0' in metrics
    # The other database is not affected.
    client = server.client()
    assert client.transact("small", {"op": "insert", "table": "T", "row": {}})[0]["error"] == \
        "not allowed"
    table = next(iter(schema("ops")["tables"]))
    client.commit("ops", {"op": "insert", "table": table, "row": {}})
    command(server, "disconnect-active-ovsdb-server", "small")
    server.client().insert("small", "T", {"name": "own"})
    assert "state: backup" not in command(server, "sync-status")


def test_excluded_tables_of_a_database(lab):
    server = serve_two(lab, "one", "--sync-exclude-tables=small:I,ops:X,small:C")
    command(server, "set-sync-exclude-tables", "small:T", "small")
    assert command(server, "get-sync-exclude-tables") == "ops:X,small:T"
    assert command(server, "get-sync-exclude-tables", "small") == "small:T"
    with pytest.raises(RpcError, match="not only tables of the database ops"):
        command(server, "set-sync-exclude-tables", "ops:X,small:I", "ops")
    command(server, "set-sync-exclude-tables", "", "small")
    assert command(server, "get-sync-exclude-tables") == "ops:X"


def test_a_database_that_does_not_exist(lab):
    server = serve_two(lab, "one")
    for name, *args in (("set-active-ovsdb-server", "tcp:127.0.0.1:1"),
                        ("get-active-ovsdb-server",), ("connect-active-ovsdb-server",),
                        ("disconnect-active-ovsdb-server",),
                        ("set-active-ovsdb-server-probe-interval", "1"),
                        ("set-sync-exclude-tables", ""), ("get-sync-exclude-tables",),
                        ("sync-wait",), ("sync-status",)):
        with pytest.raises(RpcError, match="no database named none"):
            command(server, name, *args, "none")


def test_clients_of_other_databases_stay(lab):
    """A change of a role disconnects only clients that use the database and do not expect it."""
    server = serve_two(lab, "one")
    server.allow("net")
    of_small, of_ops, aware = server.client(), server.client(), server.client()
    aware.call("set_db_change_aware", True)
    for client, db in ((of_small, "small"), (of_ops, "ops"), (aware, "small")):
        client.call("get_schema", db)
    command(server, "set-active-ovsdb-server", "unix:/nonexistent", "small")
    command(server, "connect-active-ovsdb-server", "small")
    of_small.wait_closed()
    assert of_ops.call("echo", 1) == aware.call("echo", 1) == [1]
    # A client that uses only a backup is refused the lock, until the database is active.
    assert of_ops.call("lock", "door") == {"locked": True}
    assert "not allowed" in str(aware.error("lock", "window"))
    command(server, "disconnect-active-ovsdb-server", "small")
    aware.wait_closed()
    assert of_ops.call("echo", 2) == [2]


def test_one_connection_for_all(lab):
    """And a database that does not fit has no effect on the other."""
    active = serve_two(lab, "active")
    active.client().insert("small", "T", {"name": "too long"})
    text = schema("small")
    text["tables"]["T"]["columns"]["name"] = {"type": {"key": {"type": "string", "maxLength": 3}}}
    path = lab.path("strict.ovsschema")
    path.write_text(json.dumps(text))
    lab.tool("create", lab.path("strict.db"), path).ok()
    backup = lab.serve(lab.path("strict.db"), lab.db("ops", "ops.db"),
                       options=[f"--sync-from=unix:{active.socket_path}"])
    backup.allow("replication")
    wait.until(lambda: "error: database small: " in command(backup, "sync-status", "small"),
               "the reason")
    wait.until(lambda: replicates(backup, "ops"), "the other database")
    assert "clients: 2\n" in command(active, "status"), "the backup and the client above"
    with pytest.raises(RpcError, match="not all databases are replicating"):
        command(backup, "sync-wait")
    active.client().commit("small", {"op": "update", "table": "T", "where": [],
                                     "row": {"name": "fit"}})
    wait.until(lambda: replicates(backup, "small"), "the end of it", 20)
    assert names(backup) == ["fit"]


@pytest.mark.parametrize("form", ["option", "text", "json"])
def test_differences_between_schemas_can_be_refused(lab, form):
    """By an option, or for one database in the configuration file, which a reload follows."""
    active = serve_two(lab, "active")
    source = f"unix:{active.socket_path}"
    active.client().insert("small", "T", {"name": "there"})
    text = schema("small")
    del text["tables"]["T"]["columns"]["map"]
    text["tables"]["Ours"] = {"columns": {"x": {"type": "string"}}}
    path = lab.path("other.ovsschema")
    path.write_text(json.dumps(text))
    lab.tool("create", lab.path("other.db"), path).ok()
    config = lab.path("server.conf")

    def configure(strict):
        config.write_text(
            f"[database {lab.path('other.db')}]\nsource = {source}\nbackup = yes\n"
            f"strict-schema = {'yes' if strict else 'no'}\n" if form == "text" else
            json.dumps({"databases": {str(lab.path("other.db")): {
                "service-model": "active-backup", "backup": True, "source": {source: None},
                "strict-schema": strict}}}))

    configure(True)
    backup = lab.new_server()
    if form == "option":
        backup.start([lab.path("other.db")], f"--sync-from={source}", "--sync-strict-schema")
    else:
        backup.start([], f"--config-file={config}")
    backup.allow("replication")
    wait.until(lambda: "error: the schemas differ: only the active server has T:map; only this "
               "server has Ours" in command(backup, "sync-status", "small"), "the reason")
    assert names(backup) == []
    if form != "option":
        configure(False)
        backup.control("ovsdb-server/reload")
        wait.until(lambda: names(backup) == ["there"], "the contents")


def test_the_next_remote_of_the_list(lab):
    """One that cannot be reached, and one whose connection ends."""
    one, two = serve_two(lab, "one"), serve_two(lab, "two")
    for server in (one, two):
        server.client().insert("small", "T", {"name": "there"})
    backup = serve_two(lab, "backup", "--sync-from=unix:/nonexistent,"
                       f"unix:{one.socket_path},unix:{two.socket_path}")
    backup.allow("net", "replication")
    wait.until(lambda: replicates(backup, "small"), "the second remote")
    assert f"remote: unix:{one.socket_path}" in command(backup, "sync-status", "small")
    two.client().insert("small", "T", {"name": "new"})
    one.kill()
    wait.until(lambda: names(backup) == ["new", "there"], "the third remote", 20)
    wait.until(lambda: f"remote: unix:{two.socket_path}" in
               command(backup, "sync-status", "small"), "its name")


def test_the_next_remote_of_one_without_the_database(lab):
    """A server that has one of the databases is used for that; the other one waits."""
    without = lab.serve(lab.db("ops", "without.db"))
    active = serve_two(lab, "active")
    active.client().insert("small", "T", {"name": "there"})
    sources = f"unix:{without.socket_path},unix:{active.socket_path}"
    backup = lab.serve(lab.db("small", "copy.db"), options=[f"--sync-from={sources}"])
    backup.allow("net", "replication")
    wait.until(lambda: names(backup) == ["there"], "the second remote")
    both = serve_two(lab, "backup", f"--sync-from={sources}")
    both.allow("net", "replication")
    wait.until(lambda: replicates(both, "ops"), "the first remote")
    assert "error: the active server does not have it" in command(both, "sync-status", "small")


def test_databases_added_and_converted_at_the_source(lab):
    """A database that is added at the source later, and one that is converted there."""
    active = lab.serve(lab.db("ops", "active-ops.db"))
    backup = serve_two(lab, "backup", f"--sync-from=unix:{active.socket_path}")
    backup.allow("replication")
    wait.until(lambda: "error: the active server does not have it" in
               command(backup, "sync-status", "small"), "the reason")
    active.control("ovsdb-server/add-db", lab.db("small", "active-small.db"))
    active.client().insert("small", "T", {"name": "one"})
    wait.until(lambda: names(backup) == ["one"], "the database")
    text = schema("small")
    text["version"] = "9.0.0"
    text["tables"]["T"]["columns"]["more"] = {"type": "string"}
    active.client().call("convert", "small", text)
    active.client().insert("small", "T", {"name": "two", "more": "x"})
    wait.until(lambda: names(backup) == ["one", "two"], "the rows of the new schema")
    active.control("ovsdb-server/remove-db", "small")
    wait.until(lambda: "error: " in command(backup, "sync-status", "small"), "the reason")
    assert replicates(backup, "ops") and names(backup) == ["one", "two"]


class Writer(threading.Thread):
    """Inserts rows at the active server, and keeps the names of the acknowledged ones."""

    def __init__(self, servers):
        super().__init__()
        self.servers = servers
        self.acknowledged = []
        self.stops = False

    def write(self, name):
        for server in self.servers:
            try:
                with Client(server.socket_path) as client:
                    [result] = client.transact("small", {"op": "insert", "table": "T",
                                                         "row": {"name": name}})
                if "uuid" in result:
                    return True
            except (OSError, Closed):
                pass  # the connection was closed with the change of the role
        return False

    def run(self):
        n = 0
        while not self.stops:
            n += 1
            if self.write(f"row {n}"):
                self.acknowledged.append(f"row {n}")


def test_roles_change_under_load(lab):
    """As an OCF agent does it: nothing that was acknowledged is lost."""
    one, two = serve_two(lab, "one"), serve_two(lab, "two")
    for server in (one, two):
        server.allow("net", "replication")
    command(two, "set-active-ovsdb-server", f"unix:{one.socket_path}")
    command(two, "connect-active-ovsdb-server")
    writer = Writer([one, two])
    writer.start()
    try:
        active, backup = one, two
        for _ in range(4):
            n = len(writer.acknowledged)
            wait.until(lambda: len(writer.acknowledged) > n + 5, "transactions", 30)
            wait.until(lambda: replicates(backup, "small"), "the copy", 30)
            command(active, "set-active-ovsdb-server", "unix:/nonexistent")
            command(active, "connect-active-ovsdb-server")
            command(backup, "sync-wait")
            command(backup, "disconnect-active-ovsdb-server")
            command(active, "set-active-ovsdb-server", f"unix:{backup.socket_path}")
            active, backup = backup, active
    finally:
        writer.stops = True
        writer.join()
    wait.until(lambda: names(backup) == names(active), "the copy", 20)
    assert set(writer.acknowledged) <= set(names(active)), "acknowledged, and lost"
