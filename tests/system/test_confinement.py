# SPDX-License-Identifier: Apache-2.0
"""Self-confinement: which files a running server takes, and what the kernel denies it."""
import ctypes
import pathlib
import subprocess
import tempfile

import pytest

from harness import wait
from harness.rpc import RpcError

pytestmark = pytest.mark.ours("the peer checks no paths")
OUTSIDE = "outside the folders that this server is confined to"
STRAYING_SYNC = pathlib.Path(__file__).resolve().parents[1] / "data/system/straying_sync.c"
# landlock_create_ruleset() asked for its version
HAS_LANDLOCK = ctypes.CDLL(None).syscall(444, None, 0, 1) > 0


@pytest.fixture
def elsewhere():
    with tempfile.TemporaryDirectory(prefix="ovsdbd-else-") as directory:
        yield pathlib.Path(directory)


def no_new_privs(server):
    return "NoNewPrivs:\t1" in pathlib.Path(f"/proc/{server.pid}/status").read_text()


def test_databases(lab, elsewhere):
    other = elsewhere / "other.db"
    lab.db("other").rename(other)
    server = lab.serve("small")
    with pytest.raises(RpcError, match=OUTSIDE):
        server.control("ovsdb-server/add-db", other)
    assert "other" not in server.control("ovsdb-server/list-dbs").split()
    inside = pathlib.Path(lab.env["OVS_DBDIR"]) / "other.db"
    inside.symlink_to(other)
    with pytest.raises(RpcError, match=OUTSIDE):
        server.control("ovsdb-server/add-db", inside)
    inside.unlink()
    other.rename(inside)
    server.control("ovsdb-server/add-db", inside)
    assert "other" in server.control("ovsdb-server/list-dbs").split()


def test_sockets(lab, elsewhere):
    server = lab.serve("small")
    for scheme in ("punix", "unix"):
        with pytest.raises(RpcError, match=OUTSIDE):
            server.control("ovsdb-server/add-remote", f"{scheme}:{elsewhere}/x.sock")
    assert not list(elsewhere.iterdir())
    server.control("ovsdb-server/add-remote", "punix:more.sock")
    assert "small" in server.client(lab.run_dir / "more.sock").call("list_dbs")


def test_a_message_names_the_folders(lab, elsewhere):
    server = lab.serve("small")
    with pytest.raises(RpcError) as caught:
        server.control("ovsdb-server/add-db", elsewhere / "x.db")
    text = str(caught.value)
    assert lab.env["OVS_DBDIR"] in text and "--no-self-confinement" in text
    assert str(elsewhere / "x.db") in text


def test_what_the_command_line_names_is_allowed(lab, elsewhere):
    """Everything elsewhere, and all of it works to the end: compaction, rotation, removal."""
    db = elsewhere / "small.db"
    lab.db("small").rename(db)
    log, pidfile = elsewhere / "x.log", elsewhere / "x.pid"
    sock = elsewhere / "x.sock"
    server = lab.new_server()
    server.launch([db], f"--log-file={log}", f"--pidfile={pidfile}", remotes=[f"punix:{sock}"],
                  log=False).wait_ready(False)
    client = server.client(sock)
    client.insert("small", "T", {"name": "stored"})
    server.control("ovsdb-server/compact")
    log.rename(elsewhere / "x.log.1")
    server.control("vlog/reopen")
    assert "opened log file" in log.read_text()
    server.stop()
    assert not pidfile.exists() and not sock.exists()
    assert "stored" in lab.tool("query", db, '["small",{"op":"select","table":"T","where":[]}]').ok()


def test_a_database_that_is_a_link(lab, elsewhere):
    real = elsewhere / "real.db"
    lab.db("small").rename(real)
    link = lab.path("link.db")
    link.symlink_to(real)
    server = lab.serve(link)
    server.client().insert("small", "T", {"name": "stored"})
    server.control("ovsdb-server/compact")
    assert link.is_symlink() and "stored" in real.read_text()


def test_names_are_resolved(lab):
    """The confined process still reads what looking up a name takes."""
    server = lab.serve("small", options=["--remote=ptcp:0:127.0.0.1"])
    port = server.wait_log(r"listening on port (\d+)").group(1)
    server.control("ovsdb-server/add-remote", f"tcp:localhost:{port}")
    server.wait_log(r"tcp:localhost:\d+: connected")


@pytest.mark.skipif(not HAS_LANDLOCK, reason="no Landlock in this kernel")
def test_the_kernel_denies_what_is_not_checked(lab, elsewhere):
    """The log file is opened again by its name, which leads elsewhere now."""
    logs = lab.path("logs")
    logs.mkdir()
    log = logs / "x.log"
    server = lab.new_server().launch([lab.db("small")], f"--log-file={log}", log=False)
    server.wait_ready()
    assert no_new_privs(server)
    logs.rename(lab.path("logs.1"))
    logs.symlink_to(elsewhere)
    with pytest.raises(RpcError, match="Permission denied"):
        server.control("vlog/reopen")
    assert not list(elsewhere.iterdir())
    logs.unlink()
    lab.path("logs.1").rename(logs)
    server.control("vlog/reopen")


@pytest.mark.skipif(not HAS_LANDLOCK, reason="no Landlock in this kernel")
@pytest.mark.parametrize("options, expected", [([], "no"), (["--no-self-confinement"], "yes")])
def test_what_a_bug_could_do(lab, elsewhere, options, expected):
    """Code that has taken the server over opens nothing outside, whatever the names' owners allow."""
    library = lab.path("straying_sync.so")
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, STRAYING_SYNC], check=True)
    (elsewhere / "secret").touch()
    lab.env |= {"LD_PRELOAD": str(library), "STRAY_OUTSIDE": str(elsewhere),
                "STRAY_INSIDE": str(lab.run_dir),
                "ASAN_OPTIONS": lab.env["ASAN_OPTIONS"] + ":verify_asan_link_order=0"}
    server = lab.serve("small", options=options)
    server.client().commit("small", {"op": "insert", "table": "T", "row": {}},
                           {"op": "commit", "durable": True})
    said = server.stderr().splitlines()
    assert said[:3] == [f"write outside: {expected}", f"read outside: {expected}",
                        "write inside: yes"]
    assert (elsewhere / "made").exists() == (expected == "yes")


def test_turned_off(lab, elsewhere):
    other = elsewhere / "other.db"
    lab.db("other").rename(other)
    server = lab.serve("small", options=["--no-self-confinement"])
    assert not no_new_privs(server)
    server.control("ovsdb-server/add-db", other)
    server.control("ovsdb-server/add-remote", f"punix:{elsewhere}/x.sock")
    wait.until((elsewhere / "x.sock").exists, "the socket")


def test_the_command_of_run_is_not_confined(lab, elsewhere):
    server = lab.new_server()
    server.launch([lab.db("small")], f"--run=touch {elsewhere}/made")
    assert server.wait_end() == 0
    assert (elsewhere / "made").exists()
