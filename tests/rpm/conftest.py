# SPDX-License-Identifier: Apache-2.0
"""The RPM packages: built with the tools of this system, installed into a root of their own.

    sudo /usr/bin/python3 -m pytest tests/rpm --build DIR
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS), str(TESTS / "service")]

import shared_fixtures  # noqa: E402

from container import Container  # noqa: E402
from roots import SOURCE, copy_source  # noqa: E402

globals().update(shared_fixtures.NAMES)

RPMS = SOURCE / "packaging/rpm"


@pytest.fixture(scope="session")
def packages(tmp_path_factory):
    """The folder with the packages, binary and source."""
    if not shutil.which("rpmbuild"):
        pytest.skip("needs rpmbuild")
    top = tmp_path_factory.mktemp("rpm")
    version = re.search(r"^Version: +(\S+)", (RPMS / "ovsdbd.spec").read_text(), re.MULTILINE)[1]
    name = f"ovsdbd-{version}"
    copy_source(top / name)
    (top / "SOURCES").mkdir()
    subprocess.run(["tar", "-czf", top / f"SOURCES/{name}.tar.gz", "-C", top, name], check=True)
    result = subprocess.run(
        ["rpmbuild", "-ba", "--nodeps", f"--load={RPMS}/macros", "--define", f"_topdir {top}",
         RPMS / "ovsdbd.spec"], check=False, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT)
    assert result.returncode == 0, result.stdout[-5000:]
    for package in [*top.glob("RPMS/*/*.rpm"), *top.glob("SRPMS/*.rpm")]:
        package.rename(top / package.name)
    return top


@pytest.fixture(scope="session")
def host(packages):
    """A booted overlay of this system in which both packages were installed before the boot."""
    if os.geteuid() or not shutil.which("systemd-nspawn"):
        pytest.skip("needs root and systemd-nspawn")
    machine = Container()
    try:
        machine.make_root()
        machine.disable_open_vswitch()
        for package in packages.glob("*.rpm"):
            if ".src." not in package.name:
                shutil.copy(package, machine.root / "root")
        machine.rpm_files = [f"/root/{p.name}" for p in (machine.root / "root").glob("ovsdbd*.rpm")]
        result = subprocess.run(
            ["rpm", "--root", machine.root, "--dbpath", "/var/lib/rpm", "--force-debian",
             "--nodeps", "-i", *(str(machine.root) + path for path in machine.rpm_files)],
            check=False, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        assert result.returncode == 0 and "ailed" not in result.stdout, result.stdout
        machine.boot()
        yield machine
    finally:
        machine.close()
