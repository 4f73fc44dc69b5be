# SPDX-License-Identifier: Apache-2.0
"""A naive OVSDB database (RFC 7047): it runs every transaction in the simplest way.

Tables are dicts of dicts. A transaction works on a copy of everything, and a commit checks
everything again. Nothing is optimized, so that the model is obviously right and servers can be
compared with it."""
import copy
import itertools
import math

from values import ID, UUID, Failure, Type, calculate

FUNCTIONS = ("==", "!=", "<", "<=", ">", ">=", "includes", "excludes")
MUTATORS = ("+=", "-=", "*=", "/=", "%=", "insert", "delete")
# Each operation's members: name -> Python types of its JSON, and whether it is needed.
TEXT, LIST, OBJECT = (str,), (list,), (dict,)
MEMBERS = {
    "insert": {"table": (TEXT, True), "row": (OBJECT, True), "uuid-name": (TEXT, False),
               "uuid": (TEXT, False)},
    "select": {"table": (TEXT, True), "where": (LIST, True), "columns": (LIST, False)},
    "update": {"table": (TEXT, True), "where": (LIST, True), "row": (OBJECT, True)},
    "mutate": {"table": (TEXT, True), "where": (LIST, True), "mutations": (LIST, True)},
    "delete": {"table": (TEXT, True), "where": (LIST, True)},
    "wait": {"table": (TEXT, True), "where": (LIST, True), "columns": (LIST, False),
             "until": (TEXT, True), "rows": (LIST, True), "timeout": ((int,), False)},
    "commit": {"durable": ((bool,), True)},
    "abort": {},
    "comment": {"comment": (TEXT, True)},
    "assert": {"lock": (TEXT, True)},
}


def fail(tag, why=""):
    raise Failure(tag, why)


def each(function, items):
    """The list of function(item). Which of several failures is reported is not specified, so a
    failure has the tags of all."""
    results, tags = [], []
    for item in items:
        try:
            results.append(function(item))
        except Failure as failure:
            tags += sorted(failure.tags)
    if tags:
        raise Failure(tags[0], "and perhaps more", tags)
    return results


class Table:
    def __init__(self, schema, all_are_roots):
        self.columns = {name: Type(c["type"]) for name, c in schema["columns"].items()}
        # A column with weak references is always mutable.
        self.fixed = {n for n, c in schema["columns"].items() if not c.get("mutable", True)
                      and not self.columns[n].has_weak()}
        self.ephemeral = {n for n, c in schema["columns"].items() if c.get("ephemeral")}
        self.is_root = all_are_roots or schema.get("isRoot", False)
        self.max_rows = schema.get("maxRows", math.inf)
        self.indexes = schema.get("indexes", [])
        self.rows = {}

    def type(self, column):
        """The type of a column by the name that a client gave."""
        if not isinstance(column, str):
            fail("syntax error", "a column's name is a string")
        if column == "_uuid":
            return Type("uuid")
        return self.columns.get(column) or fail("unknown column", column)


class Model:
    def __init__(self, schema):
        tables = schema["tables"]
        all_are_roots = not any(t.get("isRoot") for t in tables.values())
        self.tables = {name: Table(t, all_are_roots) for name, t in tables.items()}

    def restart(self):
        """Drops the values of ephemeral columns, as a restart does."""
        for table in self.tables.values():
            for row in table.rows.values():
                row.update({c: table.columns[c].default() for c in table.ephemeral})

    def dump(self):
        """All rows: table -> UUID -> column -> JSON."""
        return {name: {uuid: {c: table.columns[c].print(v) for c, v in row.items()}
                       for uuid, row in table.rows.items()}
                for name, table in self.tables.items()}

    def transact(self, operations, replies):
        """Runs a transaction; returns its results, each as JSON or a Failure. The UUIDs of new rows
        are taken from the replies of the server."""
        before = {name: copy.deepcopy(table.rows) for name, table in self.tables.items()}
        results = []
        try:
            transaction = Transaction(self.tables, operations, replies)
            for number, operation in enumerate(operations):
                results.append(transaction.run(number, operation))
            commit(self.tables)
            return results
        except Failure as failure:
            for name, rows in before.items():
                self.tables[name].rows = rows
            results.append(failure)
            return results + [None] * (len(operations) - len(results))


class Transaction:
    def __init__(self, tables, operations, replies):
        self.tables = tables
        self.before = {name: set(table.rows) for name, table in tables.items()}
        self.uuids = {}
        self.names = {}
        self.used_names = set()
        for number, operation in enumerate(operations):
            reply = replies[number] if number < len(replies) else None
            uuid = reply["uuid"][1] if reply and "uuid" in reply else f"unknown {number}"
            self.uuids[number] = uuid
            if isinstance(operation.get("uuid-name"), str):
                self.names.setdefault(operation["uuid-name"], uuid)

    def run(self, number, operation):
        kind = operation.get("op")
        members = MEMBERS.get(kind) if isinstance(kind, str) else None
        if members is None:
            fail("syntax error", "unknown operation")
        for name, (types, needed) in members.items():
            if name in operation:
                value = operation[name]
                if not isinstance(value, types) or isinstance(value, bool) and bool not in types:
                    fail("syntax error", f"wrong type of {name}")
            elif needed:
                fail("syntax error", f"no {name}")
        if set(operation) - set(members) - {"op"}:
            fail("syntax error", "unknown members")
        table = self.tables.get(operation.get("table"))
        if "table" in members and not table:
            fail("syntax error", "no such table")
        return getattr(self, "do_" + kind)(number, operation, table)

    def row(self, table, json):
        """Decodes the columns of a <row>."""
        if not isinstance(json, dict):
            fail("syntax error", "no row")
        return dict(each(lambda c: (c, table.type(c).parse(json[c], self.names)), json))

    def do_insert(self, number, operation, table):
        uuid = operation.get("uuid", self.uuids[number])
        if "uuid" in operation:
            if not UUID.match(uuid):
                fail("syntax error", "bad uuid")
            if uuid in table.rows or uuid in self.before[operation["table"]]:
                fail("duplicate uuid")
        name = operation.get("uuid-name")
        if name is not None:
            if not ID.match(name):
                fail("syntax error", "bad uuid-name")
            if name in self.used_names:
                fail("duplicate uuid-name")
            self.used_names.add(name)
        row = {c: type_.default() for c, type_ in table.columns.items()}
        row.update(self.row(table, operation["row"]))
        row.pop("_uuid", None)
        each(lambda c: table.columns[c].check(row[c]), table.columns)
        table.rows[uuid] = row
        return {"uuid": ["uuid", uuid]}

    def columns(self, table, json):
        """The columns named by an operation."""
        if json is None:
            return ["_uuid", *table.columns]
        for column in json:
            if not isinstance(column, str) or column not in ("_uuid", *table.columns):
                fail("syntax error", "no such column")
        if len(set(json)) < len(json):
            fail("syntax error", "a column twice")
        return json

    def projection(self, table, matching, columns):
        """The distinct rows of some columns, as JSON."""
        rows = []
        for uuid, row in matching.items():
            whole = {"_uuid": {uuid: None}, **row}
            projected = {c: table.type(c).print(whole[c]) for c in columns}
            if projected not in rows:
                rows.append(projected)
        return rows

    def do_select(self, _number, operation, table):
        columns, matching = each(lambda parse: parse(), [
            lambda: self.columns(table, operation.get("columns")),
            lambda: self.where(table, operation["where"])])
        return {"rows": self.projection(table, matching, columns)}

    def do_update(self, _number, operation, table):
        _, new, matching = each(lambda parse: parse(), [
            lambda: self.check_mutable(table, operation["row"]),
            lambda: self.row(table, operation["row"]),
            lambda: self.where(table, operation["where"])])
        for row in matching.values():
            row.update(copy.deepcopy(new))
        return {"count": len(matching)}

    @staticmethod
    def check_mutable(table, columns):
        for column in columns:
            if column in table.fixed or column in ("_uuid", "_version"):
                fail("constraint violation", f"{column} is immutable")

    def do_mutate(self, _number, operation, table):
        mutations, matching = each(lambda parse: parse(), [
            lambda: each(lambda m: self.mutation(table, m), operation["mutations"]),
            lambda: self.where(table, operation["where"])])

        def mutate_row(row):
            for column, mutate in mutations:
                row[column] = mutate(row[column])
        each(mutate_row, matching.values())
        return {"count": len(matching)}

    def mutation(self, table, json):
        """The column of a <mutation>, and a function from its old to its new value."""
        if not isinstance(json, list) or len(json) != 3 or not isinstance(json[1], str):
            fail("syntax error", "no mutation")
        column, mutator, operand = json
        type_ = table.type(column)
        if mutator not in MUTATORS:
            fail("unknown mutator", mutator)
        self.check_mutable(table, [column])
        if mutator in ("insert", "delete"):
            return column, self.set_mutation(type_, mutator, operand)
        if type_.value or type_.key.atomic not in ("integer", "real") or (
                mutator == "%=" and type_.key.atomic == "real"):
            fail("syntax error", f"no {mutator} for this type")
        [number] = Type(type_.key.atomic).parse(operand, self.names)

        def mutate(value):
            found = [calculate(type_.key, mutator, atom, number) for atom in value]
            if len(set(found)) < len(found):
                fail("constraint violation", "equal elements")
            return dict.fromkeys(found)
        return column, mutate

    def set_mutation(self, type_, mutator, json):
        if not type_.value and type_.min == type_.max == 1:
            fail("syntax error", f"no {mutator} for a scalar")
        free = type_.resized(0, math.inf)
        if mutator == "insert":
            added = type_.resized(0, type_.max).parse(json, self.names)
        elif type_.value and not (isinstance(json, list) and json[:1] == ["map"]):
            added = type_.keys().parse(json, self.names)
            free = type_.keys()
        elif type_.value:
            try:
                added = free.parse(json, self.names)
            except Failure as failure:
                # It is no set of keys either: both errors are right.
                raise Failure("syntax error", "neither map nor set", failure.tags) from failure
        else:
            added = free.parse(json, self.names)

        def mutate(value):
            if mutator == "insert":
                value = {**added, **value}
            else:
                value = {k: v for k, v in value.items()
                         if k not in added or free.value and added[k] != v}
            type_.check_size(value)
            return value
        return mutate

    def do_delete(self, _number, operation, table):
        matching = self.where(table, operation["where"])
        for uuid in matching:
            del table.rows[uuid]
        return {"count": len(matching)}

    def do_wait(self, _number, operation, table):
        """The tests use only the timeout 0."""
        if operation.get("timeout", 0) < 0:
            fail("syntax error", "a negative time-out")
        if operation["until"] not in ("==", "!="):
            fail("syntax error", "until what?")
        columns, matching, given = each(lambda parse: parse(), [
            lambda: self.columns(table, operation.get("columns")),
            lambda: self.where(table, operation["where"]),
            lambda: each(lambda json: self.row(table, json), operation["rows"])])
        found = self.projection(table, matching, columns)
        rows = [{c: table.type(c).print(row.get(c, table.type(c).default())) for c in columns}
                for row in given]
        same = all(r in rows for r in found) and all(r in found for r in rows)
        if same != (operation["until"] == "=="):
            fail("timed out")
        return {}

    def do_commit(self, *_):
        return {}

    def do_abort(self, *_):
        fail("aborted")

    def do_comment(self, *_):
        return {}

    def do_assert(self, _number, operation, _table):
        if not ID.match(operation["lock"]):
            fail("syntax error", "bad lock")
        fail("not owner", "tests hold no locks")

    def where(self, table, json):
        """The rows that satisfy all conditions."""
        conditions = each(lambda c: self.condition(table, c), json)
        return {uuid: row for uuid, row in table.rows.items()
                if all(c(uuid, row) for c in conditions)}

    def condition(self, table, json):
        """A function that returns whether a row satisfies a <condition>."""
        if isinstance(json, bool):
            return lambda uuid, row: json
        if not isinstance(json, list) or len(json) != 3 or not isinstance(json[1], str):
            fail("syntax error", "no condition")
        column, function, argument = json
        type_ = table.type(column)
        if function not in FUNCTIONS:
            fail("unknown function", function)
        if function in ("<", "<=", ">", ">="):
            if type_.value or type_.key.atomic not in ("integer", "real") or type_.max > 1:
                fail("syntax error", f"no {function} for this type")
            type_ = type_.resized(1, 1)
        elif function in ("includes", "excludes") and type_.max > 1:
            type_ = type_.resized(0, math.inf)
        wanted = type_.parse(argument, self.names)
        return lambda uuid, row: compare(
            function, {uuid: None} if column == "_uuid" else row[column], wanted)


def compare(function, value, wanted):
    if function == "==":
        return value == wanted
    if function == "!=":
        return value != wanted
    if function == "includes":
        return all(k in value and value[k] == v for k, v in wanted.items())
    if function == "excludes":
        return not any(k in value and value[k] == v for k, v in wanted.items())
    if not value:
        return False
    [a], [b] = value, wanted
    return {"<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b}[function]


def references(tables, weak):
    """Every reference: (table, UUID, row, column, target table, target UUID, element's key)."""
    for name, table in tables.items():
        for uuid, row in table.rows.items():
            for column, type_ in table.columns.items():
                for target, target_uuid, is_weak, key in type_.references(row[column]):
                    if is_weak == weak:
                        yield name, uuid, row, column, target, target_uuid, key


def commit(tables):
    """The checks deferred to the end of a transaction (RFC 7047 3.2)."""
    errors = []
    if any(uuid not in tables[target].rows
           for *_, target, uuid, _ in references(tables, weak=False)):
        errors.append("referential integrity violation")
    while collect_garbage(tables) or drop_weak_references(tables):
        pass
    for table in tables.values():
        too_small = any(len(row[c]) < type_.min
                        for row in table.rows.values() for c, type_ in table.columns.items())
        if too_small or len(table.rows) > table.max_rows or not is_unique(table):
            errors.append("constraint violation")
    if errors:
        raise Failure(errors[0], "at the commit", errors)


def collect_garbage(tables):
    """Deletes rows of non-root tables to which no other row has a strong reference."""
    kept = {(target, target_uuid) for name, uuid, _, _, target, target_uuid, _
            in references(tables, weak=False) if (name, uuid) != (target, target_uuid)}
    garbage = [(name, uuid) for name, table in tables.items() if not table.is_root
               for uuid in table.rows if (name, uuid) not in kept]
    for name, uuid in garbage:
        del tables[name].rows[uuid]
    return bool(garbage)


def drop_weak_references(tables):
    """Removes elements with weak references to rows that do not exist. The other half of a pair may
    be a strong reference, so that further rows may have to be collected."""
    dropped = False
    for _, _, row, column, target, target_uuid, key in list(references(tables, weak=True)):
        if target_uuid not in tables[target].rows:
            row[column] = {k: v for k, v in row[column].items() if k != key}
            dropped = True
    return dropped


def is_unique(table):
    for index, (one, other) in itertools.product(
            table.indexes, itertools.combinations(table.rows.values(), 2)):
        if all(one[c] == other[c] for c in index):
            return False
    return True
