# SPDX-License-Identifier: Apache-2.0
"""ovsdb-client monitor-cond, monitor-cond-since, convert and needs-conversion: their output,
changes of conditions while they run, and the effect of a conversion or removal of the database."""
import copy
import json
import os
import re
import signal
import subprocess

import pytest

from harness import lab as lab_module
from harness import wait
from harness.replica import ZERO
from harness.small_schema import fill, modify, named

FORMATS = [["-f", "table"], ["-f", "list"], ["-f", "html"], ["-f", "csv"], ["-f", "json"],
           ["-d", "bare"], ["-d", "json"], ["--no-headings"], ["--bare"], ["--timestamp"]]
SMALL_N = '[["n","<",2]]'


@pytest.fixture
def remote(server):
    return f"unix:{server.socket_path}"


def words(text):
    """The table rows of each block, as lists of words, without headings and rules."""
    return [[line.split() for line in block.splitlines()[2:]] for block in text.split("\n\n")]


def test_monitor_cond(client, remote, lab, background):
    uuids = fill(client, 3)
    one = background(lab.programs, "monitor-cond", remote, "small", SMALL_N, "T", "name,n")
    one.wait_out(lambda text: " a1 " in text or " a1\n" in text, "the rows that match")
    client.commit("small", modify(named("a2"), {"n": 1}))
    one.wait_out(lambda text: " a2" in text, "a row that comes to match")
    client.commit("small", modify(named("a0"), {"n": 7}))
    one.wait_out(lambda text: "delete" in text, "a row that ceases to")
    client.commit("small", modify(named("a1"), {"n": -1}))
    one.wait_out(lambda text: "modify" in text, "a row that goes on matching")
    initial, *updates = words(one.end())
    # What is at its default is left out.
    assert sorted(initial) == sorted([[uuids[0], "initial", "a0"],
                                      [uuids[1], "initial", "a1", "1"]])
    assert [rows[0][:2] for rows in updates] == [
        [uuids[2], "insert"], [uuids[0], "delete"], [uuids[1], "modify"]]
    assert updates[2] == [[uuids[1], "modify", "-1"]], "only what changed"


@pytest.mark.ours("monitor-cond of the reference client accepts only one group of columns")
def test_all_tables_and_selections(client, remote, lab, background):
    fill(client, 2)
    one = background(lab.programs, "monitor-cond", remote, "small", "[]", "T", "name,!initial",
                     "n,!modify")
    one.wait_out(lambda text: "initial" in text, "the rows")
    client.commit("small", modify(named("a0"), {"n": 5}))
    client.insert("small", "T", {"name": "new"})
    one.wait_out(lambda text: "new" in text, "the new one")
    text = one.end()
    assert " a0" not in text and "modify" not in text
    everything = background(lab.programs, "monitor-cond", remote, "small", "[]", "ALL")
    everything.wait_out(lambda text: " a0" in text and " new" in text, "all")


def test_since(client, remote, lab, background):
    """The line before the contents has the transaction id, and whether the contents are complete or
    a difference."""
    uuids = fill(client, 2)
    one = background(lab.programs, "monitor-cond-since", remote, "small", SMALL_N, "T", "name")
    one.wait_out(lambda text: " a1" in text, "the rows")
    first = one.out().splitlines()[0]
    assert re.fullmatch(r"found: false, last_id: [0-9a-f-]{36}", first), first
    client.commit("small", modify(named("a0"), {"name": "b0"}))
    one.wait_out(lambda text: " b0" in text, "the update")
    assert re.search(r"\nlast_id: [0-9a-f-]{36}\nrow ", one.end())
    assert uuids[0] in one.out()


@pytest.mark.difference("resume")
def test_since_a_transaction(client, remote, lab, background):
    uuids = fill(client, 3)
    _, last, _ = client.call("monitor_cond_since", "small", "m", {"T": {"columns": ["name"]}}, ZERO)
    client.commit("small", modify(named("a1"), {"name": "b1"}))
    one = background(lab.programs, "monitor-cond-since", remote, "small", last, "[]", "T", "name")
    one.wait_out(lambda text: " b1" in text, "the change")
    text = one.end()
    assert text.startswith("found: true, last_id: ") and uuids[1] in text and uuids[0] not in text


@pytest.mark.ours("the test compares with the reference programs")
@pytest.mark.parametrize("options", FORMATS, ids=" ".join)
@pytest.mark.parametrize("verb", ["monitor-cond", "monitor-cond-since"])
def test_beside_the_peers(lab, client, remote, background, verb, options):
    """Byte for byte, but for a line's end that the reference server forgets in some formats. (Its
    monitor-cond takes no more than one column.)"""
    client.insert("small", "I", {"a": 1, "b": "x y", "c": "opt"})
    pair = [background(p, *options, verb, remote, '[["a","<",9]]', "I", "b")
            for p in (lab.programs, lab.reference)]
    for one in pair:
        one.wait_out(lambda text: "x y" in text, "the row")
    for operation in ({"op": "insert", "table": "I", "row": {"a": 2, "b": "z"}},
                      {"op": "update", "table": "I", "where": [["a", "==", 1]], "row": {"b": "w"}},
                      {"op": "delete", "table": "I", "where": [["a", "==", 2]]}):
        sizes = [len(one.out()) for one in pair]
        client.commit("small", operation)
        for one, size in zip(pair, sizes):
            one.wait_out(lambda text, n=size: len(text) > n and text.endswith("\n"), "the update")

    def normal(text):
        text = re.sub(r"last_id: [0-9a-f-]{36}\n?", "last_id: ID\n", text)
        return re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}", "TIME", text)

    wait.until(lambda: len(normal(pair[0].out())) == len(normal(pair[1].out())), "the same length")
    assert normal(pair[0].end()) == normal(pair[1].end())


@pytest.mark.ours("the reference client crashes with some of these arguments")
@pytest.mark.parametrize("args", [["x", "T"], ["5", "T"], ['{"a":1}', "T"], ["[", "T"],
                                  ['[["zz","==",1]]', "T"], ['[["n","==","x"]]', "T"],
                                  ["[]", "nope"], ["[]", "T", "nope"]], ids=" ".join)
@pytest.mark.parametrize("verb", ["monitor-cond", "monitor-cond-since"])
def test_bad_requests(lab, remote, verb, args):
    result = lab.client("-vconsole:off", verb, remote, *args)
    result.fails(1)
    assert result.out == ""


# The control socket


@pytest.fixture
def detached(lab, client, remote):
    """Starts a monitor in the background; returns a way to give it commands, and its output."""
    started = []

    def start(verb):
        out = lab.path("out")
        with open(out, "wb") as stdout:
            subprocess.run([lab.programs.client, "-vconsole:off", "-vsyslog:off", "--detach",
                            "--pidfile", "--no-chdir", verb, remote, SMALL_N, "T", "name"],
                           env=lab.env, stdout=stdout, check=True, timeout=wait.PATIENCE)
        started.append(int((lab.run_dir / "ovsdb-client.pid").read_text()))
        return out, lambda *command: lab.run(lab.reference.appctl, "-t", "ovsdb-client", *command)

    yield start
    for pid in started:
        if (lab.run_dir / "ovsdb-client.pid").exists():
            os.kill(pid, signal.SIGKILL)


@pytest.mark.ours("the reference client does not check conditions")
@pytest.mark.parametrize("verb", ["monitor-cond", "monitor-cond-since"])
def test_conditions_change_while_it_runs(lab, client, detached, verb):
    fill(client, 4)
    out, command = detached(verb)
    assert " a1\n" in out.read_text() and " a2\n" not in out.read_text()
    assert command("ovsdb-client/cond_change", "T", '[["n",">",0],["n","==",77]]').status == 0
    wait.until(lambda: " a3\n" in out.read_text(), "the rows that match now")
    assert out.read_text().count("delete") == 1 and out.read_text().count("insert") == 2
    command("ovsdb-client/cond_change", "T", "[").fails(2)
    command("ovsdb-client/cond_change", "T").fails(2)
    assert command("ovsdb-client/cond_change", "T", "[false]").status == 0
    wait.until(lambda: out.read_text().count("delete") == 4, "nothing to match")
    assert command("exit").ok() == ""
    wait.until(lambda: not (lab.run_dir / "ovsdb-client.pid").exists(), "its end")


# Databases that come, go and change


@pytest.mark.parametrize("options", [[], ["--db-change-aware"], ["--no-db-change-aware"]],
                         ids=["default", "aware", "unaware"])
def test_the_database_is_converted(lab, remote, client, background, options):
    """The monitor ends in both cases; a client that is aware of changes prints the reason."""
    client.call("set_db_change_aware", True)
    fill(client, 1)
    one = background(lab.programs, *options, "monitor-cond", remote, "[]", "T", "name")
    one.wait_out(lambda text: " a0" in text, "the row")
    schema = lab_module.schema("small")
    schema["version"] = "2.0.0"
    client.call("convert", "small", schema)
    assert one.status() == 1
    said = one.err_path.read_text()
    assert ("small database was removed" in said) == ("--no-db-change-aware" not in options), said


def test_another_database_comes(server, lab, remote, client, background):
    """An aware client stays, the other is disconnected."""
    fill(client, 1)
    aware, unaware = (background(lab.programs, *options, "monitor-cond", remote, "small", "[]", "T",
                                 "name") for options in ([], ["--no-db-change-aware"]))
    for one in (aware, unaware):
        one.wait_out(lambda text: " a0" in text, "the row")
    server.control("ovsdb-server/add-db", lab.db("other"))
    assert unaware.status() == 1
    with server.client() as writer:
        writer.commit("small", modify(named("a0"), {"name": "b0"}))
    aware.wait_out(lambda text: " b0" in text, "the update")


def test_needs_conversion_and_convert(server, lab, remote, client):
    fill(client, 3)
    before = sorted(map(str, client.select("small", "T", ["_uuid", "name", "n"])))
    same = lab_module.schema_path("small")
    new = lab.path("new.ovsschema")
    schema = lab_module.schema("small")
    schema["tables"]["T"]["columns"]["extra"] = {"type": "string"}
    new.write_text(json.dumps(schema))
    assert lab.client("needs-conversion", remote, same).ok() == "no\n"
    assert lab.client("needs-conversion", remote, new).ok() == "yes\n"
    assert lab.client("-vconsole:off", "convert", remote, new).ok() == ""
    assert lab.client("needs-conversion", remote, new).ok() == "no\n"
    with server.client() as other:
        assert sorted(map(str, other.select("small", "T", ["_uuid", "name", "n"]))) == before


@pytest.mark.ours("the reference server closes the connection instead")
def test_conversions_that_fail(server, lab, remote, client):
    client.call("set_db_change_aware", True)
    fill(client, 3)
    bad = copy.deepcopy(lab_module.schema("small"))
    bad["tables"]["T"]["columns"]["n"] = {"type": {"key": {"type": "integer", "maxInteger": 1}}}
    path = lab.path("bad.ovsschema")
    path.write_text(json.dumps(bad))
    lab.client("-vconsole:off", "convert", remote, path).fails(1, "constraint violation")
    path.write_text(json.dumps({**bad, "name": "nope"}))
    lab.client("-vconsole:off", "convert", remote, path).fails(1, "nope")
    lab.client("-vconsole:off", "needs-conversion", remote, path).fails(1, "nope")
    path.write_text("{")
    lab.client("-vconsole:off", "convert", remote, path).fails(1)
    lab.client("-vconsole:off", "convert", remote, "/nonexistent").fails(1, "/nonexistent")
    assert client.call("get_schema", "small")["version"] == "1.2.3"
