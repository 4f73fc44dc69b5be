# SPDX-License-Identifier: Apache-2.0
"""Root file systems of Debian releases, made by debootstrap and kept for the next run, and copies
of the source to build packages from.

The mirror is the one that apt uses on this system. A root is never changed after it was made: tests
mount an overlay over it."""
import fcntl
import hashlib
import inspect
import os
import pathlib
import shutil
import subprocess

import pytest

SOURCE = pathlib.Path(__file__).resolve().parents[1]
# What the package is made of: a change of tests or docs does not build it anew.
PARTS = ("LICENSE", "README.md", "NEWS", "meson.build", "meson_options.txt", "completion", "conf",
         "docs", "host", "man", "packaging", "selinux", "src", "sysusers", "tests/meson.build",
         "tmpfiles", "units")


def copy_source(to):
    """Copies PARTS; returns a digest of their contents."""
    digest = hashlib.sha256()
    for part in PARTS:
        source = SOURCE / part
        (to / part).parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, to / part, symlinks=True)
        else:
            shutil.copy(source, to / part)
    for path in sorted(to.rglob("*")):
        if path.is_file():
            digest.update(f"{path.relative_to(to)}\n".encode() + path.read_bytes())
    return digest.hexdigest()[:12]


def mirror():
    """The URI of the Debian archive in apt's configuration, or None."""
    result = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(ORIGIN) $(COMPONENT) $(LABEL) $(REPO_URI)",
         "Created-By: Packages"], check=False, text=True, stdout=subprocess.PIPE)
    for line in result.stdout.splitlines():
        if line.startswith("Debian main Debian "):
            return line.split()[-1]
    return None


def run_in(root, *command, **options):
    """Runs a program in a root that is not booted, with text output."""
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8",
                   "DEBIAN_FRONTEND": "noninteractive"}
    environment.update({name: value for name, value in os.environ.items()
                        if name.lower().endswith("_proxy")})
    return subprocess.run(["chroot", root, *map(str, command)], check=False, text=True,
                          env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, **options)


def _make(root, suite, packages, finish):
    subprocess.run(["debootstrap", "--variant=minbase", "--include=ca-certificates", suite, root,
                    mirror()], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)
    (root / "etc/dpkg/dpkg.cfg.d/excludes").write_text("".join(
        f"path-exclude=/usr/share/{name}/*\n" for name in ("doc", "locale", "man")))
    (root / "usr/sbin/policy-rc.d").write_text("#!/bin/sh\nexit 101\n")
    (root / "usr/sbin/policy-rc.d").chmod(0o755)
    subprocess.run(["mount", "-t", "proc", "proc", root / "proc"], check=True)
    try:
        result = run_in(root, "apt-get", "-o", "Dpkg::Options::=--force-unsafe-io", "install",
                        "-y", "-q", "--no-install-recommends", *packages)
        if result.returncode:
            raise subprocess.CalledProcessError(result.returncode, result.args, result.stdout)
        if finish:
            finish(root)
    finally:
        subprocess.run(["umount", root / "proc"], check=True)
    (root / "usr/sbin/policy-rc.d").unlink()
    run_in(root, "apt-get", "clean")


def debian_root(folder, suite, packages, finish=None):
    """The folder with the root of `suite` in which `packages` are installed; makes it if it does
    not exist. finish(root), if given, completes a new root; its source is part of the root's name.
    Skips the test if a root cannot be made."""
    if os.geteuid() or not shutil.which("debootstrap"):
        pytest.skip("needs root and debootstrap")
    recipe = "\n".join([*sorted(packages), inspect.getsource(finish) if finish else ""])
    wanted = hashlib.sha256(recipe.encode()).hexdigest()[:12]
    root = folder / f"{suite}-{wanted}"
    folder.mkdir(exist_ok=True)
    with open(folder / f"{suite}.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if root.exists():
            return root
        if not mirror():
            pytest.skip("apt knows no Debian mirror")
        unfinished = folder / f"{suite}.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        try:
            _make(unfinished, suite, packages, finish)
        except subprocess.CalledProcessError as error:
            pytest.skip(f"cannot make a root of {suite}: {error} {(error.output or '')[-500:]}")
        unfinished.rename(root)
    return root
