# SPDX-License-Identifier: Apache-2.0
"""The database of the random histories: its schema, random transactions and random conditions, and
the rows that a monitor with such a condition must show, computed from the rows alone."""
import operator

SCHEMA = {"name": "mon", "version": "1.0.0", "tables": {
    "T": {"isRoot": True, "columns": {
        "name": {"type": "string"},
        "n": {"type": "integer"},
        "r": {"type": "real"},
        "eph": {"type": "string", "ephemeral": True},
        "on": {"type": "boolean"},
        "opt": {"type": {"key": "integer", "min": 0, "max": 1}},
        "tags": {"type": {"key": "string", "min": 0, "max": "unlimited"}},
        "conf": {"type": {"key": "string", "value": "string", "min": 0, "max": "unlimited"}},
        "kids": {"type": {"key": {"type": "uuid", "refTable": "C"}, "min": 0, "max": "unlimited"}},
        "likes": {"type": {"key": {"type": "uuid", "refTable": "C", "refType": "weak"},
                           "min": 0, "max": "unlimited"}},
        "text": {"type": "string"}}},
    "C": {"columns": {"name": {"type": "string"}, "n": {"type": "integer"}}}}}

EMPTY = ["set", []]
DEFAULTS = {
    "T": {"name": "", "n": 0, "r": 0, "eph": "", "on": False, "opt": EMPTY, "tags": EMPTY,
          "conf": ["map", []], "kids": EMPTY, "likes": EMPTY, "text": "", "_version": None},
    "C": {"name": "", "n": 0, "_version": None}}
# Columns whose values do not survive a restart of the server.
FLEETING = {"eph", "_version"}
SETS = {("T", "tags"), ("T", "kids"), ("T", "likes")}
NAMES = "abcdefghijkl"
TAGS = "uvwxyz"


def members(value):
    """The members of a set, the pairs of a map, or the single atom, as hashable values."""
    if isinstance(value, list) and value[0] in ("set", "map"):
        return {str(member) for member in value[1]}
    return {str(value)}


def normal(value):
    """A value in a form that compares equal for any order in sets and maps."""
    if isinstance(value, list) and value[0] in ("set", "map"):
        if value[0] == "set" and len(value[1]) == 1:
            return value[1][0]
        return [value[0], sorted(value[1], key=str)]
    return value


# Conditions


ORDERS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


def holds(clause, row):
    """RFC 7047 5.1, and the document of the extensions for optional columns."""
    if isinstance(clause, bool):
        return clause
    column, function, argument = clause
    value = row[column]
    if function in ORDERS:
        return value != EMPTY and ORDERS[function](value, argument)
    if function == "==":
        return normal(value) == normal(argument)
    if function == "!=":
        return normal(value) != normal(argument)
    if function == "includes":
        return members(argument) <= members(value)
    return not members(argument) & members(value)


def shows(where, row):
    return not where or any(holds(clause, row) for clause in where)


def random_clause(rng, table, known):
    """`known` is a list of (UUID, version) of rows."""
    equal = rng.choice(["==", "==", "==", "!=", "includes", "excludes"])
    if known and rng.random() < 0.15:
        uuid, version = (["uuid", one] for one in rng.choice(known))
        return rng.choice([["_uuid", equal, uuid], ["_uuid", equal, uuid],
                           ["_version", equal, version]])
    column = rng.choice(["name", "n"] if table == "C" else [
        "name", "n", "r", "eph", "on", "opt", "tags", "conf", "kids", "likes"])
    if column in ("name", "eph"):
        return [column, equal, rng.choice(NAMES)]
    if column == "on":
        return [column, equal, rng.random() < 0.5]
    if column in ("n", "r", "opt"):
        if column == "opt" and rng.random() < 0.3:
            return [column, equal, EMPTY]
        return [column, rng.choice([equal, *ORDERS]),
                rng.randrange(8) + (0.5 if column == "r" else 0)]
    if column in ("kids", "likes"):
        some = rng.sample(known, min(len(known), rng.randrange(3)))
        return [column, equal, ["set", [["uuid", uuid] for uuid, _ in some]]]
    if column == "conf":
        pairs = [[key, rng.choice("12")] for key in rng.sample("kl", rng.randrange(1, 3))]
        return [column, equal, ["map", pairs]]
    return [column, equal, ["set", rng.sample(TAGS, rng.randrange(3))]]


def random_where(rng, table, known):
    kind = rng.randrange(8)
    if kind == 0:
        return rng.choice([[], [True], [False]])
    if kind <= 2:  # found by hash
        return [["name", "==", name] for name in rng.sample(NAMES, rng.randrange(1, 8))]
    if kind == 3 and known:
        some = rng.sample(known, min(len(known), rng.randrange(1, 30)))
        return [["_uuid", "==", ["uuid", uuid]] for uuid, _ in some]
    return [random_clause(rng, table, known) for _ in range(rng.randrange(1, 4))]


# Transactions


def random_row(rng, size):
    row = {"name": rng.choice(NAMES), "n": rng.randrange(8), "on": rng.random() < 0.5,
           "r": rng.randrange(8) + 0.5, "eph": rng.choice(["", *NAMES]),
           "opt": rng.choice([EMPTY, rng.randrange(8)]),
           "tags": ["set", rng.sample(TAGS, rng.randrange(4))],
           "conf": ["map", [[k, rng.choice("12")] for k in rng.sample("klm", rng.randrange(3))]],
           "kids": EMPTY, "text": rng.choice(TAGS) * rng.randrange(size)}
    return {column: row[column] for column in rng.sample(list(row), rng.randrange(1, len(row) + 1))}


def random_operations(rng, size, known):
    """The operations of one transaction that must succeed. `size` bounds the column text."""
    kind = rng.randrange(12)
    where = [rng.choice([["name", "==", rng.choice(NAMES)], ["n", "==", rng.randrange(8)]])]
    if kind < 3:
        return [{"op": "insert", "table": "C", "uuid-name": "kid",
                 "row": {"name": rng.choice(NAMES), "n": rng.randrange(8)}},
                {"op": "insert", "table": "T",
                 "row": {**random_row(rng, size), "kids": ["named-uuid", "kid"],
                         "likes": ["set", [["named-uuid", "kid"]]]}}]
    if kind < 5:
        return [{"op": "update", "table": "T", "where": where, "row": random_row(rng, size)}]
    if kind == 5:
        return [{"op": "update", "table": "C", "where": where,
                 "row": {"n": rng.randrange(8), "name": rng.choice(NAMES)}}]
    if kind == 6:
        return [{"op": "mutate", "table": "T", "where": where, "mutations": [
            ["n", "+=", rng.randrange(-2, 3)],
            ["tags", rng.choice(["insert", "delete"]), ["set", rng.sample(TAGS, 2)]],
            ["conf", "delete", ["set", ["k"]]],
            ["conf", "insert", ["map", [["l", rng.choice("12")]]]]]}]
    if kind == 7:  # changed and changed back in one transaction: no update
        return [{"op": "mutate", "table": "T", "where": [], "mutations": [["n", "+=", 1]]},
                {"op": "mutate", "table": "T", "where": [], "mutations": [["n", "-=", 1]]}]
    if kind == 8 and known:  # weak references, also to rows that do not exist
        some = rng.sample(known, min(len(known), 4))
        return [{"op": "mutate", "table": "T", "where": where, "mutations": [
            ["likes", "insert", ["set", [["uuid", uuid] for uuid, _ in some]]]]}]
    if kind == 9 and known:  # children that lose their only parent
        some = rng.sample(known, min(len(known), 10))
        return [{"op": "mutate", "table": "T", "where": [], "mutations": [
            ["kids", "delete", ["set", [["uuid", uuid] for uuid, _ in some]]]]}]
    if kind == 10:
        return [{"op": "delete", "table": "T", "where": [["name", "==", rng.choice(NAMES)],
                                                         ["n", "<", rng.randrange(8)]]}]
    return [{"op": "delete", "table": "T", "where": where}]


def many_changes(rng):
    """A transaction that inserts so many rows that initial contents take several steps."""
    return [{"op": "insert", "table": "T", "row": random_row(rng, 2)} for _ in range(1500)]


def flood(rng, size):
    """A transaction that makes a large change to every row."""
    return [{"op": "update", "table": "T", "where": [["on", "==", on]],
             "row": {"text": rng.choice(TAGS) * rng.randrange(size)}} for on in (False, True)]
