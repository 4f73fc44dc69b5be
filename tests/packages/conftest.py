# SPDX-License-Identifier: Apache-2.0
"""The Debian package on test hosts: fresh roots, booted under systemd in containers, with the
distribution's openvswitch and ovn packages.

    sudo /usr/bin/python3 -m pytest tests/packages --build DIR

The base root stays in the folder roots beside DIR, the built package in DIR/packages, for the next
run."""
import contextlib
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS), str(TESTS / "service")]

import shared_fixtures  # noqa: E402

import base  # noqa: E402
from host import Host  # noqa: E402
from roots import debian_root  # noqa: E402

globals().update(shared_fixtures.NAMES)


@pytest.fixture(scope="session")
def build(pytestconfig):
    return pathlib.Path(pytestconfig.getoption("build")).resolve()


@pytest.fixture(scope="session")
def package(build):
    """The file of the package under test."""
    return base.build_package(build / "packages")


@pytest.fixture(scope="session")
def material(build, package):
    """The parts of a host."""
    if os.geteuid() or not shutil.which("systemd-nspawn"):
        pytest.skip("needs root and systemd-nspawn")
    root = debian_root(build.parent / "roots", base.release(), base.PACKAGES, base.add_switch_packages)
    return base.Material(root, package, base.make_newer(package))


@contextlib.contextmanager
def booted(material):
    machine = Host(material)
    try:
        machine.start()
        yield machine
    finally:
        machine.close()


@pytest.fixture
def host(material):
    """A freshly installed host that has booted, without openvswitch."""
    with booted(material) as machine:
        yield machine


@pytest.fixture
def pair(material):
    """Two such hosts, 10.0.0.1 and 10.0.0.2, with a cable between them."""
    with booted(material) as first, booted(material) as second:
        subprocess.run(["ip", "link", "add", "name", "cable", "netns", str(first.init), "type", "veth",
                        "peer", "name", "cable", "netns", str(second.init)], check=True)
        for machine, address in ((first, "10.0.0.1/24"), (second, "10.0.0.2/24")):
            machine.ok("ip", "address", "add", address, "dev", "cable")
            machine.ok("ip", "link", "set", "cable", "up")
        yield first, second
