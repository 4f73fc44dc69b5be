# SPDX-License-Identifier: Apache-2.0
"""The database file: written, read back, exchanged with the peer, damaged, compacted, locked."""
import copy
import ctypes
import json
import os
import random
import shutil
import stat
import subprocess
import threading
import time

import pytest

from harness import dbfile
from harness import lab as lab_module
from harness.rpc import Closed, RpcError

EPHEMERAL = {"eph", "ephset"}


def contents(client, db):
    """Everything that a file must keep: table -> row's UUID -> columns."""
    tables = lab_module.schema(db)["tables"]
    result = {}
    for table, description in tables.items():
        columns = ["_uuid"] + [c for c in description["columns"] if c not in EPHEMERAL]
        result[table] = {row.pop("_uuid")[1]: row for row in client.select(db, table, columns)}
    return result


def fill(client):
    """Some of everything in the database "ops"."""
    client.commit(
        "ops",
        {"op": "insert", "table": "Types", "row": {
            "tag": "a", "i": -9223372036854775808, "r": 0.1, "b": True, "s": "é\"\\\n\t\u2028",
            "u": ["uuid", "12345678-9abc-def0-1234-56789abcdef0"], "oi": 9223372036854775807,
            "or": 1e300, "ob": False, "os": "", "si": ["set", [3, 1, 2]],
            "sr": ["set", [0.5, -1, 1e-9]], "sb": ["set", [True, False]],
            "ss": ["set", ["", "b", "a"]], "mss": ["map", [["k", "v"], ["", "empty"]]],
            "mii": ["map", [[2, 1], [1, 2]]], "mrs": ["map", [[0.5, "half"]]],
            "mbi": ["map", [[True, 1]]]}},
        {"op": "insert", "table": "Types", "row": {}},
        {"op": "insert", "table": "Leaf", "row": {"name": "leaf"}, "uuid-name": "leaf"},
        {"op": "insert", "table": "Child", "row": {"name": "kid", "leaves": ["named-uuid", "leaf"]},
         "uuid-name": "kid"},
        {"op": "insert", "table": "Root", "row": {
            "name": "r", "one": ["named-uuid", "kid"], "weak": ["named-uuid", "kid"],
            "named": ["map", [["x", ["named-uuid", "kid"]]]],
            "keyed": ["map", [[["named-uuid", "kid"], "v"]]]}, "uuid-name": "r"},
        {"op": "insert", "table": "Root", "row": {"name": "likes"}},
        {"op": "insert", "table": "Strict", "row": {"ref": ["named-uuid", "r"]}},
        {"op": "insert", "table": "Index", "row": {"a": 1, "b": "x", "c": "y"}},
        {"op": "insert", "table": "Eph", "row": {"n": 1, "eph": "gone"}},
        {"op": "comment", "comment": "filled"})


def change(client, round_):
    """Every kind of change; different at each call."""
    client.commit(
        "ops",
        {"op": "update", "table": "Types", "where": [["tag", "==", "a"]], "row": {
            "i": round_, "r": round_ / 4, "os": ["set", []], "ob": ["set", []], "s": f"s{round_}"}},
        {"op": "mutate", "table": "Types", "where": [["tag", "==", "a"]], "mutations": [
            ["si", "insert", 100 + round_], ["si", "delete", 1], ["ss", "insert", f"n{round_}"],
            ["ss", "delete", "b"], ["mss", "delete", "k"],
            ["mss", "insert", ["map", [["k", str(round_)], [f"k{round_}", "v"]]]],
            ["mii", "delete", 2], ["mii", "insert", ["map", [[2, round_]]]]]},
        {"op": "insert", "table": "Types", "row": {"tag": f"round {round_}"}},
        {"op": "insert", "table": "Child", "row": {"name": f"kid{round_}"}, "uuid-name": "kid"},
        {"op": "mutate", "table": "Root", "where": [["name", "==", "r"]],
         "mutations": [["kids", "insert", ["named-uuid", "kid"]]]},
        {"op": "mutate", "table": "Root", "where": [["name", "==", "likes"]],
         "mutations": [["weak", "insert", ["named-uuid", "kid"]]]})
    client.commit("ops", {"op": "delete", "table": "Types",
                          "where": [["tag", "==", f"round {round_ - 1}"]]})
    client.commit("ops", {"op": "update", "table": "Eph", "where": [], "row": {"eph": str(round_)}})
    if round_ % 2:
        client.commit("ops", {"op": "update", "table": "Root", "where": [["name", "==", "r"]],
                              "row": {"kids": ["set", []]}})


# Exchange


@pytest.mark.parametrize("first", ["ours", "peer"])
def test_back_and_forth(lab, first):
    """A file goes between both servers several times; each reads exactly what the other left."""
    db = lab.db("ops")
    turns = [lab.programs, lab.peer] if first == "ours" else [lab.peer, lab.programs]
    before = None
    for round_ in range(4):
        server = lab.serve(db, programs=turns[round_ % 2])
        client = server.client()
        if before is None:
            fill(client)
        else:
            assert contents(client, "ops") == before
        change(client, round_)
        if round_ == 1:
            server.control("ovsdb-server/compact")
        change(client, round_ + 10)
        before = contents(client, "ops")
        server.stop()
        dbfile.read(db)


def test_dump_is_the_same(lab):
    """Debian's ovsdb-client prints the same dump of both servers on one file."""
    db = lab.db("ops")
    dumps = []
    for programs in (lab.peer, lab.programs):
        server = lab.serve(db, programs=programs)
        if not dumps:
            fill(server.client())
            change(server.client(), 1)
            server.stop()
            server.start([db])
        dumps.append(lab.run(lab.peer.client, "dump", f"unix:{server.socket_path}", "ops").ok())
        server.stop()
    assert dumps[0] == dumps[1]


@pytest.mark.difference("weak-drop-written")
def test_weak_reference_dropped_from_a_row_modified_as_well(lab):
    db = lab.db("ops")
    server = lab.serve(db)
    client = server.client()
    client.commit("ops", {"op": "insert", "table": "Child", "row": {"name": "k"}, "uuid-name": "k"},
                  {"op": "insert", "table": "Root", "row": {
                      "kids": ["named-uuid", "k"], "weak": ["named-uuid", "k"]}})
    client.commit("ops", {"op": "update", "table": "Root", "where": [],
                          "row": {"kids": ["set", []]}})
    before = contents(client, "ops")
    server.stop()
    server.start([db])
    assert contents(server.client(), "ops") == before


@pytest.mark.difference("difference-to-a-default")
def test_difference_to_a_default_that_is_not_empty(lab):
    """A set of at least one integer is [0] by default; adding 5 writes the difference 5."""
    db = lab.db("ops")
    server = lab.serve(db)
    client = server.client()
    client.insert("ops", "Limits", {})
    client.commit("ops", {"op": "mutate", "table": "Limits", "where": [],
                          "mutations": [["exact", "insert", 5]]})
    assert client.select("ops", "Limits", ["exact"]) == [{"exact": ["set", [0, 5]]}]
    server.stop()
    server.start([db])
    assert server.client().select("ops", "Limits", ["exact"]) == [{"exact": ["set", [0, 5]]}]


# What is written


def records_of(lab, db):
    return dbfile.read(db)[1:]


def test_records(lab):
    db = lab.db("small")
    client = lab.serve(db).client()
    before = time.time() * 1000
    uuid = client.insert("small", "T", {"name": "a", "n": 0, "tags": ["set", ["y", "x"]],
                                        "eph": "e"})
    [record] = records_of(lab, db)
    assert before - 1000 <= record.pop("_date") <= time.time() * 1000 + 1000
    record.pop("_is_diff", None)
    assert record == {"T": {uuid: {"name": "a", "tags": ["set", ["x", "y"]]}}}

    client.commit("small", {"op": "mutate", "table": "T", "where": [], "mutations": [
        ["tags", "insert", "z"], ["tags", "delete", "x"],
        ["map", "insert", ["map", [["k", "v"]]]]]},
        {"op": "update", "table": "T", "where": [], "row": {"n": 5}},
        {"op": "comment", "comment": "one"}, {"op": "comment", "comment": "two"})
    record = records_of(lab, db)[-1]
    assert record.pop("_date") and record.pop("_comment") == "one\ntwo"
    assert record.pop("_is_diff") is True
    assert record == {"T": {uuid: {"n": 5, "tags": ["set", ["x", "z"]],
                                   "map": ["map", [["k", "v"]]]}}}

    client.commit("small", {"op": "delete", "table": "T", "where": []})
    record = records_of(lab, db)[-1]
    assert record["T"] == {uuid: None} and "_comment" not in record


def test_garbage_is_written_as_deletions(lab):
    db = lab.db("small")
    client = lab.serve(db).client()
    results = client.commit(
        "small", {"op": "insert", "table": "C", "row": {"name": "c"}, "uuid-name": "c"},
        {"op": "insert", "table": "T", "row": {"name": "a", "kids": ["named-uuid", "c"]}},
        {"op": "insert", "table": "T", "row": {"name": "b", "likes": ["named-uuid", "c"]}})
    kid, a, b = (r["uuid"][1] for r in results)
    client.commit("small", {"op": "delete", "table": "T", "where": [["name", "==", "a"]]})
    record = records_of(lab, db)[-1]
    assert record["C"] == {kid: None} and record["T"][a] is None
    assert record["T"][b]["likes"] == (["uuid", kid] if record.get("_is_diff") else ["set", []])


@pytest.mark.parametrize("operations", [
    [], [{"op": "select", "table": "T", "where": []}],
    [{"op": "update", "table": "T", "where": [], "row": {"name": "a"}}],
    [{"op": "update", "table": "T", "where": [], "row": {"eph": "changed"}}],
    [{"op": "insert", "table": "T", "row": {}}, {"op": "abort"}],
    [{"op": "insert", "table": "I", "row": {"a": 1}}, {"op": "insert", "table": "I", "row": {"a": 1}}],
    [{"op": "insert", "table": "C", "row": {}}],
], ids=json.dumps)
def test_nothing_is_written(lab, operations):
    db = lab.db("small")
    client = lab.serve(db).client()
    client.insert("small", "T", {"name": "a"})
    size = os.path.getsize(db)
    client.transact("small", *operations)
    assert os.path.getsize(db) == size


def test_written_when_answered(lab):
    """Without any durable commit too, the record is in the file when the client has the reply."""
    db = lab.db("small")
    client = lab.serve(db).client()
    for i in range(20):
        uuid = client.insert("small", "T", {"n": i})
        assert uuid in records_of(lab, db)[-1]["T"]


# What is read

A, B = "00000000-0000-0000-0000-00000000000a", "00000000-0000-0000-0000-00000000000b"


@pytest.mark.parametrize("records, rows", [
    ([], []),
    ([{"T": {A: {"name": "a"}}}], [("a", 0, ["set", []])]),
    ([{"_date": 1234567890, "T": {A: {"name": "a"}}}], [("a", 0, ["set", []])]),
    ([{"_date": 1234567890123, "_comment": "c", "T": {A: {"n": 5}}}], [("", 5, ["set", []])]),
    ([{"T": {A: {"name": "a", "n": 1, "tags": "x"}}}, {"T": {A: {"n": 0, "tags": "y"}}}],
     [("a", 0, "y")]),
    ([{"T": {A: {"name": "a", "tags": "x"}}}, {"_is_diff": True, "T": {A: {"tags": "y"}}}],
     [("a", 0, ["set", ["x", "y"]])]),
    ([{"T": {A: {"tags": ["set", ["x", "y"]]}}}, {"_is_diff": True, "T": {A: {"tags": "y"}}}],
     [("", 0, "x")]),
    ([{"T": {A: {"name": "a"}}}, {"_is_diff": True, "T": {A: {"name": "b"}, B: {"n": 1}}}],
     [("b", 0, ["set", []]), ("", 1, ["set", []])]),
    ([{"T": {A: {"name": "a"}, B: {"name": "b"}}}, {"T": {A: None}}], [("b", 0, ["set", []])]),
    ([{"T": {A: {"name": "a"}}}, {"T": {A: None}}, {"T": {A: {"name": "c"}}}],
     [("c", 0, ["set", []])]),
    ([{"T": {}}, {"T": {A: {}}}], [("", 0, ["set", []])]),
])
def test_files_of_others(lab, records, rows):
    client = lab.serve(lab.db("small", None, *records)).client()
    got = client.select("small", "T", ["name", "n", "tags"])
    assert sorted(map(repr, ((r["name"], r["n"], r["tags"]) for r in got))) == sorted(map(repr, rows))


def test_newlines_inside_a_record(lab):
    db = lab.db("small")
    with open(db, "ab") as out:
        out.write(dbfile.record(b'{\n "T": {\n  "' + A.encode() + b'": {"name":\n"a"}}}'))
    assert lab.serve(db).client().select("small", "T", ["name"]) == [{"name": "a"}]


def test_schema_without_is_root_and_version(lab):
    db = dbfile.create(lab.path("old.db"), {"name": "old", "tables": {
        "A": {"columns": {"n": {"type": "integer"}}}}}, {"A": {A: {"n": 5}}})
    client = lab.serve(db).client()
    assert client.select("old", "A", ["n"]) == [{"n": 5}]
    client.insert("old", "A", {"n": 6})
    assert len(client.select("old", "A")) == 2


# Damage


def damaged(lab, n_records=3):
    """A file with three good records beyond the schema, as (path, offsets)."""
    db = lab.db("small", None, *({"_date": 1, "T": {A[:-1] + str(i): {"name": f"r{i}"}}}
                                 for i in range(n_records)))
    return db, dbfile.offsets(db)


def names(server):
    return sorted(r["name"] for r in server.client().select("small", "T", ["name"]))


def cuts():
    for place in ("after 1 byte of the header", "inside the header", "after the header",
                  "inside the data", "before the last byte"):
        yield place


def cut_at(place, start, end, data):
    header_end = data.index(b"\n", start) + 1
    return {"after 1 byte of the header": start + 1, "inside the header": start + 20,
            "after the header": header_end, "inside the data": header_end + 10,
            "before the last byte": end - 1}[place]


@pytest.mark.parametrize("place", cuts())
def test_torn_last_record_is_cut_off(lab, place):
    db, offsets = damaged(lab)
    dbfile.truncate(db, cut_at(place, offsets[-2], offsets[-1], db.read_bytes()))
    server = lab.new_server().allow(r"small\.db")
    server.start([db])
    assert names(server) == ["r0", "r1"]
    server.wait_log(r"\|(WARN|ERR)\|.*small\.db")
    server.client().insert("small", "T", {"name": "new"})
    server.stop()
    assert len(dbfile.read(db)) == 4, "the rest of the torn record must be gone"
    server.start([db])
    assert names(server) == ["new", "r0", "r1"]


def test_wrong_hash_of_the_last_record_is_a_torn_record(lab):
    db, offsets = damaged(lab)
    dbfile.damage(db, offsets[-1] - 10, b"XXXX")
    server = lab.new_server().allow(r"small\.db")
    server.start([db])
    assert names(server) == ["r0", "r1"]


@pytest.mark.difference("damage-refused")
@pytest.mark.parametrize("record, shift, data", [
    (1, 5, b"X"), (2, 90, b"XXX"), (2, 0, b"Y"), (2, 30, b"0000"),
])
def test_damage_before_good_records_refuses(lab, record, shift, data):
    db, offsets = damaged(lab)
    dbfile.damage(db, offsets[record] + shift, data)
    before = db.read_bytes()
    server = lab.new_server().allow(r"small\.db")
    server.launch([db], "--run=true")
    assert server.wait_end() == 1
    told = server.stderr()
    assert "small.db" in told and "ovsdb-tool" in told
    assert any(str(o) in told for o in range(offsets[record], offsets[record + 1]))
    assert db.read_bytes() == before


@pytest.mark.difference("damage-refused")
@pytest.mark.parametrize("record", [
    {"Nope": {A: {}}}, {"T": {A: {"nope": 1}}}, {"T": {A: {"n": "x"}}}, {"T": {"x": {}}},
    {"T": {A: 5}}, {"T": 5}, {"T": {B: None}}, [], 5,
], ids=json.dumps)
def test_record_that_cannot_be_applied_refuses(lab, record):
    db = lab.db("small", None, {"T": {A: {"name": "a"}}}, record, {"T": {A: {"name": "b"}}})
    before = db.read_bytes()
    server = lab.new_server().allow(r"small\.db")
    server.launch([db], "--run=true")
    assert server.wait_end() == 1
    assert "small.db" in server.stderr()
    assert db.read_bytes() == before


def make_foreign(path, kind):
    if kind == "empty":
        path.write_bytes(b"")
    elif kind == "text":
        path.write_text("root:x:0:0:root:/root:/bin/bash\n")
    elif kind == "json":
        path.write_text('{"name":"small"}\n')
    elif kind == "binary":
        path.write_bytes(bytes(range(256)) * 100)
    elif kind == "cluster":
        path.write_bytes(b"OVSDB CLUSTER 5 " + b"0" * 40 + b"\n" + b"{}xx\n")
    elif kind == "directory":
        path.mkdir()


@pytest.mark.parametrize("kind, saying", [
    ("missing", "No such file or directory"), ("empty", ""), ("text", ""), ("json", ""),
    ("binary", ""), ("cluster", ""), ("directory", "Is a directory"),
])
def test_foreign_files_are_refused(lab, kind, saying):
    path = lab.path("foreign.db")
    make_foreign(path, kind)
    before = path.read_bytes() if path.is_file() else None
    good = lab.db("small")
    server = lab.new_server().allow(r"foreign\.db")
    server.launch([good, path], "--run=true")
    assert server.wait_end() == 1
    assert "foreign.db" in server.stderr() and saying in server.stderr()
    assert (path.read_bytes() if path.is_file() else None) == before


def test_unreadable_file(lab):
    """As a user that may not read it."""
    db = lab.db("small")
    os.chmod(db, 0o000)
    command = [lab.programs.server, str(db), f"--unixctl={lab.path('ctl')}", "--run=true"]
    if os.geteuid() == 0:
        command = ["setpriv", "--reuid=65534", "--clear-groups", *command]
    result = lab.run(*command)
    assert result.status == 1 and "Permission denied" in result.err, result


@pytest.mark.parametrize("schema", [{"name": "x", "tables": 5}, {"tables": {}}, {"name": "x"}, 5])
def test_bad_schema_is_refused(lab, schema):
    path = dbfile.create(lab.path("bad.db"), schema)
    server = lab.new_server().allow(r"bad\.db")
    server.launch([path], "--run=true")
    assert server.wait_end() == 1
    assert server.stderr()


def test_foreign_file_added_at_run_time(lab):
    server = lab.serve("small").allow(r"foreign\.db")
    for kind in ("missing", "empty", "text", "directory"):
        path = lab.path(f"{kind}-foreign.db")
        make_foreign(path, kind)
        with pytest.raises(RpcError, match="foreign.db"):
            server.control("ovsdb-server/add-db", path)
    assert server.control("ovsdb-server/list-dbs").split() == ["_Server", "small"]


# Compaction


def check_compacted(path, uuids):
    records = dbfile.read(path)
    assert len(records) == 2
    assert set(records[1]["T"]) == uuids
    return records[1]


def churn(client, n=30):
    for i in range(n):
        client.insert("small", "T", {"name": f"r{i}", "n": i})
    client.commit("small", {"op": "delete", "table": "T", "where": [["n", ">=", 5]]})
    return {r["_uuid"][1] for r in client.select("small", "T", ["_uuid"])}


def test_compaction_by_command(lab):
    db = lab.db("small")
    os.chmod(db, 0o640)
    server = lab.serve(db)
    client = server.client()
    uuids = churn(client)
    size = os.path.getsize(db)
    assert server.control("ovsdb-server/compact") == ""
    record = check_compacted(db, uuids)
    assert record["_date"] and os.path.getsize(db) < size
    assert stat.S_IMODE(os.stat(db).st_mode) == 0o640
    uuids.add(client.insert("small", "T", {"name": "after"}))
    assert len(dbfile.read(db)) == 3
    server.stop()
    server.start([db])
    assert {r["_uuid"][1] for r in server.client().select("small", "T", ["_uuid"])} == uuids


def test_compaction_of_one_of_several(lab):
    small, other = lab.db("small"), lab.db("other")
    server = lab.serve(small, other)
    client = server.client()
    for i in range(3):
        client.insert("small", "T", {})
        client.insert("other", "X", {})
    server.control("ovsdb-server/compact", "small")
    assert (len(dbfile.read(small)), len(dbfile.read(other))) == (2, 4)
    server.control("ovsdb-server/compact")
    assert (len(dbfile.read(small)), len(dbfile.read(other))) == (2, 2)
    with pytest.raises(RpcError, match="no database"):
        server.control("ovsdb-server/compact", "nope")


def test_compaction_under_load_loses_nothing(lab):
    db = lab.db("small")
    server = lab.serve(db)
    client = server.client()
    stop = threading.Event()

    def compact():
        while not stop.is_set():
            server.control("ovsdb-server/compact")

    thread = threading.Thread(target=compact)
    thread.start()
    uuids = {client.insert("small", "T", {"n": i}) for i in range(300)}
    stop.set()
    thread.join()
    server.stop()
    server.start([db])
    assert {r["_uuid"][1] for r in server.client().select("small", "T", ["_uuid"])} == uuids


def test_compaction_of_an_empty_database(lab):
    db = lab.db("small")
    server = lab.serve(db)
    server.control("ovsdb-server/compact")
    assert len(dbfile.read(db)) <= 2
    server.client().insert("small", "T", {"name": "a"})
    server.stop()
    server.start([db])
    assert names(server) == ["a"]


def test_symbolic_link_stays_one(lab):
    real_dir = lab.path("real")
    real_dir.mkdir()
    real = lab.db("small", "real/file.db")
    link = lab.path("link.db")
    link.symlink_to("real/file.db")
    server = lab.serve(link)
    uuids = churn(server.client())
    assert (real_dir / ".file.db.~lock~").exists()
    assert not lab.path(".link.db.~lock~").exists()
    server.control("ovsdb-server/compact")
    assert link.is_symlink() and not real.is_symlink()
    check_compacted(real, uuids)
    server.client().insert("small", "T", {"name": "after"})
    assert len(dbfile.read(real)) == 3


# The lock


def test_locked_against_a_second_server(lab):
    db = lab.db("small")
    server = lab.serve(db)
    assert lab.path(".small.db.~lock~").exists()
    second = lab.new_server().allow(r"small\.db")
    second.launch([db], "--run=true")
    assert second.wait_end() == 1
    assert "lock" in second.stderr() and "small.db" in second.stderr()
    assert str(server.pid) in second.stderr() + second.log()
    names(server)


@pytest.mark.parametrize("way", ["ours", "peer"])
def test_locked_against_the_tools_of_both(lab, way):
    db = lab.db("small")
    server = lab.serve(db)
    programs = lab.programs if way == "ours" else lab.peer
    for args in (["transact", db, '["small"]'], ["compact", db]):
        lab.run(programs.tool, *args).fails(1, "lock")
    assert lab.run(programs.tool, "query", db, '["small"]').ok() == "[]\n"
    server.stop()
    assert lab.run(programs.tool, "transact", db, '["small"]').ok() == "[]\n"


def test_lock_ends_with_the_process(lab):
    db = lab.db("small")
    server = lab.serve(db)
    server.kill()
    server.start([db])
    assert names(server) == []


def test_same_file_twice_is_refused_at_run_time(lab):
    db = lab.db("small")
    server = lab.serve(db)
    with pytest.raises(RpcError, match="small.db"):
        server.control("ovsdb-server/add-db", db)
    assert names(server) == []


def test_two_files_of_one_name(lab):
    server = lab.new_server().allow(r"small")
    server.launch([lab.db("small", "a.db"), lab.db("small", "b.db")], "--run=true")
    assert server.wait_end() == 1
    assert "duplicate database name" in server.stderr()


# Sudden ends


@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")
def test_durable_commits_are_synced_before_the_reply(lab):
    db = lab.db("small")
    trace = lab.path("trace")
    server = lab.new_server()
    server.programs = copy.copy(lab.programs)
    server.programs.server = lab.path("traced")
    server.programs.server.write_text(
        f"#!/bin/sh\nexec strace -D -f -qq -e trace=fsync,fdatasync,sync_file_range -o {trace}"
        f" {lab.programs.server} \"$@\"\n")
    server.programs.server.chmod(0o755)
    server.env = {**server.env, "ASAN_OPTIONS": "detect_leaks=0"}  # does not work when traced
    server.start([db])
    client = server.client()

    def n_syncs():
        return len(trace.read_text().splitlines())

    insert = {"op": "insert", "table": "T", "row": {}}
    for durable in (True, False, True):
        before = n_syncs()
        client.commit("small", insert, {"op": "commit", "durable": durable})
        assert (n_syncs() > before) == durable
    before = n_syncs()
    ids = [client.request("transact", ["small", insert, {"op": "commit", "durable": True}])
           for _ in range(200)]
    for id_ in ids:
        client.result(id_)
    assert n_syncs() > before


def keep_compacting(server, stop):
    """Compacts over and over until told to stop or the server is gone."""
    while not stop.is_set():
        try:
            server.control("ovsdb-server/compact")
        except (OSError, Closed, RpcError):
            return


@pytest.mark.parametrize("compacting", [False, True])
@pytest.mark.parametrize("seed", range(6))
def test_kill_keeps_every_durable_commit(lab, seed, compacting):
    """Each transaction writes a pair of rows. After kill -9, all pairs answered are there, and no
    row without its twin."""
    rng = random.Random(seed)
    db = lab.db("small")
    server = lab.serve(db)
    client = server.client()
    pid_timer = threading.Timer(rng.uniform(0.02, 0.25), server.process.kill)
    answered, sent = set(), 0
    stop = threading.Event()
    compactor = threading.Thread(target=keep_compacting, args=(server, stop))
    if compacting:
        compactor.start()
    pid_timer.start()
    try:
        while True:
            while sent - len(answered) < 20:
                client.request("transact", ["small",
                                            {"op": "insert", "table": "T", "row": {"n": sent}},
                                            {"op": "insert", "table": "T", "row": {"n": sent}},
                                            {"op": "commit", "durable": rng.random() < 0.8}],
                               id_=sent)
                sent += 1
            reply = client.receive()
            assert all("error" not in r for r in reply["result"]), reply
            answered.add(reply["id"])
    except (Closed, ConnectionResetError, BrokenPipeError):
        pass
    pid_timer.join()
    stop.set()
    if compacting:
        compactor.join()
    server.kill()
    server.allow(r"small\.db")
    server.start([db])
    counts = {}
    for row in server.client().select("small", "T", ["_uuid", "n"]):
        counts[row["n"]] = counts.get(row["n"], 0) + 1
    assert set(counts.values()) <= {2}, "half a transaction"
    assert answered <= set(counts), "an answered transaction is lost"
    assert max(counts, default=-1) + 1 == len(counts), "a transaction is missing in between"


@pytest.fixture
def tiny_disk(lab):
    """A file system of 256 KiB."""
    path = lab.path("tiny")
    path.mkdir()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"tiny", str(path).encode(), b"tmpfs", 0, b"size=256k") != 0:
        pytest.skip(f"cannot mount: {os.strerror(ctypes.get_errno())}")
    yield path
    for server in lab.servers:
        server.clean_up()
    subprocess.run(["umount", str(path)], check=True)


def test_full_disk(lab, tiny_disk):
    """Writes fail with an error and leave no trace; when there is space again, all goes on."""
    db = lab.db("small", "tiny/small.db")
    ballast = tiny_disk / "ballast"
    server = lab.serve(db).allow(r"small\.db|No space left")
    client = server.client()
    client.insert("small", "T", {"name": "before"})
    ballast.write_bytes(b"x" * 150000)
    kept = ["before"]
    for i in range(100):
        results = client.transact("small", {"op": "insert", "table": "T",
                                            "row": {"name": f"{i:03}" + "y" * 20000}})
        if "error" in results[-1]:
            assert results[-1]["error"] == "I/O error"
            break
        kept.append(f"{i:03}" + "y" * 20000)
    else:
        raise AssertionError("the disk never was full")
    assert names(server) == sorted(kept)
    ballast.unlink()
    client.insert("small", "T", {"name": "after"})
    server.stop()
    server.start([db])
    assert names(server) == sorted(kept + ["after"])


# Upgrade


def test_upgrade_with_the_tool(lab):
    db = lab.db("small")
    server = lab.serve(db)
    server.client().insert("small", "T", {"name": "a", "n": 5, "tags": ["set", ["x", "y"]]})
    server.stop()
    newer = lab_module.schema("small")
    newer["version"] = "2.0.0"
    del newer["tables"]["T"]["columns"]["n"]
    newer["tables"]["T"]["columns"]["added"] = {"type": "string"}
    newer["tables"]["New"] = {"isRoot": True, "columns": {"x": {"type": "integer"}}}
    lab.path("new.ovsschema").write_text(json.dumps(newer))
    assert lab.tool("needs-conversion", db, "new.ovsschema").ok() == "yes\n"
    lab.tool("convert", db, "new.ovsschema").ok()
    assert lab.tool("needs-conversion", db, "new.ovsschema").ok() == "no\n"
    assert lab.tool("db-version", db).ok() == "2.0.0\n"
    server.start([db])
    client = server.client()
    assert client.select("small", "T", ["name", "tags", "added"]) == [
        {"name": "a", "tags": ["set", ["x", "y"]], "added": ""}]
    client.insert("small", "New", {"x": 1})
