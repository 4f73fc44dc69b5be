# SPDX-License-Identifier: Apache-2.0
"""OVN from Debian's packages, unmodified, with its databases on the built server.

    /usr/bin/python3 -m pytest tests/ovn --build DIR
    /usr/bin/python3 -m pytest tests/ovn --reference

Needs root, because the switch lives in a network namespace of its own. It is one site for all tests
(it takes a while to come up), so run them in one process.
"""
import pathlib
import shutil
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

import shared_fixtures  # noqa: E402

from harness import namespaces  # noqa: E402
from harness.daemons import PATH  # noqa: E402

import ovn  # noqa: E402

globals().update(shared_fixtures.NAMES)


@pytest.fixture(scope="session")
def site(programs, reference, tmp_path_factory):
    missing = [p for p in ovn.PROGRAMS if not shutil.which(p, path=PATH)]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")
    namespaces.require("--net")
    site = ovn.Site(programs, reference, tmp_path_factory.mktemp("ovn"))
    try:
        site.come_up()
        yield site
        site.finish()
    finally:
        site.clean_up()
