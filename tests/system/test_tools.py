# SPDX-License-Identifier: Apache-2.0
"""ovsdb-tool and ovs-appctl: their output and effects, compared with Debian's tools."""
import json
import re
import shutil
import socket

import pytest

from harness import dbfile
from harness import lab as lab_module

A = "00000000-0000-0000-0000-00000000000a"
B = "00000000-0000-0000-0000-00000000000b"
C = "00000000-0000-0000-0000-00000000000c"


@pytest.fixture
def tool(lab):
    for name in ("tool-1", "tool-2", "tool-bad-type", "small", "ops"):
        shutil.copy(lab_module.schema_path(name), lab.directory)
    lab.path("garbage").write_text("xx")
    lab.path("bad.ovsschema").write_text('{"name":"x","tables":5}')
    return lab.tool


def transact(*operations):
    return json.dumps(["tool", *operations])


def fill(tool, db="a.db"):
    """A database with four records of every kind."""
    tool("create", db, "tool-1.ovsschema").ok()
    for operations in (
            [{"op": "insert", "table": "T", "uuid": A, "row": {
                "name": "r1", "n": 1, "gone": "g", "s": ["set", ["a", "b"]],
                "m": ["map", [["k", 1]]]}},
             {"op": "insert", "table": "Old", "uuid": B, "row": {"x": 1}},
             {"op": "comment", "comment": "first"}],
            [{"op": "update", "table": "T", "where": [["name", "==", "r1"]], "row": {
                "n": 2, "s": ["set", ["b", "c"]], "m": ["map", [["k", 2], ["l", 3]]]}},
             {"op": "comment", "comment": "two\nlines"}],
            [{"op": "insert", "table": "T", "uuid": C, "row": {"name": "r2"}}],
            [{"op": "delete", "table": "T", "where": [["name", "==", "r2"]]}]):
        tool("transact", db, transact(*operations)).ok()


# ovsdb-tool, one verb after the other


@pytest.mark.parametrize("one, other", [("1 2", "1 3"), ("1 2", None), (None, "1 2")], ids=str)
def test_needs_conversion_for_another_cksum(lab, tool, one, other):
    """Schemas that differ only in the cksum differ, so that the upgrade scripts convert."""
    for name, cksum in (("one", one), ("other", other)):
        schema = {"name": "D", "version": "1.0.0", "tables": {}}
        lab.path(name).write_text(json.dumps(schema | ({"cksum": cksum} if cksum else {})))
    tool("create", "a.db", "one").ok()
    assert tool("needs-conversion", "a.db", "one").ok() == "no\n"
    assert tool("needs-conversion", "a.db", "other").ok() == "yes\n"
    client = lab.serve(lab.path("a.db"))
    assert lab.client("needs-conversion", f"unix:{client.socket_path}", "other").ok() == "yes\n"
    client.stop()
    tool("convert", "a.db", "other").ok()
    assert tool("needs-conversion", "a.db", "other").ok() == "no\n"
    assert tool("db-cksum", "a.db").ok() == f"{other or ''}\n"


def test_create(tool, lab):
    assert tool("create", "a.db", "tool-1.ovsschema").ok() == ""
    [schema] = dbfile.read(lab.path("a.db"))
    assert schema["name"] == "tool" and set(schema["tables"]) == {"T", "Old"}
    tool("create", "a.db", "tool-1.ovsschema").fails(1, "File exists")
    tool("create", "b.db", "nope").fails(1, "No such file or directory")
    tool("create", "b.db", "garbage").fails(1, "garbage")
    tool("create", "b.db", "bad.ovsschema").fails(1, "tables")
    assert not lab.path("b.db").exists()


def test_create_with_defaults(tool, lab):
    share = lab.path("share")
    share.mkdir()
    shutil.copy(lab_module.schema_path("small"), share / "vswitch.ovsschema")
    env = {**lab.env, "OVS_PKGDATADIR": str(share)}
    tool("create", env=env).ok()
    assert dbfile.read(lab.path("db/conf.db"))[0]["name"] == "small"
    assert tool("db-name", env=env).ok() == "small\n"
    assert tool("schema-name", env=env).ok() == "small\n"
    assert tool("needs-conversion", env=env).ok() == "no\n"


@pytest.mark.parametrize("verb, output", [
    ("db-name a.db", "tool"), ("db-version a.db", "1.0.0"), ("db-cksum a.db", ""),
    ("schema-name tool-2.ovsschema", "tool"), ("schema-version tool-2.ovsschema", "2.0.0"),
    ("schema-cksum tool-2.ovsschema", "1 2"), ("schema-cksum tool-1.ovsschema", ""),
    ("needs-conversion a.db tool-1.ovsschema", "no"),
    ("needs-conversion a.db tool-2.ovsschema", "yes"),
])
def test_simple_verbs(tool, verb, output):
    tool("create", "a.db", "tool-1.ovsschema").ok()
    assert tool(*verb.split()).ok() == output + "\n"


@pytest.mark.parametrize("a, b, order", [
    ("1.2.3", "1.10.0", -1), ("1.2.3", "1.2.3", 0), ("2.0.0", "1.99.99", 1), ("0.0.1", "0.0.0", 1),
    ("1.0.0", "1.0.1", -1),
])
def test_compare_versions(tool, a, b, order):
    truth = {"<": order < 0, "<=": order <= 0, "==": order == 0, ">=": order >= 0, ">": order > 0,
             "!=": order != 0}
    for operator, holds in truth.items():
        result = tool("compare-versions", a, operator, b)
        assert (result.status, result.out, result.err) == (0 if holds else 2, "", "")


@pytest.mark.parametrize("args", [["1.0.0", "<>", "1.0.0"], ["x", "<", "1.0.0"],
                                  ["1.0.0", "<", "1.0"], ["1.0.0", "<", ""], ["1.0.0", "<"]])
def test_compare_nonsense(tool, args):
    tool("compare-versions", *args).fails(1)


def test_transact_and_query(tool, lab):
    fill(tool)
    select = {"op": "select", "table": "T", "where": [], "columns": ["name", "n", "s", "m"]}
    expected = [{"rows": [{"name": "r1", "n": 2, "s": ["set", ["b", "c"]],
                           "m": ["map", [["k", 2], ["l", 3]]]}]}]
    for verb in ("transact", "query"):
        text = tool(verb, "a.db", transact(select)).ok()
        assert json.loads(text) == expected and text == json.dumps(
            expected, separators=(",", ":"), sort_keys=True) + "\n"
    before = lab.path("a.db").read_bytes()
    [result] = json.loads(tool("transact", "a.db", transact({"op": "nope"})).ok())
    assert result["error"] == "syntax error"
    tool("query", "a.db", transact({"op": "insert", "table": "Old", "row": {}}))
    assert lab.path("a.db").read_bytes() == before
    tool("transact", "a.db", "x").fails(1)
    tool("transact", "nope.db", "[]").fails(1, "No such file or directory")
    assert json.loads(tool("transact", "a.db", '["other"]').ok())["error"] == "syntax error"


@pytest.mark.difference("log-escaped")
def test_transaction_log(tool):
    fill(tool)
    text = tool("show-log", "a.db").ok()
    date = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}"
    assert re.fullmatch(
        f'record 0: "tool" schema, version="1.0.0", cksum=""\n\nrecord 1: {date} "first"\n'
        f'record 2: {date} "two\\\\nlines"\nrecord 3: {date}\nrecord 4: {date}\n', text)
    text = tool("show-log", "-m", "a.db").ok()
    assert '  table T insert row "r1" (00000000):\n' in text
    assert '  table T row "r1" (00000000) diff:\n' in text
    assert "    delete row\n" in text and "    n=" not in text
    text = tool("-mm", "show-log", "a.db").ok()
    for line in ("m={k=1}", "name=r1", "n=2", "s=[a, c]", "m={k=2, l=3}"):
        assert f"    {line}\n" in text


def test_compact(tool, lab):
    fill(tool)
    before = lab.path("a.db").read_bytes()
    tool("compact", "a.db", "b.db").ok()
    assert lab.path("a.db").read_bytes() == before
    tool("compact", "a.db").ok()
    for name in ("a.db", "b.db"):
        records = dbfile.read(lab.path(name))
        assert len(records) == 2
        assert records[1]["T"] == {A: {"name": "r1", "n": 2, "gone": "g", "s": ["set", ["b", "c"]],
                                       "m": ["map", [["k", 2], ["l", 3]]]}}
        assert records[1]["Old"] == {B: {"x": 1}} and "compacted" in records[1]["_comment"]
    tool("compact", "nope.db").fails(1, "No such file or directory")


def test_convert(tool, lab):
    fill(tool)
    tool("convert", "a.db", "tool-2.ovsschema", "b.db").ok()
    assert dbfile.read(lab.path("a.db"))[0]["version"] == "1.0.0"
    tool("convert", "a.db", "tool-2.ovsschema").ok()
    for name in ("a.db", "b.db"):
        schema, data = dbfile.read(lab.path(name))
        assert schema["version"] == "2.0.0" and "Old" not in data
        assert data["T"] == {A: {"name": "r1", "n": 2, "s": ["set", ["b", "c"]],
                                 "m": ["map", [["k", 2], ["l", 3]]]}}
    before = lab.path("a.db").read_bytes()
    tool("convert", "a.db", "tool-bad-type.ovsschema").fails(1)
    assert lab.path("a.db").read_bytes() == before
    tool("convert", "a.db", "nope").fails(1, "No such file or directory")


def test_link_stays_a_link(tool, lab):
    fill(tool, "real.db")
    lab.path("link.db").symlink_to("real.db")
    for verb in (["compact", "link.db"], ["convert", "link.db", "tool-2.ovsschema"],
                 ["transact", "link.db", transact({"op": "insert", "table": "T", "row": {}})]):
        tool(*verb).ok()
        assert lab.path("link.db").is_symlink() and not lab.path("real.db").is_symlink()
    assert dbfile.read(lab.path("real.db"))[0]["version"] == "2.0.0"


@pytest.mark.parametrize("args", [[], ["bogus"], ["create", "a", "b", "c"], ["--bogus"],
                                  ["db-name", "garbage"], ["db-name", "nope.db"],
                                  ["schema-name", "garbage"], ["schema-name", "bad.ovsschema"],
                                  ["show-log", "garbage"], ["query", "garbage", "[]"]])
def test_failures(tool, args):
    tool(*args).fails(1)


def test_tool_help_and_version(tool, programs):
    text = tool("--help").ok()
    for verb in () if programs.is_reference else ("check", "recover"):
        assert f" {verb} " in text
    for verb in ("create", "compact", "convert", "db-name", "db-version", "db-cksum",
                 "schema-name", "schema-version", "schema-cksum", "compare-versions", "query",
                 "transact", "show-log"):
        assert verb in text
    assert tool("-h").ok() == text
    for option in ("-V", "--version"):
        assert re.match(r"ovsdb-tool \(.+\) \d", tool(option).ok())


def test_torn_file_is_not_changed_by_questions(tool, lab):
    fill(tool)
    offsets = dbfile.offsets(lab.path("a.db"))
    dbfile.truncate(lab.path("a.db"), offsets[-1] - 5)
    before = lab.path("a.db").read_bytes()
    text = tool("show-log", "a.db").out
    assert "record 3:" in text and "record 4: 2" not in text
    tool("query", "a.db", transact())
    assert tool("db-name", "a.db").out == "tool\n"
    assert lab.path("a.db").read_bytes() == before


# The same commands with Debian's tool

DATE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}|(?<=\"_date\":)\d+")
BY = re.compile(r'(compacted|converted) by [^"]*')

COMMANDS = """
show-log a.db
show-log -m a.db
show-log -mm a.db
show-log -mmm a.db
-m -m show-log a.db
db-name a.db
db-version a.db
db-cksum a.db
db-is-standalone a.db
schema-name tool-2.ovsschema
schema-version tool-2.ovsschema
schema-cksum tool-2.ovsschema
schema-cksum tool-1.ovsschema
query a.db ["tool",{"op":"select","table":"T","where":[]}]
query a.db ["tool",{"op":"select","table":"T","where":[],"columns":["s","m","n"]}]
query a.db ["tool",{"op":"nope"}]
query a.db ["tool",{"op":"abort"},{"op":"comment","comment":"x"}]
query a.db ["other"]
query a.db {}
query a.db []
query a.db x
query a.db
query nope.db ["tool"]
transact a.db ["tool",{"op":"insert","table":"T","row":{"name":"r1"}}]
transact a.db ["tool",{"op":"insert","table":"T","row":{"name":5}}]
transact a.db ["tool",{"op":"insert","table":"T","row":{"name":"new"},"uuid":"00000000-0000-0000-0000-000000000123"}]
transact a.db ["tool",{"op":"wait","timeout":0,"table":"T","where":[],"columns":["n"],"until":"==","rows":[]}]
show-log -mm a.db
needs-conversion a.db tool-1.ovsschema
needs-conversion a.db tool-2.ovsschema
compact a.db c.db
show-log -mm c.db
compact a.db c.db
convert a.db tool-bad-type.ovsschema
convert a.db tool-2.ovsschema d.db
show-log -mm d.db
convert a.db tool-2.ovsschema
show-log -mm a.db
create e.db tool-2.ovsschema
show-log e.db
create e.db tool-2.ovsschema
create f.db garbage
create f.db bad.ovsschema
create f.db nope
db-name garbage
db-name nope.db
schema-name garbage
schema-name bad.ovsschema
compare-versions 1.2.3 < 1.10.0
compare-versions 1.2.3 > 1.10.0
compare-versions 1.2.3 eq 1.10.0
bogus
create a b c
--bogus
"""


def normal(text):
    """Lines without dates and names of programs, values in any order; JSON with sorted members."""
    lines = []
    for line in BY.sub(r"\1 by", DATE.sub("DATE", text)).splitlines():
        try:
            value = json.loads(line)
        except ValueError:
            lines.append(line)
            continue
        lines.append(re.sub(r'"(details|syntax)": "(\\.|[^"\\])*"', r'"\1"',
                            json.dumps(value, sort_keys=True)))
    blocks, start = [], 0
    for i, line in enumerate(lines + [""]):
        if not line.startswith("    "):
            blocks += sorted(lines[start:i]) + [line]
            start = i + 1
    blocks = "\n".join(blocks).replace('"two\nlines"', r'"two\nlines"').split("\n")  # log-escaped
    return [re.sub(r'\["uuid", "[0-9a-f-]{36}"\]', "UUID", line) for line in blocks[:-1]]


@pytest.mark.ours("the test compares with the reference programs")
def test_tool_beside_the_peers(tool, lab):
    """The commands run one after another, each tool on its own files, with the same output and exit
    status."""
    fill(tool)
    copies = {}
    for programs in (lab.programs, lab.reference):
        copies[programs.name] = lab.path(programs.name)
        shutil.copytree(lab.directory, copies[programs.name],
                        ignore=shutil.ignore_patterns("ours", "reference", "run", "*lock*"))
    wrong = []
    for line in COMMANDS.strip().splitlines():
        args = line.split(" ", 2) if line.startswith(("query", "transact")) else line.split()
        ours, reference = (lab.run(p.tool, *args, cwd=str(copies[p.name]))
                      for p in (lab.programs, lab.reference))
        if (ours.status, normal(ours.out), ours.err == "") != (
                reference.status, normal(reference.out), reference.err == ""):
            wrong.append(f"$ ovsdb-tool {line}\nours: {ours}\npeer: {reference}")
    assert not wrong, "\n\n".join(wrong)
    for name in ("a.db", "c.db", "d.db", "e.db"):
        ours, reference = (dbfile.read(copies[n] / name) for n in ("ours", "reference"))
        for record in ours[1:] + reference[1:]:
            for member in ("_date", "_comment", "_is_diff"):
                record.pop(member, None)
        assert ours[1:] == reference[1:]


# ovs-appctl beyond the daemon's commands


def named_target(lab):
    server = lab.new_server()
    server.control_path = str(lab.run_dir / "some.ctl")
    server.start([lab.db("small")], "--pidfile=some.pid")
    pid = (lab.run_dir / "some.pid").read_text().strip()
    (lab.run_dir / f"some.{pid}.ctl").symlink_to(server.control_path)
    return server


@pytest.mark.parametrize("args", [
    ["-t", "some", "version"], ["--target=some", "version"], ["--target", "some", "version"],
    ["-t", "some", "--timeout=5", "version"], ["-T", "5", "-t", "some", "version"],
    ["-t", "some", "--", "version"],
], ids=" ".join)
def test_appctl_finds_its_target(lab, args):
    named_target(lab)
    assert lab.appctl(*args).ok().startswith("ovsdb-server (")


@pytest.mark.parametrize("args, saying", [
    (["version"], "ovs-vswitchd.pid"), (["-t", "nope", "version"], "nope.pid"),
    (["-t", "/nope", "version"], "/nope"), ([], "argument"), (["-t", "some"], "argument"),
    (["--bogus"], "bogus"), (["-T", "x", "-t", "some", "version"], "x"),
], ids=str)
def test_appctl_failures(lab, args, saying):
    lab.appctl(*args).fails(1, saying)


def test_appctl_help_and_version(lab):
    text = lab.appctl("--help").ok()
    for word in ("-t", "--target", "--timeout", "list-commands", "version", "vlog/list"):
        assert word in text
    assert re.match(r"ovs-appctl \(.+\) \d", lab.appctl("-V").ok())


def test_appctl_passes_arguments_as_they_are(lab):
    server = named_target(lab)
    odd = 'PATTERN:file:"%m" \\ é\n'
    lab.appctl("-t", "some", "vlog/set", odd).ok()
    assert '"%m" \\ é' in server.control("vlog/list-pattern")


def test_appctl_timeout(lab):
    """A target that accepts and never answers."""
    with socket.socket(socket.AF_UNIX) as mute:
        mute.bind(str(lab.path("mute")))
        mute.listen()
        for options, env in ((["-T", "1"], lab.env), ([], {**lab.env, "OVS_CTL_TIMEOUT": "1"})):
            result = lab.appctl(*options, "-t", lab.path("mute"), "version", env=env)
            assert result.status == -14, result
