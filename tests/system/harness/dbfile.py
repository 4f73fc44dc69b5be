# SPDX-License-Identifier: Apache-2.0
"""Database files, written and read by the tests themselves (not by the programs under test)."""
import hashlib
import json
import os


def record(value):
    """Returns the bytes of one record."""
    body = value if isinstance(value, bytes) else json.dumps(value, separators=(",", ":")).encode()
    body += b"\n"
    return b"OVSDB JSON %d %s\n" % (len(body), hashlib.sha1(body).hexdigest().encode()) + body


def create(path, schema, *records):
    """Writes a database file with `schema` (a dict) and further records."""
    with open(path, "wb") as out:
        out.write(record(schema))
        for value in records:
            out.write(record(value))
    return path


def append(path, value):
    with open(path, "ab") as out:
        out.write(record(value))


def offsets(path):
    """Returns where each record of the file begins, and the file's size as the last number."""
    found, data, position = [], open(path, "rb").read(), 0
    while position < len(data):
        found.append(position)
        end = data.index(b"\n", position) + 1
        position = end + int(data[position:end].split()[2])
    return found + [position]


def read(path):
    """Returns the records of a file as values, after checking each length, hash and form."""
    records = []
    with open(path, "rb") as source:
        while True:
            header = source.readline()
            if not header:
                return records
            magic, kind, length, digest = header.split()
            assert (magic, kind) == (b"OVSDB", b"JSON"), header
            body = source.read(int(length))
            assert len(body) == int(length), "the last record is torn"
            assert hashlib.sha1(body).hexdigest() == digest.decode(), f"wrong hash: {header}"
            assert body.endswith(b"\n"), "a record must end its line"
            records.append(json.loads(body))


def damage(path, offset, data):
    """Overwrites bytes at `offset`."""
    with open(path, "r+b") as out:
        out.seek(offset)
        out.write(data)


def truncate(path, size):
    os.truncate(path, size)
