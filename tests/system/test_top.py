# SPDX-License-Identifier: Apache-2.0
"""ovsdb-top: tables for scripts, and a window on a terminal."""
import json
import os
import re
import signal
import socket
import threading

import pytest

from harness import wait
from harness.terminal import Terminal

pytestmark = pytest.mark.ours("the reference server has no such program")

INSERT = {"op": "insert", "table": "T", "row": {"name": "x"}}


def top(lab, *args, **options):
    return lab.run(lab.programs.top, *args, **options)


def tables(text):
    """The tables of batch mode: a list of (summary, list of records)."""
    result = []
    for part in text.split("\n\n"):
        summary, heading, dashes, *rows = part.rstrip("\n").split("\n")
        spans = [m.span() for m in re.finditer("-+", dashes)]
        spans[-1] = (spans[-1][0], None)
        cells = [[line[a:b].strip() for a, b in spans] for line in (heading, *rows)]
        result.append((summary, [dict(zip(cells[0], row)) for row in cells[1:]]))
    return result


@pytest.fixture
def window(lab, server):
    """A window on the server with two clients, the second of which has more requests."""
    clients = [server.client() for _ in range(2)]
    for _ in range(2):
        clients[0].transact("small", INSERT)
    for _ in range(5):
        clients[1].transact("small", INSERT)
    clients[0].call("monitor", "small", "m", {"T": {}})
    with Terminal([lab.programs.top, "-t", server.control_path, "-d", "0.1", "-s", "transactions"],
                  lab.env, columns=300) as terminal:
        terminal.clients = clients
        terminal.until(lambda lines: len(lines) == 5, "the clients")
        yield terminal


def column(lines, name):
    position = lines[2].split().index(name)
    return [line.split()[position] for line in lines[3:]]


class TestBatch:
    def test_clients(self, lab, server):
        first, second = server.client(), server.client()
        first.transact("small", INSERT)
        second.call("echo")
        ((summary, records),) = tables(top(lab, "-b", "-n", "1", "-t", server.control_path).ok())
        assert re.fullmatch(r"\S+Z clients: 2 lines, sorted by cpu_%", summary)
        assert [r["transactions"] for r in records] == ["1", "0"]
        assert {r["cpu_%"] for r in records} == {r["tx/s"] for r in records} == {"-"}
        assert {r["pid"] for r in records} == {str(os.getpid())}

    def test_sort_and_reverse(self, lab, server):
        clients = [server.client() for _ in range(3)]
        for client, n in zip(clients, (1, 3, 2)):
            for _ in range(n):
                client.transact("small", INSERT)
        for options, expected in (((), ["3", "2", "1"]), (("--reverse",), ["1", "2", "3"])):
            ((_, records),) = tables(top(lab, "-b", "--count=1", "-t", server.control_path,
                                         "--sort=transactions", *options).ok())
            assert [r["transactions"] for r in records] == expected

    def test_rates(self, lab, server):
        """The second table has the growth between the two tables, divided by the time."""
        client, stop = server.client(), threading.Event()

        def work():
            while not stop.is_set():
                client.transact("small", INSERT)

        thread = threading.Thread(target=work)
        thread.start()
        try:
            out = top(lab, "-n", "2", "-d", "0.5", "-t", server.control_path).ok()
        finally:
            stop.set()
            thread.join()
        (_, (before,)), (_, (after,)) = tables(out)
        assert before["tx/s"] == "-"
        for rate, source in (("tx/s", "transactions"), ("in_bytes/s", "received_bytes"),
                             ("out_bytes/s", "sent_bytes")):
            growth = int(after[source]) - int(before[source])
            assert growth / 5 < float(after[rate]) < growth / 0.25  # the times vary
        assert 0 < float(after["cpu_%"]) < 200

    def test_other_views(self, lab):
        server = lab.serve("small", options=["--slow-log-threshold=0"])
        client = server.client()
        client.call("monitor", "small", "m\u001b[31m", {"T": {}})
        client.transact("small", INSERT)
        options = ("-n", "1", "-t", server.control_path)
        ((_, (monitor,)),) = tables(top(lab, *options, "monitors").ok())
        assert (monitor["database"], monitor["tables"]) == ("small", "T")
        ((_, (slow,)),) = tables(top(lab, *options, "slow-log").ok())
        assert "insert" in slow["what"] and int(slow["duration_us"]) >= 0
        ((_, status),) = tables(top(lab, *options, "status").ok())
        status = {r["name"]: r["value"] for r in status}
        assert (status["role"], status["clients"], status["monitors"]) == ("active", "1", "1")

    def test_a_daemon_by_name_and_through_a_remote(self, lab):
        server = lab.serve("small", options=["--pidfile=ovsdb-server.pid"])
        pid = (lab.run_dir / "ovsdb-server.pid").read_text().strip()
        path = lab.run_dir / f"ovsdb-server.{pid}.ctl"
        os.symlink(server.control_path, path)
        assert "role" in top(lab, "-n1", "status").ok()
        assert "role" in top(lab, "-n1", "-t", f"unix:{server.control_path}", "status").ok()

    def test_failures(self, lab, server):
        top(lab, "-t", "/nowhere").fails(1, 'cannot connect to "/nowhere"')
        top(lab, "-t", "nobody").fails(1, "cannot find the daemon by its pidfile")
        top(lab, "-t", "unix:/nowhere").fails(1, "/nowhere")
        top(lab, "-s", "nope").fails(1, 'there is no column "nope"')
        top(lab, "-s", "").fails(1, 'there is no column ""')
        top(lab, "nope").fails(1, 'there is no view "nope"')
        top(lab, "clients", "status").fails(1, "at most one view")
        for delay in ("0", "0.09", "x", "", "nan", "1x", "-1", "86401"):
            top(lab, "-d", delay).fails(1, "on -d or --delay is invalid")
        for count in ("0", "-1", "x", ""):
            top(lab, "-n", count).fails(1, "on -n or --count is invalid")

    def test_timeout(self, lab, server):
        server.client().call("echo")
        out = top(lab, "-d", "0.1", "-T", "1", "-t", server.control_path)
        assert out.status == -signal.SIGALRM and out.out.count("clients:") > 2

    def test_another_daemon(self, lab):
        server = lab.serve("small", programs=lab.reference)
        top(lab, "-t", server.control_path).fails(2, "set-options")


class Impostor:
    """A control socket that answers each command with the same value."""

    def __init__(self, path, reply):
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen()
        self.reply = reply
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            connection, _ = self.listener.accept()
            with connection:
                while data := connection.recv(65536):
                    is_option = b"set-options" in data
                    answer = {"id": json.loads(data)["id"], "error": None, "result": None}
                    answer.update({"result": ""} if is_option else self.reply)
                    connection.sendall(json.dumps(answer).encode())


@pytest.mark.parametrize("reply, expected", [
    ({"result": {"clients": [{"client": "a\x1b[2Jb\x7f\u009bc", "id": 5, "locks": "x",
                              "uid": True, "busy_us": 1.5, "remote": ["\x1b"]}, 7, None, []]}},
     "a?[2Jb???c "),
    ({"result": {"clients": 1}}, None),
    ({"result": "text"}, None),
    ({"result": None}, None),
    ({"error": "a\x1b[2Jb"}, None),
])
def test_replies_that_are_not_to_be_trusted(lab, reply, expected):
    impostor = Impostor(lab.path("ctl"), reply)
    result = top(lab, "-n", "1", "-t", lab.path("ctl"))
    if expected:
        assert expected in result.ok() and len(result.lines()) == 7
    else:
        result.fails(2 if "error" in reply else 1)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", result.out + result.err)
    impostor.listener.close()


class TestWindow:
    def test_clients(self, window):
        lines = window.until(lambda lines: "-" not in column(lines, "tx/s"), "rates")
        assert "[1 clients]  2 monitors  3 slow-log  4 status" in lines[0]
        assert "2 lines, sorted by transactions" in lines[1]
        assert column(lines, "transactions") == ["5", "2"]
        window.clients[0].call("echo")
        window.until(lambda lines: column(lines, "requests") == ["5", "4"], "a refresh")

    def test_order(self, window):
        window.press("r")
        window.until(lambda lines: column(lines, "transactions") == ["2", "5"]
                     and "reversed" in lines[1], "the reverse order")
        window.press(">")
        window.until(lambda lines: "sorted by received_bytes" in lines[1], "the next column")
        window.press("<<")
        window.until(lambda lines: "sorted by requests" in lines[1], "the former column")

    def test_views(self, window):
        window.press("2")
        window.until(lambda lines: "[2 monitors]" in lines[0] and " small " in lines[3], "monitors")
        window.press("\t")
        window.until(lambda lines: "[3 slow-log]" in lines[0], "the slow log")
        window.press("4")
        window.until(lambda lines: any(re.match("role +active", line) for line in lines), "status")
        window.press("\t")
        window.until(lambda lines: "[1 clients]" in lines[0], "clients")

    def test_pause(self, window):
        window.press("p")
        window.until(lambda lines: "PAUSED" in lines[1], "the pause")
        window.clients[0].transact("small", INSERT)
        window.press("r")
        window.until(lambda lines: column(lines, "transactions") == ["2", "5"], "the old values")
        window.press(" ")
        window.until(lambda lines: column(lines, "transactions") == ["3", "5"], "one refresh")
        window.press("p")
        window.until(lambda lines: "PAUSED" not in lines[1], "the end of the pause")

    def test_size(self, window):
        window.resize(4, 30)
        lines = window.until(lambda lines: len(lines) == 3, "a small window")
        assert max(map(len, lines)) == 30
        window.press("\x1b[C")
        window.until(lambda lines: not lines[2].startswith("client"), "other columns")
        window.press("\x1b[D")
        window.until(lambda lines: lines[2].startswith("client"), "the first column")
        window.resize(3, 1)
        window.until(lambda lines: list(map(len, lines)) == [1, 1], "a tiny window")
        window.resize(1, 1)
        wait.until(lambda: window.lines() == [], "a window without room")
        window.resize(24, 300)
        window.until(lambda lines: len(lines) == 5, "a large window")

    def test_scrolling(self, window):
        window.press("\x1b[B")
        window.until(lambda lines: column(lines, "transactions") == ["2"], "the second line")
        window.press("\x1b[6~\x1b[B")
        window.press("\x1b[A")
        window.until(lambda lines: column(lines, "transactions") == ["5", "2"], "the first line")
        window.press("\x1b[F\x1b[H\x1b[5~\x1bx\x1b[1;5Q")
        window.press("\x1b[B")
        window.until(lambda lines: column(lines, "transactions") == ["2"], "the second line")

    def test_quit(self, window):
        assert not window.is_restored()
        window.press("q")
        assert window.wait_end() == 0 and window.is_restored()

    @pytest.mark.parametrize("number", ["SIGTERM", "SIGHUP", "SIGQUIT", "SIGALRM", "SIGUSR1"])
    def test_signals(self, window, number):
        window.process.send_signal(getattr(signal, number))
        assert window.wait_end() == -getattr(signal, number) and window.is_restored()

    def test_control_c(self, window):
        window.press("\x03")
        assert window.wait_end() == -signal.SIGINT and window.is_restored()

    def test_stop_and_continue(self, window):
        window.press("\x1a")
        wait.until(window.is_restored, "the stopped program to leave the terminal")
        window.process.send_signal(signal.SIGCONT)
        wait.until(lambda: not window.is_restored(), "the program to go on")
        window.press("q")
        assert window.wait_end() == 0 and window.is_restored()

    def test_the_server_stops(self, window, server):
        server.stop()
        window.until(lambda lines: "cannot connect" in lines[1], "the error")
        assert window.process.poll() is None
        window.press("q")
        assert window.wait_end() == 0

    def test_count(self, lab, server):
        with Terminal([lab.programs.top, "-t", server.control_path, "-d", "0.1", "-n", "2"],
                      lab.env) as terminal:
            assert terminal.wait_end() == 0 and terminal.is_restored()

    def test_no_server(self, lab):
        with Terminal([lab.programs.top, "-t", "/nowhere"], lab.env) as terminal:
            assert terminal.wait_end() == 1
            assert "cannot connect" in terminal.output
