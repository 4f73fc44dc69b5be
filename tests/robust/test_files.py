# SPDX-License-Identifier: Apache-2.0
"""Damaged files: a server opens the whole records and reports what it left out, or rejects it.
It never crashes, and never serves less than was stored without a message."""
import hashlib
import json
import random
import re

import pytest
from harness import dbfile, programs
from harness.lab import schema

SCHEMA = {"name": "dmg", "version": "1.0.0", "tables": {
    "T": {"isRoot": True, "columns": {
        "name": {"type": "string"}, "n": {"type": "integer"},
        "tags": {"type": {"key": "string", "min": 0, "max": "unlimited"}}}}}}
N_RECORDS = 12


def uuid(number):
    return f"00000000-0000-4000-8000-{number:012x}"


def record(number):
    """Each record adds a row, changes the one before and, now and then, deletes one."""
    rows = {uuid(number): {"name": f"row {number}", "n": number,
                           "tags": ["set", ["a", f"t{number}"]]}}
    if number > 1:
        rows[uuid(number - 1)] = {"n": -number}
    if number % 4 == 0:
        rows[uuid(number - 3)] = None
    return {"_date": 1700000000000 + number, "_comment": f"record {number}", "T": rows}


def states():
    """The rows after the schema and each record, as the server prints them."""
    rows, found = {}, [{}]
    for number in range(1, N_RECORDS + 1):
        for key, row in record(number)["T"].items():
            if row is None:
                del rows[key]
            else:
                rows[key] = {**rows.get(key, {}), **row}
        found.append(json.loads(json.dumps(rows)))
    return found


STATES = states()
OURS = pytest.mark.ours("the reference server silently serves the records before the"
                        " damage")


@pytest.fixture
def db(lab):
    return dbfile.create(lab.path("dmg.db"), SCHEMA, *map(record, range(1, N_RECORDS + 1)))


def content(server):
    rows = server.client().select("dmg", "T", ["_uuid", "name", "n", "tags"])
    return {row.pop("_uuid")[1]: row for row in rows}


def open_damaged(lab, path, n_whole):
    """Starts a server on a file of which the first n_whole records are untouched. Returns how many
    records it serves, or None when it refused."""
    server = lab.new_server().allow(r"dmg\.db")
    server.launch([path])
    try:
        server.wait_ready()
    except AssertionError:
        status = server.wait_end()
        text = server.stderr()
        assert status == 1, f"exit status {status}\n{text}"
        assert "dmg.db" in text, f"refused without naming the file: {text}"
        return None
    served = content(server)
    server.stop()
    assert served in STATES, f"a state that never was: {served}"
    n_served = STATES.index(served)
    assert n_served >= n_whole, f"{n_whole} records are whole, {n_served} are served"
    said = re.search(r"\|WARN\|.*dmg\.db", server.log())
    assert n_served == N_RECORDS or said, "records are missing without a message"
    return n_served


def count_whole(path, offset):
    """How many of the records after the schema end before an offset; -1: not even the schema."""
    return sum(end <= offset for end in dbfile.offsets(path)[1:]) - 1


def test_undamaged(lab, db):
    assert open_damaged(lab, db, N_RECORDS) == N_RECORDS


@OURS
def test_flipped_bytes(lab, db, pytestconfig):
    rng = random.Random(1)
    data = db.read_bytes()
    refused = 0
    for _ in range(pytestconfig.getoption("rounds")):
        offset = rng.randrange(len(data))
        flipped = bytearray(data)
        flipped[offset] ^= 1 << rng.randrange(8)
        db.write_bytes(data)
        n_whole = count_whole(db, offset)
        db.write_bytes(flipped)
        refused += open_damaged(lab, db, max(n_whole, 0)) is None
    assert refused, "no damage in the midst of a file was refused"


@OURS
def test_torn_anywhere(lab, db, pytestconfig):
    """The result of a power cut: the file ends within a record, or with zeros."""
    rng = random.Random(2)
    data = db.read_bytes()
    start = dbfile.offsets(db)[1]
    for number in range(pytestconfig.getoption("rounds")):
        size = rng.randrange(start, len(data))
        db.write_bytes(data)
        n_whole = count_whole(db, size)
        db.write_bytes(data[:size] + bytes(rng.randrange(1, 600) if number % 3 == 0 else 0))
        assert open_damaged(lab, db, n_whole) == n_whole
        # The torn record remains cut off, and records added now are whole.
        assert len(dbfile.read(db)) == n_whole + 1


@OURS
@pytest.mark.parametrize("way", ["lost", "twice", "swapped", "of another file"])
def test_whole_records_in_the_wrong_place(lab, db, way):
    """Records with right hashes that delete rows which do not exist are damage."""
    records = dbfile.read(db)
    if way == "lost":
        del records[5:7]
    elif way == "twice":
        records.insert(8, records[8])
    elif way == "swapped":
        records[4], records[8] = records[8], records[4]
    else:
        records.insert(6, {"_date": 1700000000000, "Alien": {uuid(99): {"x": 1}}})
    dbfile.create(db, *records)
    server = lab.new_server().allow(r"dmg\.db")
    server.launch([db])
    status = server.wait_end()
    assert status == 1 and "dmg.db" in server.stderr(), server.stderr()


def test_tools_on_damaged_files(lab, db, pytestconfig):
    """Each verb that reads a file succeeds or reports an error."""
    rng = random.Random(3)
    data = db.read_bytes()
    verbs = [["show-log", "-mmm"], ["query"], ["db-name"], ["db-version"], ["compact"]]
    for number in range(pytestconfig.getoption("rounds")):
        damaged = bytearray(data)
        for _ in range(rng.randrange(1, 4)):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        if number % 2:
            damaged = damaged[:rng.randrange(len(damaged))]
        db.write_bytes(damaged)
        verb = verbs[number % len(verbs)]
        more = ['["dmg",{"op":"select","table":"T","where":[]}]'] if verb == ["query"] else []
        result = lab.tool(*verb, db, *more)
        assert result.status in (0, 1), result
        assert result.status == 0 or result.err, f"failed without a word: {result}"


# Files as programs leave them

LARGER = {**schema("small"), "version": "9.0.0"}
LARGER["tables"] = {**LARGER["tables"], "More": {"columns": {"x": {"type": "integer"}}}}
SELECT = json.dumps(["small",
                     *({"op": "select", "table": t, "where": [], "columns": c} for t, c in (
    ("T", ["_uuid", "name", "n", "tags", "map", "kids", "likes"]), ("C", ["_uuid", "name"])))])


def live(server):
    """Inserts, changes, connects by references, and deletes rows."""
    client = server.client()
    for n in range(6):
        client.commit("small",
                      {"op": "insert", "table": "C", "uuid-name": "kid", "row": {"name": "c"}},
                      {"op": "insert", "table": "T", "row": {
                          "name": f"row{n}", "n": n, "map": ["map", [["k", str(n)]]],
                          "kids": ["named-uuid", "kid"], "likes": ["named-uuid", "kid"]}})
        client.commit("small",
                      {"op": "mutate", "table": "T", "where": [["n", "<", n]], "mutations": [
            ["n", "+=", 10], ["tags", "insert", f"t{n}"], ["map", "delete", ["set", ["k"]]]]},
                      {"op": "comment", "comment": f"change {n}"})
        client.commit("small", {"op": "delete", "table": "T", "where": [["n", ">", 30]]})


def make_file(lab, maker, kind):
    """A database with a history; compacted or converted in the midst of it."""
    server = lab.serve("small", programs=maker).allow(r"\|WARN\|")
    live(server)
    if kind == "compacted":
        server.control("ovsdb-server/compact")
    elif kind == "converted":
        client = server.client()
        client.call("set_db_change_aware", True)
        client.call("convert", "small", LARGER)
    live(server)
    server.stop()
    return lab.path("small.db").read_bytes()


def records_of(data):
    """The offsets of the whole records, then the offset of the first bad record or of the end."""
    offsets, at = [], 0
    while True:
        offsets.append(at)
        header = re.match(rb"OVSDB JSON ([1-9][0-9]*) ([0-9a-fA-F]{40})\n", data[at:at + 200])
        body = header and data[at + header.end():at + header.end() + int(header[1])]
        if not header or len(body) < int(header[1]) or \
                hashlib.sha1(body).hexdigest() != header[2].decode().lower():
            return offsets
        at += header.end() + len(body)


def spoil(rng, data):
    """One change behind the schema: bytes flipped, lost, doubled, put in, zeroed; records lost,
    doubled, swapped; the end cut off."""
    offsets = records_of(data)
    start, second = sorted(rng.choices(offsets[1:-1], k=2))
    end, after = (offsets[offsets.index(o) + 1] for o in (start, second))
    at = rng.randrange(offsets[1], len(data))
    n = rng.choice([1, 3, 100])
    return rng.choice([
        lambda: data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1:],
        lambda: data[:at] + data[at + n:],
        lambda: data[:at] + data[at:at + n] + data[at:],
        lambda: data[:at] + rng.randbytes(n) + data[at:],
        lambda: data[:at] + bytes(min(n, len(data) - at)) + data[at + n:],
        lambda: data[:at],
        lambda: data[:start] + data[end:],
        lambda: data[:end] + data[start:],
        lambda: data[:start] + data[second:after] + data[start:second] + data[after:],
    ])()


def content_of(lab, tool, path):
    """The rows, or None if the tool rejects the file; and the messages of the tool."""
    # If a server may be writing to the file, an incomplete record is logged at INFO.
    done = programs.run([tool, "-vconsole:info", "query", path, SELECT], env=lab.env)
    if done.status:
        return None, done.err
    return [sorted(r["rows"], key=json.dumps) for r in json.loads(done.out)], done.err


@OURS
@pytest.mark.parametrize("maker", ["ours", "reference"])
@pytest.mark.parametrize("kind", ["plain", "compacted", "converted"])
def test_files_of_programs(lab, pytestconfig, maker, kind):
    """The server serves exactly the contents before the first bad record, and only if a power cut
    explains the rest of the file; otherwise it refuses the file and names the place. The expected
    contents come from the reference server with a file of the good records only."""
    reference = programs.debian()
    data = make_file(lab, reference if maker == "reference" else None, kind)
    rng = random.Random(f"{maker} {kind}")
    path, prefix = lab.path("spoiled.db"), lab.path("prefix.db")
    for _ in range(max(3, pytestconfig.getoption("rounds") // 4)):
        spoiled = spoil(rng, data)
        offset = records_of(spoiled)[-1]
        path.write_bytes(spoiled)
        prefix.write_bytes(spoiled[:offset])
        rows, said = content_of(lab, lab.programs.tool, path)
        if rows is None:
            named = re.search(r"record \d+ at offset (\d+)", said)
            assert named or "spoiled.db" in said, said
            assert not named or int(named[1]) in records_of(spoiled), said
            continue
        assert rows == content_of(lab, reference.tool, prefix)[0]
        assert offset == len(spoiled) or f"at offset {offset}" in said, f"{offset} left out: {said}"
