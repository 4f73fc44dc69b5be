#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Checks that the documents name files, functions and invariants that exist.

usage: docs.py PROJECT_ROOT"""

import pathlib
import re
import sys

ROOT = pathlib.Path(sys.argv[1])
DOCS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
# Paths are relative to one of these; "store/reader.c" is a file of src.
BASES = [ROOT, ROOT / "src", ROOT / "docs", ROOT / "tests"]
# Written by a build, only in examples, or a control command.
NOT_IN_SOURCE = re.compile(r"^(?:/|build/|\.\.|cluster/[a-z-]+$)|FILE|NAME|IDEA|LAYER|DIR")
QUOTED = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")
PATH = re.compile(r"^[\w.-]+(?:/[\w.@-]+)+/?$|^[\w.-]+/$")
FUNCTION = re.compile(r"^(\w+)\(\)$")
INVARIANT = re.compile(r"\bI-(\d+)\b")
# "| **I-1** | ... | `file.c`: `function()`, `function()`; ... |"
INDEX_ROW = re.compile(r"^\| \*\*I-(\d+)\*\* \|.*\| ([^|]*) \|$", re.MULTILINE)
INDEX_FILE = re.compile(r"`([\w/]+\.[ch])`: ((?:`\w+\(\)`(?:, )?)+)")


def exists(path):
    return any((base / path).exists() for base in BASES)


def errors_in(path, sources):
    text = re.sub(r"^    .*$", "", path.read_text(), flags=re.MULTILINE)
    for name in LINK.findall(text):
        if not (path.parent / name).exists():
            yield f"{path}: {name} does not exist"
    for quoted in QUOTED.findall(text):
        function = FUNCTION.match(quoted)
        if function and not re.search(rf"\b{function[1]}\(", sources):
            yield f"{path}: there is no function {quoted}"
        if PATH.match(quoted) and "/" in quoted and not NOT_IN_SOURCE.search(quoted) and \
                quoted.split("/")[0] in TOP and not exists(quoted):
            yield f"{path}: {quoted} does not exist"


def index_errors(sources_by_file):
    page = ROOT / "docs/ARCHITECTURE.md"
    rows = dict(INDEX_ROW.findall(page.read_text()))
    if not rows:
        yield f"{page}: the index of invariants is missing"
    for number, places in rows.items():
        for name, functions in INDEX_FILE.findall(places):
            text = sources_by_file.get(name, "")
            for function in re.findall(r"\w+", functions):
                if not re.search(rf"\b{function}\(", text):
                    yield f"{page}: I-{number}: {name} has no {function}()"
    for name, text in sources_by_file.items():
        for number in set(INVARIANT.findall(text)) - set(rows):
            yield f"src/{name}: I-{number} is not in the index of {page.name}"


# The first part of a path that is one of the project: other paths are those of a host.
TOP = {p.name for base in (ROOT, ROOT / "src", ROOT / "tests") for p in base.iterdir() if p.is_dir()}
BY_FILE = {str(p.relative_to(ROOT / "src")): p.read_text()
           for p in sorted((ROOT / "src").rglob("*.[ch]"))}
found = [error for doc in DOCS for error in errors_in(doc, "\n".join(BY_FILE.values()))]
found += index_errors(BY_FILE)
print("\n".join(found), end="\n" if found else "")
sys.exit(bool(found))
