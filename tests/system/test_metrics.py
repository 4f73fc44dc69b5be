# SPDX-License-Identifier: Apache-2.0
"""Metrics: their contents, by command and by HTTP, and that no scraper can harm the server."""
import os
import socket
import subprocess

import pytest
from prometheus_client.parser import text_string_to_metric_families as classic
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from harness import wait

pytestmark = pytest.mark.ours("the reference server has no metrics")


def parse(text):
    """{name and labels: value} of text that a strict parser accepts."""
    samples = {}
    for family in text_string_to_metric_families(text):
        assert family.documentation.endswith("."), family
        for sample in family.samples:
            key = sample.name + "".join(f",{k}={v}" for k, v in sorted(sample.labels.items()))
            assert key not in samples
            samples[key] = sample.value
    return samples


def test_values_follow_events(lab):
    server = lab.serve("small")
    before = parse(server.control("metrics"))
    client = server.client()
    for i in range(5):
        client.transact("small", {"op": "insert", "table": "T", "row": {"name": f"n{i}"}},
                        {"op": "commit", "durable": True})
    client.call("monitor", "small", "m", {"T": {}})
    client.call("lock", "mine")
    client.transact("small", {"op": "abort"})
    client.request("transact", ["small", {"op": "wait", "table": "T", "where": [], "rows": [],
                                          "columns": ["name"], "until": "=="}], id_=99)
    client.call("echo")
    server.control("ovsdb-server/compact")
    after = parse(server.control("metrics"))
    assert after["ovsdb_database_rows,database=small"] == 5
    assert after["ovsdb_database_commits_total,database=small"] == 5
    assert after["ovsdb_database_file_bytes,database=small"] == os.path.getsize(lab.path("small.db"))
    assert after["ovsdb_database_failed,database=small"] == 0
    assert after["ovsdb_compactions_total"] == before["ovsdb_compactions_total"] + 1
    assert after["ovsdb_commits_total"] - before["ovsdb_commits_total"] == 5
    assert after["ovsdb_transactions_failed_total"] == 1
    assert after["ovsdb_sync_seconds_count"] > before["ovsdb_sync_seconds_count"]
    assert after["ovsdb_sync_seconds_sum"] <= after["ovsdb_sync_longest_seconds"] \
        * after["ovsdb_sync_seconds_count"] + 1e-6
    assert after["ovsdb_clients,transport=unix"] == 1
    assert after["ovsdb_monitors"] == after["ovsdb_locks"] == 1
    assert after["ovsdb_waiting_transactions"] == 1
    assert after["ovsdb_transaction_seconds_count"] == 6  # the one that waits is not done
    assert after["ovsdb_transaction_seconds_bucket,le=+Inf"] == 6
    assert after["ovsdb_owed_bytes"] == after["ovsdb_largest_backlog_bytes"] == 0
    assert after["ovsdb_backlog_limit_bytes"] == 4 << 30
    assert after["ovsdb_loop_step_seconds_count"] > before["ovsdb_loop_step_seconds_count"]
    assert after["ovsdb_resident_peak_bytes"] > 1e6 and after["ovsdb_cpu_seconds_total"] > 0
    assert "ovsdb_heap_bytes" in after  # 0 with the allocator of a sanitizer


def test_coverage(lab):
    server = lab.serve("small")
    client = server.client()
    client.transact("small", {"op": "insert", "table": "T", "row": {"name": "x"}})
    text = server.control("coverage/show")
    assert text.startswith("Event coverage, avg rate over last: 5 seconds, last minute, last hour")
    line = next(line for line in text.splitlines() if line.startswith("requests "))
    assert line.split()[-1] == server.control("coverage/read-counter", "requests").strip()
    assert "events never hit" in text.splitlines()[-1]
    with pytest.raises(Exception, match="No such counter"):
        server.control("coverage/read-counter", "nope")


def test_perf_counters(lab):
    server = lab.serve("small")

    def steps():
        lines = server.control("ovsdb-server/perf-counters-show").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("loop_step"))

    for _ in range(20):
        server.client().call("echo")
    before = steps()
    assert before >= 20
    server.control("ovsdb-server/perf-counters-clear")
    assert steps() < before


class Scraper:
    """A server whose socket "metrics" is passed as a service manager does."""

    def __init__(self, lab):
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen()
        self.address = self.listener.getsockname()
        self.server = lab.serve("small", fds={"metrics": self.listener})

    def connect(self):
        connection = socket.create_connection(self.address)
        connection.settimeout(30)
        return connection

    def ask(self, request):
        with self.connect() as connection:
            connection.sendall(request)
            answer = b""
            while data := connection.recv(65536):
                answer += data
        head, _, body = answer.partition(b"\r\n\r\n")
        return head.decode(), body.decode()


@pytest.fixture
def scraper(lab):
    return Scraper(lab)


def test_http(scraper):
    head, body = scraper.ask(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n"
                             b"Accept: application/openmetrics-text;version=1.0.0\r\n\r\n")
    assert head.startswith("HTTP/1.1 200 OK\r\n")
    assert "Content-Type: application/openmetrics-text; version=1.0.0; charset=utf-8" in head
    assert f"Content-Length: {len(body)}" in head
    assert parse(body)["ovsdb_database_rows,database=small"] == 0


@pytest.mark.parametrize("accept", [b"", b"Accept: */*\r\n", b"Accept: text/plain\r\n"])
def test_classic_format(scraper, accept):
    """A client that does not request OpenMetrics gets the classic text format."""
    head, body = scraper.ask(b"GET /metrics HTTP/1.1\r\n" + accept + b"\r\n")
    assert "Content-Type: text/plain; version=0.0.4; charset=utf-8" in head
    families = {family.name: family for family in classic(body)}
    assert families["ovsdb_build_info"].type == "gauge"
    assert families["ovsdb_commits"].type == "counter"
    assert families["ovsdb_sync_seconds"].type == "histogram"
    assert "# UNIT" not in body and "# EOF" not in body


def test_formats_agree(lab):
    server = lab.serve("small")
    open_names = {line.split()[0] for line in server.control("metrics", "openmetrics").splitlines()
                  if not line.startswith("#")}
    text = server.control("metrics", "text")
    assert open_names == {line.split()[0] for line in text.splitlines()
                          if not line.startswith("#")}
    assert server.control("metrics").endswith("# EOF\n")
    with pytest.raises(Exception, match="openmetrics or text"):
        server.control("metrics", "xml")


def test_a_real_client(scraper):
    url = "http://%s:%d/metrics" % scraper.address
    code = f"import urllib.request as u; print(u.urlopen({url!r}).read().decode(), end='')"
    text = subprocess.run(["/usr/bin/python3", "-c", code], check=True, text=True,
                          stdout=subprocess.PIPE).stdout
    samples = {sample.name + "".join(sample.labels.values()): sample.value
               for family in classic(text) for sample in family.samples}
    assert samples["ovsdb_clientsunix"] == 0


@pytest.mark.parametrize("request_, status", [
    (b"GET / HTTP/1.1\r\n\r\n", "404"), (b"POST /metrics HTTP/1.1\r\n\r\n", "405"),
    (b"garbage\r\n\r\n", "400"), (b"\x00\xff\xfe\r\n\r\n", "400"),
    (b'{"id":1,"method":"exit","params":[]}\r\n\r\n', "400"),
])
def test_http_errors(scraper, request_, status):
    head, body = scraper.ask(request_)
    assert head.startswith(f"HTTP/1.1 {status} "), head
    assert body.startswith(status)
    assert scraper.server.is_running()


def test_endless_requests_end(scraper):
    scraper.server.allow("closed a control connection: the request is too long")
    with scraper.connect() as connection:
        with pytest.raises(ConnectionError):
            for _ in range(64):  # far more than the socket's buffers take
                connection.sendall(b"x" * 1_000_000)
            pytest.fail("nobody minds")
    assert scraper.ask(b"GET /metrics HTTP/1.1\r\n\r\n")[0].startswith("HTTP/1.1 200")


def test_slow_clients_are_cut_off(scraper):
    """Clients that do not complete a request take every place at first, and are disconnected."""
    slow = [scraper.connect() for _ in range(80)]
    for connection in slow[::2]:
        connection.sendall(b"GET /metr")
    for connection in slow[:2]:
        try:
            assert connection.recv(1) == b""
        except ConnectionResetError:
            pass  # the server has not read what was sent
    with scraper.server.client() as client:
        assert client.call("echo", 1) == [1]
    assert scraper.ask(b"GET /metrics HTTP/1.1\r\n\r\n")[0].startswith("HTTP/1.1 200")
    for connection in slow:
        connection.close()


def test_the_log_tells_of_memory(lab):
    server = lab.serve("small")
    wait.until(lambda: "|memory|INFO|peak resident set size" in server.log(), "a word on memory",
               40)
