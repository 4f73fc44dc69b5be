# SPDX-License-Identifier: Apache-2.0
"""The access control rows of bench.py: the same loads from clients without a role and with a role
that allows them, whose rules are checked for every operation."""
import json

from harness import dbfile
from rows import HERE, cpu_us, item, row, scale

N_ROWS = 1000
COLUMNS = ["name", "n", "ratio", "up", "tags", "conf"]


def uuid(number):
    return f"00000000-0000-4000-8000-{number:012d}"


def write(path):
    """A file with rows, the rule for them, and a remote whose clients have the role."""
    return dbfile.create(path, json.loads((HERE / "bench.ovsschema").read_text()), {
        "_date": 1700000000000,
        "Item": dict(map(item, range(N_ROWS))),
        "Remote": {uuid(1): {"target": "punix:role.sock", "role": "writer"}},
        "RBAC_Role": {uuid(2): {
            "name": "writer", "permissions": ["map", [["Item", ["uuid", uuid(3)]]]]}},
        "RBAC_Permission": {uuid(3): {"table": "Item", "authorization": "", "insert_delete": True,
                                      "update": ["set", COLUMNS]}}})


@row("role", repeat=5, reference_repeat=5)
def role(bench, site):
    found = {}
    path = write(bench.directory / "roles.db")
    for label, name in (("without a role", "db.sock"), ("with a role", "role.sock")):
        site.start(path, "--remote=db:bench,Remote,target")
        site.target = f"{site.server.run_dir}/{name}"
        found[f"insert {label}: CPU, us"] = cpu_us(site.load(
            "insert", count=scale(bench, 10000), window=100, start=N_ROWS))
        found[f"update {label}: CPU, us"] = cpu_us(site.load(
            "update", count=scale(bench, 10000), window=100, rows=N_ROWS))
        site.stop()
    return found
