# SPDX-License-Identifier: Apache-2.0
"""The tests of the source package, as Debian's autopkgtest runs them on an installed system."""
import re
import shutil

from host import SWITCH
from roots import SOURCE

TREE = "/root/ovsdbd"


def test_autopkgtest(host):
    host.install(*SWITCH)
    host.install("ovsdbd")
    shutil.copytree(SOURCE / "packaging/debian", host.path(f"{TREE}/debian"))
    host.path(f"{TREE}/debian/files").touch()  # as after a build: autopkgtest builds nothing
    names = [line.partition(":")[2].strip() for line in
             (SOURCE / "packaging/debian/tests/control").read_text().splitlines()
             if line.startswith("Tests:")]
    # "null" tests the system that it runs on, and does not know that this is a container.
    result = host.run("autopkgtest", "--no-built-binaries", "--ignore-restrictions=isolation-container",
                      TREE, "--", "null", timeout=300)
    said = result.stdout + result.stderr
    assert result.returncode == 0, said
    for name in names:
        assert re.search(rf"^{name} +PASS$", said, re.MULTILINE), said
