# SPDX-License-Identifier: Apache-2.0
import json
import os
import re
import subprocess

from source import ROOT, USER

# Stands for the compiler where a second build would take too long.
NINJA = f"""#!/bin/sh
mkdir -p "$2/src" && cp -r {ROOT}/build/plain/src/daemon {ROOT}/build/plain/src/tools "$2/src"
"""


def try_commands(source, run):
    dump, transact, list_dbs = [source.ok("sh", "-c", c) for c in run.commands()]
    assert "spine1" in dump
    assert '"count":1' in transact
    assert "Inventory" in list_dbs


def test_sudo_run_serves_the_user_who_called_sudo(source):
    source.allow_sudo()
    run = source.run("sudo").wait_until_serving()
    assert source.owner("build/example/db.sock") == USER
    try_commands(source, run)
    assert run.end() == 0
    # Later, without sudo, on the same files.
    run = source.run().wait_until_serving()
    assert "64" in source.ok("sh", "-c", run.commands()[0])
    try_commands(source, run)
    # The announcement is for a server that serves: a second one cannot.
    second = source.run()
    assert second.process.wait(60) == 1
    assert "is being served already" in second.text()
    assert "Serving" not in second.text()
    assert run.end() == 0


def test_root_gives_its_files_to_the_owner_of_the_source(source):
    run = source.run(user=0).wait_until_serving()
    assert source.owner("build/example/db.sock") == USER
    try_commands(source, run)
    assert run.end() == 0


def test_run_after_files_of_root(source):
    """An interrupted `sudo ./check` leaves files of root in the build folder."""
    source.ok("mkdir", "-p", "build/plain/meson-logs", user=0)
    source.ok("sh", "-c", ": >build/plain/meson-logs/root", user=0)
    programs = source.base / "programs"
    source.ok("mkdir", programs, user=0)
    source.ok("sh", "-c", f"printf '%s' '{NINJA}' >{programs}/ninja; chmod 755 {programs}/ninja;"
              f"ln -s /bin/true {programs}/meson", user=0)
    run = source.run(PATH=f"{programs}:" + source.environment()["PATH"]).wait_until_serving()
    assert f"build belongs to another user; using {source.home}/.cache/ovsdbd" in run.text()
    try_commands(source, run)
    assert run.end() == 0


def check(source, statement):
    """Runs a statement with tests/check.py's functions, as `sudo ./check` does."""
    source.ok("sudo", "PYTHONDONTWRITEBYTECODE=1", "PYTHONPATH=tests", "/usr/bin/python3", "-c",
              f"import check, pathlib; folder = pathlib.Path('build/plain'); {statement}")


def test_check_after_run(source):
    """./run configures a build without tests if their packages are missing."""
    source.allow_sudo()
    source.ok("meson", "configure", "-Dtests=disabled", "build/plain", user=0)
    check(source, "check.configure(folder, 'plain')")
    options = source.ok("meson", "introspect", "--buildoptions", "build/plain", user=0)
    tests = next(option for option in json.loads(options) if option["name"] == "tests")
    assert tests["value"] == "enabled"


def test_sudo_check_gives_what_it_built_to_the_user(source):
    source.allow_sudo()
    assert "usage: check.py" in source.ok("sudo", "./check", "--help")
    check(source, "check.give_to_user(folder)")
    assert source.ok("find", "build/plain", "!", "-uid", USER, "-print", "-quit", user=0) == ""
    assert os.stat(ROOT / "build/plain").st_uid == os.geteuid()  # outside nothing has changed


def test_check_without_the_right_to_mount(pytestconfig):
    """As in most containers: the tests that boot a system are skipped and report why."""
    result = subprocess.run(
        ["setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin", "/usr/bin/python3", "-m",
         "pytest", ROOT / "tests/service", "-q", "-rs", "-p", "no:cacheprovider", "-k", "test_life",
         "--build", pytestconfig.getoption("build")],
        check=False, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert result.returncode == 0 and "mounting is not possible" in result.stdout, result.stdout
    summary = result.stdout.splitlines()[-1]
    assert re.match(r"\d+ skipped, \d+ deselected in ", summary), summary
