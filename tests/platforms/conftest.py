# SPDX-License-Identifier: Apache-2.0
"""Debian 13: the package is built and installed in a root of that release, which is then booted.

    sudo /usr/bin/python3 -m pytest tests/platforms --build DIR

The root is made by debootstrap at the first run and kept beside DIR."""
import os
import pathlib
import shutil
import sys

import pytest

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS), str(TESTS / "service")]

import shared_fixtures  # noqa: E402

from container import Container  # noqa: E402
from roots import SOURCE, copy_source, debian_root, run_in  # noqa: E402

globals().update(shared_fixtures.NAMES)

PACKAGES = """build-essential meson ninja-build pkg-config libsystemd-dev systemd-dev libgnutls28-dev
    libjansson-dev libcap-dev debhelper systemd systemd-sysv dbus openvswitch-switch
    iproute2""".split()


def build_package(root, cache):
    """Builds the Debian package in the root, unless it was built before; returns its file."""
    digest = copy_source(root / "src/ovsdbd")
    kept = cache / f"ovsdbd-{digest}.deb"
    if not kept.exists():
        shutil.copytree(SOURCE / "packaging/debian", root / "src/ovsdbd/debian")
        result = run_in(root, "sh", "-c", "cd /src/ovsdbd && dpkg-buildpackage -b -us -uc "
                        f"-j{os.cpu_count()}")
        assert result.returncode == 0, result.stdout[-5000:]
        assert "[-W" not in result.stdout, result.stdout  # a warning of the compiler
        package, = (root / "src").glob("ovsdbd_*.deb")
        shutil.copy(package, kept)
    return kept


@pytest.fixture(scope="session")
def debian_13(pytestconfig):
    """A booted Debian 13 in which the package has been built and installed."""
    build = pathlib.Path(pytestconfig.getoption("build")).resolve()
    cache = build.parent / "roots"
    machine = Container(debian_root(cache, "trixie", PACKAGES))
    # systemd 257 does not start on control groups of version 1.
    machine.boot_environment["SYSTEMD_NSPAWN_UNIFIED_HIERARCHY"] = "1"
    try:
        machine.make_root()
        shutil.copy(build_package(machine.root, cache), machine.root / "src/ovsdbd.deb")
        result = run_in(machine.root, "dpkg", "-i", "/src/ovsdbd.deb")
        assert result.returncode == 0, result.stdout
        machine.boot()
        yield machine
    finally:
        machine.close()
