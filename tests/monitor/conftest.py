# SPDX-License-Identifier: Apache-2.0
"""Random histories of monitors: whenever the server is idle, each replica equals the database.

    /usr/bin/python3 -m pytest tests/monitor --build DIR [--rounds N] [--first-seed N]
"""
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

import shared_fixtures  # noqa: E402

globals().update(shared_fixtures.NAMES)

# The servers check whole databases after each commit.
os.environ.setdefault("OVSDBD_CHECK_STRUCTURES", "1")


def pytest_addoption(parser):
    shared_fixtures.NAMES["pytest_addoption"](parser)
    group = parser.getgroup("ovsdbd")
    group.addoption("--rounds", type=int, default=24, help="how many histories (default: 24)")
    group.addoption("--first-seed", type=int, default=1, help="seed of the first one (default: 1)")


def pytest_generate_tests(metafunc):
    first, rounds = (metafunc.config.getoption(name) for name in ("--first-seed", "--rounds"))
    if "seed" in metafunc.fixturenames:
        metafunc.parametrize("seed", range(first, first + rounds))
    if "relay_seed" in metafunc.fixturenames:  # each history takes longer
        metafunc.parametrize("relay_seed", range(first, first + max(rounds // 8, 1)))
