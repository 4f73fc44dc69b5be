# SPDX-License-Identifier: Apache-2.0
"""The tests of inside.py, with their results on the enforcing system."""
import pytest

import inside


@pytest.mark.parametrize("name", [test.__name__ for test in inside.TESTS])
def test_enforcing(results, name):
    assert results[name] == "ok"
