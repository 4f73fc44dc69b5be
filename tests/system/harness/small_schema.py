# SPDX-License-Identifier: Apache-2.0
"""Helpers of the tests on the schema "small"."""

# UUIDs for rows that a test writes into a file by itself.
A, B, C = (f"00000000-0000-0000-0000-00000000000{c}" for c in "abc")
# For replicas: what initial contents leave out, and the columns that are sets.
DEFAULTS = {"T": {"name": "", "n": 0, "r": 0, "on": False, "tags": ["set", []],
                  "map": ["map", []], "kids": ["set", []], "likes": ["set", []], "eph": ""},
            "C": {"name": ""}, "I": {"a": 0, "b": "", "c": ["set", []]}}
SETS = {("T", "tags"), ("T", "kids"), ("T", "likes")}


def names(server):
    """The names of the rows of table T, sorted."""
    return sorted(r["name"] for r in server.client().select("small", "T", ["name"]))


# Of table T


def modify(where, row):
    return {"op": "update", "table": "T", "where": where, "row": row}


def named(name):
    return [["name", "==", name]]


def fill(client, n=5):
    """Rows a0 with n 0, a1 with n 1, …; returns their UUIDs."""
    return [client.insert("small", "T", {"name": f"a{i}", "n": i}) for i in range(n)]
