# SPDX-License-Identifier: Apache-2.0
"""ovs-appctl --format=json: the answers as values."""
import json

import pytest

pytestmark = pytest.mark.ours("the reference server replies with text only")


@pytest.fixture
def ask(lab):
    server = lab.serve("small")

    def ask(*args):
        return lab.appctl("-t", server.control_path, *args)

    ask.server = server
    return ask


def test_values(ask):
    assert json.loads(ask("-f", "json", "ovsdb-server/list-dbs").ok()) == \
        {"databases": ["_Server", "small"]}
    assert json.loads(ask("--format=json", "memory/show").ok())["usage"]["rows"] == 0
    assert json.loads(ask("--format=json", "ovsdb-server/status").ok())["role"] == "active"
    assert ask("--format=json", "ovsdb-server/compact").ok() == "{}\n"
    assert ask("--format=text", "ovsdb-server/list-dbs").ok() == "_Server\nsmall\n"


def test_a_text_is_wrapped(ask):
    reply = json.loads(ask("--format=json", "list-commands").ok())
    assert reply["reply-format"] == "plain" and "ovsdb-server/compact" in reply["reply"]


def test_through_a_remote(lab, ask):
    remote = f"unix:{ask.server.control_path}"
    reply = lab.appctl("-t", remote, "--format=json", "ovsdb-server/list-dbs").ok()
    assert json.loads(reply) == {"databases": ["_Server", "small"]}
    assert lab.appctl("-t", remote, "ovsdb-server/list-dbs").ok() == "_Server\nsmall\n"


def test_pretty(ask):
    assert ask("--format=json", "--pretty", "vlog/list").ok().count("\n") > 10


def test_errors(ask):
    ask("--format=json", "ovsdb-server/compact", "none").fails(2, "no database by that name")
    ask("--format=yaml", "version").fails(1, "value yaml on -f or --format is invalid")


def test_another_daemon_refuses(lab):
    server = lab.serve("small", programs=lab.reference)
    lab.appctl("-t", server.control_path, "--format=json", "version").fails(2, "set-options")


def test_the_option_is_the_connections(ask):
    with ask.server.client(ask.server.control_path) as client:
        assert client.call("set-options", "--format", "json") == {"reply-format": "plain",
                                                                  "reply": ""}
        assert client.call("ovsdb-server/list-dbs") == {"databases": ["_Server", "small"]}
        assert client.call("set-options", "--format=text") == ""
        assert client.call("ovsdb-server/list-dbs") == "_Server\nsmall\n"
        for bad in (["--format"], ["--format=x"], ["json"]):
            with pytest.raises(Exception, match="the only option is --format"):
                client.call("set-options", *bad)
    assert ask.server.control("ovsdb-server/list-dbs") == "_Server\nsmall\n"
