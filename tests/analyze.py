#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Runs clang's static analyzer on the source files of the programs: analyze.py BUILD [LAYER...]

Without LAYER, on all of them. The arguments of each compilation are those of the build. Prints the
findings of each file as soon as it is analyzed. Fails when there is a finding."""

import concurrent.futures
import json
import os
import pathlib
import shlex
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent


def analysis_of(entry):
    """The analyzer's command for an entry of compile_commands.json."""
    words = shlex.split(entry["command"])
    kept = [word for word in words if word.startswith(("-I", "-D", "-std=", "-isystem"))]
    if not entry["file"].endswith("src/model/error.c"):
        kept += ["-include", str(ROOT / "tests" / "analyze.h")]
    return ["clang", "--analyze", "--analyzer-output", "text", *kept, entry["file"]]


def findings(entry):
    result = subprocess.run(analysis_of(entry), cwd=entry["directory"], check=False,
                            capture_output=True, text=True)
    return result.stderr


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    folders = [ROOT / "src" / layer for layer in sys.argv[2:]] or [ROOT / "src"]
    entries = [entry for entry in json.loads((build / "compile_commands.json").read_text())
               if any((build / entry["file"]).resolve().is_relative_to(f) for f in folders)]
    n_findings = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for text in pool.map(findings, entries):
            n_findings += bool(text)
            print(text, end="", flush=True)
    print(f"{len(entries)} files analyzed, findings in {n_findings}")
    return 1 if n_findings or not entries else 0


if __name__ == "__main__":
    sys.exit(main())
