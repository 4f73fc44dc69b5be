# SPDX-License-Identifier: Apache-2.0
"""monitor_cond_since across restarts: a client that reconnects to a server that was stopped,
killed, or started on a file of another server gets exactly the changes that it has missed."""
import copy
import json
import random

import pytest

from harness.replica import ZERO, Replica

DEFAULTS = {"T": {"name": "", "n": 0, "tags": ["set", []], "map": ["map", []],
                  "kids": ["set", []], "likes": ["set", []]}, "C": {"name": ""}}
SETS = {("T", "tags"), ("T", "kids"), ("T", "likes")}
REQUESTS = {table: {"columns": list(columns)} for table, columns in DEFAULTS.items()}

pytestmark = pytest.mark.difference("resume")


def since(server, last=ZERO, requests=None):
    with server.client() as client:
        return client.call("monitor_cond_since", "small", "m", requests or REQUESTS, last)


def fresh(server):
    replica = Replica(DEFAULTS, SETS)
    _, last, updates = since(server)
    replica.apply(updates)
    return last, {table: replica.rows(table) for table in DEFAULTS}


def write(client, rng, names):
    """One random transaction, which inserts and deletes rows with strong and weak references."""
    name = f"t{len(names)}"
    some = rng.choice(names) if names else "none"
    where = [["name", "==", some]]
    kind = rng.randrange(6)
    if kind < 2 or not names:
        names.append(name)
        client.commit(
            "small", {"op": "insert", "table": "C", "row": {"name": name}, "uuid-name": "kid"},
            {"op": "insert", "table": "T", "uuid-name": "me",
             "row": {"name": name, "kids": ["named-uuid", "kid"],
                     "tags": ["set", rng.sample(["a", "b", "c"], 2)]}})
    elif kind == 2:
        row = client.select("small", "C", ["_uuid"], where)
        client.commit("small", {"op": "mutate", "table": "T", "where": [],
                                "mutations": [["likes", "insert",
                                               ["set", [r["_uuid"] for r in row]]]]})
    elif kind == 3:
        client.commit("small", {"op": "mutate", "table": "T", "where": where, "mutations": [
            ["n", "+=", 1], ["map", "insert", ["map", [[rng.choice("xy"), str(len(names))]]]]]})
    elif kind == 4:
        client.commit("small", {"op": "update", "table": "T", "where": where, "row": {
            "tags": ["set", rng.sample(["a", "b", "c", "d"], rng.randrange(4))],
            "kids": ["set", []]}})
    else:
        client.commit("small", {"op": "delete", "table": "T", "where": where})


def write_and_look(server, rng, n, names):
    """Returns the contents of a client after each of `n` transactions: (id, contents)."""
    seen = []
    with server.client() as client:
        for _ in range(n):
            write(client, rng, names)
            seen.append(copy.deepcopy(fresh(server)))
    return seen


def check_resumes(server, seen):
    _, now = fresh(server)
    for last, contents in seen:
        found, _, updates = since(server, last)
        assert found is True
        replica = Replica(DEFAULTS, SETS)
        replica.tables = copy.deepcopy(contents)
        replica.apply(updates)
        assert {table: replica.rows(table) for table in DEFAULTS} == now


@pytest.mark.parametrize("seed", range(6))
def test_every_state_of_the_past(lab, seed):
    """Whatever state a client saw last, before one or two restarts, it gets the difference to the
    current state."""
    rng = random.Random(seed)
    path, names = lab.db("small"), []
    server = lab.serve(path)
    seen = write_and_look(server, rng, 25, names)
    server.stop() if seed % 2 else server.kill()
    server.start([path])
    check_resumes(server, seen)
    seen += write_and_look(server, rng, 15, names)
    check_resumes(server, seen)
    server.kill()
    server.start([path])
    check_resumes(server, seen)


def test_a_file_of_another_server(lab):
    """The ids come from the file, even if another server wrote it."""
    path = lab.db("small")
    other = lab.serve(path, programs=lab.reference)
    with other.client() as client:
        client.call("monitor_cond_since", "small", "m", REQUESTS, ZERO)
        client.insert("small", "T", {"name": "one"})
        last = client.notification("update3")[1]
        client.insert("small", "T", {"name": "two"})
        client.commit("small", {"op": "update", "table": "T", "where": [["name", "==", "one"]],
                                "row": {"n": 7}})
        newest = client.notification("update3") and client.notification("update3")[1]
    other.stop()
    # The reference server makes its ids up. What ours has for the same file is found all the same,
    # from then on.
    server = lab.new_server().start([path])
    assert since(server, last)[0] is False and since(server, newest)[0] is False
    last, contents = fresh(server)
    server.kill()
    server.start([path])
    check_resumes(server, [(last, contents)])


def test_compaction_keeps_the_past_while_it_runs(lab):
    """A compaction forgets nothing; of a compacted file only the last state is known."""
    path, names, rng = lab.db("small"), [], random.Random(1)
    server = lab.serve(path)
    seen = write_and_look(server, rng, 10, names)
    server.control("ovsdb-server/compact")
    seen += write_and_look(server, rng, 5, names)
    check_resumes(server, seen)
    server.kill()
    server.start([path])
    check_resumes(server, seen[9:])
    for last, _ in seen[:9]:
        assert since(server, last)[0] is False


@pytest.mark.parametrize("request_", [
    {"columns": ["name", "eph"]}, {"columns": ["name", "_version"]},
    {"columns": ["name"], "where": [["name", "==", "two"], ["eph", "!=", "y"]]},
], ids=json.dumps)
def test_values_that_a_restart_changes(lab, request_):
    """Ephemeral values and _version do not survive the process: clients that monitor them, or use
    them in conditions, get all contents again."""
    path = lab.db("small")
    server = lab.serve(path)
    requests = {"T": request_}
    with server.client() as client:
        client.insert("small", "T", {"name": "one", "eph": "x"})
    last = since(server, requests=requests)[1]
    assert since(server, last, requests)[0] is True
    server.stop()
    server.start([path])
    found, _, updates = since(server, last, requests)
    assert found is False and len(updates["T"]) == 1


def test_the_past_is_bounded(lab):
    """A transaction that is too long ago is not known any more, before and after a restart."""
    path = lab.db("small")
    server = lab.serve(path)
    with server.client() as client:
        client.insert("small", "T", {"name": "x"})
        old = since(server)[1]
        for i in range(40):
            client.commit("small", {"op": "update", "table": "T", "where": [],
                                    "row": {"name": str(i) + "x" * 100_000}})
        recent = since(server)[1]
        client.commit("small", {"op": "update", "table": "T", "where": [], "row": {"n": 1}})
    for _ in range(2):
        assert since(server, old)[0] is False
        assert since(server, recent)[0] is True
        server.stop()
        server.start([path])
