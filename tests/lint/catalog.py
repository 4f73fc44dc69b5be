#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Checks that the sources and the journal's catalog have the same message ids.

usage: catalog.py PROJECT_ROOT"""

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(sys.argv[1])
HEADER = ROOT / "src/basic/messages.h"
CATALOG = ROOT / "units/ovsdbd.catalog"
ID = re.compile(r'"([0-9a-f]{32})"')
KNOWN_FIELDS = {"OVSDB_CLIENT_ID", "OVSDB_DATABASE", "OVSDB_FILE", "OVSDB_PEER_PID",
                "OVSDB_PEER_UID", "OVSDB_REMOTE", "OVSDB_ROLE", "OVSDB_SERVER", "OVSDB_SESSION",
                "OVSDB_TXN"}


def errors():
    header, catalog = HEADER.read_text(), CATALOG.read_text()
    defined = dict(re.findall(r'#define (MSG_\w+)\s+"([0-9a-f]{32})"', header))
    ids = list(defined.values())
    explained = re.findall(r"^-- ([0-9a-f]{32})$", catalog, re.MULTILINE)
    sources = {p: p.read_text() for p in (ROOT / "src").rglob("*.[ch]")}
    if not defined:
        yield f"{HEADER}: no ids"
    for value in {i for i in ids + explained if ids.count(i) > 1 or explained.count(i) > 1}:
        yield f"{value}: defined twice"
    for name, value in defined.items():
        if value not in explained:
            yield f"{CATALOG}: {name} ({value}) is not explained"
        if not any(re.search(rf"\b{name}\b", text) for p, text in sources.items() if p != HEADER):
            yield f"{HEADER}: {name} is not used"
    for value in set(explained) - set(ids):
        yield f"{CATALOG}: {value} is not a message id of the sources"
    for path, text in sources.items():
        if path != HEADER and ID.search(text):
            yield f"{path}: a message id outside of {HEADER.name}"
    for field in set(re.findall(r"@(\w+)@", catalog)) - KNOWN_FIELDS:
        yield f"{CATALOG}: the field {field} is unknown"
    yield from errors_of_journalctl(ids)


def errors_of_journalctl(ids):
    """Compiles the catalog with journalctl and checks that every id is listed."""
    if not shutil.which("journalctl"):
        return
    with tempfile.TemporaryDirectory() as root:
        folder = pathlib.Path(root) / "usr/lib/systemd/catalog"
        folder.mkdir(parents=True)
        (pathlib.Path(root) / "var/lib/systemd/catalog").mkdir(parents=True)
        shutil.copy(CATALOG, folder)
        result = subprocess.run(["journalctl", f"--root={root}", "--update-catalog"], text=True,
                                capture_output=True, check=False)
        if result.returncode or result.stderr:
            yield f"{CATALOG}: journalctl: {result.stderr.strip()}"
        dumped = subprocess.run(["journalctl", f"--root={root}", "--list-catalog"], text=True,
                                capture_output=True, check=False).stdout
        for value in ids:
            if not re.search(rf"^{value} ovsdbd: \S", dumped, re.MULTILINE):
                yield f"{CATALOG}: journalctl does not list {value}"


found = list(errors())
print("\n".join(found), end="\n" if found else "")
sys.exit(bool(found))
