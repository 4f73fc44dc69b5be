#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Runs clang's static analyzer on every source file of the programs: analyze.py BUILD

The arguments of each compilation are those of the build. Fails when there is a finding."""

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
    return ["clang", "--analyze", "--analyzer-output", "text", *kept, entry["file"]]


def findings(entry):
    result = subprocess.run(analysis_of(entry), cwd=entry["directory"], check=False,
                            capture_output=True, text=True)
    return result.stderr


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    entries = [entry for entry in json.loads((build / "compile_commands.json").read_text())
               if (build / entry["file"]).resolve().is_relative_to(ROOT / "src")]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        texts = [text for text in pool.map(findings, entries) if text]
    print("".join(texts) + f"{len(entries)} files analyzed, findings in {len(texts)}")
    return 1 if texts or not entries else 0


if __name__ == "__main__":
    sys.exit(main())
