# SPDX-License-Identifier: Apache-2.0
"""Random schemas and transactions: small domains, so that values meet, limits are hit, rows refer
to each other; and now and then something that no server may accept."""
import json

STRINGS = ["", "a", "b", "B", "ab", "é", "\U0001f600", 'q"\\\n', "value with spaces"]
# Halves and quarters print exactly, and stay so under + - * and division by 2.
REALS = [0, 1, -1, 0.5, -2.25, 4, 1e300, -1e300, 3.75]
INTEGERS = [0, 1, 2, 3, 4, 5, -1, -2, 7, 2 ** 63 - 1, -2 ** 63 + 1, 2 ** 53 + 1]
BROKEN = [None, "text", 1.5, True, {}, [], ["set", 5], ["set", [["x"], 1]], ["map", [["a"]]],
          ["uuid", "zz"], ["named-uuid", "1"], ["set", [[]]], 9.5e30, {"a": 1}, ["map", {}]]


class Generator:
    """Makes a schema and then transactions for it. `random` decides all of it. Without
    `everything`, it leaves out what the reference server does otherwise: it takes a row of another
    table with the same UUID for the row itself, does not find a row by a name that was given a UUID
    too, and tells -0.0 from 0.0 but prints both as 0."""

    def __init__(self, random, everything):
        self.random = random
        self.everything = everything
        self.n_tables = random.randint(2, 5)
        self.schema = {"name": "rnd", "version": "1.0.0", "tables": {
            f"T{n}": self.table(n) for n in range(self.n_tables)}}
        self.tables = self.schema["tables"]

    def chance(self, probability):
        return self.random.random() < probability

    # Schemas

    def table(self, number):
        columns = {f"c{n}": self.column() for n in range(self.random.randint(2, 6))}
        table = {"columns": columns}
        if number == 0 or self.chance(0.5):
            table["isRoot"] = True
        if self.chance(0.25):
            table["maxRows"] = self.random.randint(2, 6)
        stored = [name for name, c in columns.items() if not c.get("ephemeral")]
        if stored and self.chance(0.5):
            sizes = [self.random.choice([1, 2]) for _ in range(self.random.randint(1, 2))]
            table["indexes"] = [self.random.sample(stored, min(n, len(stored))) for n in sizes]
        return table

    def column(self):
        column = {"type": self.type()}
        if self.chance(0.1):
            column["mutable"] = False
        if self.chance(0.1) and "refTable" not in json.dumps(column):
            column["ephemeral"] = True
        return column

    def type(self):
        type_ = {"key": self.base(), "min": 1, "max": 1}
        if self.chance(0.25):
            return type_
        type_["min"] = self.random.choice([0, 0, 0, 1])
        type_["max"] = self.random.choice([1, 2, 3, "unlimited", "unlimited"])
        if self.chance(0.35):
            type_["value"] = self.base()
        return type_

    def base(self):
        atomic = self.random.choice(["integer", "real", "boolean", "string", "uuid", "uuid"])
        base = {"type": atomic}
        if atomic == "uuid" and self.chance(0.85):
            base["refTable"] = f"T{self.random.randrange(self.n_tables)}"
            base["refType"] = self.random.choice(["strong", "weak"])
        elif atomic == "integer" and self.chance(0.3):
            base.update(minInteger=-1, maxInteger=5)
        elif atomic == "string" and self.chance(0.3):
            base.update(minLength=0, maxLength=1)
        elif atomic == "real" and self.chance(0.2):
            base.update(minReal=-1.5, maxReal=4)
        elif atomic in ("integer", "string") and self.chance(0.3):
            values = [0, 1, 2, 5] if atomic == "integer" else ["", "a", "ab"]
            base["enum"] = ["set", values]
        return base

    # Values

    def pooled(self, table):
        """A UUID of a small set that inserts use, of a row that may or may not exist."""
        group = 0 if self.everything or table is None else int(table[1:]) + 1
        return f"00000000-0000-4000-8000-{group:08x}{self.random.randint(1, 6):04x}"

    def atom(self, base, world):
        kind = base["type"]
        if kind == "uuid":
            return self.uuid(base, world)
        if "enum" in base and self.chance(0.9):
            return self.random.choice(base["enum"][1])
        if kind == "integer":
            return self.random.choice(INTEGERS[:8] if self.chance(0.9) else INTEGERS)
        if kind == "real":
            return self.random.choice(REALS)
        if kind == "boolean":
            return self.chance(0.5)
        return self.random.choice(STRINGS[:3] if self.chance(0.7) else STRINGS)

    def uuid(self, base, world):
        target = base.get("refTable")
        names = [n for n, t in world.names if t == target or target is None]
        known = list(world.model.tables[target].rows) if target else []
        if names and self.chance(0.6):
            return ["named-uuid", self.random.choice(names)]
        if known and self.chance(0.95):
            return ["uuid", self.random.choice(known)]
        return ["uuid", self.pooled(target)]

    def value(self, type_, world, low=None, high=None):
        low = type_["min"] if low is None else low
        high = type_["max"] if high is None else high
        size = self.random.randint(low, 4 if high == "unlimited" else high)
        keys = {}
        for _ in range(size * 3):
            if len(keys) < size:
                key = self.atom(type_["key"], world)
                keys[json.dumps(key) if not isinstance(key, (int, float)) else key] = key
        elements = list(keys.values())
        if "value" in type_:
            return ["map", [[k, self.atom(type_["value"], world)] for k in elements]]
        if len(elements) == 1 and self.chance(0.5):
            return elements[0]
        return ["set", elements]

    def column_value(self, table, column, world):
        if self.chance(0.01):
            return self.random.choice(BROKEN)
        return self.value(self.tables[table]["columns"][column]["type"], world)

    # Operations

    def transaction(self, world):
        """The operations of a transaction. `world` has the model and gets the names of new rows."""
        world.names = []
        n = self.random.choice([1, 1, 2, 2, 3, 4, 6])
        kinds = [self.random.choice(["insert"] * 8 + ["update"] * 4 + ["mutate"] * 6
                                    + ["delete"] * 2 + ["select"] * 3 + ["wait", "wait", "comment"])
                 for _ in range(n)]
        for number, kind in enumerate(kinds):
            if kind == "insert" and self.chance(0.7):
                world.names.append((f"row{number}", self.any_table()))
        names = dict(world.names)
        operations = []
        for number, kind in enumerate(kinds):
            name = f"row{number}"
            table = names.get(name) or self.any_table()
            operation = {"op": kind, **getattr(self, "make_" + kind)(table, world)}
            if kind == "insert" and name in names:
                operation["uuid-name"] = name
                # A UUID that is in no set yet, so that a name does not double one.
                if operation.pop("uuid", None) and self.everything:
                    operation["uuid"] = (
                        f"00000000-0000-4000-9000-{self.random.getrandbits(48):012x}")
            operations.append(operation)
        if self.chance(0.02):
            operations.append(self.random.choice([
                {"op": "abort"}, {"op": "assert", "lock": "nobody"},
                {"op": "commit", "durable": True}]))
        if self.chance(0.1):
            self.spoil(operations)
        return operations

    def any_table(self):
        return self.random.choice(list(self.tables))

    def some_columns(self, table, probability=0.6):
        return [c for c in self.tables[table]["columns"] if self.chance(probability)]

    def make_insert(self, table, world):
        operation = {"table": table, "row": {c: self.column_value(table, c, world)
                                             for c in self.some_columns(table)}}
        if self.chance(0.15):
            operation["uuid"] = self.pooled(table)
        return operation

    def make_update(self, table, world):
        columns = [c for c in self.some_columns(table, 0.4)
                   if self.tables[table]["columns"][c].get("mutable", True) or self.chance(0.05)]
        return {"table": table, "where": self.where(table, world),
                "row": {c: self.column_value(table, c, world) for c in columns}}

    def make_mutate(self, table, world):
        columns = self.some_columns(table, 0.5)
        return {"table": table, "where": self.where(table, world),
                "mutations": [self.mutation(table, c, world) for c in columns]}

    def mutation(self, table, column, world):
        type_ = self.tables[table]["columns"][column]["type"]
        kind = type_["key"]["type"]
        is_map = "value" in type_
        if kind in ("integer", "real") and not is_map and self.chance(0.6):
            return [column, *self.arithmetic(kind)]
        mutator = self.random.choice(["insert", "delete"])
        if is_map and mutator == "delete" and self.chance(0.5):
            return [column, mutator, self.value({"key": type_["key"]}, world, 0, 3)]
        return [column, mutator, self.value(type_, world, 0, 3)]

    def arithmetic(self, kind):
        if kind == "integer":
            mutator = self.random.choice(["+=", "-=", "*=", "/=", "%="])
            return mutator, self.random.choice(INTEGERS if self.chance(0.1) else [1, 2, -1, 3])
        mutator = self.random.choice(["+=", "-=", "*=", "/="])
        if mutator in ("+=", "-="):
            return mutator, self.random.choice([1, -0.5, 2.25])
        return mutator, self.random.choice([1, 2, 0.5, -1 if self.everything else 4])

    def make_delete(self, table, world):
        return {"table": table, "where": self.where(table, world, 0.05)}

    def make_select(self, table, world):
        operation = {"table": table, "where": self.where(table, world),
                     "columns": self.some_columns(table)}
        if self.chance(0.3):
            operation["columns"].append("_uuid")
        return operation

    def make_wait(self, table, world):
        columns = self.some_columns(table, 0.4)
        rows = [{c: self.column_value(table, c, world) for c in columns}
                for _ in range(self.random.choice([0, 0, 1, 2]))]
        return {"table": table, "where": self.where(table, world), "columns": columns,
                "until": "!=" if self.chance(0.8) else "==", "rows": rows, "timeout": 0}

    def make_comment(self, _table, _world):
        return {"comment": self.random.choice(STRINGS)}

    def where(self, table, world, everything=0.2):
        if self.chance(everything):
            return []
        return [self.condition(table, world) for _ in range(self.random.choice([1, 1, 1, 2]))]

    def condition(self, table, world):
        rows = list(world.model.tables[table].rows.items())
        if self.chance(0.02):
            return self.chance(0.8)
        if self.chance(0.3):
            uuid = self.random.choice(rows)[0] if rows else self.pooled(table)
            named = [n for n, t in world.names if t == table]
            value = ["named-uuid", self.random.choice(named)] if named and self.chance(0.3) else \
                ["uuid", uuid]
            return ["_uuid", self.random.choice(["==", "==", "==", "!=", "includes", "excludes"]),
                    value]
        column = self.random.choice(list(self.tables[table]["columns"]))
        function = self.random.choice(["==", "==", "!=", "includes", "excludes", "<", ">="])
        if rows and self.chance(0.6):
            value = world.model.dump()[table][self.random.choice(rows)[0]][column]
        else:
            value = self.column_value(table, column, world)
        return [column, function, value]

    # Invalid operations

    def spoil(self, operations):
        """Breaks one operation, in a way that a schema-blind client could."""
        operation = self.random.choice(operations)
        # Without a name, others would refer to nothing; without a time-out, it would wait.
        members = sorted(set(operation) - {"uuid-name", "timeout"})
        choice = self.random.randrange(9)
        if choice == 0:
            operation["op"] = "no-such-operation"
        elif choice == 1 and "table" in operation:
            operation["table"] = "NoSuchTable"
        elif choice == 2:
            operation["surplus"] = 1
        elif choice == 3:
            del operation[self.random.choice(members)]
        elif choice == 4 and isinstance(operation.get("row"), dict):
            operation["row"]["no_such_column"] = 1
        elif choice == 5 and "where" in operation:
            operation["where"].append(self.random.choice([
                ["c0", "like", 1], ["no_such_column", "==", 1], ["c0", "=="], 5, "c0", None]))
        elif choice == 6 and "mutations" in operation:
            operation["mutations"].append(self.random.choice([
                ["c0", "**=", 1], ["no_such_column", "+=", 1], ["c0", "+="], [1, 2, 3], {}]))
        elif choice == 7 and operation["op"] == "insert":
            operation["uuid-name"] = "1 is no name"
        else:
            operation[self.random.choice(members)] = self.random.choice(BROKEN)
