# SPDX-License-Identifier: Apache-2.0
"""JSON-RPC and all methods but transactions: RFC 7047 4.1, and invalid input."""
import json
import os
import pathlib
import re
import socket

import pytest

from harness import lab as lab_module
from harness import wait
from harness.match import UUID
from harness.rpc import Closed

# What may be logged about a client that sends garbage: one line at WARN, with the client's name.
ABOUT_THE_CLIENT = r"\|WARN\|(unix#|unix:)"
WAIT_FOREVER = {"op": "wait", "table": "I", "where": [], "columns": ["a"], "until": "!=",
                "rows": []}


def assert_alive(server):
    with server.client() as other:
        assert other.call("echo", 1) == [1]


# Methods


def test_list_dbs(client):
    assert sorted(client.call("list_dbs")) == ["_Server", "small"]


def test_list_dbs_several(lab):
    client = lab.serve("small", "other", "ops").client()
    assert sorted(client.call("list_dbs")) == ["_Server", "ops", "other", "small"]


def test_several_databases_are_apart(lab):
    client = lab.serve("small", "other").client()
    client.insert("small", "T", {"name": "in small"})
    client.insert("other", "X", {"n": 7})
    assert client.select("small", "T", ["name"]) == [{"name": "in small"}]
    assert client.select("other", "X", ["n"]) == [{"n": 7}]
    assert client.transact("other", {"op": "select", "table": "T", "where": []})[0]["error"]


def normal_schema(value):
    """A schema as servers print it: members with their default value are left out."""
    if isinstance(value, dict):
        value = {k: normal_schema(v) for k, v in value.items()}
        if value.get("max") == 1:
            del value["max"]
        if value.get("min") == 1:
            del value["min"]
        if value.get("refType") == "strong":
            del value["refType"]
        if "columns" in value and not value.get("isRoot", True):
            del value["isRoot"]
        if set(value) == {"key"}:
            return value["key"]
        if set(value) == {"type"} and isinstance(value["type"], str) and value["type"] in (
                "integer", "real", "boolean", "string", "uuid"):
            return value["type"]
        if "enum" in value and isinstance(value["enum"], list) and value["enum"][0] == "set":
            value["enum"] = ["set", sorted(value["enum"][1])]
    return value


def normal_database(schema):
    """If every table is a root, isRoot has no meaning. Strong references are never ephemeral."""
    schema = normal_schema(schema)
    tables = schema["tables"].values()
    for table in tables:
        for column in table["columns"].values():
            if isinstance(column, dict) and "refTable" in repr(column):
                column.pop("ephemeral", None)
    if all(table.get("isRoot") for table in tables):
        for table in tables:
            del table["isRoot"]
    return schema


@pytest.mark.parametrize("name", ["small", "ops", "other"])
def test_get_schema(lab, name):
    got = lab.serve(name).client().call("get_schema", name)
    expected = lab_module.schema(name)
    assert normal_database(got) == normal_database(expected)
    for table in expected["tables"]:
        for column in expected["tables"][table]["columns"]:
            assert column in got["tables"][table]["columns"]


def test_get_schema_of_a_schema_with_everything(lab):
    """Each server accepts the schema that the other one prints."""
    schema = lab.serve("ops").client().call("get_schema", "ops")
    lab.path("again.ovsschema").write_text(json.dumps(schema))
    lab.tool("create", "again.db", "again.ovsschema").ok()
    again = lab.serve(lab.path("again.db")).client().call("get_schema", "ops")
    assert again == schema


def test_get_schema_of_server_database(client):
    schema = client.call("get_schema", "_Server")
    assert schema["name"] == "_Server"
    assert schema["version"] == "1.2.0"
    assert set(schema["tables"]) == {"Database"}
    assert set(schema["tables"]["Database"]["columns"]) == {
        "name", "model", "connected", "leader", "schema", "cid", "sid", "index"}


def test_server_database_rows(client):
    rows = client.select("_Server", "Database", ["name", "model", "connected", "leader", "cid",
                                                 "sid", "index", "schema"])
    by_name = {row.pop("name"): row for row in rows}
    assert set(by_name) == {"_Server", "small"}
    empty = ["set", []]
    for row in by_name.values():
        schema = json.loads(row.pop("schema"))
        assert schema["tables"]
        assert row == {"model": "standalone", "connected": True, "leader": True, "cid": empty,
                       "sid": empty, "index": empty}


def test_server_database_is_read_only(client):
    rows = client.select("_Server", "Database", ["name"])
    [result] = client.transact("_Server", {"op": "delete", "table": "Database", "where": []})[-1:]
    assert result["error"] == "not allowed"
    assert client.select("_Server", "Database", ["name"]) == rows


@pytest.mark.parametrize("method", ["get_schema", "transact", "monitor"])
@pytest.mark.parametrize("params, error", [
    ([], "syntax error"),
    ([5], "syntax error"),
    ([None], "syntax error"),
    ([["small"]], "syntax error"),
    (["nope"], "unknown database"),
    (["Small"], "unknown database"),
    ([""], "unknown database"),
])
def test_bad_database(client, method, params, error):
    got = client.error(method, *params)
    assert got["error"] == error
    assert got["details"] and "syntax" in got
    assert json.loads(got["syntax"]) == params


def test_server_id(lab):
    server = lab.serve("small")
    first = server.client().call("get_server_id")
    assert UUID.match(first)
    assert server.client().call("get_server_id") == first
    assert lab.serve("other").client().call("get_server_id") != first


def test_echo(client):
    for params in ([], [1], ["a", {"b": [None, True, 1.5]}], [[[]]], ["\u00e9\U0001f600\"\\\n"]):
        assert client.call("echo", *params) == params


@pytest.mark.parametrize("id_", [
    0, -1, "text", "", 1.5, True, False, [], {}, [1, {"b": 2, "a": [None]}], 9223372036854775807,
    "\u00e9\"\\\n", {"a": 1, "b": {"c": "d"}},
], ids=json.dumps)
def test_id_of_any_type(client, id_):
    client.send({"method": "echo", "params": [1], "id": id_})
    reply = client.receive()
    assert reply["id"] == id_ and type(reply["id"]) is type(id_)
    assert reply["result"] == [1] and reply["error"] is None


def test_notifications_are_not_answered(client):
    for method, params in (("list_dbs", []), ("foo", []), ("transact", ["small"]), ("echo", [1])):
        client.notify(method, params)
    client.send({"method": "list_dbs", "params": []})
    assert client.call("echo", "end") == ["end"]
    assert not client.replies


def test_unknown_method_is_this_exact_string(client):
    reply = client.reply(client.request("garbage", []))
    assert reply["error"] == "unknown method"
    assert reply.get("result") is None


@pytest.mark.parametrize("method", ["Transact", "", "update", "list_dbs2"])
def test_unknown_methods(client, method):
    assert client.error(method) == "unknown method"


def test_replies_have_their_members(client):
    reply = client.reply(client.request("echo", [1]))
    assert set(reply) == {"id", "result", "error"} and reply["error"] is None
    reply = client.reply(client.request("get_schema", ["nope"]))
    assert set(reply) - {"result"} == {"id", "error"} and reply.get("result") is None


# Cancel and ids in flight


def cancel(client, id_):
    """Cancels a waiting request and returns its reply, which must arrive at once."""
    client.notify("cancel", [id_])
    client.call("echo")
    assert json.dumps(id_) in client.replies, "the canceled request was not answered"
    return client.reply(id_)


@pytest.mark.difference("cancel-answered")
def test_cancel(client):
    first = client.request("transact", ["small", WAIT_FOREVER])
    second = client.request("transact", ["small", WAIT_FOREVER])
    client.call("echo")
    reply = cancel(client, first)
    assert reply["error"] == "canceled" and reply.get("result") is None
    client.insert("small", "I", {"a": 1})
    assert client.result(second) == [{}]


def test_cancel_of_another_clients_request(server):
    one, two = server.client(), server.client()
    id_ = one.request("transact", ["small", WAIT_FOREVER], id_="mine")
    one.call("echo")
    two.notify("cancel", ["mine"])
    two.call("echo")
    one.call("echo")
    assert not one.replies
    one.insert("small", "I", {"a": 1})
    assert one.result(id_) == [{}]


@pytest.mark.parametrize("params", [[], [99], [1, 2], [None]], ids=json.dumps)
def test_cancel_of_nothing(client, params):
    client.notify("cancel", params)
    assert client.call("echo", 1) == [1]


def test_cancelled_transaction_does_nothing(client):
    id_ = client.request("transact", ["small", {"op": "insert", "table": "T", "row": {}},
                                      WAIT_FOREVER])
    client.call("echo")
    client.notify("cancel", [id_])
    client.insert("small", "I", {"a": 1})
    assert client.select("small", "T") == []


@pytest.mark.parametrize("id_", [99, "a", [99], {"a": 1}], ids=json.dumps)
def test_duplicate_request_id(client, id_):
    client.request("transact", ["small", WAIT_FOREVER], id_=id_)
    client.request("transact", ["small", WAIT_FOREVER], id_=id_)
    reply = client.reply(id_)
    assert "duplicate request ID" in reply["error"]["details"]
    client.insert("small", "I", {"a": 1})
    assert client.result(id_) == [{}]
    client.request("transact", ["small", WAIT_FOREVER], id_=id_)
    assert client.result(id_) == [{}]


def test_same_id_for_other_methods_is_fine(client):
    client.request("transact", ["small", WAIT_FOREVER], id_=1)
    assert client.result(client.request("echo", ["x"], id_=1)) == ["x"]
    assert "small" in client.result(client.request("list_dbs", [], id_=1))


def test_waiting_transaction_ends_with_its_connection(server):
    one, two = server.client(), server.client()
    one.request("transact", ["small", WAIT_FOREVER, {"op": "insert", "table": "T", "row": {}}])
    one.call("echo")
    one.close()
    wait.until(lambda: two.call("echo") == [], "the server")
    two.insert("small", "I", {"a": 1})
    assert two.select("small", "T") == []


# What is no message


@pytest.mark.parametrize("text", [
    '5 ', '"x"', '[]', '{}', 'null ', 'true ', '[1,2,3]',
    '{"method":"list_dbs","id":1}',
    '{"method":"list_dbs","params":{},"id":1}',
    '{"method":"list_dbs","params":null,"id":1}',
    '{"method":"list_dbs","params":[],"id":1,"extra":2}',
    '{"jsonrpc":"2.0","method":"list_dbs","params":[],"id":1}',
    '{"method":5,"params":[],"id":1}',
    '{"method":null,"params":[],"id":1}',
    '{"params":[],"id":1}',
    '{"method":"list_dbs","params":[],"id":1,"error":"x"}',
    '{"method":"list_dbs","params":[],"id":1,"result":5}',
    '{"id":5,"result":[],"error":null}',
    '{"id":5,"result":null,"error":"foo"}',
    '{"id":null,"result":[],"error":null}',
    '{"method":"list_dbs",}',
    '{"method":"list_dbs","params":[,],"id":1}',
    '{"method" "list_dbs"}',
    '{method:1}',
    "{'method':1}",
    '{"method":"echo","params":["a\\u0000b"],"id":1}',
    '{"method":"echo","params":["a\\qb"],"id":1}',
    '{"method":"echo","params":["a\\u12g4"],"id":1}',
    '{"method":"echo","params":["\\ud800"],"id":1}',
    '{"method":"echo","params":["\\udc00\\ud800"],"id":1}',
    '{"method":"echo","params":["a\x01b"],"id":1}',
    '{"method":"echo","params":["a\tb"],"id":1}',
    '{"method":"echo","params":["a\nb"],"id":1}',
    '{"method":"echo","params":[01],"id":1}',
    '{"method":"echo","params":[.5],"id":1}',
    '{"method":"echo","params":[5.],"id":1}',
    '{"method":"echo","params":[+5],"id":1}',
    '{"method":"echo","params":[-],"id":1}',
    '{"method":"echo","params":[1e],"id":1}',
    '{"method":"echo","params":[1e999],"id":1}',
    '{"method":"echo","params":[True],"id":1}',
    '{"method":"echo","params":[nil],"id":1}',
    '{"method":"echo","params":[1}}',
    '{"method":"echo","params":[1]]',
    ']', '}', ',', ':', '// comment\n{}', '\x00\x00', '\ufeff{}',
    'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n',
], ids=lambda t: repr(t)[:60])
def test_no_message_closes_the_connection(server, client, text):
    server.allow(ABOUT_THE_CLIENT)
    other = server.client()
    other.insert("small", "T", {"name": "before"})
    client.send_raw(text)
    client.refused()
    assert other.select("small", "T", ["name"]) == [{"name": "before"}]
    assert_alive(server)


def test_answers_before_the_bad_message(server, client):
    server.allow(ABOUT_THE_CLIENT)
    client.send_raw('{"method":"echo","params":[1],"id":1}{"method":"echo","params":[2],"id":2}[]'
                    '{"method":"echo","params":[3],"id":3}')
    assert [m["result"] for m in client.wait_closed()] == [[1], [2]]


def test_bad_message_is_logged_with_the_peers_name(server, client):
    server.allow(ABOUT_THE_CLIENT)
    client.send_raw('{"method":"list_dbs",}')
    client.wait_closed()
    server.wait_log(r"unix#\d+|unix:")


@pytest.mark.difference("invalid-utf8")
@pytest.mark.parametrize("data", [
    b"\xff", b"\xc0\x80", b"\xc1\xbf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80",
    b"\xf8\x88\x80\x80\x80",
    b"\xe2\x82", b"\x80",
], ids=lambda d: d.hex())
def test_invalid_utf8_closes_the_connection(server, client, data):
    server.allow(ABOUT_THE_CLIENT)
    client.send_raw(b'{"method":"echo","params":["a' + data + b'"],"id":1}')
    client.refused()
    assert_alive(server)


def test_unexpected_echo_reply_is_ignored(client):
    client.send({"id": "echo", "result": [], "error": None})
    assert client.call("echo", 1) == [1]


@pytest.mark.parametrize("text", [
    '{"method":"list_dbs","params":[],"id":1,"error":null}',
    '{"method":"list_dbs","params":[],"id":1,"result":null}',
    '{"id":1,"params":[],"method":"list_dbs"}',
    ' \t\r\n{ "method" : "list_dbs" , "params" : [ ] , "id" : 1 } ',
    '{"method":"foo","method":"list_dbs","params":[],"id":7,"id":1}',
    '{"\\u006dethod":"list_\\u0064bs","params":[],"id":1}',
])
def test_odd_but_valid(client, text):
    client.send_raw(text)
    assert "small" in client.result(1)


def echo_text(client, text):
    client.send_raw('{"method":"echo","params":[' + text + '],"id":1}')
    reply = client.receive_text().decode()
    return re.search(r'"result":\[(.*)\]', reply).group(1)


@pytest.mark.parametrize("text, printed", [
    ("1", "1"), ("1.0", "1"), ("1e3", "1000"), ("-0.0", "0"), ("-0", "0"), ("0", "0"),
    ("9223372036854775807", "9223372036854775807"),
    ("-9223372036854775808", "-9223372036854775808"),
    ("9223372036854775808", "9.22337203685478e+18"),
    pytest.param("12345678901234567890", "1.2345678901234567e+19",
                 marks=pytest.mark.difference("real-digits")),
    pytest.param("12345678901234567890.0", "1.2345678901234567e+19",
                 marks=pytest.mark.difference("real-digits")),
    ("123456789012345678.0", "123456789012345678"),
    ("1.5e300", "1.5e+300"), ("1e-5", "1e-05"), ("0.1", "0.1"), ("2.50", "2.5"),
    ("1E2", "100"), ("1e+2", "100"), ("100e-2", "1"), ("0.5", "0.5"), ("-1.25", "-1.25"),
])
def test_numbers(client, text, printed):
    assert echo_text(client, text) == printed


@pytest.mark.parametrize("text, printed", [
    (r'"\u00e9\u20ac"', '"é€"'), (r'"\ud83d\ude00"', '"😀"'), (r'"\/"', '"/"'),
    (r'"\b\f\n\r\t\"\\"', r'"\b\f\n\r\t\"\\"'), (r'"\u0001"', r'"\u0001"'),
    (r'"\u001F"', r'"\u001f"'), ('"<>&\'"', '"<>&\'"'), ('{"a":1,"a":2}', '{"a":2}'),
    ("[ ]", "[]"), ("{ }", "{}"), ("true", "true"), ("null", "null"),
])
def test_strings_and_structure(client, text, printed):
    assert echo_text(client, text) == printed


@pytest.mark.difference("member-order")
def test_schema_members_are_sorted(lab):
    client = lab.serve("ops").client()
    client.send_raw('{"method":"get_schema","params":["ops"],"id":1}')
    text = client.receive_text().decode()
    schema = json.loads(text, object_pairs_hook=lambda pairs: pairs)

    def check(value):
        if isinstance(value, list) and value and isinstance(value[0], tuple):
            names = [name for name, _ in value]
            assert names == sorted(names)
        if isinstance(value, (list, tuple)):
            for one in value:
                check(one)

    check(dict(schema)["result"])


# Sizes


def nested(depth):
    """A request whose text has `depth` open brackets at once."""
    inner = depth - 2
    return '{"method":"echo","params":[' + "[" * inner + "]" * inner + '],"id":1}'


@pytest.mark.parametrize("depth", [3, 100, 900, 1000])
def test_nesting_within_the_limit(client, depth):
    client.send_raw(nested(depth))
    assert client.receive_text().count(b"[") == depth - 1


@pytest.mark.parametrize("depth", [1100, 100000])
def test_nesting_beyond_the_limit(server, client, depth):
    server.allow(ABOUT_THE_CLIENT)
    try:
        client.send_raw(nested(depth))
    except Closed:
        pass
    else:
        client.refused()
    assert_alive(server)


def test_big_string(client):
    text = "x" * (8 << 20)
    assert client.call("echo", text) == [text]


def test_big_value_is_stored(client):
    text = "y" * (1 << 20)
    client.insert("small", "T", {"name": text})
    assert client.select("small", "T", ["name"]) == [{"name": text}]


def test_many_operations_in_one_transaction(client):
    results = client.commit("small", *({"op": "insert", "table": "T", "row": {"n": i}}
                                       for i in range(3000)))
    assert len({r["uuid"][1] for r in results}) == 3000
    assert len(client.select("small", "T", ["n"])) == 3000


def resident_kb(server):
    status = pathlib.Path(f"/proc/{server.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status).group(1))


@pytest.mark.difference("oversized-message")
def test_oversized_message(server, client):
    """A message beyond the limit is not kept: it gets an error, and the connection ends."""
    server.allow(ABOUT_THE_CLIENT)
    chunk = b"x" * (1 << 20)
    client.send_raw(b'{"method":"echo","id":1,"params":["')
    for _ in range(200):
        client.send_raw(chunk)
    if not os.environ.get("ASAN_OPTIONS"):  # which keeps freed memory
        assert resident_kb(server) < 160 << 10
    client.send_raw(b'"]}')
    assert "--max-message" in json.dumps(client.receive())
    client.wait_closed()
    assert_alive(server)


# Pieces and heaps


def test_split_at_every_position(client):
    text = '{"method":"echo","params":["a\\"\\u00e9\u00e9{[",1.5e2,[{"k":null}]],"id":1}'.encode()
    expected = ["a\"\u00e9\u00e9{[", 150, [{"k": None}]]
    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
    for position in range(1, len(text)):
        client.send_raw(text[:position])
        with_other_bytes_in_between = b" " if position == 1 else b""
        client.send_raw(with_other_bytes_in_between + text[position:])
        assert client.receive()["result"] == expected


def test_one_byte_at_a_time(server, client):
    other = server.client()
    text = json.dumps({"method": "transact", "id": 1, "params": [
        "small", {"op": "insert", "table": "T", "row": {"n": 5}}]})
    for byte in text:
        client.send_raw(byte)
        if byte == ",":
            assert other.call("echo", 1) == [1]
    client.result(1)
    assert other.select("small", "T", ["n"]) == [{"n": 5}]


def test_many_requests_in_one_write(client):
    n = 2000
    client.send_raw("".join(json.dumps({"method": "echo", "params": [i], "id": i}) +
                            (" \n" if i % 3 == 0 else "") for i in range(n)))
    for i in range(n):
        reply = client.receive()
        assert (reply["id"], reply["result"]) == (i, [i])


def test_pipelined_transactions_are_in_order(client):
    ids = [client.request("transact", ["small", {"op": "insert", "table": "T", "row": {"n": i}},
                                       {"op": "select", "table": "T", "where": [["n", ">", i - 3]],
                                        "columns": ["n"]}]) for i in range(500)]
    for i, id_ in enumerate(ids):
        rows = client.result(id_)[1]["rows"]
        assert sorted(r["n"] for r in rows) == list(range(max(i - 2, 0), i + 1))


def test_half_message_then_close(server, client):
    client.send_raw('{"method":"transact","params":["small",{"op":"insert","table":"T"')
    client.close()
    assert server.client().select("small", "T") == []


def test_half_close_answers_what_came(client):
    """A client may shut its sending side and still wants the replies."""
    client.send_raw('{"method":"echo","params":[1],"id":1}')
    assert client.receive()["result"] == [1]
    client.socket.shutdown(socket.SHUT_WR)
    client.refused()


def test_client_that_never_reads_does_not_delay_others(server, client):
    """A client requests much and reads nothing; other clients are served as before."""
    server.allow(r"\|WARN\|.*(Broken pipe|reset by peer)")
    other = server.client()
    other.insert("small", "T", {"name": "x" * 100000})
    client.reads_while_sending = False
    request = json.dumps({"method": "transact", "id": 1, "params": [
        "small", {"op": "select", "table": "T", "where": []}]})
    try:
        client.send_raw(request * 500, patience=1)
    except AssertionError:
        pass
    for i in range(50):
        assert other.call("echo", i) == [i]
    client.close()
    assert_alive(server)


def test_hundreds_of_clients(server):
    clients = [server.client() for _ in range(400)]
    for i, client in enumerate(clients):
        client.request("echo", [i])
    for i, client in enumerate(clients):
        assert client.result(1) == [i]


def test_client_gone_before_its_reply(server):
    """Replies to a closed connection cause no signal and no error in the log."""
    server.allow(r"\|WARN\|.*(Broken pipe|reset by peer)")
    for _ in range(20):
        client = server.client()
        client.send_raw('{"method":"list_dbs","params":[],"id":1}' * 50)
        client.close()
    assert_alive(server)


# Ids come back as they were written

IDS = ["1", "1.0", "1e2", "-0", "0.1000", "123456789012345678901234567890", "18446744073709551616",
       "1e-400", '"a\\u0041\\/"', "[1.0,  2]", '{"b":1,"a":2}', "true"]


@pytest.mark.difference("ids-byte-for-byte")
@pytest.mark.parametrize("method, params", [
    ("echo", "[]"), ("nope", "[]"), ("list_dbs", "[]"), ("transact", '["small"]'),
    ("transact", '["nope"]'), ("get_schema", "[5]"), ("lock", '["l"]'), ("monitor_cancel", "[1]"),
    ("monitor", '["small",1,{}]')])
def test_ids_byte_for_byte(server, method, params):
    for id_ in IDS:
        with server.client() as client:
            client.send_raw(f'{{"method":"{method}","id":{id_},"params":{params}}}')
            assert f'"id":{id_}' in client.receive_text().decode()


@pytest.mark.difference("ids-byte-for-byte")
def test_monitor_id_byte_for_byte(server, client):
    id_ = '[1.0, 123456789012345678901234567890]'
    with server.client() as other:
        other.send_raw(f'{{"method":"monitor","id":1,"params":["small",{id_},{{"T":{{}}}}]}}')
        other.receive_text()
        client.insert("small", "T", {})
        assert f'"params":[{id_},' in other.receive_text().decode()


@pytest.mark.ours("the reference server has other messages")
@pytest.mark.parametrize("text, words", [
    ('{"method":"echo","params":[],"id":1,"extra":1}', '"extra"'),
    ('{"method":5,"params":[],"id":1}', '"method"'),
    ('{"method":"echo","params":{},"id":1}', '"params"'),
    ('{"params":[],"id":1}', '"params"'),
    ('{"id":1}', '"result"'),
    ('{"id":5,"result":1,"error":null}', '"id"'),
], ids=lambda v: v[:40])
def test_violations_are_warnings(server, text, words):
    server.allow(ABOUT_THE_CLIENT)
    with server.client() as client:
        client.send_raw(text)
        client.wait_closed()
    server.wait_log(r"WARN.unix#[0-9]+: protocol violation: .*" + re.escape(words))
