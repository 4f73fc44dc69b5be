# SPDX-License-Identifier: Apache-2.0
"""A client's copy of monitored tables, kept up to date from update, update2 and update3.

Applying an update checks it against the copy: an insert of a known row, a delete or modify of an
unknown one, an "old" that is not what the copy holds are failures of the server.
"""

# The last transaction of a client that knows nothing yet.
ZERO = "00000000-0000-0000-0000-000000000000"


def _pairs(value, kind):
    """The members of a set, or the pairs of a map, as a list."""
    if isinstance(value, list) and value[0] == kind:
        return value[1]
    return [value]


def _key(atom):
    return tuple(atom) if isinstance(atom, list) else (type(atom).__name__, atom)


def _order(atom):
    return atom[1] if isinstance(atom, list) else atom


def apply_diff(old, diff, is_set):
    """Returns `old` changed by a difference in the sense of update2: of a map, of a set that may
    have several members (`is_set`), or of anything else, which is simply replaced."""
    if isinstance(diff, list) and diff[0] == "map":
        pairs = {_key(k): [k, v] for k, v in _pairs(old, "map")}
        for k, v in diff[1]:
            if _key(k) in pairs and pairs[_key(k)][1] == v:
                del pairs[_key(k)]
            else:
                pairs[_key(k)] = [k, v]
        return ["map", sorted(pairs.values(), key=lambda p: _order(p[0]))]
    if not is_set:
        return diff
    members = {_key(a): a for a in _pairs(old, "set")}
    for atom in _pairs(diff, "set"):
        if _key(atom) in members:
            del members[_key(atom)]
        else:
            members[_key(atom)] = atom
    values = sorted(members.values(), key=_order)
    return values[0] if len(values) == 1 else ["set", values]


class Replica:
    """`defaults`: table -> column -> value, for the columns that initial and insert leave out.
    `sets`: (table, column) pairs that are sets of possibly more than one member.
    `single`: those that are maps of at most one pair, which have no differences, only new
    values."""

    def __init__(self, defaults=None, sets=(), single=()):
        self.tables = {}
        self.defaults = defaults or {}
        self.sets = set(sets)
        self.single = set(single)
        self.n_updates = 0

    def rows(self, table):
        return self.tables.setdefault(table, {})

    def apply(self, updates):
        """Applies <table-updates> or <table-updates2>."""
        self.n_updates += 1
        for table, rows in updates.items():
            assert rows, f"an empty table update for {table}"
            for uuid, update in rows.items():
                if set(update) <= {"old", "new"}:
                    self._apply_one(self.rows(table), uuid, update)
                else:
                    self._apply_two(table, self.rows(table), uuid, update)

    @staticmethod
    def _apply_one(rows, uuid, update):
        old, new = update.get("old"), update.get("new")
        assert old is not None or new is not None
        if old is None:
            assert uuid not in rows, f"{uuid} inserted twice"
            rows[uuid] = new
            return
        assert uuid in rows, f"{uuid} changed or deleted, but it is not there"
        for column, value in old.items():
            assert rows[uuid][column] == value, f"{uuid}: old {column} is wrong"
        if new is None:
            assert set(old) == set(rows[uuid])
            del rows[uuid]
            return
        for column, value in new.items():
            assert (column in old) == (rows[uuid][column] != value), f"{uuid}: {column}"
        rows[uuid] = new

    def _apply_two(self, table, rows, uuid, update):
        [(action, row)] = update.items()
        if action in ("initial", "insert"):
            assert uuid not in rows, f"{uuid} inserted twice"
            rows[uuid] = {**self.defaults.get(table, {}), **row}
        elif action == "delete":
            assert row is None
            assert uuid in rows, f"{uuid} deleted, but it is not there"
            del rows[uuid]
        else:
            assert action == "modify", action
            assert uuid in rows, f"{uuid} modified, but it is not there"
            assert row, "an empty modify"
            for column, diff in row.items():
                rows[uuid][column] = diff if (table, column) in self.single else apply_diff(
                    rows[uuid][column], diff, (table, column) in self.sets)
