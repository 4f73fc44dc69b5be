# SPDX-License-Identifier: Apache-2.0
"""Self-confinement: the files that a running server uses, and the accesses that the kernel
denies."""
import ctypes
import pathlib
import shutil
import subprocess
import tempfile

import pytest

from harness import wait
from harness.rpc import RpcError
from harness.tls import TlsClient, context_of

pytestmark = pytest.mark.ours("the reference server does not check paths")
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


def test_files_of_the_command_line_are_allowed(lab, elsewhere):
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
    assert "stored" in lab.tool("query", db,
                                '["small",{"op":"select","table":"T","where":[]}]').ok()


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
    """The confined process can still read the files that name resolution needs."""
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
def test_foreign_code_is_confined(lab, elsewhere, options, expected):
    """Foreign code in the server process can open no file outside the folders, whatever the
    permissions of the file are."""
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


# Further folders


def read_only_key(lab, elsewhere, pki, *options):
    """A server whose TLS files are elsewhere and named by a database."""
    for source, name in ((pki.server.key, "key"), (pki.server.cert, "cert"), (pki.cert, "ca")):
        shutil.copy(source, elsewhere / name)
    server = lab.new_server().allow(OUTSIDE, "TLS needs")
    column = "db:remotes,Config,{}".format
    server.start([lab.db("remotes")], f"--private-key={column('key')}",
                 f"--certificate={column('certificate')}", f"--ca-cert={column('ca')}",
                 "--remote=db:remotes,Config,targets", *options)
    server.client().insert("remotes", "Config", {
        "key": f"{elsewhere}/key", "certificate": f"{elsewhere}/cert", "ca": f"{elsewhere}/ca",
        "targets": "pssl:0:127.0.0.1"})
    return server


def test_keys_elsewhere(lab, elsewhere, pki):
    """Files outside the folders that ovs-vsctl set-ssl names are refused; the error names the
    option that allows them."""
    server = read_only_key(lab, elsewhere, pki)
    server.wait_log(f"--allow-path={elsewhere}:ro to add this folder")
    server.stop()
    server.start([lab.path("remotes.db")], "--private-key=db:remotes,Config,key",
                 "--certificate=db:remotes,Config,certificate", "--ca-cert=db:remotes,Config,ca",
                 "--remote=db:remotes,Config,targets", f"--allow-path={elsewhere}:ro")
    port = int(server.wait_log(r"pssl:0:127.0.0.1: listening on port (\d+)").group(1))
    TlsClient(port, context_of(pki, pki.client)).echo("hello")


@pytest.mark.parametrize("folder", ["/etc/ssl", "/etc/ssl/private", "/etc/pki", "/etc/ovn",
                                    "/etc/openvswitch", "/var/lib/openvswitch"])
def test_standard_places_of_keys(lab, folder):
    """The standard folders of keys are not refused: the error is the missing file."""
    if not pathlib.Path(folder).is_dir():
        pytest.skip(f"no {folder} here")
    server = lab.new_server().allow("cannot use the TLS options of a database")
    server.start([lab.db("remotes")], "--private-key=db:remotes,Config,key")
    missing = f"{folder}/ovsdbd-test-missing.pem"
    server.client().insert("remotes", "Config", {"key": missing})
    server.client().commit("remotes", {"op": "commit", "durable": True})
    assert OUTSIDE not in server.log()


def test_allowed_path_for_everything(lab, elsewhere):
    other = elsewhere / "other.db"
    lab.db("other").rename(other)
    server = lab.serve("small", options=[f"--allow-path={elsewhere}"])
    server.control("ovsdb-server/add-db", other)
    server.control("ovsdb-server/add-remote", f"punix:{elsewhere}/x.sock")
    assert "other" in server.client(elsewhere / "x.sock").call("list_dbs")
    server.control("ovsdb-server/compact", "other")
    server.control("ovsdb-server/remove-remote", f"punix:{elsewhere}/x.sock")
    wait.until(lambda: not (elsewhere / "x.sock").exists(), "the end of the socket")


def test_read_only_is_not_for_sockets_and_databases(lab, elsewhere):
    server = lab.serve("small", options=[f"--allow-path={elsewhere}:ro"])
    for command, argument in (("add-remote", f"punix:{elsewhere}/x"),
                              ("add-db", f"{elsewhere}/x.db")):
        with pytest.raises(RpcError, match=rf"--allow-path={elsewhere} to add this folder"):
            server.control(f"ovsdb-server/{command}", argument)


def test_several_paths(lab, elsewhere):
    """Repeatable; a relative one is where the server was started."""
    (elsewhere / "a").mkdir()
    lab.path("here").mkdir()
    server = lab.serve("small", options=[f"--allow-path={elsewhere}/a", "--allow-path=here"])
    for folder in (elsewhere / "a", lab.path("here")):
        server.control("ovsdb-server/add-remote", f"punix:{folder}/s")
    with pytest.raises(RpcError, match=OUTSIDE):
        server.control("ovsdb-server/add-remote", f"punix:{elsewhere}/s")


@pytest.mark.parametrize("text", ["[options]\nallow-path = {0}\nallow-path = {1}:ro\n",
                                  '{{"allow-path": ["{0}", "{1}:ro"]}}'], ids=["text", "JSON"])
def test_paths_in_the_configuration(lab, elsewhere, text):
    config = lab.path("conf")
    config.write_text(text.format(elsewhere, lab.directory))
    server = lab.serve("small", options=[f"--config-file={config}"])
    server.control("ovsdb-server/add-remote", f"punix:{elsewhere}/s")
    config.write_text(text.format("/opt", lab.directory))
    server.allow("allow-path was changed: this takes effect at the next restart")
    server.control("ovsdb-server/reload")
    server.wait_log("allow-path was changed: this takes effect at the next restart")


def test_missing_path_is_a_warning(lab, elsewhere):
    server = lab.new_server().allow("it does not exist")
    server.start([lab.db("small")], f"--allow-path={elsewhere}/none")
    server.wait_log(f"--allow-path={elsewhere}/none: it does not exist")


@pytest.mark.parametrize("value", ["", ":ro"])
def test_empty_path(lab, value):
    lab.run(lab.programs.server, f"--allow-path={value}").fails(saying="a folder is expected")


def test_folder_of_a_socket_is_made_later(lab, elsewhere):
    path = elsewhere / "later" / "deep" / "x.sock"
    server = lab.new_server().allow("cannot listen", "it does not exist yet")
    server.start([lab.db("small")], f"--remote=punix:{path}")
    assert "No such file" in server.control("ovsdb-server/status")
    path.parent.mkdir(parents=True)
    server.wait_log("open now")
    assert "small" in server.client(path).call("list_dbs")
