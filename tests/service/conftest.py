# SPDX-License-Identifier: Apache-2.0
"""The server as a service: under a real systemd, in a container, as root.

    sudo /usr/bin/python3 -m pytest tests/service --build DIR
"""
import os
import pathlib
import shutil
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

import shared_fixtures  # noqa: E402

from container import Container  # noqa: E402
from service import Service  # noqa: E402

globals().update(shared_fixtures.NAMES)


@pytest.fixture(scope="session")
def container(pytestconfig):
    if os.geteuid() or not shutil.which("systemd-nspawn"):
        pytest.skip("needs root and systemd-nspawn")
    machine = Container()
    try:
        machine.make_root()
        machine.install(os.path.abspath(pytestconfig.getoption("build")))
        machine.boot()
        yield machine
    finally:
        machine.close()


@pytest.fixture
def service(container):
    service = Service(container)
    yield service
    service.clean_up()
