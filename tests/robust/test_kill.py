# SPDX-License-Identifier: Apache-2.0
"""kill -9 at random moments under load: what was answered is there, all or nothing."""
import os
import random
import threading

import pytest
from harness import dbfile
from harness.rpc import Closed

SCHEMA = {"name": "kill", "version": "1.0.0", "tables": {
    "Part": {"isRoot": True, "columns": {"tag": {"type": "string"}, "number": {"type": "integer"}}},
    "Side": {"isRoot": True, "indexes": [["tag"]], "columns": {"tag": {"type": "string"}}},
    "Sum": {"isRoot": True, "columns": {"n": {"type": "integer"}}}}}
N_WRITERS = 4
WINDOW = 8


def transaction(tag):
    """Rows in two tables with one tag, and one more in the sum."""
    return ["kill",
            {"op": "insert", "table": "Part", "row": {"tag": tag, "number": 1}},
            {"op": "insert", "table": "Part", "row": {"tag": tag, "number": 2}},
            {"op": "insert", "table": "Side", "row": {"tag": tag}},
            {"op": "mutate", "table": "Sum", "where": [], "mutations": [["n", "+=", 1]]},
            {"op": "commit", "durable": True}]


class Writer(threading.Thread):
    """Sends transactions until the server is gone. `answered` are the tags of those committed."""

    def __init__(self, server, name):
        super().__init__(name=name)
        self.client = server.client()
        self.answered = set()
        self.error = None

    def run(self):
        sent = 0
        try:
            while True:
                while sent - len(self.answered) < WINDOW:
                    sent += 1
                    tag = f"{self.name}-{sent}"
                    self.client.request("transact", transaction(tag), id_=tag)
                reply = self.client.receive()
                if any("error" in result for result in reply["result"]):
                    self.error = reply
                    return
                self.answered.add(reply["id"])
        except (Closed, OSError):
            pass


def compact_until_killed(server):
    try:
        while True:
            server.control("ovsdb-server/compact", "kill")
    except (Closed, OSError, AssertionError):
        pass


def check(client, answered):
    """Holds the database against the tags of the transactions that were answered."""
    found = {}
    for row in client.select("kill", "Part", ["tag", "number", "_uuid"]):
        found.setdefault(row["tag"], []).append(row["number"])
    sides = {row["tag"] for row in client.select("kill", "Side", ["tag"])}
    assert all(sorted(numbers) == [1, 2] for numbers in found.values()), "half a transaction"
    assert set(found) == sides, "half a transaction"
    assert client.select("kill", "Sum", ["n"]) == [{"n": len(found)}], "half a transaction"
    assert answered <= set(found), f"lost: {sorted(answered - set(found))}"


def one_round(server, number, delay, compacting):
    """Lets four clients write until the server is killed; returns the tags answered."""
    writers = [Writer(server, f"{number}-{i}") for i in range(N_WRITERS)]
    threads = list(writers)
    if compacting:
        threads.append(threading.Thread(target=compact_until_killed, args=[server]))
    killer = threading.Timer(delay, server.process.kill)
    for thread in [*threads, killer]:
        thread.start()
    for thread in [*threads, killer]:
        thread.join()
    server.kill()
    errors = [w.error for w in writers if w.error]
    assert not errors, errors[0]
    return set().union(*(w.answered for w in writers))


@pytest.mark.parametrize("compacting", [False, True], ids=["writing", "compacting"])
def test_kill_under_load(lab, pytestconfig, compacting):
    rng = random.Random(compacting)
    path = dbfile.create(lab.path("kill.db"), SCHEMA, {"_date": 1700000000000, "Sum": {
        "00000000-0000-4000-8000-000000000001": {}}})
    # A record that was being written when the end came.
    server = lab.new_server().allow(r"kill\.db")
    answered = set()
    n_rounds = pytestconfig.getoption("rounds")
    for number in range(n_rounds):
        server.start([path])
        check(server.client(), answered)
        answered |= one_round(server, number, rng.uniform(0.01, 0.4), compacting)
    assert len(answered) > n_rounds, "too little was written to mean anything"
    server.start([path])
    check(server.client(), answered)
    server.control("ovsdb-server/compact", "kill")
    server.stop()
    assert [type(r) for r in dbfile.read(path)] == [dict, dict]
    left = [name for name in os.listdir(lab.directory) if "kill.db" in name]
    assert sorted(left) == [".kill.db.~lock~", "kill.db"], "compactions cut short left files"


def test_the_check_notices(lab):
    """A transaction lost, or half of one, does not pass."""
    path = dbfile.create(lab.path("kill.db"), SCHEMA, {"_date": 1700000000000, "Sum": {
        "00000000-0000-4000-8000-000000000001": {}}})
    client = lab.new_server().start([path]).client()
    check(client, set())
    with pytest.raises(AssertionError, match="lost"):
        check(client, {"0-0-1"})
    client.commit(*transaction("a")[:2])
    with pytest.raises(AssertionError, match="half"):
        check(client, set())
