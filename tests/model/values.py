# SPDX-License-Identifier: Apache-2.0
"""Values of the naive model: types from a schema, values from and to their JSON.

A value is a dict: the members of a set with None, or the keys of a map with their values. An atom
is a Python int, float, bool or str; a UUID is a str too, since a column says what its atoms are.
"""
import math
import re

UUID = re.compile(r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
ID = re.compile(r"^[A-Za-z_][A-Za-z_0-9]*$")
ZERO = "00000000-0000-0000-0000-000000000000"
DEFAULTS = {"integer": 0, "real": 0.0, "boolean": False, "string": "", "uuid": ZERO}
INT_MIN, INT_MAX = -2 ** 63, 2 ** 63 - 1


class Failure(Exception):
    """An operation's error. `tag` is its "error" member; `others` would be as right, when several
    rows or checks fail and their order is not specified."""

    def __init__(self, tag, why="", others=()):
        super().__init__(f"{tag}: {why}")
        self.tags = {tag, *others}


class Base:
    """A base type of a schema."""

    def __init__(self, json):
        json = {"type": json} if isinstance(json, str) else json
        self.atomic = json["type"]
        self.ref_table = json.get("refTable")
        self.is_weak = json.get("refType") == "weak"
        kind = {"integer": "Integer", "real": "Real", "string": "Length"}.get(self.atomic, "")
        self.low = json.get("min" + kind, -math.inf)
        self.high = json.get("max" + kind, math.inf)
        self.enum = None
        if "enum" in json:
            plain = Type({"key": self.atomic, "min": 0, "max": "unlimited"})
            self.enum = set(plain.parse(json["enum"], {}, False))

    def check(self, atom):
        """Raises a failure for an atom that violates a constraint."""
        if self.enum is not None and atom not in self.enum:
            raise Failure("constraint violation", f"{atom} is not in the enum")
        measured = len(atom) if self.atomic == "string" else atom
        if self.atomic in ("integer", "real", "string") and not self.low <= measured <= self.high:
            raise Failure("constraint violation", f"{atom} is out of range")

    def parse(self, json, names):
        """The atom of a JSON value; `names` gives the UUIDs of named ones."""
        is_number = isinstance(json, (int, float)) and not isinstance(json, bool)
        if self.atomic == "integer" and is_number and float(json).is_integer():
            if INT_MIN <= int(json) <= INT_MAX:
                return int(json)
            raise Failure("syntax error", f"{json} does not fit")
        if self.atomic == "real" and is_number:
            return float(json)
        if self.atomic == "boolean" and isinstance(json, bool):
            return json
        if self.atomic == "string" and isinstance(json, str):
            return json
        if self.atomic == "uuid" and isinstance(json, list) and len(json) == 2:
            if json[0] == "uuid" and isinstance(json[1], str) and UUID.match(json[1]):
                return json[1]
            if json[0] == "named-uuid" and isinstance(json[1], str) and ID.match(json[1]):
                return names.get(json[1], f"nobody {json[1]}")
        raise Failure("syntax error", f"{json} is no {self.atomic}")

    def print(self, atom):
        return ["uuid", atom] if self.atomic == "uuid" else atom


class Type:
    """The type of a column."""

    def __init__(self, json):
        json = {"key": json} if isinstance(json, str) else json
        self.key = Base(json["key"])
        self.value = Base(json["value"]) if "value" in json else None
        self.min = json.get("min", 1)
        self.max = json.get("max", 1)
        if self.max == "unlimited":
            self.max = math.inf

    def resized(self, low, high):
        """The same type with other numbers of elements."""
        other = object.__new__(Type)
        other.key, other.value, other.min, other.max = self.key, self.value, low, high
        return other

    def keys(self):
        """The type of a set of this map's keys."""
        other = self.resized(0, math.inf)
        other.value = None
        return other

    def has_weak(self):
        return self.key.is_weak or bool(self.value and self.value.is_weak)

    def default(self):
        if self.min == 0:
            return {}
        return {DEFAULTS[self.key.atomic]: self.value and DEFAULTS[self.value.atomic]}

    def check(self, value):
        for key, other in value.items():
            self.key.check(key)
            if self.value:
                self.value.check(other)

    def check_size(self, value, tag="constraint violation"):
        if not self.min <= len(value) <= self.max:
            raise Failure(tag, f"{len(value)} elements, not {self.min} to {self.max}")

    def parse(self, json, names, constraints=True):
        value = self._parse_map(json, names) if self.value else self._parse_set(json, names)
        if constraints:
            self.check(value)
        return value

    def _elements(self, json, kind):
        if isinstance(json, list) and len(json) == 2 and json[0] == kind:
            if not isinstance(json[1], list):
                raise Failure("syntax error", f"no array in a {kind}")
            self.check_size(json[1], "syntax error")
            return json[1]
        if kind == "map":
            raise Failure("syntax error", f"{json} is no map")
        return [json]

    def _parse_set(self, json, names):
        atoms = [self.key.parse(e, names) for e in self._elements(json, "set")]
        return self._distinct([(a, None) for a in atoms])

    def _parse_map(self, json, names):
        pairs = []
        for pair in self._elements(json, "map"):
            if not isinstance(pair, list) or len(pair) != 2:
                raise Failure("syntax error", f"{pair} is no pair")
            pairs.append((self.key.parse(pair[0], names), self.value.parse(pair[1], names)))
        return self._distinct(pairs)

    @staticmethod
    def _distinct(pairs):
        if len(dict(pairs)) != len(pairs):
            raise Failure("ovsdb error", "duplicates")
        return dict(pairs)

    def print(self, value):
        """The JSON of a value, as a server writes it."""
        def order(item):
            return item[0].encode() if isinstance(item[0], str) else item[0]
        items = sorted(value.items(), key=order)
        if self.value:
            return ["map", [[self.key.print(k), self.value.print(v)] for k, v in items]]
        atoms = [self.key.print(k) for k, _ in items]
        return atoms[0] if len(atoms) == 1 else ["set", atoms]

    def references(self, value):
        """The (table, UUID, is weak, key of the element) of each reference in a value."""
        for key, other in value.items():
            if self.key.ref_table:
                yield self.key.ref_table, key, self.key.is_weak, key
            if self.value and self.value.ref_table:
                yield self.value.ref_table, other, self.value.is_weak, key


def divide(a, b):
    """C's division: towards zero."""
    quotient = abs(a) // abs(b)
    return quotient if (a < 0) == (b < 0) else -quotient


INTEGER_ARITHMETIC = {
    "+=": lambda a, b: a + b, "-=": lambda a, b: a - b, "*=": lambda a, b: a * b,
    "/=": divide, "%=": lambda a, b: a - divide(a, b) * b}
REAL_ARITHMETIC = {
    "+=": lambda a, b: a + b, "-=": lambda a, b: a - b, "*=": lambda a, b: a * b,
    "/=": lambda a, b: a / b}


def calculate(base, mutator, atom, operand):
    """One arithmetic mutation of one atom."""
    if operand == 0 and mutator in ("/=", "%="):
        raise Failure("domain error", "division by zero")
    if base.atomic == "integer":
        result = INTEGER_ARITHMETIC[mutator](atom, operand)
        fits = INT_MIN <= result <= INT_MAX and not (
            mutator == "%=" and atom == INT_MIN and operand == -1)
    else:
        result = REAL_ARITHMETIC[mutator](atom, operand)
        fits = math.isfinite(result)
    if not fits:
        raise Failure("range error", f"{atom} {mutator} {operand}")
    base.check(result)
    return result
