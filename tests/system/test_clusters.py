# SPDX-License-Identifier: Apache-2.0
"""ovsdb-tool and the files of clusters: those it makes, and those of a running cluster of Debian's."""
import json
import re
import shutil

import pytest

from harness import cluster as cluster_module
from harness import dbfile
from harness import lab as lab_module
from harness.cluster import Cluster

A = "aaaaaaaa-0000-4000-8000-000000000001"
B = "bbbbbbbb-0000-4000-8000-000000000002"
CID = "cccccccc-0000-4000-8000-000000000003"
EID = "eeeeeeee-0000-4000-8000-00000000000"
ROW = "dddddddd-0000-4000-8000-000000000004"
LOCAL, REMOTE = "tcp:127.0.0.1:6643", "tcp:127.0.0.2:6643"


@pytest.fixture
def tool(lab):
    for name in ("tool-1", "tool-2", "small"):
        shutil.copy(lab_module.schema_path(name), lab.directory)
    return lambda *args: lab.tool("-vconsole:off", *args)


def header(server_id=A, **more):
    schema = {"name": "o", "version": "1.0.0", "tables": {
        "t": {"columns": {"n": {"type": "integer"}}, "isRoot": True}}}
    return {"server_id": server_id, "local_address": LOCAL, "name": "o", "cluster_id": CID,
            "prev_term": 1, "prev_index": 1, "prev_servers": {A: LOCAL, B: REMOTE},
            "prev_data": [schema, {}], "prev_eid": EID + "0", **more}


def entry(term, index, n=0, **more):
    return {"term": term, "index": index, "data": [None, {"t": {ROW: {"n": n}}}],
            "eid": f"{EID}{index}", **more}


# Files that ovsdb-tool makes


def test_create_cluster(lab, tool):
    assert tool("create-cluster", "c.db", "tool-1.ovsschema", LOCAL).ok() == ""
    [first] = cluster_module.read(lab.path("c.db"))
    assert set(first) == {"server_id", "cluster_id", "local_address", "name", "prev_term",
                          "prev_index", "prev_servers", "prev_data", "prev_eid"}
    assert (first["prev_term"], first["prev_index"]) == (1, 1)
    assert first["prev_servers"] == {first["server_id"]: LOCAL}
    schema, contents = first["prev_data"]
    assert (schema["name"], contents) == ("tool", {})
    assert tool("db-cid", "c.db").ok() == first["cluster_id"] + "\n"
    assert tool("db-sid", "c.db").ok() == first["server_id"] + "\n"
    assert tool("db-local-address", "c.db").ok() == LOCAL + "\n"
    assert tool("db-name", "c.db").ok() == "tool\n"
    tool("db-is-clustered", "c.db").ok()
    assert tool("db-is-standalone", "c.db").status == 2
    tool("create-cluster", "c.db", "tool-1.ovsschema", LOCAL).fails(1, "File exists")
    assert oct(lab.path("c.db").stat().st_mode & 0o007) == "0o0"


def test_create_cluster_from_a_database(lab, tool):
    db = dbfile.create(lab.path("a.db"), lab_module.schema("small"),
                       {"T": {ROW: {"name": "a", "n": 5}}}, {"T": {ROW: {"n": 6}}})
    assert tool("create-cluster", "c.db", db, LOCAL).status == 0  # it may warn
    [first] = cluster_module.read(lab.path("c.db"))
    schema, contents = first["prev_data"]
    assert schema["tables"]["T"]["columns"]["eph"] == {"type": "string"}
    assert contents["T"] == {ROW: {"name": "a", "n": 6}}
    assert "created from" in contents["_comment"]
    tool("create-cluster", "d.db", "c.db", LOCAL).fails(1, "cannot apply this operation to")


@pytest.mark.ours("the reference tool writes the warning to its log")
def test_create_cluster_warns_of_ephemeral_columns(tool):
    result = tool("create-cluster", "c.db", "small.ovsschema", LOCAL)
    assert "column eph of table T becomes persistent" in result.err and result.status == 0


@pytest.mark.parametrize("timer", [100, 1000, 600000])
def test_election_timer(lab, tool, timer):
    tool(f"--election-timer={timer}", "create-cluster", "c.db", "tool-1.ovsschema", LOCAL).ok()
    _, second = cluster_module.read(lab.path("c.db"))
    assert second == {"term": 1, "index": 2, "election_timer": timer}
    tool("check-cluster", "c.db").ok()


@pytest.mark.parametrize("timer", ["0", "99", "600001", "abc", "-5", ""])
def test_bad_election_timer(lab, tool, timer):
    tool(f"--election-timer={timer}", "create-cluster", "c.db", "tool-1.ovsschema",
         LOCAL).fails(1, "election timer must be between 100 and 600000")
    assert not lab.path("c.db").exists()


@pytest.mark.parametrize("address", ["tcp:[::1]:77", "ssl:192.0.2.1:6643", "tcp:localhost:6643"])
def test_addresses(tool, address):
    tool("create-cluster", "c.db", "tool-1.ovsschema", address).ok()
    assert tool("db-local-address", "c.db").ok() == address + "\n"


@pytest.mark.parametrize("address", [
    "", "127.0.0.1:77", "tcp:127.0.0.1", "tcp:127.0.0.1:70000", "tcp:::1:77",
    "tcp:[::1]", "tcp:127.0.0.1:77:x", "udp:127.0.0.1:77", "ptcp:77", "tcp:"])
def test_bad_addresses(lab, tool, address):
    tool("create-cluster", "c.db", "tool-1.ovsschema", address).fails(1, "address")
    tool("join-cluster", "c.db", "tool", address, REMOTE).fails(1, "address")
    tool("join-cluster", "c.db", "tool", LOCAL, address).fails(1, "address")
    assert not lab.path("c.db").exists()


@pytest.mark.difference("cluster-port-needed")
@pytest.mark.parametrize("address", ["tcp:127.0.0.1:0", "tcp:127.0.0.1:"])
def test_no_port(tool, address):
    tool("create-cluster", "c.db", "tool-1.ovsschema", address).fails(1, "port")


def test_join_cluster(lab, tool):
    tool("join-cluster", "j.db", "tool", LOCAL, REMOTE, "ssl:127.0.0.3:6643").ok()
    [first] = cluster_module.read(lab.path("j.db"))
    assert first.pop("server_id") == tool("db-sid", "j.db").ok().strip()
    assert sorted(first.pop("remote_addresses")) == ["ssl:127.0.0.3:6643", REMOTE]
    assert first == {"name": "tool", "local_address": LOCAL}
    assert "cluster ID not yet known" in tool("db-cid", "j.db").fails(2).err
    assert tool("db-name", "j.db").ok() == "tool\n"
    tool("db-is-clustered", "j.db").ok()
    tool("join-cluster", "j.db", "tool", LOCAL, REMOTE).fails(1, "File exists")


def test_join_a_certain_cluster(tool):
    tool(f"--cid={CID}", "join-cluster", "j.db", "tool", LOCAL, REMOTE).ok()
    assert tool("db-cid", "j.db").ok() == CID + "\n"


@pytest.mark.parametrize("args, saying", [
    (["join-cluster", "j.db", "tool", LOCAL], "at least 4 arguments"),
    (["join-cluster", "j.db", "bad name", LOCAL, REMOTE], "not a valid schema name"),
    (["join-cluster", "j.db", "tool", LOCAL, LOCAL], "cannot be the same as the local address"),
    (["--cid=abc", "join-cluster", "j.db", "tool", LOCAL, REMOTE], "not a valid UUID"),
    (["--cid=00000000-0000-0000-0000-000000000000", "join-cluster", "j.db", "tool", LOCAL, REMOTE],
     "not a valid UUID"),
    (["create-cluster", "j.db", "tool-1.ovsschema"], "at least 3 arguments"),
    (["create-cluster", "j.db", "nope", LOCAL], "No such file"),
], ids=str)
def test_wrong_arguments(lab, tool, args, saying):
    tool(*args).fails(1, saying)
    assert not lab.path("j.db").exists()


def test_help_names_the_election_timer(tool):
    """ovn-ctl looks for it."""
    assert "election-timer" in tool("--help").ok()


# What does not work on clustered files, or on standalone ones


@pytest.mark.parametrize("args", [
    ["db-version", "c.db"], ["db-cksum", "c.db"], ["compact", "c.db"], ["compact", "c.db", "x.db"],
    ["convert", "c.db", "tool-2.ovsschema"], ["needs-conversion", "c.db", "tool-2.ovsschema"],
    ["query", "c.db", '["tool"]'], ["transact", "c.db", '["tool"]']], ids=" ".join)
def test_standalone_only(lab, tool, args):
    tool("create-cluster", "c.db", "tool-1.ovsschema", LOCAL).ok()
    before = lab.path("c.db").read_bytes()
    tool(*args).fails(1, "cannot apply this operation to")
    assert lab.path("c.db").read_bytes() == before and not lab.path("x.db").exists()


@pytest.mark.parametrize("verb", ["db-cid", "db-sid", "db-local-address", "check-cluster"])
def test_clustered_only(tool, verb):
    tool("create", "a.db", "tool-1.ovsschema").ok()
    tool(verb, "a.db").fails(1)
    tool(verb, "nope.db").fails(1, "No such file")
    tool(verb, "tool-1.ovsschema").fails(1)


# show-log, check-cluster, check, recover, cluster-to-standalone on files made here


def test_show_log(lab, tool):
    cluster_module.write(
        lab.path("c.db"), header(), {"term": 2, "vote": A}, {"term": 2, "leader": A},
        {"term": 2, "index": 2}, entry(2, 3, 5, comment="why"), {"commit_index": 3},
        {"note": "left", "comment": "bye"})
    said = tool("show-log", "c.db").ok().split("\n\n")
    assert ' server_id: aaaa' in said[0] and f' prev_servers: aaaa("{LOCAL}"), bbbb(' in said[0]
    assert ' prev_schema: "o", version="1.0.0", cksum=""' in said[0]
    assert said[1:] == ["record 1:\n term: 2\n vote: aaaa", "record 2:\n term: 2\n leader: aaaa",
                        "record 3:\n term: 2\n index: 2",
                        'record 4:\n comment: "why"\n term: 2\n index: 3\n eid: eeee',
                        "record 5:\n commit_index: 3",
                        'record 6:\n comment: "bye"\n note: "left"', ""]
    assert "    n=5\n" in tool("-mm", "show-log", "c.db").ok()


def check_cluster(lab, tool, *files):
    names = []
    for number, records in enumerate(files):
        names.append(f"{number}.db")
        cluster_module.write(lab.path(names[-1]), *records)
    return tool("check-cluster", *names)


GOOD = [entry(1, 2), entry(1, 3), {"commit_index": 3}]


@pytest.mark.parametrize("files, saying", [
    ([[header(), *GOOD]], ""), ([[header(), *GOOD], [header(B), *GOOD]], ""),
    ([[header(), *GOOD], [header(B), entry(1, 2)]], ""),
    ([[header(), *GOOD], [header(B, prev_index=3), entry(1, 4)]], ""),
    ([[header(), *GOOD, entry(1, 4)], [header(B), *GOOD, entry(2, 4, 9)]], ""),
    ([[header(), entry(1, 2), entry(1, 3), entry(2, 3, 7)]], "record 3"),
    ([[header(), *GOOD, {"note": "left"}]], "record 4 shows that the server left the cluster"),
], ids=range(7))
def test_check_cluster(lab, tool, files, saying):
    said = check_cluster(lab, tool, *files).ok()
    assert saying in said and bool(saying) == bool(said)


@pytest.mark.parametrize("files, saying", [
    ([[header()]], "all logs are empty"),
    ([[header(), *GOOD], [header(), *GOOD]], "uplicate server ID"),
    ([[header(), *GOOD], [header(B, cluster_id=A), *GOOD]], "has cluster ID"),
    ([[header(), *GOOD], [header(B, name="p"), *GOOD]], 'named "p"'),
    ([[header(), *GOOD], [header(B), entry(1, 2), entry(1, 3, 7)]], "index 3 differ"),
    ([[header(), *GOOD, {"term": 2, "leader": A}], [header(B), *GOOD, {"term": 2, "leader": B}]],
     "term 2 has two"),
    ([[header(), *GOOD], [header(B), entry(1, 2), {"term": 2, "leader": B}, entry(2, 3, 5)]],
     "committed"),
    ([[header(), entry(1, 2), entry(1, 4)]], "skips past"),
    ([[header(), entry(2, 2), entry(1, 3)]], "record 2"),
    ([[header(), {"term": 3, "vote": A}, {"term": 3, "vote": B}]], "vote"),
    ([[header(), {"term": 3, "leader": A}, {"term": 3, "leader": B}]], "leader"),
    ([[header(), *GOOD, {"commit_index": 2}]], "commit index"),
    ([[header(), entry(1, 2), {"commit_index": 3}]], "commit index"),
    ([[header(), {"term": 1.5}]], "term"), ([[header(), {"foo": 1}]], "syntax error"),
    ([[header(server_id=5)]], "server_id"), ([[header(), header()]], "syntax error"),
], ids=range(17))
def test_check_cluster_finds(lab, tool, files, saying):
    check_cluster(lab, tool, *files).fails(1, saying)


@pytest.mark.difference("cluster-committed-terms")
def test_committed_entries_of_different_terms(lab, tool):
    check_cluster(lab, tool, [header(), *GOOD],
                  [header(B), entry(1, 2), entry(2, 3, 5), {"commit_index": 3}]).fails(
                      1, "log entries with index 3 differ")


@pytest.mark.ours("the reference tool has no such verbs")
def test_check_and_recover(lab, tool):
    path = cluster_module.write(lab.path("c.db"), header(), *GOOD)
    size = path.stat().st_size
    assert tool("check", "c.db").ok() == ("c.db: the file is good: 4 records, log entries 2 to 3, "
                                          "committed up to 3\n")
    with open(path, "ab") as out:
        out.write(b"OVSDB CLUSTER 50 ")
    said = tool("check", "c.db")
    assert said.status == 2 and "interrupted write" in said.out
    assert f"the first 4 records, {size} bytes" in said.out
    tool("cluster-to-standalone", "s.db", "c.db").ok()
    data = bytearray(path.read_bytes())
    data[size - 3] ^= 1
    path.write_bytes(data + b"x")
    said = tool("check", "c.db")
    assert said.status == 2 and "first damage: record 3" in said.out
    tool("cluster-to-standalone", "t.db", "c.db").fails(1, "record 3")
    said = tool("recover", "c.db", "new.db").ok()
    assert "the first 3 records" in said and "no server may start with this file" in said
    assert len(cluster_module.read(lab.path("new.db"))) == 3
    tool("--skip-damaged", "recover", "c.db", "n.db").fails(1, "--skip-damaged")
    assert not lab.path("t.db").exists() and not lab.path("n.db").exists()


@pytest.mark.ours("the reference tool has no such verbs")
def test_a_damaged_first_record(lab, tool):
    lab.path("c.db").write_bytes(b"OVSDB CLUSTER 5 " + b"0" * 40 + b"\n{}xx\n")
    for args in (["check", "c.db"], ["recover", "c.db", "new.db"], ["db-sid", "c.db"],
                 ["show-log", "c.db"], ["cluster-to-standalone", "new.db", "c.db"]):
        tool(*args).fails(1, "record 0 at offset 0: its SHA-1 hash is not the one in its header")
    assert not lab.path("new.db").exists()


@pytest.mark.ours("the reference tool has no such verb")
def test_check_of_contents(lab, tool):
    cluster_module.write(lab.path("c.db"), header(),
                         {"term": 1, "index": 2, "eid": EID + "1",
                          "data": [None, {"t": {ROW: None}}]})
    said = tool("check", "c.db")
    assert said.status == 2 and "entry 2: table t, row" in said.out
    tool("cluster-to-standalone", "s.db", "c.db").fails(1, "entry 2: table t, row")
    assert not lab.path("s.db").exists()


@pytest.mark.difference("cluster-without-contents")
def test_cluster_to_standalone_of_a_server_that_has_not_joined(lab, tool):
    tool("join-cluster", "j.db", "tool", LOCAL, REMOTE).ok()
    tool("cluster-to-standalone", "s.db", "j.db").fails(1, "has not joined the cluster")
    assert not lab.path("s.db").exists()


def test_cluster_to_standalone(lab, tool):
    cluster_module.write(lab.path("c.db"), header(), entry(1, 2, 5), entry(1, 3, 6),
                         {"commit_index": 2})
    tool("cluster-to-standalone", "s.db", "c.db").ok()
    select = '["o",{"op":"select","table":"t","where":[],"columns":["n"]}]'
    assert json.loads(tool("query", "s.db", select).ok()) == [{"rows": [{"n": 6}]}]
    tool("cluster-to-standalone", "s.db", "c.db").fails(1, "File exists")
    tool("cluster-to-standalone", "t.db", "s.db").fails(1)


@pytest.mark.difference("cluster-replaced-entries")
def test_replaced_entries_are_gone(lab, tool):
    cluster_module.write(lab.path("c.db"), header(), entry(1, 2, 5), entry(1, 3, 6), entry(2, 2, 7))
    tool("cluster-to-standalone", "s.db", "c.db").ok()
    _, change = dbfile.read(lab.path("s.db"))
    assert change == {"t": {ROW: {"n": 7}}}


@pytest.mark.difference("cluster-conversion")
def test_cluster_to_standalone_after_a_conversion(lab, tool):
    schema = header()["prev_data"][0]
    new = {**schema, "version": "2.0.0", "tables": {
        "t": {"columns": {"m": {"type": "integer"}}, "isRoot": True}}}
    cluster_module.write(lab.path("c.db"), header(), entry(1, 2, 5),
                         entry(1, 3, data=[new, {"t": {ROW: {"m": 6}}}]),
                         entry(1, 4, data=[None, {"_is_diff": True, "t": {ROW: {"m": 7}}}]))
    tool("cluster-to-standalone", "s.db", "c.db").ok()
    assert tool("db-version", "s.db").ok() == "2.0.0\n"
    select = '["o",{"op":"select","table":"t","where":[],"columns":["m"]}]'
    assert json.loads(tool("query", "s.db", select).ok()) == [{"rows": [{"m": 7}]}]


@pytest.mark.difference("cluster-show-log")
def test_show_log_names_and_timers(lab, tool):
    cluster_module.write(lab.path("c.db"), header(prev_election_timer=1000),
                         {"term": 1, "index": 2, "election_timer": 1500})
    said = tool("show-log", "c.db").ok()
    assert '\n name: "o"\n' in said and "\n prev_election_timer: 1000\n" in said
    assert said.endswith("record 1:\n term: 1\n index: 2\n election_timer: 1500\n\n")


# The files of a running cluster of Debian's, and Debian's server with files made here


def insert(name, n):
    return {"op": "insert", "table": "T", "row": {"name": name, "n": n}}


@pytest.fixture
def cluster(lab, tool):
    """A cluster of three members with transactions, a conversion and a snapshot. One member leaves."""
    ports = cluster_module.free_ports(3)
    local = dict(zip("abc", (f"tcp:127.0.0.1:{port}" for port in ports)))
    cluster = Cluster(lab, "tool")
    tool("--election-timer=1500", "create-cluster", "a.db", "tool-1.ovsschema", local["a"]).ok()
    cluster.start("a")
    cid = tool("db-cid", "a.db").ok().strip()
    tool("join-cluster", "b.db", "tool", local["b"], local["a"]).ok()
    tool(f"--cid={cid}", "join-cluster", "c.db", "tool", local["c"], local["a"]).ok()
    for name in "bc":
        cluster.start(name)
    cluster.transact("b", insert("one", 1), {"op": "comment", "comment": 'first "row"'})
    cluster.transact("a", insert("two", 2))
    cluster.transact("c", {"op": "delete", "table": "T", "where": [["name", "==", "one"]]})
    cluster.client("convert", cluster.socket("a"), lab.path("tool-2.ovsschema")).ok()
    cluster.transact("a", {"op": "update", "table": "T", "where": [], "row": {"n": 20}})
    cluster.members["b"].control("ovsdb-server/compact", "tool")
    cluster.transact("a", insert("three", 3))
    cluster.members["c"].control("cluster/leave", "tool")
    cluster.wait_for_file("c", '"note":"left"')
    cluster.transact("b", insert("four", 4))
    return cluster


def normalized(text):
    """The output of show-log without the parts that differ: the order of columns, a quote, our
    additional lines."""
    lines = [line for line in text.splitlines() if "election_timer:" not in line]
    lines[1] = lines[1].replace("'", '"')
    blocks = re.split(r"\n(?=  table|record)", "\n".join(lines))
    return ["\n".join([first, *sorted(rest)]) for first, *rest in map(str.splitlines, blocks)]


def contents(lab, tool, name):
    query = '["tool",{"op":"select","table":"T","where":[],"columns":["name","n"]}]'
    [result] = json.loads(tool("query", name, query).ok())
    return sorted((row["name"], row["n"]) for row in result["rows"])


@pytest.mark.ours("the test compares with the reference tool")
def test_files_of_a_running_cluster(lab, tool, cluster):
    cluster.stop()

    def reference(*args):
        return lab.run(lab.reference.tool, "-vconsole:off", *args)

    for name in ("a.db", "b.db", "c.db"):
        for more in ((), ("-m",), ("-mm",)):
            ours, theirs = tool(*more, "show-log", name).ok(), reference(*more, "show-log", name)
            assert normalized(ours) == normalized(theirs.ok())
        for verb in ("db-cid", "db-sid", "db-local-address", "db-name"):
            assert tool(verb, name).ok() == reference(verb, name).ok()
        assert "the file is good" in tool("check", name).ok()
    for files in (["a.db"], ["a.db", "b.db"], ["a.db", "b.db", "c.db"]):
        assert tool("check-cluster", *files).ok() == reference("check-cluster", *files).ok()
    for name in "abc":
        tool("cluster-to-standalone", f"{name}-alone.db", f"{name}.db").ok()
    everything = [("four", 4), ("three", 3), ("two", 20)]
    assert contents(lab, tool, "a-alone.db") == everything
    assert contents(lab, tool, "b-alone.db") == everything
    assert contents(lab, tool, "c-alone.db") == everything[1:]
    # Without a conversion in the log both programs write the same records.
    reference("cluster-to-standalone", "theirs.db", "b.db").ok()
    assert dbfile.read(lab.path("b-alone.db")) == dbfile.read(lab.path("theirs.db"))
    # The standalone file serves, and is the beginning of a new cluster.
    lab.serve(lab.path("a-alone.db")).stop()
    tool("create-cluster", "new.db", "b-alone.db", LOCAL).ok()
    assert reference("db-local-address", "new.db").ok() == LOCAL + "\n"


@pytest.mark.ours("the test runs the reference server itself")
def test_a_cluster_from_a_database(lab, tool):
    """Debian's server serves a file that create-cluster has made of a database, with all rows."""
    db = dbfile.create(lab.path("old.db"), lab_module.schema("tool-1"),
                       {"T": {ROW: {"name": "old", "n": 5}}})
    [port] = cluster_module.free_ports(1)
    tool("create-cluster", "a.db", db, f"tcp:127.0.0.1:{port}").ok()
    cluster = Cluster(lab, "tool")
    cluster.start("a")
    cluster.transact("a", insert("new", 6))
    cluster.stop()
    tool("cluster-to-standalone", "alone.db", "a.db").ok()
    assert contents(lab, tool, "alone.db") == [("new", 6), ("old", 5)]
