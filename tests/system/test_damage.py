# SPDX-License-Identifier: Apache-2.0
"""Faults of a database file: torn, damaged, foreign and unreadable files, kill -9, a full disk."""
import copy
import ctypes
import json
import os
import random
import shutil
import subprocess
import threading

import pytest

from harness import dbfile
from harness.rpc import Closed, RpcError
from harness.small_schema import A, B, names


# Damage


def damaged(lab, n_records=3):
    """A file with three good records beyond the schema, as (path, offsets)."""
    db = lab.db("small", None, *({"_date": 1, "T": {A[:-1] + str(i): {"name": f"r{i}"}}}
                                 for i in range(n_records)))
    return db, dbfile.offsets(db)


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


def refuses(lab, db, *places):
    """The server does not start with the file, reports why, and does not change it."""
    before = db.read_bytes()
    server = lab.new_server().allow(r"small\.db")
    server.launch([db], "--run=true")
    assert server.wait_end() == 1
    told = server.stderr()
    assert f"{db.name}" in told and "ovsdb-tool" in told
    assert not places or any(f"at offset {place}" in told for place in places)
    assert db.read_bytes() == before
    return told


@pytest.mark.difference("damage-refused")
@pytest.mark.parametrize("record, shift, data", [
    (1, 5, b"X"), (2, 90, b"XXX"), (2, 0, b"Y"), (2, 30, b"0000"),
    # The last record
    (3, 0, b"Y"), (3, 11, b"8"), (3, 11, b"1"), (3, 13, b"x"), (3, 20, b"00"), (3, 54, b" "),
    (3, 90, b"X"), (3, -1, b" "), (3, -1, b"}"), (3, -3, b"x"),
])
def test_damage_refuses(lab, record, shift, data):
    db, offsets = damaged(lab)
    at = offsets[record] + shift if shift >= 0 else offsets[record + 1] + shift
    dbfile.damage(db, at, data)
    refuses(lab, db, offsets[record])


@pytest.mark.difference("damage-refused")
def test_changed_letter_in_a_compacted_file_refuses(lab):
    """The last record is the whole database."""
    db, _ = damaged(lab)
    lab.tool("compact", db).ok()
    offsets = dbfile.offsets(db)
    data = db.read_bytes()
    db.write_bytes(data.replace(b"r1", b"R1"))
    assert "record 1" in refuses(lab, db, offsets[1])


@pytest.mark.difference("damage-refused")
@pytest.mark.parametrize("tail", [b"\n", b"  ", b"\n \n\n", b"garbage\n", b"\0\0x", b"{}\n"])
def test_data_after_the_last_record_refuses(lab, tail):
    db, offsets = damaged(lab)
    db.write_bytes(db.read_bytes() + tail)
    refuses(lab, db, offsets[-1])


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
    """Compacts repeatedly until `stop` is set or the server has ended."""
    while not stop.is_set():
        try:
            server.control("ovsdb-server/compact")
        except (OSError, Closed, RpcError):
            return


@pytest.mark.parametrize("compacting", [False, True])
@pytest.mark.parametrize("seed", range(6))
def test_kill_keeps_every_durable_commit(lab, seed, compacting):
    """Each transaction writes a pair of rows. After kill -9 the database has every pair whose
    transaction was confirmed, and no single row of a pair."""
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
    """Failed writes cause an error and leave no trace. When there is space again, writes
    succeed."""
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
