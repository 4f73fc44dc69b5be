# SPDX-License-Identifier: Apache-2.0
"""The options, fixtures and harness of tests/system for the other suites. Their conftest.py adds
NAMES to its globals, where pytest looks for them."""
import importlib.util
import pathlib
import sys

SYSTEM = pathlib.Path(__file__).resolve().parent / "system"

sys.path.insert(0, str(SYSTEM))
_spec = importlib.util.spec_from_file_location("system_conftest", SYSTEM / "conftest.py")
_module = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_module)
NAMES = {name: value for name, value in vars(_module).items()
         if name.startswith("pytest_")
         or name in ("lab", "managed", "manager", "programs", "reference")}
