# SPDX-License-Identifier: Apache-2.0
"""add-db and reload open big files while the clients of other databases are served."""
import json

import pytest

from harness import dbfile
from harness.lab import schema
from harness.rpc import RpcError

N_ROWS = 30000
RECORD_ROWS = 5000
LOADING = 5  # answers to echo during one add-db, far fewer than there are


def uuid(i):
    return f"{i:08x}-0000-4000-8000-000000000000"


@pytest.fixture
def big(lab):
    """A file that takes a while to load: rows are inserted, and all are modified twice."""
    records = [{"_date": 1, "T": {uuid(i): {"name": f"row {i}", "n": n}
                                  for i in range(start, start + RECORD_ROWS)}}
               for n in range(3) for start in range(0, N_ROWS, RECORD_ROWS)]
    for record in records[N_ROWS // RECORD_ROWS:]:
        record["_is_diff"] = True
        record["T"] = {row: {"n": values["n"]} for row, values in record["T"].items()}
    return dbfile.create(lab.path("big.db"), schema("small") | {"name": "big"}, *records)


@pytest.fixture
def server(lab):
    return lab.serve("other")


def start(server, *command):
    """Sends a command. Returns its connection, which gets the reply later."""
    control = server.client(server.control_path)
    return control, control.request(command[0], list(command[1:]))


def echoes_until_reply(server, control):
    """The number of echoes that are answered before the command is."""
    n = 0
    with server.client() as client:
        client.call("set_db_change_aware", True)
        while not (texts := control.receive_waiting()[0]):
            client.call("echo")
            n += 1
    return n, json.loads(texts[0])


@pytest.mark.ours("the reference server answers no request while it loads a file")
def test_echo_beside_add_db(server, big):
    control, _ = start(server, "ovsdb-server/add-db", str(big))
    n, reply = echoes_until_reply(server, control)
    assert reply["error"] is None
    assert n >= LOADING
    with server.client() as client:
        assert len(client.select("big", "T", ["_uuid"], [["n", "==", 2]])) == N_ROWS
        client.insert("big", "T", {"name": "new", "n": 1})
    assert server.control("ovsdb-server/list-dbs").split() == ["_Server", "big", "other"]


@pytest.mark.ours("the reference server answers no request while it loads a file")
def test_commands_meanwhile(server, lab, big):
    control, add = start(server, "ovsdb-server/add-db", str(big))
    link = lab.path("link.db")
    link.symlink_to(big)
    for path in big, link:
        with pytest.raises(RpcError, match="already being opened"):
            server.control("ovsdb-server/add-db", path)
    with pytest.raises(RpcError, match="Failed to find the database"):
        server.control("ovsdb-server/remove-db", "big")
    assert server.control("ovsdb-server/list-dbs").split() == ["_Server", "other"]
    assert control.result(add) == ""
    with pytest.raises(RpcError, match="already open"):
        server.control("ovsdb-server/add-db", big)
    server.control("ovsdb-server/remove-db", "big")
    server.control("ovsdb-server/add-db", big)


@pytest.mark.ours("the reference server answers no request while it loads a file")
def test_same_database_twice(server, lab, big):
    """Two files of one name: the one that is open first is served, nothing is left of the other."""
    copy = lab.path("copy.db")
    copy.write_bytes(big.read_bytes())
    calls = [start(server, "ovsdb-server/add-db", str(path)) for path in (big, copy)]
    outcomes = []
    for control, call in calls:
        try:
            outcomes.append(control.result(call))
        except RpcError as error:
            outcomes.append(error.error)
    assert sorted(map(str.strip, outcomes)) == ["", "ovsdb error: big: duplicate database name"]
    server.control("ovsdb-server/remove-db", "big")
    for path in big, copy:
        server.control("ovsdb-server/add-db", path)
        server.control("ovsdb-server/remove-db", "big")


@pytest.mark.ours("the reference server answers no request while it loads a file")
def test_damaged_file(server, big):
    last_record = dbfile.offsets(big)[-2]
    dbfile.damage(big, big.stat().st_size - 20, b"!")
    server.allow("the file is damaged")
    control, add = start(server, "ovsdb-server/add-db", str(big))
    n, reply = echoes_until_reply(server, control)
    assert "the file is damaged" in reply["error"] and n >= LOADING
    assert server.control("ovsdb-server/list-dbs").split() == ["_Server", "other"]
    dbfile.truncate(big, last_record)
    server.control("ovsdb-server/add-db", big)


@pytest.mark.ours("the reference server answers no request while it loads a file")
def test_stopped_meanwhile(server, lab, big):
    before = big.read_bytes()
    start(server, "ovsdb-server/add-db", str(big))
    server.control("version")  # after it
    server.stop()
    assert big.read_bytes() == before
    server.start([lab.path("other.db")])
    server.control("ovsdb-server/add-db", big)


@pytest.mark.ours("the reference server of this version has no configuration file")
def test_reloads(lab, big):
    """A reload ends when its database is served. The next one waits for that, with a later file."""
    server = lab.new_server()
    config = lab.path("server.json")

    def write(*databases):
        named = ",".join(f'"{path}":{{}}' for path in databases)
        config.write_text(f'{{"databases":{{{named}}},'
                          f'"remotes":{{"punix:{server.socket_path}":{{}}}}}}')

    write(lab.db("other"))
    server.start([], f"--config-file={config}", remotes=[])
    write(lab.path("other.db"), big)
    control, _ = start(server, "ovsdb-server/reload")
    server.control("version")  # after it
    write(lab.path("other.db"))
    second, reload = start(server, "ovsdb-server/reload")
    n, reply = echoes_until_reply(server, control)
    assert reply["error"] is None and n >= LOADING
    assert second.result(reload) == ""
    assert server.control("ovsdb-server/list-dbs").split() == ["_Server", "other"]
