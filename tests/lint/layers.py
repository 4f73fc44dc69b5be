#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Checks every include line under src/ against the table of allowed dependencies.

A layer may include its own headers and those of the layers its row names. External libraries have
rows that name the layers which may include them. No two modules (a.c and a.h are one) include each
other. Layers without I/O may not read a clock or make random numbers either, so that a run can be
repeated from a seed."""

import pathlib
import re
import sys

LAYERS = {
    "basic": [],
    "json": ["basic"],
    "model": ["basic", "json"],
    "engine": ["basic", "json", "model"],
    "cluster": ["basic", "json", "model"],
    "store": ["basic", "json", "model", "engine", "cluster"],
    "monitor": ["basic", "json", "model", "engine"],
    "net": ["basic", "json"],
    "session": ["basic", "json", "model", "engine", "monitor"],
    "replication": ["basic", "json", "model", "engine"],
    "control": ["basic", "json", "net"],
    "service": ["basic", "control"],
    "daemon": ["basic", "json", "model", "engine", "store", "monitor", "net", "session",
               "replication", "control", "service", "cluster"],
    "tools": ["basic", "json", "model", "engine", "store", "net", "control", "service",
              "cluster"],
}

LIBRARIES = {
    "systemd/": ["net", "control", "service", "daemon", "tools"],
    "gnutls/": ["net", "store"],
    "sys/capability.h": ["service"],
    "raft.h": ["cluster"],
    "pthread.h": ["basic", "store"],
    "jansson.h": ["json", "model", "engine", "control", "daemon", "tools"],
}

# No descriptor, no clock, no event loop: time and output come in as arguments.
NO_IO = ["json", "model", "engine", "monitor", "session", "replication", "cluster"]
IO_HEADERS = ["sys/socket.h", "sys/epoll.h", "fcntl.h", "poll.h", "time.h", "sys/time.h",
              "sys/un.h",
              "netinet/in.h", "basic/file.h"]

# Functions that layers without I/O may not name: their callers pass the time and a source of UUIDs.
IMPURE = re.compile(r"(?<![.>])\b(clock_\w+|gettimeofday|time|uuid_random|getrandom|random|rand|getenv)\s*[(;,)]")
COMMENT = re.compile(r'//.*|"(\\.|[^"\\])*"')

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def errors_in(path, layer):
    for number, line in enumerate(path.read_text().splitlines(), 1):
        match = INCLUDE.match(line)
        if not match:
            impure = IMPURE.search(COMMENT.sub("", line)) if layer in NO_IO else None
            if impure:
                yield f"{path}:{number}: {layer} may not use {impure.group(1)}()"
            continue
        quote, name = match.groups()
        where = f"{path}:{number}: {name}"
        if quote == '"' and name != "config.h":
            other = name.split("/")[0]
            if "/" not in name or other not in LAYERS:
                yield f"{where}: not written as \"layer/file.h\""
            elif other != layer and other not in LAYERS[layer]:
                yield f"{where}: {layer} may not use {other}"
        for library, users in LIBRARIES.items():
            if quote == "<" and name.startswith(library) and layer not in users:
                yield f"{where}: {layer} may not use this library"
        if layer in NO_IO and name in IO_HEADERS:
            yield f"{where}: {layer} does no I/O"


def circles(paths, src):
    """Pairs of modules that include each other. A private header without a source file (internal.h)
    does not count as a module."""
    used = {}
    for path in paths:
        module = str(path.relative_to(src).with_suffix(""))
        names = [match.group(2) for match in map(INCLUDE.match, path.read_text().splitlines())
                 if match and match.group(1) == '"']
        used.setdefault(module, set()).update(name.removesuffix(".h") for name in names)
    used = {module: names for module, names in used.items() if (src / f"{module}.c").exists()}
    return sorted((a, b) for a in used for b in used[a] if a < b and a in used.get(b, ()))


def main():
    src = pathlib.Path(sys.argv[1])
    errors = []
    n_files = 0
    for path in sorted(src.rglob("*.[ch]")):
        layer = path.relative_to(src).parts[0]
        if layer not in LAYERS:
            errors.append(f"{path}: no such layer in the table")
            continue
        n_files += 1
        errors.extend(errors_in(path, layer))
    errors += [f"{a} and {b} include each other" for a, b in circles(src.rglob("*.[ch]"), src)]
    for path in src.iterdir():
        if path.is_dir() and path.name not in LAYERS:
            errors.append(f"{path}: no such layer in the table")
    print("\n".join(errors) or f"{n_files} files keep to their layers")
    return 1 if errors or not n_files else 0


if __name__ == "__main__":
    sys.exit(main())
