# SPDX-License-Identifier: Apache-2.0
"""--user, and the privileges that root gives up without it."""
import os
import pathlib
import pwd
import shutil
import tempfile

import pytest

from harness import wait
from harness.lab import Lab

NET_BIND_SERVICE = 1 << 10
FILES = 1 << 0 | 1 << 1 | 1 << 2 | 1 << 3 | 1 << 4  # CHOWN, DAC_*, FOWNER, FSETID

pytestmark = [pytest.mark.ours("the reference server keeps other privileges"),
              pytest.mark.skipif(os.geteuid() != 0, reason="needs root")]


@pytest.fixture
def shared(programs, reference):
    """A lab that other users can reach and write."""
    directory = tempfile.mkdtemp(prefix="ovsdbd-user-")
    lab = Lab(programs, reference, directory)
    for path in (lab.directory, *lab.directory.iterdir()):
        path.chmod(0o777)
    yield lab
    lab.clean_up()
    lab.finish()
    shutil.rmtree(directory)


def status_of(server):
    """/proc/PID/status as a dict of lists of words."""
    lines = pathlib.Path(f"/proc/{server.pid}/status").read_text().splitlines()
    return {name: value.split() for name, value in (line.split(":", 1) for line in lines)}


def capabilities(status):
    return {name: int(status[name][0], 16) for name in
            ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")}


def serve_as(lab, user, *options):
    db = lab.db("small")
    os.chown(db, pwd.getpwnam(user.partition(":")[0]).pw_uid, -1)
    return lab.serve(db, options=[f"--user={user}", *options])


@pytest.mark.parametrize("user", ["nobody", "nobody:", "nobody:nogroup"])
def test_becomes_the_user(shared, user):
    server = serve_as(shared, user)
    status = status_of(server)
    nobody = pwd.getpwnam("nobody")
    assert status["Uid"] == [str(nobody.pw_uid)] * 4
    assert status["Gid"] == [str(nobody.pw_gid)] * 4
    assert "0" not in status["Groups"]
    assert status["NoNewPrivs"] == ["1"]
    assert capabilities(status) == {"CapInh": 0, "CapPrm": NET_BIND_SERVICE,
                                    "CapEff": NET_BIND_SERVICE, "CapBnd": NET_BIND_SERVICE,
                                    "CapAmb": 0}
    client = server.client()
    client.insert("small", "T", {"name": "stored"})
    server.control("ovsdb-server/compact")
    assert client.select("small", "T", ["name"]) == [{"name": "stored"}]


def test_files_are_the_users(shared):
    pidfile = shared.run_dir / "pid"
    server = serve_as(shared, "nobody", f"--pidfile={pidfile}")
    for path in (server.log_path, server.socket_path, server.control_path, pidfile):
        assert pathlib.Path(path).owner() == "nobody", path
    server.stop()
    assert not pidfile.exists() and not os.path.exists(server.socket_path)


def test_log_file_of_an_earlier_run_of_root(shared):
    log = shared.path("server.log")
    log.write_text("from root\n")
    log.chmod(0o600)
    server = serve_as(shared, "nobody")
    server.control("vlog/reopen")
    server.wait_log("from root[^$]*opened log file[^$]*opened log file")


def test_low_ports_still_work(shared):
    server = serve_as(shared, "nobody", "--remote=ptcp:907:127.0.0.1")
    assert "small" in server.client(("127.0.0.1", 907)).call("list_dbs")


def test_files_of_root_are_out_of_reach(shared):
    secret = shared.db("other")
    secret.chmod(0o600)
    server = serve_as(shared, "nobody").allow("other")
    with pytest.raises(Exception, match="Permission denied"):
        server.control("ovsdb-server/add-db", secret)


def test_root_gives_up_capabilities_too(shared):
    server = serve_as(shared, "root")
    caps = capabilities(status_of(server))
    assert caps["CapPrm"] == caps["CapEff"] == caps["CapBnd"] == NET_BIND_SERVICE


def test_root_keeps_files_and_ports_only(shared):
    server = shared.serve("small")
    caps = capabilities(status_of(server))
    assert caps["CapPrm"] == caps["CapEff"] == caps["CapBnd"] == FILES | NET_BIND_SERVICE
    assert caps["CapInh"] == caps["CapAmb"] == 0


def test_detached_with_a_monitor(shared):
    """Both processes are the user's."""
    pidfile = shared.run_dir / "pid"
    db = shared.db("small")
    os.chown(db, pwd.getpwnam("nobody").pw_uid, -1)
    result = shared.run(shared.programs.server, db, "--user=nobody", "--detach", "--monitor",
                        "--no-chdir", f"--pidfile={pidfile}", "--unixctl=ctl", "-vconsole:off")
    assert result.ok() == ""
    worker = int(pidfile.read_text())
    parent = int(pathlib.Path(f"/proc/{worker}/stat").read_text().rsplit(")", 1)[1].split()[1])
    for pid in (worker, parent):
        text = pathlib.Path(f"/proc/{pid}/status").read_text()
        assert f"Uid:\t{pwd.getpwnam('nobody').pw_uid}\t" in text, text
    shared.appctl("-t", shared.run_dir / "ctl", "exit").ok()
    wait.until(lambda: not os.path.exists(f"/proc/{parent}"), "the end of both")


@pytest.mark.parametrize("user, reason", [
    ("no-such-user", "there is no user no-such-user"),
    ("nobody:no-such-group", "there is no group no-such-group"),
    ("nobody:root", "user nobody is not in group root"),
])
def test_refused(shared, user, reason):
    result = shared.run(shared.programs.server, "--no-dbs", f"--user={user}", "--run=true")
    assert result.status == 1 and reason in result.err, result


def test_only_root_can_use_the_option(shared):
    result = shared.run("setpriv", "--reuid=nobody", "--clear-groups", shared.programs.server,
                        "--no-dbs", "--user=daemon", "--run=true")
    assert result.status == 1 and "only root can become another user" in result.err, result
