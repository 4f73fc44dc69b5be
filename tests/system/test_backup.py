# SPDX-License-Identifier: Apache-2.0
"""ovsdb-client backup and restore, on our server and on the reference server's."""
import json

import pytest

from harness import dbfile, wait
from harness import lab as lab_module
from harness.proxy import Proxy
from harness.limits import limits

# Rows of T, of C, of I.
A, B, KID, LIKED, C, D = (f"{n}0000000-0000-0000-0000-00000000000{n}" for n in "ab12cd")
T_COLUMNS = ["_uuid", "name", "n", "r", "on", "tags", "map", "kids", "likes"]


def ref(uuid):
    return ["uuid", uuid]


def insert(table, uuid, **row):
    return {"op": "insert", "table": table, "uuid": uuid, "row": row}


def by_uuid(table, uuid):
    return {"table": table, "where": [["_uuid", "==", ref(uuid)]]}


def fill(server):
    server.client().commit(
        "small", insert("C", KID, name="kid"), insert("C", LIKED, name="liked"),
        insert("T", A, name='q"\\\n\té', n=-5, r=0.1, on=True, tags=["set", ["", "x"]], eph="e",
               map=["map", [["k", "v"]]], kids=["set", [ref(KID), ref(LIKED)]], likes=ref(LIKED)),
        insert("T", B), insert("I", C, a=1, b="x", c="opt"), insert("I", D, a=2, b="y"))
    return server


@pytest.fixture
def server(lab):
    return fill(lab.serve("small"))


def contents(server):
    """All contents except ephemeral columns."""
    client = server.client()
    return {table: sorted(json.dumps(row, sort_keys=True)
                          for row in client.select("small", table, columns)) for table, columns in (
        ("T", T_COLUMNS), ("C", ["_uuid", "name"]), ("I", ["_uuid", "a", "b", "c"]))}


def backup(lab, server, programs=None, **more):
    return lab.run((programs or lab.programs).client, "-vsyslog:off", "-vconsole:off", "backup",
                   f"unix:{server.socket_path}", **more).ok().encode()


def restore(lab, server, text, *options, programs=None, remote=None, **more):
    path = lab.path("restored")
    path.write_bytes(text)
    with open(path, "rb") as source:
        return lab.run((programs or lab.programs).client, "-vsyslog:off", "-vconsole:off", *options,
                       "restore", remote or f"unix:{server.socket_path}", "small", stdin=source,
                       **more)


def scramble(server):
    """Deletes, inserts and changes rows, so that only a restore leads back to the backup."""
    client = server.client()
    client.commit("small", {"op": "delete", **by_uuid("T", A)}, {"op": "delete", **by_uuid("I", C)})
    client.commit(
        "small", {"op": "update", **by_uuid("T", B),
                  "row": {"name": "b", "kids": ["named-uuid", "k"],
                                                             "eph": "new", "tags": "t"}},
        {"op": "insert", "table": "C", "row": {"name": "new"}, "uuid-name": "k"},
        {"op": "insert", "table": "T", "row": {"name": "more"}},
        # The values of a unique index change places.
        {"op": "update", **by_uuid("I", D), "row": {"a": 1, "b": "x", "c": "opt"}})


# backup


def test_a_backup_is_a_database(lab, server):
    """Two records that both implementations' tools and servers read."""
    text = backup(lab, server)
    path = lab.path("copy.db")
    path.write_bytes(text)
    schema, rows = dbfile.read(path)
    assert schema["version"] == "1.2.3" and set(rows["T"]) == {A, B}
    assert "eph" not in rows["T"][A]
    for programs in (lab.programs, lab.reference):
        assert lab.run(programs.tool, "-vsyslog:off", "db-version", path).ok() == "1.2.3\n"
        copied = lab.new_server(programs).start([path])
        assert contents(copied) == contents(server)
        copied.stop()


@pytest.mark.ours("the test compares with the reference programs")
def test_a_backup_beside_the_peers(lab, server):
    ours, reference = (lab.path(name) for name in ("ours.db", "reference.db"))
    ours.write_bytes(backup(lab, server))
    reference.write_bytes(backup(lab, server, lab.reference))
    (schema, rows), (reference_schema, reference_rows) = dbfile.read(ours), dbfile.read(reference)
    for record in (rows, reference_rows):
        for name in ("_date", "_comment", "_is_diff"):
            record.pop(name, None)
    for table in rows:
        assert set(rows[table]) == set(reference_rows[table])
        for uuid, row in rows[table].items():  # ours leaves out what is at its default
            assert row.items() <= reference_rows[table][uuid].items()
    assert schema == reference_schema


# restore


@pytest.mark.difference("restore-keeps-uuids")
@pytest.mark.parametrize("which", ["its own", "the reference server's"])
def test_restore(lab, which):
    """Rows keep their UUIDs, whether they still exist, were deleted, or refer to each other."""
    server = fill(lab.serve("small",
                            programs=lab.programs if which == "its own" else lab.reference))
    before, text = contents(server), backup(lab, server)
    scramble(server)
    assert contents(server) != before
    assert restore(lab, server, text).ok() == ""
    assert contents(server) == before
    assert {row["eph"] for row in server.client().select("small", "T", ["eph"])} == {""}
    # The references count: the children go with their parent.
    server.client().commit("small", {"op": "delete", **by_uuid("T", A)})
    assert contents(server)["C"] == []


@pytest.mark.difference("restore-keeps-uuids")
def test_restore_into_another_server(lab, server):
    other = lab.serve(lab.db("small", "other.db"))
    assert restore(lab, other, backup(lab, server)).ok() == ""
    assert contents(other) == contents(server)
    other.stop()
    other.start([lab.path("other.db")])
    assert contents(other) == contents(server)


@pytest.mark.difference("restore-from-a-pipe")
def test_restore_from_a_pipe(lab, server):
    before, text = contents(server), backup(lab, server)
    scramble(server)
    assert lab.client("-vconsole:off", "restore", f"unix:{server.socket_path}",
                      stdin=text).ok() == ""
    assert contents(server) == before


def test_it_is_one_transaction(lab, server):
    text = backup(lab, server)
    scramble(server)
    watcher = server.client()
    watcher.call("monitor", "small", "m", {"T": {"columns": ["name"]}, "I": {"columns": ["a"]}})
    restore(lab, server, text).ok()
    assert set(watcher.notification("update")[1]) == {"T", "I"}
    watcher.has_no_notification()


@pytest.mark.ours("the test compares with the reference client")
def test_the_peers_client_restores(lab, server):
    text = backup(lab, server, lab.reference)
    scramble(server)
    restore(lab, server, text, programs=lab.reference).ok()
    client = server.client()
    assert sorted(row["name"] for row in client.select("small", "T", ["name"])) == [
        "", 'q"\\\n\té']
    [parent] = client.select("small", "T", ["kids"], [["n", "==", -5]])
    assert {uuid for _, uuid in parent["kids"][1]} == {
        row["_uuid"][1] for row in client.select("small", "C", ["_uuid"])}


def test_many_rows(lab):
    n = 100000
    rows = {f"{i:08x}-0000-4000-8000-000000000000": {"name": f"row {i}", "n": i} for i in range(n)}
    server = lab.serve(lab.db("small", "small.db", {"T": rows}))
    text = backup(lab, server, patience=6 * wait.PATIENCE)
    client = server.client()
    client.commit("small", {"op": "delete", "table": "T", "where": [["n", "<", n // 2]]})
    client.commit("small", {"op": "update", "table": "T", "where": [["n", ">=", n - 1000]],
                            "row": {"n": 0}})
    restore(lab, server, text, patience=6 * wait.PATIENCE).ok()
    [result] = client.call("transact", "small", {"op": "select", "table": "T", "where": [],
                                                 "columns": ["name", "n"]},
                           patience=6 * wait.PATIENCE)
    assert sorted(row["n"] for row in result["rows"]) == list(range(n))


# Nothing is lost


@pytest.mark.parametrize("cut", [0, 1, 40, -400, -1])
def test_a_file_that_is_not_whole(lab, server, cut):
    """A backup that was cut short restores nothing; the reference server's client agrees but for
    the tear in the last record."""
    text = backup(lab, server)[:cut or None] if cut else b""
    before = contents(server)
    result = restore(lab, server, text)
    result.fails(1)
    assert contents(server) == before


@pytest.mark.difference("restore-names-the-damage")
@pytest.mark.parametrize("text, saying", [
    (b"", "restored: "), (b"hello\n", "restored: "),
    (dbfile.record({"name": "small"}), "restored: record 0 at offset 0"),
    (dbfile.record(lab_module.schema("small")) + dbfile.record({"T": {A: {"n": "x"}}}),
     "restored: record 1"),
    (dbfile.record(lab_module.schema("small")) + dbfile.record({"T": {A: {"kids": ref(A)}}}),
     "restored: "),
], ids=["empty", "no file", "no schema", "bad value", "dangling"])
def test_bad_files(lab, server, text, saying):
    before = contents(server)
    restore(lab, server, text).fails(1, saying)
    assert contents(server) == before


def of_another_schema(**columns):
    """A file with a column and a table that the server lacks, and without a column of the server's.
    `columns` are other columns of T, with the type and the value in its one row."""
    schema = lab_module.schema("small")
    del schema["tables"]["T"]["columns"]["r"]
    columns["gone"] = ("string", "x")
    for name, (type_, _) in columns.items():
        schema["tables"]["T"]["columns"][name] = {"type": type_}
    schema["tables"]["Gone"] = {"isRoot": True, "columns": {"x": {"type": "string"}}}
    row = {name: value for name, (_, value) in columns.items()}
    return dbfile.record(schema) + dbfile.record({
        "T": {C: {"name": "c", **row}}, "Gone": {D: {"x": "y"}}})


def test_another_schema(lab, server):
    before = contents(server)
    restore(lab, server, of_another_schema()).fails(1, "schema")
    assert contents(server) == before


@pytest.mark.difference("restore-force-fits")
def test_force(lab, server):
    before = contents(server)
    result = restore(lab, server, of_another_schema(n=("string", "x")), "--force")
    result.fails(1, f"table T, row {C}, column n")
    assert contents(server) == before
    assert restore(lab, server, of_another_schema(), "--force").ok() == ""
    [row] = server.client().select("small", "T", T_COLUMNS)
    assert (row["_uuid"], row["name"], row["r"]) == (ref(C), "c", 0)


def test_the_server_refuses(lab, server):
    """More rows than the table may have in the server's schema."""
    schema = lab_module.schema("small")
    del schema["tables"]["I"]["maxRows"]
    rows = {f"{n}0000000-0000-0000-0000-000000000000": {"a": n, "b": str(n)} for n in range(9)}
    before = contents(server)
    restore(lab, server, dbfile.record(schema) + dbfile.record({"I": rows}), "--force").fails(1)
    assert contents(server) == before


def test_unreachable(lab):
    restore(lab, None, b"", remote="unix:/nonexistent").fails(1, "No such file or directory")


# What is in between


def restore_between(lab, server, text, look):
    with Proxy(lab.path("between"), server, lambda message: look(message["params"])) as between:
        return restore(lab, server, text, remote=f"unix:{between.path}")


def operations(params, op):
    return [o for o in params[1:] if isinstance(o, dict) and o.get("op") == op]


@pytest.mark.ours("restore of the reference client deletes the rows that it finds")
def test_rows_inserted_meanwhile(lab, server):
    """Rows that other clients insert between the selection of the rows and the transaction do not
    remain."""
    text, before = backup(lab, server), contents(server)
    tries = []

    def look(params):
        if operations(params, "wait"):
            tries.append(params)
            if len(tries) == 1:
                server.client().insert("small", "T", {"name": "meanwhile"})

    assert restore_between(lab, server, text, look).ok() == ""
    assert len(tries) == 2 and contents(server) == before


@pytest.mark.ours("restore of the reference client deletes the rows that it finds")
def test_rows_that_keep_coming(lab, server):
    def look(params):
        if operations(params, "wait"):
            server.client().insert("small", "T", {"name": "meanwhile"})

    result = restore_between(lab, server, backup(lab, server), look)
    result.fails(1, "changed during each of the attempts")
    assert len(contents(server)["T"]) > 2


@pytest.mark.ours("restore of the reference client does not set UUIDs")
def test_a_server_that_does_not_support_uuids(lab, server):
    """Existing rows keep their UUIDs, other rows get new ones, and references are adapted."""
    text = backup(lab, server)
    scramble(server)

    def look(params):
        if any("uuid" in operation for operation in operations(params, "insert")):
            return {"result": [{"error": "syntax error", "details": "unexpected member uuid"}]}
        return None

    result = restore_between(lab, server, text, look)
    assert result.status == 0 and "4 rows have got new UUIDs" in result.err, result
    client = server.client()
    assert len(client.select("small", "T", ["_uuid"], by_uuid("T", B)["where"])) == 1
    kids = {row["name"]: row["_uuid"] for row in client.select("small", "C", ["_uuid", "name"])}
    [parent] = client.select("small", "T", ["_uuid", "kids", "likes"], [["n", "==", -5]])
    assert parent["_uuid"] != ref(A) and parent["likes"] == kids["liked"]
    assert sorted(parent["kids"][1]) == sorted(kids.values()) and ref(KID) not in kids.values()


@pytest.mark.ours("restore of the reference client does not set UUIDs")
def test_immutable_columns(lab):
    """A row with another value in an immutable column cannot be changed back: it is inserted with a
    new UUID."""
    schema = {"name": "small", "version": "1.0.0", "tables": {"T": {"isRoot": True, "columns": {
        "fixed": {"type": "string", "mutable": False}, "n": {"type": "integer"}}}}}
    rows = {A: {"fixed": "a", "n": 1}, B: {"fixed": "b", "n": 2}}
    path = dbfile.create(lab.path("fixed.db"), schema, {"T": {**rows, B: {"fixed": "x"}}})
    server = lab.serve(path)
    result = restore(lab, server, dbfile.record(schema) + dbfile.record({"T": rows}))
    assert result.status == 0 and "1 rows have got new UUIDs" in result.err, result
    found = {row["fixed"]: row
             for row in server.client().select("small", "T", ["_uuid", "fixed", "n"])}
    assert found["a"] == {"_uuid": ref(A), "fixed": "a", "n": 1}
    assert found["b"]["n"] == 2 and found["b"]["_uuid"] != ref(B) and len(found) == 2


# More than a message may have


STAGED = pytest.mark.ours("the reference server does not limit the size of messages")
MANY = 3000


@pytest.fixture
def tight(lab):
    """A server whose messages are limited to a fraction of its contents, and a backup of them."""
    server = lab.serve("small", options=["--max-message=64K"])
    client = server.client()
    for i in range(0, MANY, 100):
        client.commit("small", *({"op": "insert", "table": "T", "row": {
            "name": f"é\"\\ {j}", "n": j, "tags": ["set", [f"{j}", "x" * 50]]}}
                                 for j in range(i, i + 100)))
    return server, backup(lab, server)


@STAGED
def test_restore_beyond_the_limit(lab, tight):
    """It is one transaction all the same: monitors see one change, and the file gets one record."""
    server, text = tight
    before = contents(server)
    assert len(text) > 4 * (64 << 10)
    server.client().commit("small", {"op": "delete", "table": "T", "where": [["n", ">=", 100]]},
                           {"op": "update", "table": "T", "where": [], "row": {"name": "other"}})
    watcher = server.client()
    watcher.call("monitor", "small", "m", {"T": {"columns": ["name"]}})
    n_records = len(dbfile.read(lab.path("small.db")))
    assert restore(lab, server, text).ok() == ""
    assert contents(server) == before
    update = watcher.notification("update")
    assert len(update[1]["T"]) == MANY, "everything at once"
    assert len(dbfile.read(lab.path("small.db"))) == n_records + 1
    assert watcher.call("echo") == [] and not watcher.notifications


@STAGED
def test_restore_beyond_the_limit_fails_as_a_whole(lab, tight):
    """A row that violates a constraint is found after most of the pieces have been sent."""
    server, text = tight
    broken = lab.path("broken.db")
    schema, rows = dbfile.read(_write(lab.path("good.db"), text))
    rows["I"] = {A: {"a": 1, "b": "x"}, B: {"a": 1, "b": "x"}}
    dbfile.create(broken, schema, rows)
    server.client().commit("small", {"op": "delete", "table": "T", "where": [["n", "==", 7]]})
    before = contents(server)
    restore(lab, server, broken.read_bytes()).fails(1)
    assert contents(server) == before
    assert _staged(server) == 0


@STAGED
def test_restore_beyond_the_limit_of_what_is_staged(lab, tight):
    server, text = tight
    other = lab.serve(lab.db("small", "other.db"),
                      options=["--max-message=64K", "--max-staged=100K"])
    other.allow("all clients together may stage at most 102400 bytes")
    restore(lab, other, text).fails(1, "--max-staged")
    assert contents(other)["T"] == [] and _staged(other) == 0


@STAGED
def test_restore_by_a_read_only_client(lab, tight):
    _, text = tight
    config = lab.path("server.conf")
    config.write_text(f"[remote punix:{lab.run_dir}/ro.sock]\nread-only = yes\n")
    other = lab.new_server().start([lab.db("small", "other.db")], f"--config-file={config}")
    restore(lab, other, text, remote=f"unix:{lab.run_dir}/ro.sock").fails(1, "read-only here")


@STAGED
def test_a_server_without_pieces_gets_one_message(lab, tight):
    """The reference server, and the reference server's client on ours."""
    server, text = tight
    reference = lab.serve(lab.db("small", "other.db"), programs=lab.reference)
    assert restore(lab, reference, text).status == 0
    assert len(contents(reference)["T"]) == MANY
    server.allow("longer than the 65536 bytes")
    restore(lab, server, text, programs=lab.reference).fails(1)


def _write(path, data):
    path.write_bytes(data)
    return path


def _staged(server):
    return limits(server)["max-staged"][1]
