#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Builds and runs the test suites, and counts their results.

Each suite is an entry of SUITES or ON_REQUEST: the builds that it needs, and the function that runs
it and returns its count. Tests that fail are run a second time, alone, at the end: with several suites
at a time on few processors a test may exceed its patience. The report names the tests that needed the
second attempt. The last line printed is "N passed, N failed", with ", N skipped" when tests were
skipped."""

import argparse
import concurrent.futures
import json
import os
import pathlib
import re
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
PYTHON = "/usr/bin/python3"

# Name of a build: its compiler and its options.
BUILDS = {
    # For every suite but valgrind's and the benchmarks. Programs with sanitizers linked statically
    # start and end in two thirds of the time.
    "sanitized": ("gcc", ["-Db_sanitize=address,undefined", "-Db_lundef=false",
                          "-Dc_link_args=-static-libasan -static-libubsan"]),
    # As a distribution builds it.
    "plain": ("gcc", []),
    # The ends of the range of compilers and optimizations. Warnings are errors in all builds.
    "gcc-o3": ("gcc", ["-Doptimization=3"]),
    "gcc-o3-lto": ("gcc", ["-Doptimization=3", "-Db_lto=true"]),
    "clang-o0": ("clang", ["-Doptimization=0"]),
    "gcc-o0": ("gcc", ["-Doptimization=0"]),
    "clang-o3-lto": ("clang", ["-Doptimization=3", "-Db_lto=true", "-Db_lto_mode=thin"]),
    # Without libraft. Only compiled.
    "nocluster": ("gcc", ["-Dcluster=disabled"]),
    "coverage": ("gcc", ["-Db_coverage=true", "-Doptimization=0"]),
}

# What is built of a build, if not everything: to link each unit test with LTO takes a quarter of an
# hour.
PROGRAMS = ["src/daemon/ovsdb-server", "src/tools/ovsdb-tool", "src/tools/ovsdb-client",
            "src/tools/ovs-appctl", "src/tools/ovsdb-top"]
TARGETS = {"gcc-o3-lto": PROGRAMS, "clang-o3-lto": PROGRAMS}

SANITIZERS = {
    "ASAN_OPTIONS": "abort_on_error=1:detect_leaks=1:strict_string_checks=1",
    "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
}


class Count:
    def __init__(self, passed=0, failed=0, skipped=0, again=None, cpu=0.0):
        self.passed, self.failed, self.skipped = passed, failed, skipped
        self.cpu = cpu  # seconds of processor time
        self.again = again or []  # functions that run the failed tests once more
        self.reports = []  # the ends of outputs with failures

    def __add__(self, other):
        total = Count(self.passed + other.passed, self.failed + other.failed,
                      self.skipped + other.skipped, self.again + other.again,
                      self.cpu + other.cpu)
        total.reports = self.reports + other.reports
        return total

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
    compiler, options = BUILDS[name]
    if not (folder / "build.ninja").exists():
        command = ["meson", "setup", "-Dtests=enabled", folder, ROOT, *options]
    elif not has_tests(folder):
        command = ["meson", "configure", "-Dtests=enabled", folder]
    else:
        return
    # mold links the many tests several times as fast as the default linker, except with gcc's LTO.
    # clang's ThinLTO cannot use the default linker.
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL,
                   env={**os.environ, "CC_LD": "mold", "CC": compiler})


def build(args, name):
    folder = build_dir(args, name)
    configure(folder, name)
    subprocess.run(["ninja", "-C", folder, "--quiet", *TARGETS.get(name, [])], check=True)


def give_to_user(folder):
    """Gives the files that root built to the user who called sudo, or to the owner of the source,
    so that `./run` works for this user afterwards."""
    source = ROOT.stat()
    user = int(os.environ.get("SUDO_UID", 0))
    group = int(os.environ.get("SUDO_GID", user))
    user, group = (user, group) if user else (source.st_uid, source.st_gid)
    if os.geteuid() == 0 and user and folder.exists():
        subprocess.run(["chown", "-R", "-h", f"{user}:{group}", folder], check=True)


def count_meson(log):
    """The results of the tests of tests/unit, tests/fuzz or tests/lint in meson's log, and the names
    of those that failed."""
    count, failed = Count(), []
    if not log.exists():
        return Count(failed=1), failed
    for line in log.read_text().splitlines():
        test = json.loads(line)
        if test["result"] in ("OK", "EXPECTEDFAIL"):
            count.passed += 1
        elif test["result"] == "SKIP":
            count.skipped += 1
        else:
            count.failed += 1
            failed.append(test["name"].split(" / ")[-1])
    return count, failed


def execute(title, command, env=None):
    """Runs a command of a suite and then prints its output as a whole, because two suites run at a
    time. Returns its status, its output and the processor time in seconds of the command and its
    descendants, without those that end after it or that nothing waits for."""
    with subprocess.Popen(list(map(str, command)), text=True, errors="replace",
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=ROOT,
                          env={**os.environ, **SANITIZERS, **(env or {})}) as process:
        output = process.stdout.read()
        # Unlike RUSAGE_CHILDREN, wait4() does not include the suite that runs at the same time.
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    print(f"== {title}\n{output}", end="", flush=True)
    return process.returncode, output, usage.ru_utime + usage.ru_stime


def report(title, output, start):
    """The part of an output that shows failures, at most 60 lines."""
    lines = output.splitlines()
    first = next((i for i, line in enumerate(lines) if start in line), 0)
    return "\n".join([f"== failures of {title}", *lines[max(first, len(lines) - 60):]])


def run_script(name, folder):
    """A script of this folder, which counts as one test."""
    status, _, cpu = execute(name, [PYTHON, ROOT / "tests" / name, folder])
    return Count(failed=1, cpu=cpu) if status else Count(passed=1, cpu=cpu)


def run_meson(args, name, suite, extra_env=None, setup=None, tests=()):
    """Runs the tests of a suite, or only those with the names `tests`."""
    folder = build_dir(args, name)
    # A log for each suite: two of them may use the same build at a time.
    command = ["meson", "test", "-C", folder, "--no-rebuild", "--print-errorlogs", "--suite", suite,
               "--logbase", suite, "--timeout-multiplier", "10" if setup else "3"]
    if setup:
        # Tests of the suite "repetitive" run the same code with many inputs or interruptions. Reads of
        # undefined memory are found by shorter tests of the same code as well.
        command += ["--setup", setup, "--no-suite", "repetitive"]
    log = folder / "meson-logs" / (f"{suite}-{setup}.json" if setup else f"{suite}.json")
    log.unlink(missing_ok=True)
    title = f"{suite} of the build {name} {setup or ''}"
    status, output, cpu = execute(title, [*command, *tests], extra_env)
    count, failed = count_meson(log)
    count.cpu = cpu
    if status and not count.failed:
        count.failed = 1
    if count.failed:
        count.reports = [report(title, output, "Summary of Failures")]
    if failed and not tests:
        count.again = [lambda: run_meson(args, name, suite, extra_env, setup, failed)]
    return count


# A part of the system suite, for the whole takes hours: operations, locks, files, a backup. Most tests
# of operations share one server, whose start takes longest.
VALGRIND_TESTS = ("test_operations and test_mutator or test_locks and test_steal"
                  " or test_replication and (follows or replaced or difference or stored)"
                  " or test_storage and compact")
VALGRIND_ENV = {
    "OVSDBD_TEST_WRAPPER": "valgrind --quiet --error-exitcode=99 --leak-check=full"
                           " --errors-for-leak-kinds=definite --run-libc-freeres=no",
    "OVSDBD_TEST_SLOWNESS": "10",
}


def run_pytest(args, name, folder, *options, extra_env=None, is_again=False):
    """Runs the tests of a folder; again: those that failed."""
    if not list((ROOT / folder).rglob("test_*.py")):
        return Count()
    title = " ".join([folder, *options])
    # pytest keeps the names of failed tests there.
    cache = build_dir(args, name) / "pytest" / re.sub(r"\W+", "-", title)
    # The folder first: its conftest.py knows the options that follow.
    command = [PYTHON, "-m", "pytest", str(ROOT / folder), "-q", "-o", f"cache_dir={cache}", "-n",
               str(args.jobs), "-rs", "--build", str(build_dir(args, name)), *options]
    if is_again:
        command += ["-n", "0", "--last-failed", "--last-failed-no-failures=none"]
    status, output, cpu = execute(title, command,
                                  {"PYTHONDONTWRITEBYTECODE": "1", **(extra_env or {})})
    summary = output.strip().splitlines()[-1] if output.strip() else ""
    numbers = {word: int(n) for n, word in re.findall(r"(\d+) (\w+)", summary)}
    count = Count(numbers.get("passed", 0) + numbers.get("xfailed", 0),
                  numbers.get("failed", 0) + numbers.get("error", 0) + numbers.get("errors", 0),
                  numbers.get("skipped", 0), cpu=cpu)
    if count.failed and not is_again:
        count.again = [lambda: run_pytest(args, name, folder, *options, extra_env=extra_env,
                                          is_again=True)]
    if status and not count.failed:
        count.failed = 1
    if count.failed:
        count.reports = [report(title, output, "= FAILURES =")]
    return count


# Checks whole structures after each commit: table, indexes, references, monitor views.
CHECKED = {"OVSDBD_CHECK_STRUCTURES": "1"}


# A part of the system tests for programs that differ from the tested ones in their optimization:
# protocol, monitors, files, a handover to the next process.
LTO_TESTS = ("test_protocol and (number or valid or utf8 or nesting) or test_locks and steal"
             " or test_storage and compact or test_handover and a_monitor or test_tools and query")


def run_builds(args, *names):
    """The tests of builds that compile without a warning: unit tests if the build has them, else
    system tests."""
    return sum((run_pytest(args, name, "tests/system", "-k", LTO_TESTS) if name in TARGETS
                else run_meson(args, name, "unit") for name in names), Count())


def run_simulation(args):
    """Simulated clusters, whose consensus is built only where libraft is installed."""
    folder = build_dir(args, "plain")
    listed = subprocess.run(["meson", "test", "-C", folder, "--list", "--no-rebuild", "--suite",
                             "simulation"], check=False, text=True, capture_output=True).stdout
    if "simulation" not in listed:
        print("== simulation: skipped: libraft 0.22 is not installed", flush=True)
        return Count(skipped=1)
    return run_meson(args, "plain", "simulation")


# A part of the system tests that reaches most of the code that the unit tests do not.
COVERED_SYSTEM_TESTS = ("test_operations or test_monitor or test_storage or test_locks"
                        " or test_convert")


def run_coverage(args):
    """Line and branch coverage of the core layers by unit, fuzz, random and some system tests."""
    folder = build_dir(args, "coverage")
    for counters in folder.rglob("*.gcda"):
        counters.unlink()
    count = run_meson(args, "coverage", "unit") + run_meson(args, "coverage", "fuzz")
    for tests, *options in (("tests/model",), ("tests/monitor",),
                            ("tests/system", "-k", COVERED_SYSTEM_TESTS)):
        count += run_pytest(args, "coverage", tests, *options)
    return count + run_script("coverage.py", folder)


# Name of a suite: the builds that it needs, and the function that runs it.
SUITES = {
    "unit": (["sanitized"], lambda args: run_meson(args, "sanitized", "unit")),
    "fuzz": (["sanitized"], lambda args: run_meson(args, "sanitized", "fuzz", CHECKED)),
    "lint": (["sanitized"], lambda args: run_meson(args, "sanitized", "lint")),
    "system": (["sanitized"], lambda args: run_pytest(args, "sanitized", "tests/system")),
    "reference": (["sanitized"], lambda args: run_pytest(args, "sanitized", "tests/system",
                                                         "--reference")),
    "model": (["sanitized"], lambda args: run_pytest(args, "sanitized", "tests/model",
                                                     extra_env=CHECKED)),
    # Without sanitizers, for many seeds.
    "simulation": (["plain"], run_simulation),
    "robust": (["sanitized"], lambda args: run_pytest(args, "sanitized", "tests/robust",
                                                      extra_env=CHECKED)),
    "monitor": (["sanitized"], lambda args: run_pytest(args, "sanitized", "tests/monitor",
                                                       extra_env=CHECKED)),
    # One site for all its tests: one process.
    "ovn": (["plain"], lambda args: run_pytest(args, "plain", "tests/ovn", "-n", "0")),
    "service": (["plain"], lambda args: run_pytest(args, "plain", "tests/service")),
    # The tests of the Debian package that need no host of their own.
    "package": (["plain"], lambda args: run_pytest(args, "plain", "tests/packages", "-k",
                                                   "test_lintian or test_usage")),
    "rpm": (["plain"], lambda args: run_pytest(args, "plain", "tests/rpm", "-n", "0")),
    # ./run and ./check on the source itself.
    "first-contact": (["plain"], lambda args: run_pytest(args, "plain", "tests/first_contact",
                                                         "-n", "0")),
    "builds": (["clang-o0"], lambda args: run_builds(args, "clang-o0")),
    "valgrind": (["plain"], lambda args: run_meson(args, "plain", "unit", setup="valgrind")),
}

# Suites that run when no other does: ./run and ./check work on the build folders.
ALONE = ("first-contact",)

# Run only when they are named: they take minutes, or download a system or emulate one.
ON_REQUEST = {
    "builds-all": (["nocluster", "gcc-o0", "gcc-o3", "gcc-o3-lto", "clang-o3-lto"],
                   lambda args: run_builds(args, "gcc-o0", "gcc-o3", "gcc-o3-lto",
                                           "clang-o3-lto")),
    # Two processes under valgrind for each test.
    "valgrind-system": (["plain"], lambda args: run_pytest(
        args, "plain", "tests/system", "-k", VALGRIND_TESTS, extra_env=VALGRIND_ENV)),
    "coverage": (["coverage"], run_coverage),
    "analyzer": (["plain"], lambda args: run_script("analyze.py", build_dir(args, "plain"))),
    "packages": (["plain"], lambda args: run_pytest(args, "plain", "tests/packages")),
    "platforms": (["plain"], lambda args: run_pytest(args, "plain", "tests/platforms", "-n", "0")),
    "selinux": (["plain"], lambda args: run_pytest(args, "plain", "tests/selinux", "-n", "0")),
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


def build_all(args, names):
    """Returns the builds that failed."""
    failed = []
    for name in names:
        try:
            build(args, name)
        except subprocess.CalledProcessError as error:
            print(f"the build {name} failed: {error}", flush=True)
            failed.append(name)
    return failed


def run_suite(args, name, failed_builds):
    """Returns the suite's count and its duration in seconds."""
    start = time.monotonic()
    builds, run = {**SUITES, **ON_REQUEST}[name]
    count = Count(failed=1) if set(builds) & set(failed_builds) else run(args)
    return count, time.monotonic() - start


def try_again(count):
    """Runs failed tests a second time. Returns the count of both attempts, and how many tests passed
    at the second one. More than a few failures have another reason than the load of the machine."""
    if not count.again or count.failed > 10:
        return count, 0
    second = sum((again() for again in count.again), Count())
    failed = max(second.failed, count.failed - second.passed)
    total = Count(count.passed + count.failed - failed, failed, count.skipped,
                  cpu=count.cpu + second.cpu)
    total.reports = count.reports + second.reports
    return total, count.failed - failed


def run_suites(args):
    names = args.suites or list(SUITES)
    start = time.monotonic()
    builds = dict.fromkeys(b for name in names for b in {**SUITES, **ON_REQUEST}[name][0])
    failed_builds = build_all(args, builds)
    print(f"built {' '.join(builds)} in {time.monotonic() - start:.0f} s", flush=True)
    # Two suites at a time: many tests wait, and some suites use one processor only.
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        others = [name for name in names if name not in ALONE]
        results = dict(zip(others, pool.map(lambda name: run_suite(args, name, failed_builds),
                                            others)))
    for name in names:
        if name in ALONE:
            results[name] = run_suite(args, name, failed_builds)
    total, lines = Count(), []
    for name in names:
        count, n_again = try_again(results[name][0])
        second = f"; {n_again} passed at the second attempt" if n_again else ""
        lines.append(f"{name}: {count} in {results[name][1]:.0f} s, {count.cpu:.0f} s of CPU{second}")
        total += count
    print("\n\n".join(["", *total.reports, "\n".join(lines)]))
    print(f"all in {time.monotonic() - start:.0f} s, {total.cpu:.0f} s of CPU")
    print(total)
    return 1 if total.failed or not total.passed else 0


if __name__ == "__main__":
    sys.exit(main())
