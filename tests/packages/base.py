# SPDX-License-Identifier: Apache-2.0
"""The parts of a test host: a root of this release with the distribution's packages, and our built
package."""
import contextlib
import dataclasses
import fcntl
import os
import pathlib
import re
import shutil
import subprocess

import pytest
from roots import SOURCE, copy_source, run_in

PACKAGES = """systemd-sysv dbus iproute2 procps python3 libgnutls30 libjansson4 libcap2
    autopkgtest""".split()
SWITCH_FILE = re.compile(r"(python3-)?(openvswitch|ovn)")


def release():
    text = pathlib.Path("/etc/os-release").read_text()
    return re.search(r"^VERSION_CODENAME=(\w+)", text, re.M).group(1)


def apt(root, *arguments):
    result = run_in(root, "apt-get", "-y", "--no-install-recommends", *arguments)
    if result.returncode:
        raise subprocess.CalledProcessError(result.returncode, result.args, result.stdout)
    return result.stdout


def add_switch_packages(root):
    """Installs the dependencies of Open vSwitch and OVN, and downloads these to the folder
    /debs."""
    switch = ("openvswitch-switch", "ovn-central", "ovn-host")
    needed = re.findall(r"^Inst (\S+)", apt(root, "-s", "install", *switch), re.M)
    apt(root, "install", *[name for name in needed if not SWITCH_FILE.match(name)])
    apt(root, "--download-only", "install", *switch)
    # The switch runs on dummy devices; a container loads no module.
    (root / "usr/sbin/modprobe").unlink(missing_ok=True)
    (root / "usr/sbin/modprobe").symlink_to("/bin/true")
    (root / "debs").mkdir()
    for deb in (root / "var/cache/apt/archives").glob("*.deb"):
        if SWITCH_FILE.match(deb.name):
            deb.rename(root / "debs" / deb.name)


@dataclasses.dataclass
class Material:
    """A root with the distribution's packages in its folder /debs, our package, and the same package
    with a higher version."""
    root: pathlib.Path
    package: pathlib.Path
    newer: pathlib.Path


@contextlib.contextmanager
def locked(folder):
    """Keeps other workers out of the folder."""
    folder.mkdir(exist_ok=True)
    with open(folder / "lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def build_package(folder):
    """Builds the package from this tree, unless it was built before; returns its file. The compiler
    cache needs the same folder at each build. Skips the test if it cannot be built here."""
    for program in ("dpkg-buildpackage", "dh"):
        if not shutil.which(program):
            pytest.skip(f"not installed: {program}")
    with locked(folder):
        tree = folder / "ovsdbd"
        shutil.rmtree(tree, ignore_errors=True)
        kept = folder / f"ovsdbd-{copy_source(tree)}.deb"
        if not kept.exists():
            for former in folder.glob("ovsdbd-*"):
                former.unlink()
            shutil.copytree(SOURCE / "packaging/debian", tree / "debian")
            _run_dpkg_buildpackage(tree)
            built, = folder.glob("ovsdbd_*.deb")
            built.rename(kept)
        return kept


def _run_dpkg_buildpackage(tree):
    result = subprocess.run(
        ["dpkg-buildpackage", "-b", "-us", "-uc", "-d"], cwd=tree, check=False, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env={"PATH": "/usr/lib/ccache:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C",
             "HOME": os.environ.get("HOME", "/root"), "DEB_BUILD_OPTIONS": "noautodbgsym"})
    assert result.returncode == 0, result.stdout[-5000:]


def make_newer(package):
    """Returns the same package with a higher version, to upgrade to."""
    tree, newer = package.parent / "newer", package.with_suffix(".newer")
    with locked(package.parent):
        if not newer.exists():
            shutil.rmtree(tree, ignore_errors=True)
            subprocess.run(["dpkg-deb", "-R", package, tree], check=True)
            control = (tree / "DEBIAN/control").read_text()
            (tree / "DEBIAN/control").write_text(
                re.sub(r"^Version: .*", "Version: 99.0", control, flags=re.M))
            subprocess.run(["dpkg-deb", "-b", tree, newer], check=True, stdout=subprocess.DEVNULL)
    return newer
