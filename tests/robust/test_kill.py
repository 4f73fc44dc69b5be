# SPDX-License-Identifier: Apache-2.0
"""kill -9 at random moments under load, during compactions and conversions: the file contains every
confirmed transaction, each one completely or not at all, and the reference server can read it."""
import copy
import json
import os
import random
import shutil
import threading

import pytest
from harness import dbfile, programs
from harness.rpc import Closed, RpcError

SCHEMA = {"name": "kill", "version": "1.0.0", "tables": {
    "Part": {"isRoot": True, "columns": {"tag": {"type": "string"}, "number": {"type": "integer"}}},
    "Side": {"isRoot": True, "indexes": [["tag"]], "columns": {"tag": {"type": "string"}}},
    "Sum": {"isRoot": True, "columns": {"n": {"type": "integer"}}},
    # So many rows that writing a new file takes long.
    "Ballast": {"isRoot": True, "columns": {"text": {"type": "string"}}}}}
CONVERTED = copy.deepcopy(SCHEMA)
CONVERTED["version"] = "2.0.0"
CONVERTED["tables"]["Ballast"]["columns"]["more"] = {"type": "string"}
CONTENT = {"_date": 1700000000000,
           "Sum": {"00000000-0000-4000-8000-000000000001": {}},
           "Ballast": {f"00000000-0000-4000-8000-{i:012}": {"text": f"ballast {i}"}
                       for i in range(5000)}}
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
        self.client.call("set_db_change_aware", True)
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
            try:
                server.control("ovsdb-server/compact", "kill")
            except RpcError as error:
                assert "is being converted" in str(error)
    except (Closed, OSError, AssertionError):
        pass


def convert_until_killed(server):
    try:
        with server.client() as client:
            client.call("set_db_change_aware", True)
            while True:
                for schema in (CONVERTED, SCHEMA):
                    assert client.call("convert", "kill", schema) == {}
    except (Closed, OSError):
        pass


def check(client, answered):
    """Compares the database with the tags of the acknowledged transactions."""
    found = {}
    for row in client.select("kill", "Part", ["tag", "number", "_uuid"]):
        found.setdefault(row["tag"], []).append(row["number"])
    sides = {row["tag"] for row in client.select("kill", "Side", ["tag"])}
    assert all(sorted(numbers) == [1, 2] for numbers in found.values()), "half a transaction"
    assert set(found) == sides, "half a transaction"
    assert client.select("kill", "Sum", ["n"]) == [{"n": len(found)}], "half a transaction"
    assert len(client.select("kill", "Ballast")) == len(CONTENT["Ballast"])
    assert answered <= set(found), f"lost: {sorted(answered - set(found))}"


def check_with_reference(lab, path, client):
    """Debian's ovsdb-tool reads the same contents from the file after the kill as the server."""
    tool = programs.debian().tool
    if not tool:
        return
    operation = {"op": "select", "table": "Sum", "where": [], "columns": ["n"]}
    done = programs.run([tool, "query", path, json.dumps(["kill", operation])], env=lab.env)
    assert done.status == 0, done
    assert json.loads(done.out)[0]["rows"] == client.select("kill", "Sum", ["n"])


def one_round(server, number, delay, work):
    """Lets four clients write until the server is killed; returns the tags answered."""
    writers = [Writer(server, f"{number}-{i}") for i in range(N_WRITERS)]
    threads = list(writers)
    threads += [threading.Thread(target=one, args=[server]) for one in work]
    killer = threading.Timer(delay, server.process.kill)
    for thread in [*threads, killer]:
        thread.start()
    for thread in [*threads, killer]:
        thread.join()
    server.kill()
    errors = [w.error for w in writers if w.error]
    assert not errors, errors[0]
    return set().union(*(w.answered for w in writers))


@pytest.mark.parametrize("work", [
    [], [compact_until_killed], [convert_until_killed],
    [compact_until_killed, convert_until_killed],
], ids=["writing", "compacting", "converting", "compacting-and-converting"])
def test_kill_under_load(lab, pytestconfig, work):
    rng = random.Random(len(work))
    path = dbfile.create(lab.path("kill.db"), SCHEMA, CONTENT)
    # A record that was being written when the server was killed.
    server = lab.new_server().allow(r"kill\.db")
    answered = set()
    n_rounds = pytestconfig.getoption("rounds")
    for number in range(n_rounds):
        server.start([path])
        check(server.client(), answered)
        answered |= one_round(server, number, rng.uniform(0.01, 0.4), work)
        shutil.copyfile(path, lab.path("left.db"))
    assert len(answered) > n_rounds, "too little was written to mean anything"
    server.start([path])
    client = server.client()
    check(client, answered)
    check_with_reference(lab, lab.path("left.db"), client)
    server.control("ovsdb-server/compact", "kill")
    server.stop()
    assert [type(r) for r in dbfile.read(path)] == [dict, dict]
    left = [name for name in os.listdir(lab.directory) if "kill.db" in name]
    assert sorted(left) == [".kill.db.~lock~", "kill.db"], "compactions cut short left files"


def test_the_check_notices(lab):
    """The check detects a lost transaction and a half of one."""
    path = dbfile.create(lab.path("kill.db"), SCHEMA, CONTENT)
    client = lab.new_server().start([path]).client()
    check(client, set())
    with pytest.raises(AssertionError, match="lost"):
        check(client, {"0-0-1"})
    client.commit(*transaction("a")[:2])
    with pytest.raises(AssertionError, match="half"):
        check(client, set())
