# SPDX-License-Identifier: Apache-2.0
"""Bad input and bad clients get an error or a closed connection; other clients are not affected."""
import json
import random
import socket

import pytest
from harness import wait
from harness.rpc import Closed
from garbage import UUID, damage, odd_one

REQUESTS = [
    {"id": 1, "method": "echo", "params": ["text", 1.5, None, {"a": [True]}]},
    {"id": "a", "method": "list_dbs", "params": []},
    {"id": 2, "method": "get_schema", "params": ["small"]},
    {"id": 3, "method": "transact", "params": ["small", {
        "op": "insert", "table": "T", "uuid-name": "t", "row": {
            "name": "é", "n": -5, "r": 0.5, "on": True, "tags": ["set", ["a", "b"]],
            "map": ["map", [["k", "v"]]], "kids": ["set", [["named-uuid", "c"]]]}},
        {"op": "insert", "table": "C", "uuid-name": "c", "row": {"name": "child"}},
        {"op": "comment", "comment": "why"}]},
    {"id": 4, "method": "transact", "params": ["small", {
        "op": "select", "table": "T", "where": [["n", "<", 5], ["tags", "includes", "a"]],
        "columns": ["name", "_uuid"]}, {
        "op": "mutate", "table": "T", "where": [["_uuid", "==", ["uuid", UUID]]],
        "mutations": [["n", "+=", 1], ["tags", "insert", ["set", ["x"]]]]}, {
        "op": "update", "table": "T", "where": [], "row": {"r": 1e300}}]},
    {"id": 5, "method": "monitor", "params": ["small", ["m"], {"T": [{
        "columns": ["name"], "select": {"initial": True, "modify": False}}], "C": {}}]},
    {"id": 6, "method": "monitor_cond", "params": ["small", "c", {"T": [{
        "columns": ["n"], "where": [["n", "==", 1], True]}]}]},
    {"id": 7, "method": "monitor_cond_since", "params": ["small", "s", {"T": [{
        "columns": ["n"]}]}, UUID]},
    {"id": 8, "method": "monitor_cond_change", "params": ["c", "d", {"T": [{
        "where": [["n", "==", 2]]}]}]},
    {"id": 9, "method": "monitor_cancel", "params": ["c"]},
    {"id": 10, "method": "lock", "params": ["l"]},
    {"id": 11, "method": "unlock", "params": ["l"]},
    {"id": 12, "method": "set_db_change_aware", "params": [True]},
]


@pytest.fixture
def server(lab):
    # Sanitizers keep freed memory for a while, which must not be measured here.
    lab.env["ASAN_OPTIONS"] += ":quarantine_size_mb=1:allocator_release_to_os_interval_ms=100"
    # Warnings about clients are expected; errors of the server are not.
    return lab.serve("small").allow(r"\|WARN\|")


@pytest.fixture
def bystander(server):
    """A well-behaved client with a separate row, which must not be affected."""
    client = server.client()
    client.insert("small", "I", {"a": 7, "b": "bystander"})

    def check():
        assert client.call("echo", 1) == [1]
        assert client.select("small", "I", ["b"], [["a", "==", 7]]) == [{"b": "bystander"}]
    return check


@pytest.mark.ours("the reference server echoes invalid UTF-8")
@pytest.mark.parametrize("seed", range(4))
def test_damaged_bytes(server, bystander, seed):
    """For any bytes the connection gets only whole JSON messages, and is closed."""
    rng = random.Random(seed)
    for number in range(150):
        requests = rng.sample(REQUESTS, rng.randint(1, 4))
        data = damage(rng, b"".join(json.dumps(r).encode() for r in requests))
        with server.client() as client:
            try:
                client.send_raw(data)
                client.socket.shutdown(socket.SHUT_WR)
            except OSError:
                pass
            for message in client.wait_closed():
                assert isinstance(message, dict), message
        if number % 30 == 0:
            bystander()
    bystander()


@pytest.mark.ours("the reference server crashes when a monitor's parameters are too few")
@pytest.mark.parametrize("seed", range(4))
def test_odd_parameters(server, bystander, seed):
    """Every request gets a reply, and the connection stays open."""
    rng = random.Random(seed)
    client = server.client()
    for number in range(400):
        request = rng.choice(REQUESTS)
        params = odd_one(rng, request["params"] or [[]])
        client.request(request["method"], params, id_=number)
        reply = client.reply(number)
        assert ("result" in reply) and ("error" in reply), reply
        assert reply["result"] is None or reply["error"] is None, reply
        client.notifications.clear()
        if number % 100 == 0:
            bystander()
    bystander()


def send_unread(client, text):
    """Sends until the server stops reading. Returns true if all was sent."""
    client.reads_while_sending = False
    try:
        client.send_raw(text, patience=0.3)
        return True
    except AssertionError:
        return False
    except (Closed, OSError):
        return True


def test_replies_never_read(lab, server, bystander):
    """20 clients request 400 MB of replies and read nothing."""
    writer = server.client()
    for number in range(20):
        writer.insert("small", "T", {"name": str(number) + "x" * 50000})
    before = server.private_kib()
    request = json.dumps({"method": "transact", "id": 1, "params": [
        "small", {"op": "select", "table": "T", "where": []}]})
    clients = [server.client() for _ in range(20)]
    for client in clients:
        send_unread(client, request * 20)
        bystander()
    grown = server.private_kib() - before
    assert grown < 150 * 1024, f"{grown} KiB for unread replies"
    for client in clients:
        client.close()
    bystander()
    wait.until(lambda: "sessions:2" in server.control("memory/show"), "the clients' end")


def test_monitors_never_read(server, bystander):
    """The cost of a monitor that does not read does not grow with the number of updates. It gets
    the net change when it reads again."""
    writer = server.client()
    row = writer.insert("small", "T", {"name": "start"})
    idle = [server.client() for _ in range(20)]
    for client in idle:
        client.call("monitor", "small", "m", {"T": {"columns": ["name", "n"]}})
    before = server.private_kib()
    for number in range(1, 601):
        writer.commit("small", {"op": "update", "table": "T", "where": [["_uuid", "==",
                                                                           ["uuid", row]]],
                                "row": {"n": number, "name": "x" * 20000}})
    grown = server.private_kib() - before
    assert grown < 100 * 1024, f"{grown} KiB for 480 MB of unread updates"
    bystander()
    for client in idle:
        last = None
        while last != 600:
            last = client.notification("update")[1]["T"][row]["new"]["n"]
    bystander()


def test_byte_by_byte(server, bystander):
    """100 clients that each send a byte now and then, all at once."""
    clients = [server.client() for _ in range(100)]
    requests = [json.dumps({"id": i, "method": "echo", "params": ["x" * (i % 7), i]}).encode()
                for i in range(100)]
    for position in range(max(map(len, requests))):
        for client, request in zip(clients, requests):
            client.send_raw(request[position:position + 1])
        if position % 10 == 0:
            bystander()
    for i, client in enumerate(clients):
        assert client.reply(i)["result"] == ["x" * (i % 7), i]
    bystander()


def test_connections_that_say_nothing(server, bystander):
    """Connections that are opened and closed at once, or opened and not used."""
    for _ in range(300):
        server.client().close()
    silent = [server.client() for _ in range(300)]
    bystander()
    assert silent[-1].call("echo", "still") == ["still"]


def test_unfinished_messages(server, bystander):
    """Memory for incomplete big messages is freed when their connections end."""
    before = server.private_kib()
    clients = [server.client() for _ in range(20)]
    for client in clients:
        client.send_raw('{"id":1,"method":"echo","params":["' + "x" * 1000000)
        bystander()
    for client in clients:
        client.close()
    wait.until(lambda: server.private_kib() - before < 10 * 1024, "the memory of 20 MB of halves")
    bystander()
