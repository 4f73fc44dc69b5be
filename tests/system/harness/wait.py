# SPDX-License-Identifier: Apache-2.0
"""Waiting for states, never for a time.

Every wait has a deadline after which the test fails. OVSDBD_TEST_SLOWNESS multiplies all of them,
for runs under valgrind and the like.
"""
import os
import time

SLOWNESS = float(os.environ.get("OVSDBD_TEST_SLOWNESS", "1"))
PATIENCE = 10.0 * SLOWNESS


def until(condition, what, patience=PATIENCE):
    """Returns the first true value of condition(); fails when it takes more than `patience` s."""
    deadline = time.monotonic() + patience
    pause = 0.001
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {patience:g} s in vain for {what}")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.05)
