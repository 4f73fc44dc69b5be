# SPDX-License-Identifier: Apache-2.0
"""Comparing replies with expectations in which UUIDs have names.

In an expectation, a string "$NAME" stands for one string: the first use binds it, later uses must
be equal, and two names never stand for the same string. "$*" is any string, "$**" any value.
An object with the member "error" asks for that error and accepts any explanation beside it. The
rows of a select and the members of a set of named UUIDs are compared without their order.
"""
import itertools
import re

UUID = re.compile(r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$")


class Mismatch(AssertionError):
    pass


def _is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _match_string(expected, actual, names):
    if expected == "$*":
        return names if isinstance(actual, str) else None
    if not expected.startswith("$"):
        return names if actual == expected else None
    if not isinstance(actual, str):
        return None
    if expected in names:
        return names if names[expected] == actual else None
    if actual in names.values():
        return None
    return {**names, expected: actual}


def _match_unordered(expected, actual, names):
    """Pairs the members of two lists, trying every assignment that the names allow."""
    if len(expected) != len(actual):
        return None
    if not expected:
        return names
    for i, candidate in enumerate(actual):
        bound = _match(expected[0], candidate, names)
        if bound is not None:
            rest = _match_unordered(expected[1:], actual[:i] + actual[i + 1:], bound)
            if rest is not None:
                return rest
    return None


def _match_list(expected, actual, names):
    if not isinstance(actual, list) or len(expected) != len(actual):
        return None
    if len(expected) == 2 and expected[0] == "set" and "$" in repr(expected[1]):
        if actual[0] != "set" or not isinstance(actual[1], list):
            return None
        return _match_unordered(expected[1], actual[1], names)
    for one, other in itertools.zip_longest(expected, actual):
        names = _match(one, other, names)
        if names is None:
            return None
    return names


def _match_object(expected, actual, names):
    if not isinstance(actual, dict):
        return None
    if "error" in expected:
        if actual.get("error") != expected["error"]:
            return None
        if "details" in actual and not actual["details"]:
            return None
        return names
    if set(expected) != set(actual):
        return None
    for key, value in expected.items():
        if key == "rows" and isinstance(actual[key], list):
            names = _match_unordered(value, actual[key], names)
        else:
            names = _match(value, actual[key], names)
        if names is None:
            return None
    return names


def _match(expected, actual, names):
    if expected == "$**":
        return names
    if isinstance(expected, str):
        return _match_string(expected, actual, names)
    if isinstance(expected, dict):
        return _match_object(expected, actual, names)
    if isinstance(expected, list):
        return _match_list(expected, actual, names)
    if _is_number(expected):
        return names if _is_number(actual) and expected == actual else None
    return names if expected is actual else None


def match(expected, actual, names):
    """Matches and binds new names in `names`; raises Mismatch with both values otherwise."""
    bound = _match(expected, actual, names)
    if bound is None:
        raise Mismatch(f"expected {expected}\n     got {actual}\n    with {names}")
    names.update(bound)


def substitute(value, names):
    """Returns `value` with every bound "$NAME" replaced by what it stands for."""
    if isinstance(value, str):
        return names.get(value, value)
    if isinstance(value, list):
        return [substitute(v, names) for v in value]
    if isinstance(value, dict):
        return {substitute(k, names): substitute(v, names) for k, v in value.items()}
    return value
