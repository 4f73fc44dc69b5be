# SPDX-License-Identifier: Apache-2.0
"""Damaged files: a server opens what is whole and says what it left out, or refuses; it never
crashes, and never silently serves less than was stored."""
import json
import random
import re

import pytest
from harness import dbfile

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
OURS = pytest.mark.ours("the peer serves what comes before the damage, and tells nobody")


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
    assert n_served == N_RECORDS or said, "records are missing and nobody was told"
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
    """What a power cut leaves: the file ends within a record, or with zeros."""
    rng = random.Random(2)
    data = db.read_bytes()
    start = dbfile.offsets(db)[1]
    for number in range(pytestconfig.getoption("rounds")):
        size = rng.randrange(start, len(data))
        db.write_bytes(data)
        n_whole = count_whole(db, size)
        db.write_bytes(data[:size] + bytes(rng.randrange(1, 600) if number % 3 == 0 else 0))
        assert open_damaged(lab, db, n_whole) == n_whole
        # What was cut off stays cut off, and what is added now is whole.
        assert len(dbfile.read(db)) == n_whole + 1


@OURS
@pytest.mark.parametrize("way", ["lost", "twice", "swapped", "of another file"])
def test_whole_records_in_the_wrong_place(lab, db, way):
    """Good hashes do not make a history: rows deleted that were never there are damage."""
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
    """Each verb that reads a file says something or does its work."""
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
