# SPDX-License-Identifier: Apache-2.0
"""Containers with pid namespaces of their own that share run directory and databases."""
import subprocess

import pytest

from harness import namespaces, wait

UNSHARE = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]

pytestmark = pytest.mark.ours("the reference server expects all processes in its pid namespace")


@pytest.fixture(autouse=True)
def pid_namespaces():
    namespaces.require(*UNSHARE[1:])


def options(lab, name):
    return ["--no-chdir", "-vsyslog:off", f"--remote=punix:{lab.path(name + '.sock')}",
            f"--log-file={lab.path(name + '.log')}"]


@pytest.fixture
def outside(lab):
    """A server with a pid file in our own pid namespace."""
    server = lab.serve("small", options=["--pidfile"])
    assert (lab.run_dir / "ovsdb-server.pid").read_text() == f"{server.pid}\n"
    return server


@pytest.mark.parametrize("more", [[], ["--detach"], ["--detach", "--monitor"]], ids=" ".join)
def test_second_server_is_refused(lab, outside, more):
    pidfile = lab.run_dir / "ovsdb-server.pid"
    result = lab.run(*UNSHARE, lab.programs.server, lab.db("other"), "--pidfile", *more,
                     *options(lab, "second"))
    assert result.status == 1 and "already running" in result.err, result
    assert "another pid namespace" in result.err
    assert pidfile.read_text() == f"{outside.pid}\n"
    outside.control("version")


def test_locked_database(lab, outside):
    db = lab.path("small.db")
    result = lab.run(*UNSHARE, lab.programs.server, db, *options(lab, "second"))
    assert result.status == 1 and "a process in another pid namespace has it locked" in result.err
    result = lab.run(*UNSHARE, lab.programs.tool, "compact", db)
    assert result.status == 1 and "a process in another pid namespace has it locked" in result.err


@pytest.mark.parametrize("served, asked", [([], UNSHARE), (UNSHARE, []), (UNSHARE, UNSHARE)],
                         ids=["from another", "into another", "between two others"])
def test_appctl_by_name(lab, served, asked):
    """The control socket is named by the pid that the server has in its own namespace."""
    command = [*served, lab.programs.server, lab.db("small"), "--pidfile", *options(lab, "named")]
    with subprocess.Popen(command, env=lab.env, cwd=lab.directory) as server:
        try:
            wait.until(lambda: lab.path("named.sock").exists() and
                       list(lab.run_dir.glob("ovsdb-server.*.ctl")), "the server")
            call = [*asked, lab.programs.appctl, "-t", "ovsdb-server"]
            assert "small" in lab.run(*call, "ovsdb-server/list-dbs").ok()
            lab.run(*call, "exit").ok()
            assert server.wait(3 * wait.PATIENCE) == 0
        finally:
            server.kill()  # unshare's child goes with it
    assert not list(lab.run_dir.glob("ovsdb-server.*"))
