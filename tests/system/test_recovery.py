# SPDX-License-Identifier: Apache-2.0
"""Damaged database files: the reports and repairs of ovsdb-tool, copies of data that is cut off,
and servers that may start with the undamaged prefix."""
import json
import os
import shutil

import pytest

from harness import dbfile
from harness.lab import schema_path
from harness.small_schema import A, B, C, names

pytestmark = pytest.mark.ours("the reference server has no such verbs and options, and makes no"
                              " copies")
INSERT = json.dumps(["small", {"op": "insert", "table": "T", "row": {"name": "new"}}])


def row(uuid, name, **more):
    return {"_date": 1, "T": {uuid: {"name": name, **more}}}


@pytest.fixture
def db(lab):
    """Three rows in three records."""
    return lab.db("small", None, row(A, "a"), row(B, "b"), row(C, "c"))


def change(db, record, shift=70):
    """Changes a byte of a record; returns the record's offset."""
    offset = dbfile.offsets(db)[record]
    byte = db.read_bytes()[offset + shift]
    dbfile.damage(db, offset + shift, bytes([byte ^ 1]))
    return offset


def rows_of(lab, path):
    reply = lab.tool("query", path, json.dumps(
        ["small", {"op": "select", "table": "T", "where": [], "columns": ["name"]}])).ok()
    return sorted(r["name"] for r in json.loads(reply)[0]["rows"])


def copies(db):
    return sorted(p for p in db.parent.glob(f"{db.name}.*"))


# ovsdb-tool check


def check(lab, db, status):
    before = db.read_bytes()
    result = lab.tool("check", db)
    assert result.status == status, result
    assert db.read_bytes() == before and copies(db) == []
    return result.out


def test_check_of_a_good_file(lab, db):
    assert "the file is good: 4 records, 3 rows" in check(lab, db, 0)


@pytest.mark.parametrize("record, kept", [(1, 2), (2, 2), (3, 2)])
def test_check_of_a_changed_byte(lab, db, record, kept):
    offset = change(db, record)
    said = check(lab, db, 2)
    assert f"record {record} at offset {offset}: its SHA-1 hash is not" in said
    assert f"the first {record} records, {offset} bytes" in said
    assert f"(--skip-damaged): 3 records, {kept} rows" in said
    assert "ovsdb-tool recover" in said


def test_check_of_a_torn_file(lab, db):
    offsets = dbfile.offsets(db)
    dbfile.truncate(db, offsets[-1] - 5)
    said = check(lab, db, 2)
    assert f"record 3 at offset {offsets[3]}" in said and "interrupted write" in said
    assert "is damaged" not in said


@pytest.mark.parametrize("record, saying", [
    ({"Nope": {A: {}}}, "unknown table"), ({"T": {A: {"nope": 1}}}, "unknown column"),
    (b"{", "no valid JSON"), (5, "not a JSON object"),
    ({"T": {A[:-1] + "d": None}}, "does not exist"),
    ({"T": {A: {"n": "x"}}}, "column n"),
])
def test_check_of_a_record_that_cannot_be_applied(lab, record, saying):
    db = lab.db("small", None, row(A, "a"), record, row(C, "c"))
    offset = dbfile.offsets(db)[2]
    said = check(lab, db, 2)
    assert f"record 2 at offset {offset}" in said and saying in said
    assert "(--skip-damaged): 3 records, 2 rows" in said


def test_check_of_references(lab):
    """Of strong ones it names row, column and target, and the record that brings the first."""
    db = lab.db("small", None, row(A, "a"), row(B, "b", kids=["uuid", C]), row(C, "c"))
    said = check(lab, db, 2)
    assert f"table T, row {B}: column kids refers to row {C} of table C, which does not exist" in said
    assert f"first damage: record 2 at offset {dbfile.offsets(db)[2]} violates a constraint" in said


def test_check_of_weak_references(lab):
    """Loading drops those to nothing: that is no damage."""
    db = lab.db("small", None, row(A, "a", likes=["uuid", C]))
    assert "refers weakly" in check(lab, db, 0)


def test_check_of_a_file_in_use(lab, db):
    server = lab.serve(db)
    assert "the file is good" in lab.tool("check", db).ok()
    # A record that the server is writing
    with open(db, "ab") as file:
        file.write(b"OVSDB JSON 99 ")
    assert "being written" in lab.tool("check", db).ok()
    dbfile.truncate(db, db.stat().st_size - 14)
    change(db, 1)
    assert lab.tool("check", db).status == 2
    server.stop()


def test_check_of_other_files(lab):
    for name, content, saying in (
            ("empty.db", b"", "empty"), ("text.db", b"hello\n", "no OVSDB database")):
        lab.path(name).write_bytes(content)
        for verb in (["check", name], ["recover", name, "new.db"],
                     ["--skip-damaged", "recover", name, "new.db"]):
            assert saying in lab.tool(*verb).fails(1).err
    assert "No such file" in lab.tool("check", "nope.db").fails(1).err
    assert "Is a directory" in lab.tool("check", ".").fails(1).err
    assert not lab.path("new.db").exists()


def test_damaged_schema(lab, db):
    change(db, 0)
    for verb in (["check", db], ["recover", db, "new.db"],
                 ["--skip-damaged", "recover", db, "new"]):
        assert "record 0 at offset 0" in lab.tool(*verb).fails(1).err


# ovsdb-tool recover


@pytest.mark.parametrize("record, prefix, everything", [
    (1, [], ["b", "c"]), (2, ["a"], ["a", "c"]), (3, ["a", "b"], ["a", "b"])])
def test_recover(lab, db, record, prefix, everything):
    offset = change(db, record)
    before = db.read_bytes()
    said = lab.tool("recover", db, "prefix.db").ok()
    assert f"record {record} at offset {offset}" in said
    assert f"left out: {len(before) - offset} bytes" in said
    assert lab.path("prefix.db").read_bytes() == before[:offset]
    assert rows_of(lab, "prefix.db") == prefix
    said = lab.tool("recover", "--skip-damaged", db, "all.db").ok()
    assert f"record {record} at offset {offset}" in said
    assert f"{len(everything)} rows from 3 records; left out: 1 damaged places" in said
    assert rows_of(lab, "all.db") == everything
    assert db.read_bytes() == before
    for name in ("prefix.db", "all.db"):
        assert "the file is good" in lab.tool("check", name).ok()
    lab.serve(lab.path("prefix.db"))


@pytest.mark.parametrize("tail", [b"\n", b"  \n\n", b"garbage\n", b"OVSDB JSON 7 x\n", b"\0" * 99])
def test_recover_drops_what_follows_the_last_record(lab, db, tail):
    whole = db.read_bytes()
    db.write_bytes(whole + tail)
    check(lab, db, 2)
    for options in ([], ["--skip-damaged"]):
        lab.tool(*options, "recover", db, "new.db").ok()
        assert rows_of(lab, "new.db") == ["a", "b", "c"]
        lab.path("new.db").unlink()
    lab.tool("recover", db, "new.db").ok()
    assert lab.path("new.db").read_bytes() == whole


def test_recover_without_dangling_references(lab):
    db = lab.db("small", None, {"C": {C: {"name": "c"}}, **row(A, "a", kids=["uuid", C])},
                row(B, "b", kids=["uuid", C]))
    change(db, 1)
    said = lab.tool("--skip-damaged", "recover", db, "new.db").ok()
    assert f"table T, row {B}: column kids refers to row {C} of table C" in said
    assert "1 references" in said
    assert rows_of(lab, "new.db") == ["b"]


def test_recover_never_overwrites(lab, db):
    change(db, 2)
    before = db.read_bytes()
    lab.path("there").write_text("kept")
    lab.path("link").symlink_to("there")
    lab.path("dangling").symlink_to("nowhere")
    for options in ([], ["--skip-damaged"]):
        for target in ("there", "link", db):
            assert "File exists" in lab.tool(*options, "recover", db, target).fails(1).err
        assert "No such file" in lab.tool(*options, "recover", db, "no/folder.db").fails(1).err
    assert lab.path("there").read_text() == "kept" and db.read_bytes() == before
    lab.tool("recover", db).fails(1)
    lab.tool("recover").fails(1)


def test_recover_keeps_the_mode(lab, db):
    change(db, 2)
    os.chmod(db, 0o640)
    for options in ([], ["--skip-damaged"]):
        lab.tool(*options, "recover", db, "new.db").ok()
        assert lab.path("new.db").stat().st_mode & 0o777 == 0o640
        lab.path("new.db").unlink()


def test_show_log_points_to_check(lab, db):
    offset = change(db, 2)
    result = lab.tool("show-log", db)
    assert result.status == 1 and "record 1:" in result.out and "record 2" not in result.out
    assert f"record 2 at offset {offset}" in result.err and "ovsdb-tool check" in result.err


# Copies of what is cut off

WRITERS = [["compact"], ["transact", INSERT], ["convert", "small.ovsschema"],
           ["compact", "small.db"],
           ["convert", "small.ovsschema", "small.db"]]


@pytest.mark.parametrize("words", WRITERS, ids=" ".join)
def test_tools_refuse_damage(lab, db, words):
    offset = change(db, 3)
    shutil.copy(schema_path("small"), lab.path("small.ovsschema"))
    before = db.read_bytes()
    said = lab.tool(words[0], "small.db", *words[1:]).fails(1).err
    assert f"record 3 at offset {offset}" in said and "ovsdb-tool recover" in said
    assert db.read_bytes() == before and copies(db) == []


@pytest.mark.parametrize("words", WRITERS, ids=" ".join)
def test_tools_keep_what_they_cut_off(lab, db, words):
    offsets = dbfile.offsets(db)
    shutil.copy(schema_path("small"), lab.path("small.ovsschema"))
    dbfile.truncate(db, offsets[-1] - 5)
    tail = db.read_bytes()[offsets[3]:]
    result = lab.tool(words[0], "small.db", *words[1:])
    assert result.status == 0 and f"small.db.torn-{offsets[3]}" in result.err
    copy, = copies(db)
    assert copy.name == f"small.db.torn-{offsets[3]}" and copy.read_bytes() == tail
    assert set(rows_of(lab, db)) - {"new"} == {"a", "b"}


def test_tools_report_a_torn_record(lab, db):
    """A torn record is missing in the output; the file itself is not changed."""
    offsets = dbfile.offsets(db)
    dbfile.truncate(db, offsets[-1] - 5)
    before = db.read_bytes()
    for words in (["compact", db, "new.db"], ["convert", db, schema_path("small"), "other.db"],
                  ["query", db, '["small"]']):
        result = lab.tool(*words)
        assert result.status == 0 and f"record 3 at offset {offsets[3]}" in result.err
        assert db.read_bytes() == before and copies(db) == []


@pytest.mark.parametrize("tail", [b"O", b"OVSDB JSON 99", b"\0" * 5000])
def test_server_keeps_what_it_cuts_off(lab, db, tail):
    whole = db.read_bytes()
    db.write_bytes(whole + tail)
    server = lab.new_server().allow(r"small\.db")
    server.start([db])
    server.wait_log(rf"record 4 at offset {len(whole)}.*small\.db\.torn-{len(whole)}")
    copy, = copies(db)
    assert copy.read_bytes() == tail
    assert names(server) == ["a", "b", "c"] and db.read_bytes() == whole


# A server that may begin with what is whole


def recovers(lab, server, db, kept):
    assert names(server) == kept
    server.wait_log(r"\|ERR\|.*record 2 at offset.*recovered from damage.*small\.db\.damaged")
    status = server.control("ovsdb-server/status")
    assert "recovery: small: recovered from damage: 2 whole records" in status
    assert "small.db.damaged" in status
    assert copies(db) == [db.with_name("small.db.damaged")]


def test_option(lab, db):
    change(db, 2)
    before = db.read_bytes()
    server = lab.new_server().allow(r"small\.db")
    server.start([db], "--recover-damaged")
    recovers(lab, server, db, ["a"])
    assert db.with_name("small.db.damaged").read_bytes() == before
    server.client().insert("small", "T", {"name": "new"})
    server.stop()
    server.start([db], "--recover-damaged")
    assert names(server) == ["a", "new"]
    assert "recovery" not in server.control("ovsdb-server/status")
    server.stop()
    # What the copy has behind the damage is not lost.
    lab.tool("--skip-damaged", "recover", "small.db.damaged", "all.db").ok()
    assert rows_of(lab, "all.db") == ["a", "c"]


def test_option_of_a_good_file(lab, db):
    server = lab.serve(db, options=["--recover-damaged"])
    assert names(server) == ["a", "b", "c"] and copies(db) == []


@pytest.mark.parametrize("text, is_recovered", [
    ("[database {db}]\nrecover-damaged = yes\n", True),
    ("[database {db}]\nrecover-damaged = no\n", False),
    ("[database {db}]\n", False),
    ("[options]\nrecover-damaged = yes\n[database {db}]\n", True),
    ("[options]\nrecover-damaged = yes\n[database {db}]\nrecover-damaged = no\n", False),
    ('{{"databases": {{"{db}": {{"recover-damaged": true}}}}}}', True),
    ('{{"databases": {{"{db}": {{"recover-damaged": false}}}}}}', False),
])
def test_configuration(lab, db, text, is_recovered):
    change(db, 2)
    config = lab.path("server.conf")
    config.write_text(text.format(db=db))
    server = lab.new_server().allow(r"small\.db")
    if is_recovered:
        server.start([], f"--config-file={config}")
        recovers(lab, server, db, ["a"])
    else:
        server.launch([], f"--config-file={config}", "--run=true")
        assert server.wait_end() == 1 and copies(db) == []


def test_configuration_with_a_wrong_value(lab, db):
    config = lab.path("server.conf")
    config.write_text(f"[database {db}]\nrecover-damaged = perhaps\n")
    server = lab.new_server().allow("recover-damaged")
    server.launch([], f"--config-file={config}", "--run=true")
    assert server.wait_end() == 1 and "yes or no" in server.stderr()


def test_at_run_time(lab, db):
    """A database that is added later is treated as the option requires."""
    change(db, 2)
    server = lab.new_server().allow(r"small\.db")
    server.start([], "--no-dbs", "--recover-damaged", "--no-self-confinement")
    server.control("ovsdb-server/add-db", db)
    recovers(lab, server, db, ["a"])


def test_violated_constraint(lab):
    """The whole prefix ends before the record that brings it."""
    db = lab.db("small", None, row(A, "a"), row(B, "b", kids=["uuid", C]), row(C, "c"))
    server = lab.new_server().allow(r"small\.db")
    server.start([db], "--recover-damaged")
    recovers(lab, server, db, ["a"])


def test_damaged_schema_is_not_recovered(lab, db):
    change(db, 0)
    before = db.read_bytes()
    server = lab.new_server().allow(r"small\.db")
    server.launch([db], "--recover-damaged", "--run=true")
    assert server.wait_end() == 1 and db.read_bytes() == before
