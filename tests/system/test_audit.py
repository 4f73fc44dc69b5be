# SPDX-License-Identifier: Apache-2.0
"""The audit: the log contains who changed which rows."""
import os
import re

import pytest

from harness.rpc import RpcError

LINE = re.compile(r"\|transaction\|INFO\|(.*)")


def audited(server):
    return LINE.findall(server.log())


def insert(table, **row):
    return {"op": "insert", "table": table, "row": row}


def listed(server):
    """{DB:TABLE: ON or OFF} of tlog-list."""
    result, db = {}, None
    for line in server.control("ovsdb-server/tlog-list").splitlines()[2:]:
        words = line.split()
        if len(words) == 1:
            db = words[0]
        else:
            result[f"{db}:{words[0]}"] = words[1]
    return result


def test_list_and_set(lab):
    server = lab.serve("small")
    assert listed(server) == {"_Server:Database": "OFF", "small:C": "OFF", "small:I": "OFF",
                              "small:T": "OFF"}
    server.control("ovsdb-server/tlog-set", "small:T", "on")
    assert listed(server)["small:T"] == "ON" and listed(server)["small:C"] == "OFF"
    server.control("ovsdb-server/tlog-set", "small:T", "off")
    assert "ON" not in listed(server).values()


@pytest.mark.parametrize("arguments, error", [
    (["nope:T", "on"], "no such database"), (["small:X", "on"], "no such table"),
    (["small:T", "maybe"], "invalid command argument"), (["small:", "on"], None),
    ([":T", "on"], None),
])
def test_errors(lab, arguments, error):
    server = lab.serve("small")
    with pytest.raises(RpcError, match=error or ""):
        server.control("ovsdb-server/tlog-set", *arguments)


def test_a_change_is_logged(lab):
    """The reference server, too, has a line of this module for each row."""
    server = lab.serve("small")
    client = server.client()
    client.transact("small", insert("T", name="before"))
    server.control("ovsdb-server/tlog-set", "small:T", "on")
    client.transact("small", insert("T", name="x"))
    client.transact("small", insert("C", name="not audited"))
    server.control("ovsdb-server/tlog-set", "small:T", "off")
    client.transact("small", insert("T", name="after"))
    assert len(audited(server)) == 1


ours = pytest.mark.ours("the reference server logs values, but not the client")


@ours
def test_contents_of_the_messages(lab):
    server = lab.serve("small")
    server.control("ovsdb-server/tlog-set", "small:T", "on")
    client = server.client()
    result = client.transact("small", insert("T", name="x"), insert("T", name="y"),
                             {"op": "comment", "comment": "because\nof this"})
    uuids = [result[i]["uuid"][1] for i in (0, 1)]
    client.transact("small", {"op": "update", "table": "T", "where": [["name", "==", "x"]],
                              "row": {"n": 1}})
    client.transact("small", {"op": "delete", "table": "T", "where": [["name", "==", "x"]]})
    first, second, third = audited(server)
    match = re.fullmatch(r"small: transaction ([0-9a-f-]{36}) of unix#\d+ \(uid (\d+), "
                         r"pid (\d+)\): (.*); comment: because of this", first)
    assert match and int(match[2]) == os.getuid() and int(match[3]) == os.getpid()
    assert sorted(match[4].split(", ")) == sorted(f"T insert {uuid}" for uuid in uuids)
    assert second.endswith(f": T modify {uuids[0]}") and third.endswith(f": T delete {uuids[0]}")
    # The id is the one that monitors are told.
    server.control("ovsdb-server/tlog-set", "small", "on")
    watcher = server.client()
    watcher.call("monitor_cond_since", "small", "m", {"T": {}},
                 "0" * 8 + "-0000-0000-0000-" + "0" * 12)
    client.transact("small", insert("T", name="z"))
    assert watcher.notification("update3")[1] in audited(server)[-1]


@ours
def test_a_whole_database(lab):
    server = lab.serve("small")
    client = server.client()
    server.control("ovsdb-server/tlog-set", "small", "on")
    server.control("ovsdb-server/tlog-set", "small:C", "off")
    assert listed(server) == {"_Server:Database": "OFF", "small:C": "OFF", "small:I": "ON",
                              "small:T": "ON"}
    client.transact("small", insert("C", name="c"))
    client.transact("small", insert("T", name="t"))
    assert len(audited(server)) == 1
    server.control("ovsdb-server/tlog-set", "small", "off")
    client.transact("small", insert("T", name="t"))
    assert len(audited(server)) == 1


@ours
def test_many_rows_are_counted(lab):
    server = lab.serve("small", options=["--audit=small:T"])
    server.client().transact("small", *[insert("T", name=str(i)) for i in range(500)])
    line, = audited(server)
    assert line.count("T insert") == 20 and line.endswith(" and 480 more")


@ours
def test_the_option(lab):
    """The option also covers databases that are added later. Transactions that fail or change
    nothing are not logged."""
    server = lab.serve("small", options=["--audit=other,small:T"])
    client = server.client()
    client.transact("small", insert("I", a=1))
    client.transact("small", {"op": "delete", "table": "T", "where": []})
    client.transact("small", insert("T", name="t"), {"op": "abort"})
    assert audited(server) == []
    server.control("ovsdb-server/add-db", lab.db("other"))
    assert listed(server)["other:X"] == "ON"
    server.client().transact("small", insert("T", name="t"))
    server.client().transact("other", insert("X"))
    assert [line.split(":")[0] for line in audited(server)] == ["small", "other"]


@ours
def test_waiting_transactions_have_their_author(lab):
    server = lab.serve("small", options=["--audit=small"])
    waiter, other = server.client(), server.client()
    waiter.request("transact", ["small", {"op": "wait", "table": "T", "where": [],
                                          "columns": ["name"], "rows": [{"name": "go"}],
                                          "until": "=="}, insert("T", name="mine")], id_=7)
    waiter.call("echo")
    other.transact("small", insert("T", name="go"))
    waiter.result(7)
    authors = [re.search(r"of (unix#\d+) ", line)[1] for line in audited(server)]
    assert len(set(authors)) == 2 and len(authors) == 2


@ours
def test_a_long_comment_is_cut(lab):
    """Proxy two characters: the log stays UTF-8."""
    server = lab.serve("small")
    server.control("ovsdb-server/tlog-set", "small:T", "on")
    client = server.client()
    for comment, shown in [("c" * 501, "c" * 500), ("c" + "\u00e9" * 300, "c" + "\u00e9" * 249)]:
        client.transact("small", insert("T", name="x"), {"op": "comment", "comment": comment})
        assert audited(server)[-1].endswith(f"; comment: {shown}...")
