# SPDX-License-Identifier: Apache-2.0
"""Events during a conversion, and the service to other clients meanwhile."""
import copy

import pytest

from harness import dbfile
from harness import lab as lab_module
from harness.replica import ZERO
from harness.rpc import RpcError

pytestmark = pytest.mark.ours("the reference server answers no request during a conversion")

OLD = lab_module.schema("small")
NEW = copy.deepcopy(OLD)
NEW["version"] = "2.0.0"
NEW["tables"]["T"]["columns"]["extra"] = {"type": {"key": "string", "min": 0}}
N_ROWS = 20000


@pytest.fixture
def path(lab):
    """A database that takes a moment to convert."""
    return lab.db("small", None, {"_date": 1700000000000, "T": {
        f"00000000-0000-4000-8000-{i:012}": {"name": f"row {i}", "n": i} for i in range(N_ROWS)}})


@pytest.fixture
def server(lab, path):
    return lab.new_server().start([path])


def aware(server, target=None):
    client = server.client(target)
    client.call("set_db_change_aware", True)
    return client


def version(client):
    return client.call("get_schema", "small")["version"]


def check_whole(client):
    assert len(client.select("small", "T", ["name"])) == N_ROWS


def test_monitors_locks_and_waiting_transactions(lab, path):
    """A conversion ends the monitors and waiting transactions of the database, and the connections
    of clients that are not aware of changes. Everything else continues."""
    server = lab.new_server().start([path,
                                     dbfile.create(lab.path("other.db"),
                                                   {**OLD, "name": "small2"})])
    client, other, unaware = aware(server), aware(server), server.client()
    columns = {"T": {"columns": ["n"], "select": {"initial": False}}}
    for method, more in (("monitor", []), ("monitor_cond", []), ("monitor_cond_since", [ZERO])):
        other.call(method, "small", method, columns, *more)
    other.call("monitor", "small2", "stays", {"T": {"columns": ["n"]}})
    unaware.call("lock", "theirs")
    assert other.call("lock", "theirs") == {"locked": False}
    assert other.call("lock", "mine") == {"locked": True}
    wait = other.request("transact", ["small", {"op": "assert", "lock": "mine"}, {
        "op": "wait", "table": "T", "where": [["name", "==", "new"]], "columns": ["n"],
        "until": "==", "rows": [{"n": 1}]}])
    other.call("echo")
    assert client.call("convert", "small", NEW) == {}
    unaware.wait_closed()
    told = [other.notification() for _ in range(4)]
    assert sorted(params[0] for method, params in told if method == "monitor_canceled") == [
        "monitor", "monitor_cond", "monitor_cond_since"]
    assert ("locked", ["theirs"]) in told
    client.insert("small2", "T", {"n": 5})
    assert other.notification("update")[0] == "stays"
    with pytest.raises(RpcError, match="canceled"):
        other.result(wait)


def test_a_second_one(server):
    """A second conversion is refused at once, and the first one continues."""
    client, other = aware(server), aware(server)
    first = client.request("convert", ["small", NEW])
    client.call("echo")
    error = other.error("convert", "small", OLD)
    assert error["error"] == "resources exhausted" and "small" in error["details"]
    assert client.result(first) == {}
    assert other.call("convert", "small", OLD) == {}
    check_whole(other)


@pytest.mark.parametrize("first", ["compact", "convert"])
def test_compaction(server, path, first):
    """A conversion waits for a running compaction, and no compaction runs during a conversion."""
    client, control = aware(server), server.client(server.control_path)
    if first == "compact":
        compact = control.request("ovsdb-server/compact", ["small"])
        server.control("version")  # after it
    convert = client.request("convert", ["small", NEW])
    client.call("echo")
    if first == "convert":
        compact = control.request("ovsdb-server/compact", ["small"])
    try:
        control.result(compact)
    except RpcError as error:
        assert first == "convert" and "is being converted" in error.error
    assert client.result(convert) == {}
    check_whole(client)
    server.stop()
    schema, rows = dbfile.read(path)
    assert schema["version"] == "2.0.0" and len(rows["T"]) == N_ROWS


def test_database_removed(server, path):
    """The client that requested the conversion gets an error, and the file is the old one or the
    new one."""
    client = aware(server)
    convert = client.request("convert", ["small", NEW])
    client.call("echo")
    server.control("ovsdb-server/remove-db", "small")
    with pytest.raises(RpcError, match="canceled"):
        client.result(convert)
    assert client.call("list_dbs") == ["_Server"]
    server.control("ovsdb-server/add-db", path)
    check_whole(client)
    assert client.call("convert", "small", NEW) == {}
    check_whole(client)


def test_server_stopped(server, path):
    client = aware(server)
    client.request("convert", ["small", NEW])
    client.call("echo")
    server.stop()
    assert not path.with_name("small.db.tmp").exists()
    server.start([path])
    check_whole(server.client())


def test_a_backup(lab, path):
    """The contents of a backup can be converted by the active server only."""
    server = lab.new_server().allow("replication|reconnect|net")
    server.start([path], "--sync-from=unix:" + str(lab.path("nobody.sock")))
    client = server.client()
    error = client.error("convert", "small", NEW)
    assert error["error"] == "not allowed" and "small" in error["details"]
    assert version(client) == OLD["version"]


def test_the_past_is_forgotten(lab, server, path):
    """A monitor cannot resume from a transaction before a conversion, with or without a restart;
    from a later one it can."""
    requests = {"T": {"columns": ["name"]}}
    with aware(server) as client:
        _, old, _ = client.call("monitor_cond_since", "small", 1, requests, ZERO)
        client.call("convert", "small", NEW)
        found, new, updates = client.call("monitor_cond_since", "small", 2, requests, old)
        assert found is False and len(updates["T"]) == N_ROWS
    for end in (server.kill, server.stop):
        end()
        server.start([path])
        with server.client() as client:
            assert client.call("monitor_cond_since", "small", 1, requests, new) == [True, new, {}]
            assert client.call("monitor_cond_since", "small", 2, requests, old)[0] is False
