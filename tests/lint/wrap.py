#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Wraps comments of C files that are wider than style.py allows: wrap.py FILE...

Changes the text from a wide line to the end of its paragraph. A paragraph ends before an empty
line, a diagram, an item of a list, or after a line that ends early."""

import pathlib
import re
import sys

from style import MAX_COLUMNS, is_wide

LINE = re.compile(r"(\s*// ?)(\s*)(.*)")
ITEM = re.compile(r"([-*]|\d+\.) ")
EARLY = 6  # a line with room for the next word and this many columns more ends early


def continues(first, previous, line):
    """True if `line` belongs to the paragraph of the line `first`, after the line `previous`."""
    match = LINE.fullmatch(line)
    if not match or match[1] != LINE.fullmatch(first)[1] or match[2] or not match[3]:
        return False
    room = MAX_COLUMNS - EARLY - len(previous) - 1
    is_early = previous is not first and len(match[3].split()[0]) <= room
    return not ITEM.match(match[3]) and not is_early


def wrap(prefix, words):
    line = prefix + words[0]
    for word in words[1:]:
        if len(line) + 1 + len(word) > MAX_COLUMNS:
            yield line
            line = prefix + word
        else:
            line += " " + word
    yield line


def wrap_lines(lines):
    while lines:
        line = lines.pop(0)
        if not is_wide(line):
            yield line
            continue
        match = LINE.fullmatch(line)
        words, previous = match[3].split(), line
        while lines and not match[2] and continues(line, previous, lines[0]):
            previous = lines.pop(0)
            words += LINE.fullmatch(previous)[3].split()
        yield from wrap(match[1] + match[2], words)


def main():
    for name in sys.argv[1:]:
        path = pathlib.Path(name)
        text = path.read_text()
        wrapped = "\n".join(wrap_lines(text.split("\n")))
        if wrapped != text:
            path.write_text(wrapped)


if __name__ == "__main__":
    main()
