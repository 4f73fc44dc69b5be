# SPDX-License-Identifier: Apache-2.0
"""Requests made wrong: in their bytes, or in their structure."""
import copy

UUID = "00000000-0000-4000-8000-000000000001"
ODD = [None, True, 0, -1, 2 ** 63, 1e308, "", "T", "é\U0001f600", [], {}, [[]], ["uuid", UUID],
       ["named-uuid", "x"], ["set", [1, 1]], ["map", [["a"]]], {"T": {}}, [None] * 50, "x" * 5000]


def damage(rng, data):
    """Some bytes flipped, lost, doubled, made up; or the end cut off."""
    for _ in range(rng.choice([1, 1, 2, 5])):
        start = rng.randrange(len(data) + 1)
        end = min(len(data), start + rng.choice([1, 1, 2, 10, 100]))
        way = rng.randrange(6)
        if way == 0:
            data = data[:start] + data[end:]
        elif way == 1:
            data = data[:end] + data[start:end] * rng.choice([1, 3]) + data[end:]
        elif way == 2:
            data = data[:start] + rng.randbytes(rng.choice([1, 4])) + data[end:]
        elif way == 3:
            data = data[:start] + rng.choice(
                [b"[", b"{", b'"', b"\\", b"\\u0000", b"\\ud800", b"\xff", b"\0", b"1e999", b"-",
                 b"[" * 2000, b'{"a":' * 1500]) + data[start:]
        elif way == 4:
            data = data[:start]
        else:
            data = data[:start] + bytes(b ^ 1 << rng.randrange(8) for b in data[start:end]) \
                + data[end:]
    return data


def odd_one(rng, value, depth=0):
    """A copy of a JSON value with one part replaced, lost, renamed or added."""
    if isinstance(value, (list, dict)) and value and (depth == 0 or rng.random() < 0.75):
        value = copy.copy(value)
        key = rng.choice(list(value)) if isinstance(value, dict) else rng.randrange(len(value))
        way = rng.random()
        if way < 0.1:
            del value[key]
        elif way < 0.2 and isinstance(value, dict):
            value[rng.choice(["", "surplus", "_uuid", "é", "op"])] = value[key]
        elif way < 0.2:
            value.insert(key, rng.choice(ODD))
        else:
            value[key] = odd_one(rng, value[key], depth + 1)
        return value
    return rng.choice(ODD)
