#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the bash completion of a program from its output for --option and list-commands.

usage: generate.py TEMPLATE PROGRAM RUNDIR OUTPUT"""
import pathlib
import re
import subprocess
import sys

VIEWS_OF_TOP = re.compile(r"^VIEW is (.*)\.$", re.MULTILINE)


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def verbs(program):
    name = pathlib.Path(program).name
    if name in ("ovsdb-tool", "ovsdb-client"):
        return [line.split()[0] for line in run(program, "list-commands").splitlines()[1:]]
    if name == "ovsdb-top":
        listed = VIEWS_OF_TOP.search(run(program, "--help"))[1]
        return re.sub(r",|\bor\b|\(default\)", " ", listed).split()
    return []


def main():
    template, program, rundir, output = sys.argv[1:]
    options, with_value = [], []
    for line in run(program, "--option").splitlines():
        option, value = re.fullmatch(r"(--?[\w-]+?)[= ]?(ARG|\[ARG\])?", line).groups()
        if option.startswith("--"):
            options.append(option + ("=" if value == "ARG" else ""))
        if value == "ARG":
            with_value.append(option)
    text = pathlib.Path(template).read_text()
    name = pathlib.Path(program).name
    for mark, value in (("PROGRAM", name), ("FUNCTION", "ovsdbd_" + name.replace("-", "_")),
                        ("OPTIONS", " ".join(options)), ("WITH_VALUE", " ".join(with_value)),
                        ("VERBS", " ".join(verbs(program))), ("RUNDIR", rundir)):
        text = text.replace(f"@{mark}@", value)
    pathlib.Path(output).write_text(text)


main()
