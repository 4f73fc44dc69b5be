# SPDX-License-Identifier: Apache-2.0
"""The Debian package on hosts of its own: fresh roots, booted under systemd in containers, with the
distribution's openvswitch and ovn packages.

    sudo /usr/bin/python3 -m pytest tests/packages --build DIR

The base root and the built package stay in DIR/packages for the next run.
"""
import os
import pathlib
import shutil
import sys

import pytest

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS), str(TESTS / "service")]

from borrow import *  # noqa: E402,F401,F403 pylint: disable=wildcard-import

import base  # noqa: E402
from host import Host  # noqa: E402


@pytest.fixture(scope="session")
def material(pytestconfig):
    """The base root and the package under test."""
    if os.geteuid() or not shutil.which("systemd-nspawn"):
        pytest.skip("needs root and systemd-nspawn")
    cache = pathlib.Path(os.path.abspath(pytestconfig.getoption("build"))) / "packages"
    try:
        return base.Material(cache)
    except base.Unavailable as reason:
        pytest.skip(str(reason))


@pytest.fixture
def host(material):
    """A freshly installed host that has booted, without openvswitch."""
    machine = Host(material)
    try:
        machine.start()
        yield machine
    finally:
        machine.close()
