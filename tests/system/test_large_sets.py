# SPDX-License-Identifier: Apache-2.0
"""Sets and maps of many elements, of which single ones change."""
import random

import pytest

from harness import dbfile
from harness.small_schema import named

N = 3000


def mutate(name, *mutations):
    return {"op": "mutate", "table": "T", "where": named(name), "mutations": list(mutations)}


def value_of(client, column, name="a"):
    """The elements of a set or map of the row with this name."""
    (row,) = client.select("small", "T", [column], named(name))
    value = row[column]
    if isinstance(value, list) and value[0] in ("set", "map"):
        value = value[1]
    else:
        value = [value]
    return sorted(value)


def set_of(elements):
    elements = list(elements)
    return elements[0] if len(elements) == 1 else ["set", elements]


def tags_of(numbers):
    return [f"tag {number:05}" for number in numbers]


def follow(client, column):
    client.call("monitor_cond", "small", "m", {"T": [{"columns": [column]}]})


def update(client):
    """The change of the only row in the next update2."""
    _, updates = client.notification("update2")
    (row,) = updates["T"].values()
    return row


@pytest.mark.parametrize("mutator, element", [
    ("insert", "tag 01234+"), ("insert", ""), ("insert", "zzz"),
    ("delete", "tag 00000"), ("delete", "tag 01500"), ("delete", f"tag {N - 1:05}")])
def test_one_element_of_a_set(lab, mutator, element):
    server = lab.serve("small")
    client, watcher = server.client(), server.client()
    client.insert("small", "T", {"name": "a", "tags": set_of(tags_of(range(N)))})
    follow(watcher, "tags")
    assert client.commit("small", mutate("a", ["tags", mutator, element])) == [{"count": 1}]
    assert update(watcher) == {"modify": {"tags": element}}
    expected = sorted(set(tags_of(range(N))) ^ {element})
    assert value_of(client, "tags") == expected
    server.stop()
    server.start([server.directory + "/small.db"])
    assert value_of(server.client(), "tags") == expected


@pytest.mark.ours("the reference server writes differences only on request or in later versions")
def test_the_record_holds_only_the_difference(lab):
    server = lab.serve("small")
    client = server.client()
    client.insert("small", "T", {"name": "a", "tags": set_of(tags_of(range(N)))})
    client.commit("small", mutate("a", ["tags", "insert", "new"]))
    client.commit("small", mutate("a", ["tags", "delete", "tag 00777"]))
    records = dbfile.read(server.directory + "/small.db")[-2:]
    assert [list(r["T"].values()) for r in records] == [[{"tags": "new"}], [{"tags": "tag 00777"}]]


def test_pairs_of_a_map(lab):
    server = lab.serve("small")
    client, watcher = server.client(), server.client()
    pairs = {tag: "x" for tag in tags_of(range(N))}
    client.insert("small", "T", {"name": "a", "map": ["map", list(pairs.items())]})
    follow(watcher, "map")
    for mutations, diff in [
            ([["map", "insert", ["map", [["new", "1"], ["tag 00005", "is kept"]]]]], [["new", "1"]]),
            ([["map", "delete", ["set", ["tag 00005", "no such"]]]], [["tag 00005", "x"]]),
            ([["map", "delete", ["map", [["tag 00006", "x"], ["tag 00007", "other"]]]]],
             [["tag 00006", "x"]]),
            ([["map", "delete", ["set", ["tag 00009"]]],
              ["map", "insert", ["map", [["tag 00009", "y"]]]]], [["tag 00009", "y"]])]:
        client.commit("small", mutate("a", *mutations))
        assert update(watcher) == {"modify": {"map": ["map", diff]}}
    del pairs["tag 00005"], pairs["tag 00006"]
    pairs.update({"new": "1", "tag 00009": "y"})
    expected = sorted(map(list, pairs.items()))
    assert value_of(client, "map") == expected
    server.stop()
    server.start([server.directory + "/small.db"])
    assert value_of(server.client(), "map") == expected


def test_elements_that_exist_change_nothing(client):
    client.insert("small", "T", {"name": "a", "tags": set_of(tags_of(range(N)))})
    version = client.select("small", "T", ["_version"])
    client.commit("small", mutate("a", ["tags", "insert", set_of(tags_of(range(0, N, 7)))],
                                  ["tags", "delete", set_of(["no such", "element"])],
                                  ["tags", "insert", "brief"], ["tags", "delete", "brief"]))
    assert client.select("small", "T", ["_version"]) == version


def test_conditions(client):
    client.insert("small", "T", {"name": "a", "tags": set_of(tags_of(range(N)))})
    client.insert("small", "T", {"name": "b", "tags": set_of(tags_of(range(1, N + 1)))})
    some = set_of(tags_of(range(1, N, 3)))
    for where, found in [
            (["tags", "includes", some], "ab"), (["tags", "includes", "tag 00000"], "a"),
            (["tags", "excludes", "tag 00000"], "b"), (["tags", "excludes", some], ""),
            (["tags", "==", set_of(reversed(tags_of(range(N))))], "a"),
            (["tags", "!=", set_of(tags_of(range(N)))], "b")]:
        rows = client.select("small", "T", ["name"], [where])
        assert "".join(sorted(row["name"] for row in rows)) == found, where[:2]


def insert_family(client, n):
    """Row "owner" refers strongly, and row "fan" weakly, to the same n rows; returns their
    UUIDs."""
    children = [{"op": "insert", "table": "C", "row": {"name": str(i)}, "uuid-name": f"c{i}"}
                for i in range(n)]
    references = ["set", [["named-uuid", f"c{i}"] for i in range(n)]]
    results = client.commit("small", *children,
                            {"op": "insert", "table": "T", "row": {"name": "owner",
                                                                   "kids": references}},
                            {"op": "insert", "table": "T", "row": {"name": "fan",
                                                                   "likes": references}})
    return [result["uuid"] for result in results[:n]]


def test_references(lab):
    """A row goes with its last strong reference, and takes the weak one with it."""
    server = lab.serve("small")
    client, watcher = server.client(), server.client()
    uuids = insert_family(client, 500)
    follow(watcher, "likes")
    gone = uuids[123]
    client.commit("small", mutate("owner", ["kids", "delete", gone]))
    assert update(watcher) == {"modify": {"likes": gone}}
    left = sorted(uuid for uuid in uuids if uuid != gone)
    assert value_of(client, "likes", "fan") == value_of(client, "kids", "owner") == left
    # A weak reference may be taken away and added again; the row stays.
    for mutator in "delete", "insert":
        client.commit("small", mutate("fan", ["likes", mutator, uuids[7]]))
        assert update(watcher) == {"modify": {"likes": uuids[7]}}
    client.commit("small", {"op": "delete", "table": "T", "where": named("owner")})
    assert value_of(client, "likes", "fan") == []


@pytest.mark.difference("weak-references-of-a-changed-set")
def test_references_of_a_changed_set(lab):
    """A transaction adds elements to a set, and deletes rows to which other elements refer."""
    server = lab.serve("small")
    client, watcher = server.client(), server.client()
    uuids = insert_family(client, 500)
    follow(watcher, "likes")
    nowhere = ["uuid", "00000000-0000-4000-8000-000000000001"]
    client.commit("small", mutate("fan", ["likes", "delete", uuids[9]]))
    update(watcher)
    # A reference to no row is dropped at once, as is one to a row that the transaction deletes.
    client.commit("small", mutate("fan", ["likes", "insert", ["set", [nowhere, uuids[9]]]]),
                  mutate("owner", ["kids", "delete", set_of(uuids[8:10])]))
    assert update(watcher)["modify"]["likes"] == uuids[8]
    left = sorted(one for one in uuids if one not in uuids[8:10])
    assert value_of(client, "likes", "fan") == left
    assert len(client.select("small", "C", ["name"])) == len(left)


def test_a_failed_transaction_changes_nothing(client):
    uuids = insert_family(client, 300)
    reply = client.transact("small", mutate("fan", ["likes", "delete", set_of(uuids[:100])]),
                            mutate("owner", ["kids", "delete", set_of(uuids[50:250])]),
                            {"op": "abort"})
    assert reply[2]["error"] == "aborted"
    assert value_of(client, "likes", "fan") == value_of(client, "kids", "owner") == sorted(uuids)
    client.commit("small", mutate("owner", ["kids", "delete", set_of(uuids[1:])]))
    assert value_of(client, "likes", "fan") == uuids[:1]


def test_random_changes(lab):
    """Against Python's set, over a restart."""
    rng = random.Random(15)
    server = lab.serve("small")
    client = server.client()
    client.insert("small", "T", {"name": "a"})
    model, mutations = set(), []
    for _ in range(200):
        n = rng.choice([1, 1, 2, 30, 400])
        first = rng.randrange(N)
        some = tags_of(rng.sample(range(N), n) if rng.random() < 0.5 else range(first, first + n))
        mutator = rng.choice(["insert", "delete"])
        mutations.append(["tags", mutator, set_of(some)])
        model = model | set(some) if mutator == "insert" else model - set(some)
        if rng.random() < 0.5:
            client.commit("small", mutate("a", *mutations))
            mutations = []
            assert value_of(client, "tags") == sorted(model)
    client.commit("small", mutate("a", *mutations))
    server.stop()
    server.start([server.directory + "/small.db"])
    assert value_of(server.client(), "tags") == sorted(model)
