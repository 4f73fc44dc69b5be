#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Runs clang's static analyzer on the source files of the programs: analyze.py BUILD [LAYER...]

Without LAYER, on all of them. The arguments of each compilation are those of the build. Prints the
findings of each file as soon as it is analyzed. A file that takes more than LIMIT seconds of processor
time is analyzed once more in the analyzer's shallow mode, which follows fewer paths; the last lines
name these files. Fails when there is a finding."""

import concurrent.futures
import json
import os
import pathlib
import shlex
import signal
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
LIMIT = 120


def analysis_of(entry, *options):
    """The analyzer's command for an entry of compile_commands.json."""
    words = shlex.split(entry["command"])
    kept = [word for word in words if word.startswith(("-I", "-D", "-std=", "-isystem"))]
    if not entry["file"].endswith(("src/model/error.c", "src/basic/failure.c")):
        kept += ["-include", str(ROOT / "tests" / "analyze.h")]
    # The limit is on processor time: the result must not depend on the load of the machine.
    return ["prlimit", f"--cpu={LIMIT}", "clang", "--analyze", "--analyzer-output", "text", *options,
            *kept, entry["file"]]


def run(command, folder):
    """Returns what the analyzer reports, or None if it does not end within its limit."""
    result = subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True)
    if result.returncode in (-signal.SIGXCPU, -signal.SIGKILL):
        return None
    return result.stderr or (f"clang failed: {' '.join(command)}\n" if result.returncode else "")


def analyze(entry):
    """Returns the report on a file, and how it was cut: None, "shallow" or "not at all"."""
    report = run(analysis_of(entry), entry["directory"])
    if report is not None:
        return report, None
    shallow = ["-Xclang", "-analyzer-config", "-Xclang", "mode=shallow"]
    report = run(analysis_of(entry, *shallow), entry["directory"])
    return (report, "shallow") if report is not None else ("", "not at all")


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    folders = [ROOT / "src" / layer for layer in sys.argv[2:]] or [ROOT / "src"]
    entries = [entry for entry in json.loads((build / "compile_commands.json").read_text())
               if any((build / entry["file"]).resolve().is_relative_to(f) for f in folders)]
    n_findings, cut = 0, []
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for entry, (report, how) in zip(entries, pool.map(analyze, entries)):
            n_findings += bool(report)
            print(report, end="", flush=True)
            if how:
                cut.append(f"analyzed {how}: {entry['file']}")
    print("\n".join([*cut, f"{len(entries)} files analyzed, {len(cut)} of them not in full, "
                     f"findings in {n_findings}"]))
    return 1 if n_findings or not entries else 0


if __name__ == "__main__":
    sys.exit(main())
