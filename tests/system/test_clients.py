# SPDX-License-Identifier: Apache-2.0
"""The commands that list clients, their monitors and slow transactions."""
import datetime
import json
import os

import pytest

from harness import wait

pytestmark = pytest.mark.ours("the reference server has no such commands")

INSERT = {"op": "insert", "table": "T", "row": {"name": "x"}}


def ask(lab, server, command, *args):
    return json.loads(lab.appctl("-t", server.control_path, "--format=json",
                                 f"ovsdb-server/{command}", *args).ok())


def clients(lab, server, *args):
    return ask(lab, server, "clients", *args)["clients"]


def seconds_ago(text):
    time = datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ")
    return (datetime.datetime.utcnow() - time).total_seconds()


def test_a_client(lab):
    server = lab.serve("small")
    client = server.client()
    client.transact("small", INSERT)
    client.transact("small", {"op": "abort"})
    client.call("monitor", "small", "m", {"T": {}})
    client.call("lock", "l")
    client.request("transact", ["small", {"op": "wait", "table": "T", "where": [], "rows": [],
                                          "columns": ["name"], "until": "=="}], id_=99)
    client.call("echo")
    (record,) = clients(lab, server)
    assert record["client"].startswith("unix#") and record["remote"].startswith("punix:")
    assert record["uid"] == os.getuid() and record["pid"] == os.getpid()
    assert not record["read_only"] and "role" not in record and "id" not in record
    assert -1 < seconds_ago(record["since"]) < 600
    assert record["requests"] == 6 and record["transactions"] == 2
    assert record["monitors"] == record["locks"] == record["waiting"] == 1
    assert record["received_bytes"] > 300 and record["sent_bytes"] > 100
    assert record["queued_bytes"] == record["owed_bytes"] == 0
    assert record["busy_us"] > 0
    before = record
    client.call("echo", "x" * 1000)
    (record,) = clients(lab, server)
    assert record["received_bytes"] - before["received_bytes"] > 1000
    assert record["sent_bytes"] - before["sent_bytes"] > 1000
    assert record["busy_us"] >= before["busy_us"] and record["since"][:19] == before["since"][:19]


def test_table_and_sort(lab):
    server = lab.serve("small")
    first, second, third = (server.client() for _ in range(3))
    first.call("echo")
    for _ in range(3):
        second.transact("small", INSERT)
    for _ in range(2):
        third.transact("small", INSERT)
    assert [c["transactions"] for c in clients(lab, server)] == [0, 3, 2]
    assert [c["transactions"] for c in clients(lab, server, "transactions")] == [3, 2, 0]
    names = [c["client"] for c in clients(lab, server, "client")]
    assert names == sorted(names)
    lines = server.control("ovsdb-server/clients", "transactions").splitlines()
    assert len(lines) == 5 and lines[0].split()[0] == "client"
    assert set(lines[1]) == {"-", " "}
    column = lines[0].split().index("transactions")
    assert [line.split()[column] for line in lines[2:]] == ["3", "2", "0"]
    assert len({len(line) for line in lines}) == 1  # the last column is a number
    lab.appctl("-t", server.control_path, "ovsdb-server/clients", "nope").fails(
        2, 'there is no column "nope" to sort by')


def test_identity(lab):
    server = lab.serve("small", options=["--identity=user:root,role=r,id=me,read-only=yes"])
    client = server.client()
    client.call("echo")
    (record,) = clients(lab, server)
    assert (record["id"], record["role"], record["read_only"]) == ("me", "r", True)


def test_a_client_that_does_not_read(lab):
    server = lab.serve("small")
    writer, reader = server.client(), server.client()
    reader.call("monitor", "small", "m", {"T": {}})
    for i in range(60):
        writer.insert("small", "T", {"name": f"{i}" + "x" * 400000})
    record = clients(lab, server, "queued_bytes")[0]
    assert record["monitors"] == 1 and record["queued_bytes"] > 1000000
    (monitor,) = ask(lab, server, "monitors")["monitors"]
    assert monitor["state"] == "behind" and monitor["owed_bytes"] > 0
    assert record["owed_bytes"] == monitor["owed_bytes"]
    metrics = dict(line.split() for line in server.control("metrics").splitlines()
                   if not line.startswith("#") and "{" not in line)
    assert float(metrics["ovsdb_owed_bytes"]) == record["owed_bytes"]
    assert float(metrics["ovsdb_largest_backlog_bytes"]) \
        == record["owed_bytes"] + record["queued_bytes"]


def test_monitors(lab):
    server = lab.serve("small")
    writer, reader = server.client(), server.client()
    writer.insert("small", "T", {"name": "a"})
    reader.call("monitor", "small", {"my": "id"}, {"T": {"columns": ["name"]}})
    reader.call("monitor_cond_since", "small", "x" * 1000,
                {"T": [{"columns": ["name"], "where": [["name", "==", "b"], ["n", ">", 5]]}]},
                "00000000-0000-0000-0000-000000000000")
    writer.insert("small", "T", {"name": "b"})
    reader.call("echo")
    wait.until(lambda: sum(m["messages"] for m in ask(lab, server, "monitors")["monitors"]) == 4,
               "both updates")
    first, second = ask(lab, server, "monitors", "version")["monitors"][::-1]
    assert first["database"] == "small" and first["tables"] == ["T"]
    assert (first["version"], first["clauses"]) == (1, 0)
    assert json.loads(first["id"]) == {"my": "id"}
    assert (first["messages"], first["rows"]) == (2, 2)
    assert (second["version"], second["clauses"]) == (3, 2)
    assert (second["messages"], second["rows"]) == (2, 1)
    assert second["id"].startswith('"xxx') and len(second["id"]) < 100
    assert first["state"] == second["state"] == "ready"
    assert first["bytes"] > 100 and first["owed_bytes"] == 0
    assert first["client"] == clients(lab, server, "monitors")[0]["client"]
    reader.call("monitor_cancel", {"my": "id"})
    assert len(ask(lab, server, "monitors")["monitors"]) == 1
    assert '"xxx' in server.control("ovsdb-server/monitors").splitlines()[2]


def test_slow_log(lab):
    server = lab.serve("small", options=["--slow-log-threshold=0", "--slow-log-size=2"])
    client = server.client()
    client.transact("small", INSERT, {"op": "comment", "comment": "do not show"})
    rows = [{"op": "insert", "table": "T", "row": {"name": f"secret{i}"}} for i in range(2000)]
    client.transact("small", *rows)
    log = ask(lab, server, "slow-log")
    assert (log["size"], log["threshold_us"]) == (2, 0)
    longest, other = log["transactions"]
    assert longest["duration_us"] >= other["duration_us"]
    assert (longest["what"], longest["operations"]) == ("insert T (2000)", 2000)
    assert (other["what"], other["operations"]) == ("insert T, comment", 2)
    assert longest["request_bytes"] > 2000 * 50 and longest["reply_bytes"] > 2000 * 36
    assert longest["database"] == "small" and not longest["failed"]
    assert longest["client"] == clients(lab, server)[0]["client"]
    assert -1 < seconds_ago(longest["ended"]) < 600
    text = server.control("ovsdb-server/slow-log")
    assert "insert T (2000)" in text and "secret" not in text and "do not show" not in text
    (first, second) = ask(lab, server, "slow-log", "operations")["transactions"]
    assert first["operations"] > second["operations"]
    server.control("ovsdb-server/slow-log-clear")
    assert ask(lab, server, "slow-log")["transactions"] == []


def test_slow_log_settings_are_reloaded(lab):
    config = lab.path("server.conf")
    config.write_text("[options]\nslow-log-threshold = 3600000\n")
    server = lab.serve("small", options=[f"--config-file={config}"])
    client = server.client()
    client.transact("small", INSERT)
    assert ask(lab, server, "slow-log")["transactions"] == []
    config.write_text("[options]\nslow-log-threshold = 0\nslow-log-size = 5\n")
    server.control("ovsdb-server/reload")
    for _ in range(7):
        client.transact("small", INSERT)
    assert len(ask(lab, server, "slow-log")["transactions"]) == 5


def test_a_waiting_transaction_is_logged_with_its_wait(lab):
    server = lab.serve("small", options=["--slow-log-threshold=0"])
    client = server.client()
    client.transact("small", {"op": "wait", "timeout": 300, "table": "T", "where": [], "rows": [
        {"name": "never"}], "columns": ["name"], "until": "=="})
    (transaction,) = ask(lab, server, "slow-log")["transactions"]
    assert transaction["waited_us"] >= 300000 and transaction["failed"]
    assert transaction["what"] == "wait T"
