# SPDX-License-Identifier: Apache-2.0
"""The database file: written, read back, exchanged with the reference server, compacted, locked,
converted."""
import json
import os
import re
import stat
import threading
import time

import pytest

from harness import dbfile, wait
from harness import lab as lab_module
from harness.rpc import RpcError
from harness.small_schema import A, B, names

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


@pytest.mark.parametrize("first", ["ours", "reference"])
def test_back_and_forth(lab, first):
    """A file is used by both servers in turn; each reads exactly the contents that the other one
    wrote."""
    db = lab.db("ops")
    turns = [lab.programs, lab.reference] if first == "ours" else [lab.reference, lab.programs]
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
    for programs in (lab.reference, lab.programs):
        server = lab.serve(db, programs=programs)
        if not dumps:
            fill(server.client())
            change(server.client(), 1)
            server.stop()
            server.start([db])
        dumps.append(lab.run(lab.reference.client, "dump", f"unix:{server.socket_path}",
                             "ops").ok())
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


def test_whole_values_instead_of_differences(lab):
    """--disable-file-column-diff, and the command that ends it."""
    db = lab.db("small")
    server = lab.serve(db, options=["--disable-file-column-diff"])
    client = server.client()
    uuid = client.insert("small", "T", {"name": "a", "n": 1, "tags": ["set", ["x", "y"]]})
    assert "_is_diff" not in records_of(lab, db)[-1]
    client.commit("small", {"op": "mutate", "table": "T", "where": [], "mutations": [
        ["tags", "insert", "z"], ["tags", "delete", "x"], ["n", "-=", 1],
        ["map", "insert", ["map", [["k", "v"]]]]]})
    record = records_of(lab, db)[-1]
    assert "_is_diff" not in record
    assert record["T"] == {uuid: {"n": 0, "tags": ["set", ["y", "z"]],
                                  "map": ["map", [["k", "v"]]]}}
    before = contents(client, "small")
    server.stop()
    server.start([db], "--disable-file-column-diff")
    client = server.client()
    assert contents(client, "small") == before
    assert server.control("ovsdb/file/column-diff-enable") in ("", None)
    client.commit("small", {"op": "mutate", "table": "T", "where": [], "mutations": [
        ["tags", "insert", "x"]]})
    record = records_of(lab, db)[-1]
    assert record["_is_diff"] is True and record["T"] == {uuid: {"tags": "x"}}


@pytest.mark.ours("the reference server does not know the option")
def test_option_of_newer_servers_without_effect(lab):
    server = lab.serve("small", options=["--disable-file-no-data-conversion"])
    assert server.control("ovsdb/file/no-data-conversion-enable") == ""


@pytest.mark.ours("the reference server of this version has no configuration file")
def test_whole_values_by_configuration(lab):
    db = lab.db("small")
    config = lab.path("conf")
    config.write_text("[options]\ndisable-file-column-diff = yes\n")
    server = lab.serve(db, options=[f"--config-file={config}"])

    def is_diff():
        server.client().insert("small", "T", {})
        return "_is_diff" in records_of(lab, db)[-1]

    assert not is_diff()
    other = lab.db("other")
    server.control("ovsdb-server/add-db", other)
    server.client().insert("other", "X", {})
    assert "_is_diff" not in records_of(lab, other)[-1]
    config.write_text("[options]\ndisable-file-column-diff = no\n")
    server.control("ovsdb-server/reload")
    assert is_diff()


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
    [{"op": "insert", "table": "I", "row": {"a": 1}},
     {"op": "insert", "table": "I", "row": {"a": 1}}],
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
    got = [(r["name"], r["n"], r["tags"]) for r in got]
    assert sorted(map(repr, got)) == sorted(map(repr, rows))


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


@pytest.mark.parametrize("way", ["ours", "reference"])
def test_locked_against_the_tools_of_both(lab, way):
    db = lab.db("small")
    server = lab.serve(db)
    programs = lab.programs if way == "ours" else lab.reference
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


@pytest.mark.ours("the reference server has no history")
def test_memory_of_deleted_rows(lab):
    """The history does not keep a deletion that is larger than the database, and is counted."""
    server = lab.serve("small")
    client = server.client()

    def history():
        return int(re.search(r"history-bytes:(\d+)", server.control("memory/show")).group(1))

    name = "x" * 1000
    client.commit("small", *[{"op": "insert", "table": "T", "row": {"name": f"{name}{i}", "n": i}}
                             for i in range(3000)])
    client.commit("small", {"op": "update", "table": "T", "where": [], "row": {"n": 5}})
    assert history() > 1000
    client.commit("small", {"op": "delete", "table": "T", "where": []})
    wait.until(lambda: history() < 10000, "the history to let go")
    assert 'database_history_bytes{database="small"}' in server.control("metrics")
