# SPDX-License-Identifier: Apache-2.0
"""Robustness: kill -9, bad input, full disks, damaged files.

    /usr/bin/python3 -m pytest tests/robust --build DIR [--rounds N]
"""
import os
import pathlib
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

import shared_fixtures  # noqa: E402

globals().update(shared_fixtures.NAMES)

# The servers check whole databases after each commit.
os.environ.setdefault("OVSDBD_CHECK_STRUCTURES", "1")


def pytest_addoption(parser):
    shared_fixtures.NAMES["pytest_addoption"](parser)
    parser.getgroup("ovsdbd").addoption(
        "--rounds", type=int, default=15, help="how often to kill, damage, ... (default: 15)")


@pytest.fixture
def library(lab):
    """faulty_disk.c, to be preloaded."""
    path = lab.path("faulty_disk.so")
    subprocess.run(["cc", "-shared", "-fPIC", "-D_FILE_OFFSET_BITS=64", "-o", path,
                    pathlib.Path(__file__).with_name("faulty_disk.c")], check=True)
    return path
