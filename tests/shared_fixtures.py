# SPDX-License-Identifier: Apache-2.0
"""Lends the whole-program suite's options, fixtures and harness to the other suites: their
conftest.py imports everything from here."""
import importlib.util
import pathlib
import sys

SYSTEM = pathlib.Path(__file__).resolve().parent / "system"

sys.path.insert(0, str(SYSTEM))
_spec = importlib.util.spec_from_file_location("system_conftest", SYSTEM / "conftest.py")
_module = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_module)
globals().update({name: value for name, value in vars(_module).items()
                  if name.startswith("pytest_")
                  or name in ("lab", "managed", "manager", "programs", "reference")})
