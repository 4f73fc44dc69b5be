# SPDX-License-Identifier: Apache-2.0
"""What tests on the schema "small" share."""

# UUIDs for rows that a test writes into a file by itself.
A, B = "00000000-0000-0000-0000-00000000000a", "00000000-0000-0000-0000-00000000000b"


def names(server):
    """The names of the rows of table T, sorted."""
    return sorted(r["name"] for r in server.client().select("small", "T", ["name"]))
