# SPDX-License-Identifier: Apache-2.0
"""Random transactions on the schema "ops", most of which succeed, and the comparison of results.

Differences in differences.py are not generated: reals of more than 15 digits, arithmetic at the
ends of the integers, weak references in rows that a commit also changes in other ways, sets that
have a default member. An operation has at most one error, because the order in which servers check
its members is not compared."""
import json
import random

from harness import lab as lab_module

INTEGERS = [0, 1, 2, 3, -1, 7, 100]
REALS = [0, 0.5, 1, -2.5, 3.25, 100]
STRINGS = ["", "a", "b", "é", "long string", 'q"\\']
GARBAGE = [None, "x", 5, 1.5, True, [], {}, ["set", []], ["set", [1, 1]], ["set", ["a", 1]],
           ["map", []], ["map", [["a"]]], ["uuid", "x"], ["named-uuid", "nobody"], ["set"],
           ["uuid", "00000000-0000-0000-0000-000000000009"], ["set", [1, 2, 3, 4]]]
FUNCTIONS = ["==", "!=", "<", "<=", ">", ">=", "includes", "excludes"]
MUTATORS = ["+=", "-=", "*=", "/=", "%=", "insert", "delete"]
TABLES = ["Types", "Limits", "Must", "Root", "Child", "Leaf", "Needs", "Strict", "Index",
          "SetIndex", "Few", "Fixed", "Eph"]


class Generator:
    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.schema = lab_module.schema("ops")["tables"]
        self.uuids = {table: [] for table in self.schema}
        self.known = {table: [] for table in self.schema}  # the same, before this transaction
        self.names = {}
        self.n_uuids = 0
        self.may_err = False  # one wrong value is still to be had in this operation

    def columns(self, table):
        """The columns to use: without the ones whose peculiarities are tested elsewhere."""
        peculiar = ("pairs", "weak", "wmap", "peer", "ephref", "exact")
        return [c for c in self.schema[table]["columns"] if c not in peculiar]

    def new_uuid(self):
        self.n_uuids += 1
        return f"{self.rng.randrange(1 << 32):08x}-0000-0000-0000-{self.n_uuids:012x}"

    def reference(self, table):
        rng = self.rng
        named = [n for n, t in self.names.items() if t == table]
        if named and rng.random() < 0.5:
            return ["named-uuid", rng.choice(named)]
        if self.known[table] and rng.random() < 0.95:
            return ["uuid", rng.choice(self.known[table][-8:])]
        return ["uuid", "00000000-0000-0000-0000-00000000000f"]

    def atom(self, base):
        rng = self.rng
        if isinstance(base, str):
            base = {"type": base}
        if "refTable" in base:
            return self.reference(base["refTable"])
        if "enum" in base and rng.random() < 0.9:
            enum = base["enum"]
            return rng.choice(enum[1]) if isinstance(enum, list) else enum
        kind = base["type"]
        if kind == "integer":
            return rng.choice(INTEGERS)
        if kind == "real":
            return rng.choice(REALS)
        if kind == "boolean":
            return rng.random() < 0.5
        if kind == "string":
            return rng.choice(STRINGS)
        return ["uuid", f"00000000-0000-0000-0000-{rng.randrange(4):012x}"]

    def value(self, column):
        """A value of the column's type, seldom of another."""
        rng, kind = self.rng, column["type"]
        if self.may_err and rng.random() < 0.05:
            self.may_err = False
            return rng.choice(GARBAGE)
        if isinstance(kind, str):
            return self.atom(kind)
        low, high = kind.get("min", 1), kind.get("max", 1)
        n = rng.randrange(low, 4 if high == "unlimited" else high + 1)
        atoms = [self.atom(kind["key"]) for _ in range(n)]
        keys = {json.dumps(k, sort_keys=True): k for k in atoms}
        if "value" in kind:
            return ["map", [[k, self.atom(kind["value"])] for k in keys.values()]]
        return next(iter(keys.values())) if len(keys) == 1 else ["set", list(keys.values())]

    def row(self, table):
        columns = self.columns(table)
        most = 1 if table == "Limits" else min(len(columns), 5)
        chosen = self.rng.sample(columns, self.rng.randrange(most + 1))
        return {c: self.value(self.schema[table]["columns"][c]) for c in chosen}

    def where(self, table):
        rng = self.rng
        if rng.random() < 0.3:
            return []
        if rng.random() < 0.3 and self.uuids[table]:
            return [["_uuid", rng.choice(["==", "==", "!=", "includes"]),
                     ["uuid", rng.choice(self.uuids[table][-8:])]]]
        clauses = []
        for _ in range(rng.randrange(1, 3)):
            if rng.random() < 0.05:
                clauses.append(rng.choice([True, False]))
                continue
            column = rng.choice(self.columns(table))
            value = self.value(self.schema[table]["columns"][column])
            clauses.append([column, rng.choice(FUNCTIONS[:2] if rng.random() < 0.6 else FUNCTIONS),
                            value])
        return clauses

    def mutations(self, table):
        rng, result = self.rng, []
        # A map's "delete" takes a map or a set of keys; which of both a wrong value is, who knows.
        columns = [c for c in self.columns(table) if c not in ("m2", "mk")]
        for _ in range(rng.randrange(1, 3)):
            name = rng.choice(columns)
            column = self.schema[table]["columns"][name]
            kind = column["type"]
            many = isinstance(kind, dict) and kind.get("max", 1) != 1
            number = not many and (kind in ("integer", "real") or isinstance(kind, dict)
                                   and kind["key"] in ("integer", "real"))
            mutator = rng.choice(MUTATORS[5:] if many else MUTATORS[:5] if number else MUTATORS)
            value = self.value(column)
            if rng.random() < 0.2 and isinstance(kind, dict):
                value = self.atom(kind["key"])
            if mutator == "*=" or number:
                # No product with zero, which can end the reference server; no quotient of many
                # digits.
                value = rng.choice([1, 2, 4])
            result.append([name, mutator, value])
        return result

    def operation(self):
        rng = self.rng
        table = rng.choice(TABLES)
        self.may_err = table not in ("Limits", "Must")
        op = rng.choice(["insert"] * 5 + ["update", "mutate"] * 3 + ["delete", "select", "wait"])
        if op == "insert":
            operation = {"op": op, "table": table, "row": self.row(table), "uuid": self.new_uuid()}
            self.uuids[table].append(operation["uuid"])
            if rng.random() < 0.6:
                operation["uuid-name"] = f"n{len(self.names)}"
                self.names[operation["uuid-name"]] = table
            return operation
        operation = {"op": op, "table": table, "where": self.where(table)}
        if op == "update":
            operation["row"] = self.row(table)
        elif op == "mutate":
            operation["mutations"] = self.mutations(table)
        elif op == "select":
            operation["columns"] = ["_uuid", *self.columns(table)]
        elif op == "wait":
            operation.update(timeout=0, columns=self.columns(table)[:2], rows=[],
                             until=rng.choice(["==", "!="]))
        return operation

    def begin(self):
        """From now on the inserted rows exist, and the names of rows are no longer valid."""
        self.names = {}
        self.may_err = False
        self.known = {table: list(uuids) for table, uuids in self.uuids.items()}

    def transaction(self):
        self.begin()
        return [self.operation() for _ in range(self.rng.randrange(1, 6))]


def comparable(result):
    """A result with errors reduced to their kind and rows in a fixed order."""
    if isinstance(result, dict) and "error" in result:
        return {"error": result["error"]}
    if isinstance(result, dict) and "rows" in result:
        return sorted(json.dumps(row, sort_keys=True) for row in result["rows"])
    return result
