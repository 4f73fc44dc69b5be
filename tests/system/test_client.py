# SPDX-License-Identifier: Apache-2.0
"""ovsdb-client: every verb, beside Debian's on the same server where the output is exact."""
import json
import os
import re
import signal
import socket
import subprocess

import pytest

from harness import wait

A, B = "00000000-0000-0000-0000-00000000000a", "11111111-0000-0000-0000-00000000000b"
FORMATS = ["table", "list", "html", "csv", "json"]
DATA = ["string", "bare", "json"]


@pytest.fixture
def server(lab):
    """A server with a little of everything in it."""
    server = lab.serve("small")
    server.client().commit(
        "small",
        {"op": "insert", "table": "C", "row": {"name": "kid"}, "uuid": B},
        {"op": "insert", "table": "T", "uuid": A, "row": {
            "name": "a b\"c,d<&>'\n\té", "n": -5, "r": 0.1, "on": True,
            "tags": ["set", ["", "true", "x y", "z", "5", "a-b", "_q", "µ"]],
            "map": ["map", [["k 1", "v"], ["l", "w,x=y"], ["m", ""]]],
            "kids": ["uuid", B], "likes": ["uuid", B], "eph": "e"}},
        {"op": "insert", "table": "T", "row": {}, "uuid": "22222222-0000-0000-0000-00000000000c"},
        {"op": "insert", "table": "I", "row": {"a": 1, "b": "x", "c": "opt"}})
    return server


@pytest.fixture
def client(lab, server):
    """Runs ovsdb-client with the server's name after the verb, unless `remote` is False."""

    def run(verb, *args, options=(), remote=True, programs=lab.programs, **more):
        where = [f"unix:{server.socket_path}"] if remote else []
        return lab.run(programs.client, "-vsyslog:off", "-vconsole:warn", *options, verb, *where,
                       *args, **more)

    return run


def transaction(*operations, db="small"):
    return json.dumps([db, *operations])


SELECT = {"op": "select", "table": "T", "where": [["n", "==", -5]], "columns": ["n", "on"]}


# Each verb


def test_list_dbs(client):
    assert client("list-dbs").ok() == "_Server\nsmall\n"


def test_schema(client):
    schema = json.loads(client("get-schema", "small").ok())
    assert schema["name"] == "small"
    assert schema == json.loads(client("get-schema").ok()), "the only database is the default"
    assert json.loads(client("get-schema", "_Server").ok())["name"] == "_Server"
    assert client("get-schema-version", "small").ok() == "1.2.3\n"
    assert client("get-schema-cksum", "small").ok() == "12345678 9\n"


def test_tables_and_columns(client):
    assert sorted(client("list-tables", "small").lines()) == sorted(
        ["Table", "-----", "C", "I", "T"])
    lines = client("list-columns", "small", "I").lines()
    assert lines[0].split() == ["Column", "Type"]
    assert {line.split()[0] for line in lines[2:]} == {"_uuid", "_version", "a", "b", "c"}


def test_transact(client):
    assert client("transact", transaction(SELECT)).ok() == '[{"rows":[{"n":-5,"on":true}]}]\n'
    insert = {"op": "insert", "table": "T", "row": {"name": "new"}}
    [result] = json.loads(client("transact", transaction(insert)).ok())
    uuid = result["uuid"][1]
    assert uuid in client("dump", "small", "T").ok()
    [result] = json.loads(client("transact", transaction({"op": "nope"})).ok())
    assert result["error"] == "syntax error"
    client("transact", transaction(db="nope")).fails(1, "unknown database")
    client("transact", "x").fails(1)
    client("transact", '["small"').fails(1)


def test_query_changes_nothing(client):
    before = client("dump").ok()
    insert = {"op": "insert", "table": "T", "row": {"name": "new"}}
    assert len(json.loads(client("query", transaction(insert, SELECT)).ok())) >= 2
    assert client("dump").ok() == before


def test_pretty(client):
    text = client("transact", transaction(SELECT), options=["--pretty"]).ok()
    assert json.loads(text) == [{"rows": [{"n": -5, "on": True}]}] and "\n  {" in text


@pytest.mark.parametrize("verb, args", [
    ("dump", ["nope"]), ("dump", ["small", "nope"]), ("dump", ["small", "T", "nope"]),
    ("list-tables", ["nope"]), ("get-schema", ["nope"]), ("monitor", ["small"]),
    ("monitor", ["small", "nope"]), ("monitor", ["small", "T", "nope"]),
    ("wait", ["small", "bogus"]),
    ("bogus", []),
], ids=lambda v: v if isinstance(v, str) else " ".join(v))
def test_failures(client, verb, args):
    client(verb, *args).fails(1)


@pytest.mark.parametrize("remote, saying", [
    ("unix:/nonexistent", "No such file or directory"), ("tcp:127.0.0.1:1", "Connection refused"),
    ("foo:bar", "foo:bar"),
])
def test_unreachable(lab, remote, saying):
    lab.run(lab.programs.client, "-vconsole:off", "list-dbs", remote).fails(1, saying)


def test_default_server(lab, client):
    assert client("list-dbs", remote=False).ok() == "_Server\nsmall\n", "RUNDIR/db.sock"


def test_tcp(lab, server):
    server.control("ovsdb-server/add-remote", "ptcp:0:127.0.0.1")
    port = server.wait_log(r"listening on port (\d+)").group(1)
    assert lab.client("list-dbs", f"tcp:127.0.0.1:{port}").ok() == "_Server\nsmall\n"


def test_passive_connection(lab, server):
    """The client listens, the server dials."""
    path = lab.path("far")
    server.allow("far")
    server.control("ovsdb-server/add-remote", f"unix:{path}")
    assert lab.run(lab.programs.client, "-t", "20", "-vconsole:off", "list-dbs",
                   f"punix:{path}").ok() == "_Server\nsmall\n"


@pytest.mark.parametrize("way", ["-t", "--timeout", "environment"])
def test_timeout(lab, way):
    """A server that accepts and never answers; the end is by SIGALRM."""
    with socket.socket(socket.AF_UNIX) as mute:
        mute.bind(str(lab.path("mute")))
        mute.listen()
        options = {"-t": ["-t", "1"], "--timeout": ["--timeout=1"], "environment": []}[way]
        env = {**lab.env, "OVS_CTL_TIMEOUT": "1"} if way == "environment" else lab.env
        result = lab.run(lab.programs.client, *options, "list-dbs", f"unix:{lab.path('mute')}",
                         env=env)
        assert result.status == -signal.SIGALRM, result


def test_bad_timeout(client):
    client("list-dbs", options=["-t", "x"]).fails(1, "x")


def test_help_and_version(lab):
    text = lab.client("--help").ok()
    for verb in ("list-dbs", "get-schema", "get-schema-version", "get-schema-cksum", "list-tables",
                 "list-columns", "transact", "query", "monitor", "dump", "wait", "lock", "steal",
                 "unlock", "backup", "restore", "monitor-cond", "monitor-cond-since", "convert",
                 "needs-conversion", "--force", "--format", "--data", "--no-headings", "--pretty",
                 "--bare",
                 "--timestamp"):
        assert verb in text, verb
    assert re.match(r"ovsdb-client \(.+\) \d", lab.client("--version").ok())


@pytest.mark.ours("the reference client does not check the values of these options")
@pytest.mark.parametrize("option, range_", [
    ("--max-column-width=x", "from 0 to 2147483647"), ("--max-column-width=-1", "from 0 to"),
    ("--max-column-width=99999999999", "from 0 to"), ("--timeout=0", "from 1 to 2147483647"),
    ("--timeout=2147483648", "from 1 to"), ("--timeout=-5", "from 1 to")])
def test_numbers_out_of_range(lab, option, range_):
    lab.client(option, "list-dbs").fails(1, range_)


# Waiting for databases and locks


def n_sessions(server):
    found = re.search(r"\bsessions:(\d+)", server.control("memory/show"))
    return int(found.group(1)) if found else 0


def test_wait_for_states(lab, server, background):
    remote = f"unix:{server.socket_path}"
    assert background(lab.programs, "wait", remote, "small", "connected").status() == 0
    assert background(lab.programs, "wait", remote, "small", "added").status() == 0
    assert background(lab.programs, "wait", remote, "other", "removed").status() == 0
    sessions = n_sessions(server)
    added = background(lab.programs, "wait", remote, "other", "connected")
    removed = background(lab.programs, "wait", remote, "small", "removed")
    wait.until(lambda: n_sessions(server) == sessions + 2, "both to be connected")
    assert added.process.poll() is None and removed.process.poll() is None
    server.control("ovsdb-server/add-db", lab.db("other"))
    assert added.status() == 0
    server.control("ovsdb-server/remove-db", "small")
    assert removed.status() == 0


def test_locks(lab, server, background):
    remote = f"unix:{server.socket_path}"
    first = background(lab.programs, "lock", remote, "door")
    first.wait_out(lambda text: "locked" in text, "the lock")
    assert first.out() == '{"locked":true}\n'
    second = background(lab.programs, "lock", remote, "door")
    second.wait_out(lambda text: text == '{"locked":false}\n', "the refusal")
    third = background(lab.programs, "steal", remote, "door")
    third.wait_out(lambda text: text == '{"locked":true}\n', "the theft")
    first.wait_out(lambda text: re.search("^stolen", text, re.M), "stolen")
    third.end()
    first.wait_out(lambda text: re.search("^locked", text, re.M), "locked")
    first.end()
    second.wait_out(lambda text: re.search("^locked", text, re.M), "locked")
    second.end()


# Output beside the reference server's, byte for byte

OUTPUTS = [["list-dbs"], ["get-schema", "small"], ["get-schema", "_Server"],
           ["get-schema-version", "small"], ["get-schema-cksum", "small"],
           ["get-schema-version", "_Server"], ["dump"], ["dump", "small"], ["dump", "small", "T"],
           ["dump", "small", "T", "n", "name"], ["dump", "small", "C"], ["dump", "_Server"],
           ["transact", transaction(SELECT)], ["transact", transaction()],
           ["transact", transaction({"op": "nope"})], ["query", transaction(SELECT)],
           ["transact", transaction({"op": "select", "table": "T", "where": []})]]


def both(lab, client, *command, **more):
    return [client(*command, programs=programs, **more)
            for programs in (lab.programs, lab.reference)]


def assert_equal(ours, reference):
    assert (ours.status, ours.out) == (reference.status,
                                       reference.out), f"\nours: {ours}\npeer: {reference}"


@pytest.mark.ours("the test compares with the reference programs")
@pytest.mark.parametrize("command", OUTPUTS, ids=" ".join)
@pytest.mark.parametrize("options", [[], ["--pretty"]], ids=" ".join)
def test_output_beside_the_peers(lab, client, command, options):
    assert_equal(*both(lab, client, *command, options=options))


@pytest.mark.ours("the test compares with the reference programs")
@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize("more", [[], ["--no-headings"], ["--pretty"]], ids=" ".join)
def test_tables_beside_the_peers(lab, client, form, data, more):
    for command in (["dump", "small"], ["dump", "small", "I", "c", "a"]):
        assert_equal(*both(lab, client, *command, options=["-f", form, "-d", data, *more]))


@pytest.mark.ours("the test compares with the reference programs")
@pytest.mark.parametrize("column", ["si", "mss", "oi"])
def test_dump_sorts_by_number_of_elements(lab, column):
    server = lab.serve("ops")
    client = server.client()
    for i, (si, mss) in enumerate([([1, 9], [["a", "2"], ["b", "1"]]), ([5], []),
                                   ([], [["z", "1"]]), ([1, 2], [["a", "1"], ["c", "1"]])]):
        row = {"si": ["set", si], "mss": ["map", mss], "oi": ["set", [i] if i % 2 else []]}
        client.insert("ops", "Types", row)
    outputs = [lab.run(programs.client, "dump", f"unix:{server.socket_path}", "ops", "Types",
                       column)
               for programs in (lab.programs, lab.reference)]
    assert_equal(*outputs)


@pytest.mark.ours("the test compares with the reference programs")
@pytest.mark.parametrize("options", [["--bare"], ["--format=csv"], ["--data=bare"],
                                     ["-f", "xml"], ["-d", "xml"], ["--bogus"]], ids=" ".join)
def test_options_beside_the_peers(lab, client, options):
    assert_equal(*both(lab, client, "dump", "small", options=options))


@pytest.mark.ours("the test compares with the reference programs")
@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("command", [["list-tables", "small"], ["list-columns", "small", "T"],
                                     ["list-columns", "small"]], ids=" ".join)
def test_lists_beside_the_peers(lab, client, form, command):
    """The reference server lists in hash order; the lines are the same."""
    ours, reference = both(lab, client, *command, options=["-f", form])
    if form == "json":
        ours, reference = (json.loads(r.ok()) for r in (ours, reference))
        assert ours["headings"] == reference["headings"]
        assert sorted(map(str, ours["data"])) == sorted(map(str, reference["data"]))
    else:
        assert sorted(ours.lines()) == sorted(reference.lines())


# Monitoring


def monitored_changes(client):
    """Makes the changes that the monitors below print, one update after the other."""
    where = [["a", "==", 7]]
    for operations in (
            [{"op": "insert", "table": "I", "row": {"a": 7, "b": "z y"}}],
            [{"op": "update", "table": "I", "where": where, "row": {"b": "zz", "c": "w"}}],
            [{"op": "update", "table": "T", "where": [["n", "==", -5]], "row": {
                "tags": ["set", ["b", "x y"]], "map": ["map", [["k", "v"]]], "name": "n"}}],
            [{"op": "delete", "table": "I", "where": where}],
            [{"op": "insert", "table": "T", "row": {"name": "end"}},
             {"op": "insert", "table": "I", "row": {"a": 99}}]):
        client.commit("small", *operations)
        yield


MONITORS = [
    ["small", "I"], ["I"], ["small", "I", "a,b"], ["small", "I", "a", "b"], ["small", "ALL"],
    ["small", "I", "a,!initial", "b"], ["small", "I", "a,b,!modify,!delete"],
    ["small", "T", "name,tags,map,n"], ["small", "T", "name", "n,!delete", "r"],
]


def without_times(text):
    return re.sub(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}", "TIME", text, flags=re.M)


def compare_monitors(lab, server, background, options, args):
    remote = f"unix:{server.socket_path}"
    pair = [background(p, *options, "monitor", remote, *args)
            for p in (lab.programs, lab.reference)]
    writer = server.client()
    for one in pair:
        one.wait_out(lambda text: "initial" in text, "the initial contents")
    for _ in monitored_changes(writer):
        writer.call("echo")
    pair[1].wait_out(lambda text: re.search(r"\bend\b|\b99\b", text), "the end")
    reference = pair[1].out()
    pair[0].wait_out(lambda text: len(text) >= len(reference),
                     "as much as the reference server printed")
    assert without_times(pair[0].end()) == without_times(pair[1].end())


@pytest.mark.ours("the test compares with the reference programs")
@pytest.mark.parametrize("args", MONITORS, ids=" ".join)
def test_monitor_beside_the_peers(lab, server, background, args):
    compare_monitors(lab, server, background, [], args)


@pytest.mark.ours("the test compares with the reference programs")
@pytest.mark.parametrize("options", [
    ["-f", "csv"], ["-f", "json"], ["-f", "list"], ["-f", "html"], ["-d", "json"], ["-d", "bare"],
    ["--no-headings"], ["--timestamp"], ["--timestamp", "-f", "csv"], ["--timestamp", "-f", "list"],
    ["--bare"],
], ids=" ".join)
def test_monitor_formats_beside_the_peers(lab, server, background, options):
    compare_monitors(lab, server, background, options, ["small", "T", "name,tags,map"])


def test_monitor(lab, server, background):
    one = background(lab.programs, "monitor", f"unix:{server.socket_path}", "small", "I", "a,b")
    one.wait_out(lambda text: "initial" in text, "the initial row")
    writer = server.client()
    uuid = writer.insert("small", "I", {"a": 7, "b": "z"})
    one.wait_out(lambda text: "insert" in text, "the insert")
    writer.commit("small", {"op": "delete", "table": "I", "where": [["a", "==", 7]]})
    one.wait_out(lambda text: "delete" in text, "the delete")
    blocks = one.end().split("\n\n")
    assert blocks[1].splitlines()[0].split() == ["row", "action", "a", "b"]
    assert blocks[1].splitlines()[2].split() == [uuid, "insert", "7", "z"]
    assert blocks[2].splitlines()[2].split() == [uuid, "delete", "7", "z"]


def test_monitor_ends_with_the_server(lab, server, background):
    one = background(lab.programs, "monitor", f"unix:{server.socket_path}", "small", "I")
    one.wait_out(lambda text: "initial" in text, "the initial row")
    server.stop()
    assert one.status() == 1


def test_monitor_in_the_background(lab, server):
    """--detach --pidfile, with a control socket."""
    out = lab.path("out")
    with open(out, "wb") as stdout:
        subprocess.run([lab.programs.client, "-vconsole:warn", "-vsyslog:off", "--detach",
                        "--pidfile", "--no-chdir", f"--log-file={lab.path('client.log')}",
                        "monitor", f"unix:{server.socket_path}", "small", "I"],
                       env=lab.env, stdout=stdout, check=True, timeout=wait.PATIENCE)
    pid = int((lab.run_dir / "ovsdb-client.pid").read_text())
    try:
        wait.until(lambda: "initial" in out.read_text(), "the initial row")
        version = lab.run(lab.reference.appctl, "-t", "ovsdb-client", "version").ok()
        assert lab.programs.is_reference or version.split()[-1] == "4.0.0"
        assert version == lab.client("--version").ok().splitlines(True)[0]
        assert lab.run(lab.reference.appctl, "-t", "ovsdb-client", "exit").ok() == ""
        wait.until(lambda: not (lab.run_dir / "ovsdb-client.pid").exists(), "its end")
    except BaseException:
        os.kill(pid, signal.SIGKILL)
        raise
