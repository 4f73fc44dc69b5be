#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Builds and runs the suites, and counts them all.

Each suite is a line in SUITES: what it needs built, the command, and how its result is counted. The
last line printed is "N passed, N failed" or "N passed, N failed, N skipped"."""

import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
PYTHON = "/usr/bin/python3"

BUILDS = {
    # For every suite but valgrind's and the benchmarks.
    "sanitized": ["-Db_sanitize=address,undefined", "-Db_lundef=false", "--buildtype=debugoptimized"],
    # As a distribution builds it.
    "plain": ["--buildtype=debugoptimized"],
}

SANITIZERS = {
    "ASAN_OPTIONS": "abort_on_error=1:detect_leaks=1:strict_string_checks=1",
    "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
}


class Count:
    def __init__(self, passed=0, failed=0, skipped=0):
        self.passed, self.failed, self.skipped = passed, failed, skipped

    def __add__(self, other):
        return Count(self.passed + other.passed, self.failed + other.failed,
                     self.skipped + other.skipped)

    def __str__(self):
        text = f"{self.passed} passed, {self.failed} failed"
        return text + (f", {self.skipped} skipped" if self.skipped else "")


def build_dir(args, name):
    return pathlib.Path(args.build) / name


def has_tests(folder):
    """False for a build folder that `./run` made without the packages of the tests."""
    options = json.loads((folder / "meson-info/intro-buildoptions.json").read_text())
    return next(o["value"] for o in options if o["name"] == "tests") == "enabled"


def configure(folder, name):
    if not (folder / "build.ninja").exists():
        command = ["meson", "setup", "-Dtests=enabled", folder, ROOT, *BUILDS[name]]
    elif not has_tests(folder):
        command = ["meson", "configure", "-Dtests=enabled", folder]
    else:
        return
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def build(args, name):
    folder = build_dir(args, name)
    configure(folder, name)
    subprocess.run(["ninja", "-C", folder, "--quiet"], check=True)


def give_to_user(folder):
    """Gives what root built to the user who called sudo, or to the owner of the source, so that
    `./run` works for this user afterwards."""
    source = ROOT.stat()
    user = int(os.environ.get("SUDO_UID", 0))
    group = int(os.environ.get("SUDO_GID", user))
    user, group = (user, group) if user else (source.st_uid, source.st_gid)
    if os.geteuid() == 0 and user and folder.exists():
        subprocess.run(["chown", "-R", "-h", f"{user}:{group}", folder], check=True)


def meson_log(args, folder):
    return folder / "meson-logs" / ("testlog-valgrind.json" if args.wrap else "testlog.json")


def count_meson(args, folder):
    """The tests of tests/unit, tests/fuzz and tests/lint, as meson ran them."""
    count = Count()
    if not meson_log(args, folder).exists():
        return Count(failed=1)
    for line in meson_log(args, folder).read_text().splitlines():
        result = json.loads(line)["result"]
        if result in ("OK", "EXPECTEDFAIL"):
            count.passed += 1
        elif result == "SKIP":
            count.skipped += 1
        else:
            count.failed += 1
    return count


def run_meson(args, name, suites, wrap=False):
    folder = build_dir(args, name)
    command = ["meson", "test", "-C", folder, "--no-rebuild", "--print-errorlogs",
               "--timeout-multiplier", "10" if wrap else "3"]
    for suite in suites:
        command += ["--suite", suite]
    if wrap:
        command += ["--setup", "valgrind"]
    args.wrap = wrap
    meson_log(args, folder).unlink(missing_ok=True)
    result = subprocess.run(command, check=False, env={**os.environ, **SANITIZERS})
    count = count_meson(args, folder)
    if result.returncode and not count.failed:
        count.failed = 1
    return count


# A part of the system suite, for the whole takes an hour: transactions, locks, files, a backup.
VALGRIND_TESTS = "test_locks and steal or test_replication or test_storage and compact"
VALGRIND_ENV = {
    "OVSDBD_TEST_WRAPPER": "valgrind --quiet --error-exitcode=99 --leak-check=full"
                           " --errors-for-leak-kinds=definite --run-libc-freeres=no",
    "OVSDBD_TEST_SLOWNESS": "10",
}


def run_pytest(args, name, folder, *options, extra_env=None):
    if not list((ROOT / folder).rglob("test_*.py")):
        return Count()
    # The folder first: its conftest.py knows the options that follow.
    command = [PYTHON, "-m", "pytest", str(ROOT / folder), "-q", "-p", "no:cacheprovider", "-n",
               str(args.jobs), "-rs", "--build", str(build_dir(args, name)), *options]
    env = {**os.environ, **SANITIZERS, "PYTHONDONTWRITEBYTECODE": "1", **(extra_env or {})}
    result = subprocess.run(command, check=False, env=env, stdout=subprocess.PIPE, text=True,
                            cwd=ROOT)
    sys.stdout.write(result.stdout)
    summary = result.stdout.strip().splitlines()[-1] if result.stdout.strip() else ""
    numbers = {word: int(n) for n, word in re.findall(r"(\d+) (\w+)", summary)}
    count = Count(numbers.get("passed", 0) + numbers.get("xfailed", 0),
                  numbers.get("failed", 0) + numbers.get("error", 0) + numbers.get("errors", 0),
                  numbers.get("skipped", 0))
    if result.returncode and not count.failed:
        count.failed = 1
    return count


SUITES = {
    "unit": ("sanitized", lambda args: run_meson(args, "sanitized", ["unit"])),
    "fuzz": ("sanitized", lambda args: run_meson(args, "sanitized", ["fuzz"])),
    "lint": ("sanitized", lambda args: run_meson(args, "sanitized", ["lint"])),
    "system": ("sanitized", lambda args: run_pytest(args, "sanitized", "tests/system")),
    "reference": ("sanitized", lambda args: run_pytest(args, "sanitized", "tests/system", "--reference")),
    "model": ("sanitized", lambda args: run_pytest(args, "sanitized", "tests/model")),
    "robust": ("sanitized", lambda args: run_pytest(args, "sanitized", "tests/robust")),
    "monitor": ("sanitized", lambda args: run_pytest(args, "sanitized", "tests/monitor")),
    # One site for all its tests: one process.
    "ovn": ("plain", lambda args: run_pytest(args, "plain", "tests/ovn", "-n", "0")),
    "service": ("plain", lambda args: run_pytest(args, "plain", "tests/service")),
    # Of the Debian package what needs no host of its own.
    "package": ("plain", lambda args: run_pytest(args, "plain", "tests/packages", "-k",
                                                 "test_lintian or test_usage")),
    "rpm": ("plain", lambda args: run_pytest(args, "plain", "tests/rpm", "-n", "0")),
    # ./run and ./check on the source itself, one at a time.
    "first-contact": ("plain", lambda args: run_pytest(args, "plain", "tests/first_contact", "-n", "0")),
    "valgrind": ("plain", lambda args: run_meson(args, "plain", ["unit"], wrap=True)),
    "valgrind-system": ("plain", lambda args: run_pytest(
        args, "plain", "tests/system", "-k", VALGRIND_TESTS, extra_env=VALGRIND_ENV)),
}

# Run only when they are named: they download a system or emulate one, for minutes.
ON_REQUEST = {
    "packages": ("plain", lambda args: run_pytest(args, "plain", "tests/packages")),
    "platforms": ("plain", lambda args: run_pytest(args, "plain", "tests/platforms", "-n", "0")),
    "selinux": ("plain", lambda args: run_pytest(args, "plain", "tests/selinux", "-n", "0")),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("suites", nargs="*", metavar="SUITE",
                        help="one of " + " ".join([*SUITES, *ON_REQUEST])
                        + f"; default: all but {' '.join(ON_REQUEST)}")
    parser.add_argument("--build", default=str(ROOT / "build"), help="folder of the build folders")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    args = parser.parse_args()
    known = [*SUITES, *ON_REQUEST]
    unknown = [name for name in args.suites if name not in known]
    if unknown:
        parser.error(f"no suite is called {unknown[0]}; there are {' '.join(known)}")
    try:
        return run_suites(args)
    finally:
        if args.build == str(ROOT / "build"):
            give_to_user(pathlib.Path(args.build))


def run_suite(args, name):
    needs, run = {**SUITES, **ON_REQUEST}[name]
    try:
        build(args, needs)
    except subprocess.CalledProcessError as error:
        print(f"the build for the suite {name} failed: {error}", flush=True)
        return Count(failed=1)
    return run(args)


def run_suites(args):
    total = Count()
    summary = []
    for name in args.suites or SUITES:
        print(f"== {name}", flush=True)
        start = time.monotonic()
        count = run_suite(args, name)
        total += count
        summary.append(f"{name}: {count} in {time.monotonic() - start:.0f} s")
    print("\n".join(["", *summary]))
    print(total)
    return 1 if total.failed or not total.passed else 0


if __name__ == "__main__":
    sys.exit(main())
