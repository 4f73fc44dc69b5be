#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the subjects of the journal catalog into the manual page.

usage: events.py PAGE.in CATALOG PAGE"""

import pathlib
import re
import sys

page, catalog, target = map(pathlib.Path, sys.argv[1:4])
events = re.findall(r"^-- ([0-9a-f]{32})\nSubject: (.*)$", catalog.read_text(), re.MULTILINE)


def readable(subject):
    """Replaces a field of the message, such as "@OVSDB_SESSION@", by "(session)"."""
    return re.sub(r"@OVSDB_(\w+)@", lambda m: f"({m[1].lower().replace('_', ' ')})", subject)


items = "\n".join(f".It {identity}\n{readable(subject)}." for identity, subject in events)
target.write_text(page.read_text().replace("@EVENTS@", items))
