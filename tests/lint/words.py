#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Looks for private words, listed in words.txt, in file names, identifiers, comments and messages.

A word counts with its usual endings and as a part of an identifier: "gate" also finds gates,
on_gate and GATE_SIZE, but not "delegate"."""

import fnmatch
import pathlib
import re
import sys

from style import files_of

LIST = pathlib.Path(__file__).with_name("words.txt")
ENDINGS = "(?:s|d|ed)?"
SKIPPED = ["tests/data/*", "tests/fuzz/corpus/*"]  # data of others, and what fuzzers have made


def read_list():
    words, exceptions = {}, []
    for line in LIST.read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        if "=" in line:
            word, instead = (part.strip() for part in line.split("=", 1))
            words[word] = instead
        else:
            exceptions.append(tuple(part.strip() for part in line.split(":", 2)))
    return words, exceptions


def finder(words):
    # An underscore, a digit, or a change of case delimits a word too.
    return re.compile(r"(?<![a-z])(" + "|".join(words) + ")" + ENDINGS + r"(?![a-z])", re.IGNORECASE)


def camel_split(text):
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", text)


def found_in(path, name, pattern):
    for match in pattern.finditer(camel_split(name)):
        yield name, match.group(1).lower()
    try:
        text = path.read_text()
    except UnicodeDecodeError:
        return  # not text
    for number, line in enumerate(text.splitlines(), 1):
        for match in pattern.finditer(camel_split(line)):
            yield f"{name}:{number}", match.group(1).lower()


def main():
    root = pathlib.Path(sys.argv[1])
    words, exceptions = read_list()
    pattern, used, errors, n_files = finder(words), set(), [], 0
    for path in files_of(root):
        name = str(path.relative_to(root))
        if path.resolve() == LIST.resolve() or path.name == "words.py" or \
                any(fnmatch.fnmatch(name, skipped) for skipped in SKIPPED):
            continue
        n_files += 1
        for where, word in found_in(path, name, pattern):
            allowed = [entry for entry in exceptions
                       if entry[1] == word and fnmatch.fnmatch(name, entry[0])]
            used.update(allowed)
            if not allowed:
                errors.append(f"{where}: \"{word}\": write \"{words[word]}\"")
    errors += [f"{LIST.name}: \"{' : '.join(entry)}\" matches nothing"
               for entry in exceptions if entry not in used]
    print("\n".join(errors) or f"{n_files} files have no private words")
    return 1 if errors or not n_files else 0


if __name__ == "__main__":
    sys.exit(main())
