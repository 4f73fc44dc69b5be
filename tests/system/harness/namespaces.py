# SPDX-License-Identifier: Apache-2.0
"""Namespaces of the kernel, which most containers do not permit."""
import functools
import shutil
import subprocess

import pytest


@functools.cache
def _refusal(options):
    """Why "unshare OPTIONS" cannot start a program here, or None if it can."""
    if not shutil.which("unshare"):
        return "unshare is not installed"
    result = subprocess.run(["unshare", *options, "true"], check=False, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return result.stdout.strip() if result.returncode else None


def require(*options):
    """Skips the test where "unshare OPTIONS" is not possible."""
    refusal = _refusal(options)
    if refusal:
        pytest.skip(f"no namespaces: {refusal}")
