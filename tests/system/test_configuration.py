# SPDX-License-Identifier: Apache-2.0
"""The configuration file, read at the start and again; databases that are made or converted."""
import json
import shutil
import signal

import pytest

from harness import sockets, wait
from harness.lab import schema, schema_path
from harness.rpc import RpcError

pytestmark = pytest.mark.ours("the reference server of this version has no configuration file")


class Configured:
    """A server with a configuration file."""

    def __init__(self, lab):
        self.lab = lab
        self.file = lab.path("server.conf")
        self.server = lab.new_server()

    def write(self, text):
        self.file.write_text(text if isinstance(text, str) else json.dumps(text))

    def start(self, text, *options):
        self.write(text)
        self.server.start([], f"--config-file={self.file}", *options)
        return self.server

    def reload(self, text):
        self.write(text)
        return self.server.control("ovsdb-server/reload")

    def refused(self, text, saying):
        """A reload that fails: the command and the log have the reason."""
        with pytest.raises(RpcError, match=saying):
            self.reload(text)
        self.server.allow(saying)
        assert saying in self.server.log()

    def fails(self, text, saying):
        """A start that fails."""
        self.write(text)
        command = [self.lab.programs.server, f"--config-file={self.file}", "--unixctl=none",
                   "-vsyslog:off"]
        self.lab.run(*command).fails(1, saying)

    def databases(self):
        return self.server.client().call("list_dbs")

    def remotes(self):
        return self.server.control("ovsdb-server/list-remotes").split()


@pytest.fixture
def configured(lab):
    return Configured(lab)


def small(lab, name="small.db"):
    return lab.db("small", name)


def database(path, **keys):
    lines = [f"{key.replace('_', '-')} = {value}" for key, value in keys.items()]
    return "\n".join([f"[database {path}]", *lines, ""])


def test_both_forms(configured, lab):
    path = small(lab)
    configured.start(f"[options]\nmax-backlog = 1G\n{database(path)}[remote ptcp:0:127.0.0.1]\n")
    assert configured.databases() == ["_Server", "small"]
    assert "ptcp:0:127.0.0.1" in configured.remotes()
    configured.reload({"databases": {str(path): {}}, "remotes": {"punix:other.sock": {}}})
    assert configured.databases() == ["_Server", "small"]
    assert "ptcp:0:127.0.0.1" not in configured.remotes()
    assert configured.server.client(lab.run_dir / "other.sock").call("list_dbs")


def test_messages_of_a_failed_start(configured):
    for text, saying in [("[garbage]", "server.conf:1: unknown section"),
                         ("[options]\n\nbogus = 1", "server.conf:3: bogus: not an option"),
                         ("[remote ptcp:1]\ndscp = x", "server.conf:2: dscp: "),
                         ({"remotes": {"ptcp:1": {"dscp": 99}}},
                          "server.conf: remotes: ptcp:1: dscp: "),
                         ('{"remotes":\n  {x', "server.conf: line 2, column 4: ")]:
        configured.fails(text, saying)


def test_a_file_that_is_missing(configured, lab):
    lab.run(lab.programs.server, "--config-file=none.conf", "--unixctl=none",
            "-vsyslog:off").fails(1, "none.conf: cannot be read: No such file or directory")


def test_reload_changes_what_differs(configured, lab):
    """Remotes and databases that remain in the file are not changed: their clients notice
    nothing."""
    first, second = small(lab), lab.db("ops")
    server = configured.start(database(first) + "[remote ptcp:0:127.0.0.1]\n")
    client = server.client()
    client.call("set_db_change_aware", True)
    client.insert("small", "T", {"name": "kept"})
    configured.reload(database(first) + database(second))
    assert client.call("list_dbs") == sorted(["_Server", "small", schema("ops")["name"]])
    configured.reload(database(second))
    assert client.call("list_dbs") == sorted(["_Server", schema("ops")["name"]])
    configured.reload(database(first))
    assert configured.databases() == ["_Server", "small"]
    assert client.select("small", "T", ["name"]) == [{"name": "kept"}]


def test_an_invalid_file_changes_nothing(configured, lab):
    path = small(lab)
    configured.start(database(path))
    configured.refused("[remote ptcp:0]\n" + database(path, colour="red"),
                       "server.conf:3: colour: unknown key")
    assert configured.databases() == ["_Server", "small"]
    assert not [r for r in configured.remotes() if r.startswith("ptcp")]
    configured.refused("[options]\nssl-protocols = garbage\n", "garbage")
    assert configured.databases() == ["_Server", "small"]
    # And SIGHUP says it in the log only.
    configured.write("[garbage]")
    configured.server.process.send_signal(signal.SIGHUP)
    configured.server.allow("reload: .*garbage")
    configured.server.wait_log("reload: .*server.conf:1: unknown section \"garbage\"")
    configured.reload(database(path))


def test_a_refused_file_has_no_effect(configured, lab):
    """The next reload compares the file with the served state, not with the refused file."""
    configured.start(database(small(lab)))
    configured.refused("[options]\nssl-protocols = garbage\n", "garbage")
    assert configured.databases() == ["_Server", "small"]
    configured.reload("")
    assert configured.databases() == ["_Server"]


def test_a_missing_database_does_not_stop_the_rest(configured, lab):
    path = small(lab)
    configured.start(database(path))
    configured.refused(database(path) + database("missing.db") + "[remote punix:b.sock]\n",
                       "missing.db")
    assert configured.databases() == ["_Server", "small"]
    assert "punix:b.sock" in configured.remotes()


def test_commands_and_reload(configured, lab):
    """A reload keeps remotes and databases that commands have added."""
    path, other = small(lab), lab.db("ops")
    server = configured.start(database(path))
    shutil.copy(other, lab.env["OVS_DBDIR"])
    server.control("ovsdb-server/add-db", f"{lab.env['OVS_DBDIR']}/{other.name}")
    server.control("ovsdb-server/add-remote", "punix:b.sock")
    configured.reload(database(path))
    assert len(configured.databases()) == 3
    assert "punix:b.sock" in configured.remotes()


@pytest.mark.parametrize("form", ["sections", "json"])
def test_commands_do_not_contradict_the_file(configured, lab, form):
    """Commands refuse to change a setting that the file contains."""
    path = small(lab)
    source = f"unix:{lab.path('active.sock')}"
    text = database(path, source=source) + "[remote punix:b.sock]\n" if form == "sections" else {
        "databases": {str(path): {"service-model": "active-backup", "backup": False}},
        "remotes": {"punix:b.sock": None}}
    server = configured.start(text)
    before = configured.remotes()
    for command in [("remove-remote", "punix:b.sock"),
                    ("remove-remote", f"punix:{lab.run_dir}/b.sock"),
                    ("remove-db", "small"),
                    ("set-active-ovsdb-server", source),
                    ("connect-active-ovsdb-server",),
                    ("disconnect-active-ovsdb-server",),
                    ("set-active-ovsdb-server-probe-interval", "7"),
                    ("set-sync-exclude-tables", "small:T")]:
        with pytest.raises(RpcError, match=f"{configured.file}.*: change the file and reload"):
            server.control("ovsdb-server/" + command[0], *command[1:])
    assert configured.remotes() == before
    assert configured.databases() == ["_Server", "small"]
    # What it does not name is free.
    server.control("ovsdb-server/add-remote", "punix:c.sock")
    server.control("ovsdb-server/remove-remote", "punix:c.sock")
    configured.reload("")
    assert configured.databases() == ["_Server"]
    server.control("ovsdb-server/set-active-ovsdb-server", source)


def test_unknown_keys_of_json_are_warnings(configured, lab):
    """A program that knows more may have written the file."""
    path = str(small(lab))
    server = configured.start({"databases": {path: {"colour": "red"}}, "relays": {},
                               "remotes": {"punix:b.sock": {"x": [1]}}})
    warnings = [f"server.conf: databases: {path}: colour: unknown key, ignored",
                "server.conf: relays: unknown key, ignored",
                "server.conf: remotes: punix:b.sock: x: unknown key, ignored"]
    server.allow(*warnings, "shape: unknown key")
    assert all(warning in server.log() for warning in warnings)
    assert "punix:b.sock" in configured.remotes()
    configured.reload({"databases": {path: {"shape": "round"}}})
    assert "shape: unknown key, ignored" in server.log()


def test_databases_of_several_roles(configured, lab):
    """The source and the role of each database override --sync-from."""
    sources = []
    for name in ("one", "two"):
        active = lab.serve(lab.db("small", f"{name}-small.db"), lab.db("ops", f"{name}-ops.db"))
        active.client().insert("small", "T", {"name": name})
        sources.append(f"unix:{active.socket_path}")
    small_db, ops_db = str(small(lab)), str(lab.db("ops"))
    copy = {"service-model": "active-backup", "source": {sources[0]: None}, "backup": True}
    server = configured.start({"databases": {small_db: copy,
                                             ops_db: {"service-model": "standalone"}}},
                              f"--sync-from={sources[1]}")
    wait.until(lambda: server.control("ovsdb-server/sync-status") ==
               "database: ops\nstate: active\n\n"
               f"database: small\nstate: backup\nreplicating: {sources[0]}\n", "the copy")
    assert server.client().select("small", "T", ["name"]) == [{"name": "one"}]
    assert "role: mixed" in server.control("ovsdb-server/status")
    server.client().call("lock", "granted")
    # A reload changes the roles of both.
    configured.reload({"databases": {small_db: {"service-model": "standalone"}, ops_db: {
        **copy, "source": {f"unix:{lab.path('none')},{sources[1]}": None}}}})
    wait.until(lambda: "replicating" in server.control("ovsdb-server/sync-status", "ops"),
               "the other copy")
    assert f"remote: {sources[1]}" in server.control("ovsdb-server/sync-status", "ops")
    server.client().insert("small", "T", {"name": "own"})


def test_check_config(configured, lab):
    """Reports the errors that a start or a reload would report, and does nothing else."""
    def check(text, *how):
        configured.write(text)
        return lab.run(lab.programs.server, *(how or ("--check-config", configured.file)))

    path = lab.path("none.db")
    assert check(database(path, schema=schema_path("small"))).ok() == ""
    assert not path.exists()
    assert check({"x": 1}).ok() == f"warning: {configured.file}: x: unknown key, ignored\n"
    check("[options]\nmax-backlog = many\n").fails(1, "server.conf:2: max-backlog: ")
    check("{\n\"remotes\": [\n", f"--check-config={configured.file}").fails(1,
                                                                            "server.conf: line 2,"
                                                                            " column 13: ")
    check({"databases": {"a": {"service-model": "clustered"}}}).fails(1, "service-model")
    check("[identity nobody-knows]\n").fails(1, "server.conf:1: identity: ")
    lab.run(lab.programs.server, "--check-config=none.conf").fails(1, "none.conf: cannot be read")


def test_settings_of_a_remote(configured, lab):
    path = small(lab)
    configured.start(database(path) + "[remote punix:a.sock]\nread-only = yes\n")
    reader = configured.server.client(lab.run_dir / "a.sock")
    reply = reader.transact("small", {"op": "insert", "table": "T", "row": {"name": "x"}})
    assert "error" in json.dumps(reply)
    configured.reload(database(path) + "[remote punix:a.sock]\nread-only = no\n")
    writer = configured.server.client(lab.run_dir / "a.sock")
    writer.insert("small", "T", {"name": "x"})


def test_identities(configured, lab):
    """The option --identity as a section."""
    path = small(lab)
    configured.start(database(path) + "[identity user:*]\nread-only = yes\n")
    reply = configured.server.client().transact("small", {"op": "insert", "table": "T", "row": {}})
    assert "error" in json.dumps(reply)
    configured.reload(database(path))
    configured.server.client().insert("small", "T", {"name": "x"})
    configured.refused(database(path) + "[identity nobody-knows]\nrole = x\n",
                       "server.conf:2: identity: ")


def test_settings_that_need_a_restart(configured, lab):
    path = small(lab)
    configured.start(database(path) + "[options]\nmax-backlog = 1G\n")
    configured.reload(database(path) + "[options]\nmax-backlog = 2G\nuser = root\n")
    configured.server.allow("server.conf: user was changed: this takes effect at the next restart")
    assert "user was changed" in configured.server.log()
    assert "max-backlog was changed" not in configured.server.log()


def test_relative_names_in_the_background(lab):
    """A daemon changes its working directory, but a reload still resolves relative names of the
    command line as the start did."""
    small(lab)
    lab.path("server.conf").write_text("[options]\nmax-backlog = 1G\n")
    lab.run(lab.programs.server, "small.db", "--config-file=server.conf", "--detach", "--pidfile",
            "--remote=punix:db.sock", "--unixctl=ctl", "-vsyslog:off").ok()
    try:
        lab.path("server.conf").write_text("[options]\nmax-backlog = 2G\n")
        lab.appctl("-t", lab.run_dir / "ctl", "ovsdb-server/reload").ok()
        assert "small" in lab.appctl("-t", lab.run_dir / "ctl", "ovsdb-server/list-dbs").ok()
        lab.path("server.conf").write_text("[garbage]\n")
        lab.appctl("-t", lab.run_dir / "ctl", "ovsdb-server/reload").fails(2, "garbage")
    finally:
        lab.appctl("-t", lab.run_dir / "ctl", "exit").ok()


def test_a_copy_of_another_server(lab, configured):
    """The keys of current servers for active-backup."""
    active = lab.serve(lab.db("small", "active.db"))
    active.client().insert("small", "T", {"name": "there"})
    source = f"unix:{active.socket_path}"
    path = str(lab.db("small", "copy.db"))
    entry = {"service-model": "active-backup", "source": {source: None}, "backup": True}
    server = configured.start({"databases": {path: entry}})
    wait.until(lambda: server.client().select("small", "T", ["name"]) == [{"name": "there"}],
               "the copy")
    assert "replicating" in server.control("ovsdb-server/sync-status")
    configured.reload({"databases": {path: {**entry, "exclude-tables": ["T"]}}})
    assert server.control("ovsdb-server/get-sync-exclude-tables").strip() == "small:T"
    configured.reload({"databases": {path: {}}})
    assert server.control("ovsdb-server/sync-status").strip() == "database: small\nstate: active"


def test_the_connection_to_another_server(lab, configured):
    """A start and a reload apply the keys for the connection to the source, such as the probe
    interval."""
    with sockets.listen(address=str(lab.path("active.sock"))) as listener:
        source = f"unix:{lab.path('active.sock')}"
        copy = {"service-model": "active-backup", "backup": True}
        path = str(small(lab))
        configured.start({"databases": {path: {**copy, "source": {source: {
            "inactivity-probe": 0}}}}})
        with sockets.accept(listener) as active:
            active.answers_echo = False
            configured.reload({"databases": {path: {**copy, "source": {source: {
                "inactivity-probe": 300}}}}})
            wait.until(lambda: active.receive()["method"] == "echo", "a probe")


# Databases made and converted


def test_made_when_it_is_missing(configured, lab):
    path = lab.path("new.db")
    server = configured.start(database(path, schema=schema_path("small")))
    server.client().insert("small", "T", {"name": "kept"})
    server.stop()
    assert "new.db: made, for database small" in server.log()
    server.start([], f"--config-file={configured.file}")
    assert server.client().select("small", "T", ["name"]) == [{"name": "kept"}]
    assert not list(lab.directory.glob("new.db.backup*"))


def newer(lab, version, **columns):
    """A schema file for "small" with another version and further columns."""
    text = schema("small")
    text["version"] = version
    text["cksum"] = f"123 {len(version)}"
    text["tables"]["T"]["columns"].update(columns)
    path = lab.path(f"small-{version}.ovsschema")
    path.write_text(json.dumps(text))
    return path


def test_converted_with_a_copy(configured, lab):
    path = lab.path("old.db")
    server = configured.start(database(path, schema=newer(lab, "1.0.0")))
    server.client().insert("small", "T", {"name": "kept"})
    server.stop()
    before = path.read_bytes()
    configured.write(database(path, schema=newer(lab, "1.2.0", extra={"type": "integer"})))
    server.start([], f"--config-file={configured.file}")
    assert server.client().select("small", "T", ["name", "extra"]) == [{"name": "kept", "extra": 0}]
    copy = lab.path("old.db.backup1.0.0-123")
    assert copy.read_bytes() == before
    assert copy.stat().st_mode == path.stat().st_mode
    assert f"the previous file is kept as {copy}" in server.log()
    assert lab.tool("db-version", path).lines() == ["1.2.0"]
    # Not again, and an older schema changes nothing.
    server.stop()
    configured.write(database(path, schema=newer(lab, "1.0.0")))
    server.allow("newer than 1.0.0").start([], f"--config-file={configured.file}")
    assert server.client().select("small", "T", ["extra"]) == [{"extra": 0}]
    assert len(list(lab.directory.glob("old.db.backup*"))) == 1


def test_a_copy_is_never_overwritten(configured, lab):
    path = lab.path("old.db")
    copy = lab.path("old.db.backup1.0.0-123")
    configured.start(database(path, schema=newer(lab, "1.0.0"))).stop()
    copy.write_text("of mine")
    configured.start(database(path, schema=newer(lab, "1.1.0")))
    assert copy.read_text() == "of mine"
    assert lab.path("old.db.backup1.0.0-123.1").exists()


def test_a_copy_of_a_start_that_failed_is_used(configured, lab):
    path = lab.path("old.db")
    copy = lab.path("old.db.backup1.0.0-123")
    configured.start(database(path, schema=newer(lab, "1.0.0"))).stop()
    shutil.copy(path, copy)
    inode = copy.stat().st_ino
    configured.start(database(path, schema=newer(lab, "1.1.0")))
    assert list(lab.directory.glob("old.db.backup*")) == [copy]
    assert copy.stat().st_ino == inode


def test_a_conversion_that_is_impossible(configured, lab):
    """Nothing is changed, and the log has the reason."""
    path = lab.path("old.db")
    server = configured.start(database(path, schema=newer(lab, "1.0.0")))
    server.client().insert("small", "T", {"name": "too long for it"})
    server.stop()
    before = path.read_bytes()
    strict = newer(lab, "1.1.0", name={"type": {"key": {"type": "string", "maxLength": 3}}})
    configured.fails(database(path, schema=strict), "old.db: cannot be converted to version 1.1.0")
    assert path.read_bytes() == before
    assert not list(lab.directory.glob("old.db.backup*"))


def test_schemas_that_do_not_fit(configured, lab):
    path = small(lab)
    configured.fails(database(path, schema=schema_path("ops")), "holds the database small")
    configured.fails(database(path, schema=lab.path("none.ovsschema")), "cannot read schema")
    broken = lab.path("broken.ovsschema")
    broken.write_text("{")
    configured.fails(database(path, schema=broken), "broken.ovsschema: ")


def test_a_link_that_dangles(configured, lab):
    """As distributions lay their databases out: the file is made where the link points."""
    link, target = lab.path("conf.db"), lab.directory / "run" / "real.db"
    link.symlink_to(target)
    configured.start(database(link, schema=schema_path("small")))
    assert configured.databases() == ["_Server", "small"]
    assert link.is_symlink() and target.is_file()


def test_outside_of_the_folders(configured, lab, tmp_path_factory):
    """A reload may not name files that the confinement does not allow."""
    path = small(lab)
    outside = tmp_path_factory.mktemp("outside") / "x.db"
    configured.start(database(path))
    configured.refused(database(path) + database(outside, schema=schema_path("small")),
                       "outside the folders")
    assert not outside.exists()
