#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Checks licence lines, formatting, file sizes, the width of comments and leftover marks."""

import pathlib
import shutil
import subprocess
import sys

SPDX = "SPDX-License-Identifier: Apache-2.0"
MAX_LINES = 800
MAX_COLUMNS = 100  # of comments in C, which clang-format does not wrap
LEFTOVERS = ["TODO", "FIXME"]
CODE = [".c", ".h", ".py", ".sh", ".build"]


def files_of(root):
    # git refuses a directory of another user, and root may check one.
    listed = subprocess.run(["git", "-c", "safe.directory=*", "-C", root, "ls-files", "-co",
                             "--exclude-standard"],
                            capture_output=True, text=True, check=False).stdout.split("\n")
    if any(listed):
        return [root / name for name in listed if name and (root / name).is_file()]
    return [path for path in root.rglob("*") if path.is_file()]  # a tarball


def is_wide(line):
    """True for a comment on a line of its own that is too wide. wrap.py wraps it."""
    return len(line) > MAX_COLUMNS and line.lstrip().startswith("//")


def errors_in(path):
    if path.suffix not in CODE and path.name not in ("run", "check", "meson_options.txt"):
        return
    lines = path.read_text().splitlines()
    if not any(SPDX in line for line in lines[:2]):
        yield f"{path}: no licence line at the top"
    is_c = path.suffix in (".c", ".h")
    if is_c and len(lines) > MAX_LINES:
        yield f"{path}: {len(lines)} lines: more than one idea?"
    for number, line in enumerate(lines, 1):
        if is_c and is_wide(line):
            yield f"{path}:{number}: a comment of {len(line)} columns"
        for word in LEFTOVERS:
            if word in line and path.name != "style.py":
                yield f"{path}:{number}: {word}"


def format_errors(paths):
    program = shutil.which("clang-format")
    if not program:
        return ["clang-format is not installed"]
    code = [str(path) for path in paths if path.suffix in (".c", ".h")]
    result = subprocess.run([program, "--dry-run", "-Werror", *code], capture_output=True,
                            text=True, check=False)
    return [line for line in result.stderr.splitlines() if "error:" in line]


def main():
    root = pathlib.Path(sys.argv[1])
    paths = files_of(root)
    errors = [error for path in paths for error in errors_in(path)]
    errors += format_errors(paths)
    print("\n".join(errors) or f"{len(paths)} files checked")
    return 1 if errors or not paths else 0


if __name__ == "__main__":
    sys.exit(main())
