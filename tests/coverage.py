#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Prints the line and branch coverage of the core layers: coverage.py BUILD

BUILD is a build with -Db_coverage=true whose tests have run. Fails when fewer than 90 % of a layer's
lines are covered."""

import collections
import json
import pathlib
import subprocess
import sys

LAYERS = ["engine", "store", "monitor", "session"]
LEAST_LINES = 90
WEAK_FILE = 85  # files below this percentage are listed


class Coverage:
    """Executed and existing lines and branches."""

    def __init__(self):
        self.lines, self.n_lines, self.branches, self.n_branches = 0, 0, 0, 0

    def __iadd__(self, other):
        self.lines += other.lines
        self.n_lines += other.n_lines
        self.branches += other.branches
        self.n_branches += other.n_branches
        return self

    def line_percent(self):
        return 100 * self.lines / self.n_lines

    def __str__(self):
        branch_percent = 100 * self.branches / max(self.n_branches, 1)
        return (f"{self.line_percent():5.1f} % of {self.n_lines} lines,"
                f" {branch_percent:5.1f} % of {self.n_branches} branches")


def measured_files(build, layer):
    """Yields the files of the layer's objects, as gcov describes them."""
    objects = sorted((build / "src" / layer).rglob("*.gcno"))
    for path in objects:
        text = subprocess.run(["gcov", "--stdout", "--json-format", "--branch-probabilities", path],
                              check=True, capture_output=True, text=True, cwd=build).stdout
        yield from json.loads(text)["files"]


def coverage_by_file(build, layer):
    """Coverage by source file. The lines of a header are those of all objects that include it."""
    counts = collections.defaultdict(lambda: collections.defaultdict(lambda: [0, []]))
    for measured in measured_files(build, layer):
        name = measured["file"]
        if f"src/{layer}/" not in name:
            continue
        for line in measured["lines"]:
            entry = counts[name[name.index("src/"):]][line["line_number"]]
            entry[0] += line["count"]
            entry[1] += [branch["count"] for branch in line["branches"] if not branch["throw"]]
    files = {}
    for name, lines in counts.items():
        files[name] = one = Coverage()
        for count, branches in lines.values():
            one.n_lines += 1
            one.lines += count > 0
            one.n_branches += len(branches)
            one.branches += sum(branch > 0 for branch in branches)
    return files


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    is_enough = True
    for layer in LAYERS:
        files = coverage_by_file(build, layer)
        total = Coverage()
        for one in files.values():
            total += one
        print(f"src/{layer}: {total}")
        is_enough = is_enough and total.line_percent() >= LEAST_LINES
        for name, one in sorted(files.items()):
            if one.line_percent() < WEAK_FILE:
                print(f"    {name}: {one}")
    if not is_enough:
        print(f"fewer than {LEAST_LINES} % of the lines of a layer are covered")
    return 0 if is_enough else 1


if __name__ == "__main__":
    sys.exit(main())
