# SPDX-License-Identifier: Apache-2.0
"""The first steps of a newcomer: ./run, with and without sudo, the commands it prints, and ./check.

    sudo /usr/bin/python3 -m pytest tests/first_contact --build BUILD/plain

The source is an overlay in a mount namespace: it has its path and the existing build, but nothing
outside changes."""
import os
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

import shared_fixtures  # noqa: E402

from source import ROOT, Source  # noqa: E402

globals().update(shared_fixtures.NAMES)


@pytest.fixture
def source(pytestconfig):
    if os.geteuid():
        pytest.skip("needs root for a mount namespace")
    if pathlib.Path(pytestconfig.getoption("build")).resolve() != ROOT / "build/plain":
        pytest.skip("./run uses build/plain of the source")
    source = Source()
    try:
        source.start()
        yield source
    finally:
        source.close()
