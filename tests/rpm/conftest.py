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


def build_packages(top, change=None):
    """Builds the packages, binary and source, in the folder `top` from this tree, which
    change(tree), if given, changes before. Skips the test if they cannot be built here."""
    if not shutil.which("rpmbuild"):
        pytest.skip("needs rpmbuild")
    tree = top / "tree"
    copy_source(tree)
    if change:
        change(tree)
    spec = tree / "packaging/rpm/ovsdbd.spec"
    version = re.search(r"^Version: +(\S+)", spec.read_text(), re.MULTILINE)[1]
    name = f"ovsdbd-{version}"
    (top / "SOURCES").mkdir()
    subprocess.run(["tar", "-czf", top / f"SOURCES/{name}.tar.gz", "-C", top,
                    f"--transform=s/^tree/{name}/", "tree"], check=True)
    result = subprocess.run(
        ["rpmbuild", "-ba", "--nodeps", f"--load={RPMS}/macros", "--define", f"_topdir {top}", spec],
        check=False, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        # The folder differs from build to build: without it the compiler cache knows the files.
        env={**os.environ, "CCACHE_NOHASHDIR": "1"})
    assert result.returncode == 0, result.stdout[-5000:]
    for package in [*top.glob("RPMS/*/*.rpm"), *top.glob("SRPMS/*.rpm")]:
        package.rename(top / package.name)
    return top


@pytest.fixture(scope="session")
def packages(tmp_path_factory):
    """The folder with the packages, binary and source."""
    return build_packages(tmp_path_factory.mktemp("rpm"))


NEWER = "99.0"


def make_newer(tree):
    """The next version: its number, a changed unit and a changed default of the configuration."""
    for name, old, new in (
            ("packaging/rpm/ovsdbd.spec", r"^(Version: +).*", rf"\g<1>{NEWER}"),
            ("meson.build", r"^    version: '.*'", f"    version: '{NEWER}'"),
            ("units/ovsdb-server.service.in", r"^Description=.*", rf"\g<0> {NEWER}"),
            ("conf/ovsdb-server.conf", r"\Z", f"# Default of version {NEWER}.\n")):
        text, n = re.subn(old, new, (tree / name).read_text(), count=1, flags=re.MULTILINE)
        assert n == 1, name
        (tree / name).write_text(text)


@pytest.fixture(scope="session")
def newer(tmp_path_factory):
    """The folder with the packages of the next version."""
    return build_packages(tmp_path_factory.mktemp("rpm-newer"), make_newer)


def binary_packages(folder):
    return [package for package in folder.glob("*.rpm") if ".src." not in package.name]


@pytest.fixture(scope="session")
def host(packages):
    """A booted overlay of this system in which both packages were installed before the boot."""
    if os.geteuid() or not shutil.which("systemd-nspawn"):
        pytest.skip("needs root and systemd-nspawn")
    machine = Container()
    try:
        machine.make_root()
        machine.disable_open_vswitch()
        result = subprocess.run(
            ["rpm", "--root", machine.root, "--dbpath", "/var/lib/rpm", "--force-debian",
             "--nodeps", "-i", *binary_packages(packages)],
            check=False, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        assert result.returncode == 0 and "ailed" not in result.stdout, result.stdout
        machine.boot()
        yield machine
    finally:
        machine.close()
