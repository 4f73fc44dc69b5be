# SPDX-License-Identifier: Apache-2.0
"""The SELinux module on a system that enforces it, in an emulated machine.

    sudo /usr/bin/python3 -m pytest tests/selinux --build DIR

The machine is qemu's without acceleration; its root is made by debootstrap at the first run and
kept beside DIR."""
import os
import pathlib
import shutil
import sys

import pytest

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS), str(TESTS / "service")]

import shared_fixtures  # noqa: E402

from machine import POLICY_MAKEFILE, Machine  # noqa: E402

globals().update(shared_fixtures.NAMES)


@pytest.fixture(scope="session")
def results(pytestconfig):
    """The output of the tests inside: a dictionary from the name to "ok" or the reason."""
    if not all(map(shutil.which, ("qemu-system-x86_64", "setfiles", "make"))) \
            or not os.path.exists(POLICY_MAKEFILE):
        pytest.skip("needs qemu-system-x86, policycoreutils and selinux-policy-dev")
    build = pathlib.Path(pytestconfig.getoption("build")).resolve()
    machine = Machine(build.parent / "roots")
    try:
        machine.make_image(build)
        lines = machine.run()
    finally:
        machine.close()
    text = "\n".join(lines)
    assert "end" in lines, text
    print(text)
    found = {}
    for line in lines[:lines.index("end")]:
        if line.startswith("ok "):
            found[line.split()[1]] = "ok"
        elif line.startswith("not ok "):
            name, _, reason = line.removeprefix("not ok ").partition(": ")
            found[name] = reason
    return found
