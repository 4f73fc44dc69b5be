# SPDX-License-Identifier: Apache-2.0
"""Output that is kept for clients that do not read, and the disconnection of clients beyond the
limit."""
import pytest

pytestmark = pytest.mark.ours("the reference server has no --max-backlog")

BIG = 400000


def requests():
    return {"T": {"columns": ["name"]}}


def change_rows(client, letter, reader=None):
    for i in range(20):
        client.commit("small", {"op": "update", "table": "T", "where": [["n", "==", i]],
                                "row": {"name": letter * BIG}})
        if reader:
            reader.call("echo")


def add_rows(client, *readers):
    for i in range(20):
        client.insert("small", "T", {"name": "a" * BIG, "n": i})
        for reader in readers:
            reader.call("echo")


@pytest.mark.parametrize("method", ["monitor", "monitor_cond"])
def test_cut(lab, method):
    server = lab.serve("small", options=["--max-backlog=6M"])
    server.allow("does not read")
    writer, idle, reader = server.client(), server.client(), server.client()
    reader.call(method, "small", "m", requests())
    idle.call(method, "small", "m", requests())
    idle.call("lock", "l")
    reader.call("lock", "l")
    add_rows(writer, idle, reader)
    for letter in "bcd":
        change_rows(writer, letter, reader)
    server.wait_log("disconnected: the client does not read")
    idle.wait_closed()
    # Whoever reads has been told everything, and is told on.
    assert reader.call("echo") == []
    assert ("locked", ["l"]) in reader.notifications
    uuid = writer.insert("small", "T", {"name": "last"})
    reader.call("echo")
    assert uuid in reader.notifications[-1][1][1]["T"]


def test_not_cut(lab):
    server = lab.serve("small", options=["--max-backlog=100M"])
    writer, idle = server.client(), server.client()
    add_rows(writer)
    idle.call("monitor", "small", "m", requests())
    change_rows(writer, "b")
    change_rows(writer, "c")
    uuid = writer.insert("small", "T", {"name": "last"})
    rows = {}
    while uuid not in rows:
        for row, change in idle.notification("update")[1]["T"].items():
            rows[row] = change["new"]["name"]
    assert set(rows.values()) == {"c" * BIG, "last"}


@pytest.mark.parametrize("size", ["0", "-1", "x", "1X", "1MB", "", "99999999999999999999",
                                  "99999999999G"])
def test_bad_size(lab, size):
    lab.run(lab.programs.server, f"--max-backlog={size}", "--no-dbs").fails(1, "--max-backlog")
