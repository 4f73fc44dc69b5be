# SPDX-License-Identifier: Apache-2.0
"""The real Prometheus: it scrapes the server, loads the alert rules, and knows every metric that
the rules and the dashboard name."""
import json
import pathlib
import re
import shutil
import socket
import subprocess
import urllib.error
import urllib.parse
import urllib.request

import pytest

from harness import wait

pytestmark = [
    pytest.mark.ours("the reference server has no metrics"),
    pytest.mark.skipif(not shutil.which("prometheus") or not shutil.which("promtool"),
                       reason="the package prometheus is not installed")]

MONITORING = pathlib.Path(__file__).parents[2] / "packaging" / "monitoring"
RULES = MONITORING / "ovsdbd.rules.yml"
DASHBOARD = json.loads((MONITORING / "ovsdbd-dashboard.json").read_text())


def promtool(*args, **options):
    done = subprocess.run(["promtool", *args], text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, **options)
    assert done.returncode == 0, done.stdout
    return done.stdout


def dashboard_expressions():
    """The queries of the panels, with the variables as Grafana fills them in."""
    for panel in DASHBOARD["panels"]:
        for target in panel["targets"]:
            yield target["expr"].replace("$__rate_interval", "5m").replace("$instance", ".*")


def test_rules():
    assert "SUCCESS" in promtool("check", "rules", str(RULES))


def test_example_configuration():
    assert "SUCCESS" in promtool("check", "config", str(MONITORING / "prometheus.yml"))


@pytest.mark.parametrize("name", ["metrics", "with-clients"])
def test_metrics(lab, name):
    server = lab.serve("small")
    if name == "with-clients":
        server.client().insert("small", "T", {"name": "x"})
    assert promtool("check", "metrics", input=server.control("metrics", "text")) == ""


ALERTS = """
rule_files: [{rules}]
evaluation_interval: 1m
tests:
  - interval: 1m
    input_series:
      - {{series: 'up{{job="ovsdb", instance="a"}}', values: '1 0 0 0 0'}}
      - {{series: 'ovsdb_database_failed{{instance="a", database="d"}}', values: '0 0 0 1 1'}}
      - {{series: 'ovsdb_loop_step_seconds_count{{instance="a"}}', values: '0 10 20 30 41'}}
      - {{series: 'ovsdb_loop_step_seconds_bucket{{instance="a", le="1.0"}}', values: '0 10 20 30 40'}}
      - {{series: 'ovsdb_largest_backlog_bytes{{instance="a"}}', values: '0 0 600 600 600'}}
      - {{series: 'ovsdb_backlog_limit_bytes{{instance="a"}}', values: '1000x5'}}
    alert_rule_test:
      - {{eval_time: 2m, alertname: OvsdbDatabaseReadOnly, exp_alerts: []}}
      - {{eval_time: 1m, alertname: OvsdbDown, exp_alerts: []}}
      - {{eval_time: 2m, alertname: OvsdbLoopBlocked, exp_alerts: []}}
      - {{eval_time: 1m, alertname: OvsdbClientBehind, exp_alerts: []}}
    promql_expr_test:
      - expr: ALERTS{{alertstate="firing"}}
        eval_time: 4m
        exp_samples:
          - {{labels: 'ALERTS{{alertname="OvsdbDown", alertstate="firing", job="ovsdb", instance="a", severity="critical"}}', value: 1}}
          - {{labels: 'ALERTS{{alertname="OvsdbDatabaseReadOnly", alertstate="firing", instance="a", database="d", severity="critical"}}', value: 1}}
          - {{labels: 'ALERTS{{alertname="OvsdbLoopBlocked", alertstate="firing", instance="a", severity="warning"}}', value: 1}}
          - {{labels: 'ALERTS{{alertname="OvsdbClientBehind", alertstate="firing", instance="a", severity="warning"}}', value: 1}}
"""


def test_alerts_fire(tmp_path):
    test = tmp_path / "test.yml"
    test.write_text(ALERTS.format(rules=RULES))
    promtool("test", "rules", str(test))


def test_every_metric_is_there(lab):
    server = lab.serve("small")
    known = {re.split("[{ ]", line)[0] for line in server.control("metrics", "text").splitlines()
             if not line.startswith("#")}
    text = RULES.read_text() + "\n".join(dashboard_expressions())
    named = set(re.findall(r"\bovsdb_\w+", text))
    assert len(named) > 20 and not named - known


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Prometheus:
    def __init__(self, directory, target):
        self.port = free_port()
        config = directory / "prometheus.yml"
        config.write_text(f"global: {{scrape_interval: 1s, evaluation_interval: 1s}}\n"
                          f"rule_files: [{RULES}]\n"
                          f"scrape_configs: [{{job_name: ovsdb, static_configs: "
                          f"[{{targets: ['{target}']}}]}}]\n")
        self.process = subprocess.Popen(
            ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={directory}/data",
             f"--web.listen-address=127.0.0.1:{self.port}"], stdout=subprocess.DEVNULL,
            stderr=(directory / "prometheus.log").open("w"))

    def get(self, path, **query):
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}?{urllib.parse.urlencode(query)}"
        try:
            with urllib.request.urlopen(url, timeout=30) as answer:
                return json.load(answer)["data"]
        except (ConnectionError, urllib.error.URLError):
            assert self.process.poll() is None, "prometheus has ended"
            return None

    def query(self, expression):
        data = self.get("query", query=expression)
        return data and data["result"]

    def stop(self):
        self.process.terminate()
        self.process.wait()


@pytest.fixture
def prometheus(lab, tmp_path):
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    port = listener.getsockname()[1]
    lab.serve("small", fds={"metrics": listener})
    prometheus = Prometheus(tmp_path, f"127.0.0.1:{port}")
    yield prometheus
    prometheus.stop()


def test_a_scrape(prometheus):
    wait.until(lambda: prometheus.query('up{job="ovsdb"} == 1'), "a scrape", 60)
    (sample,) = prometheus.query("ovsdb_database_rows")
    assert sample["metric"]["database"] == "small" and sample["value"][1] == "0"
    wait.until(lambda: prometheus.query("count_over_time(ovsdb_clients[1m]) >= 3"), "more scrapes",
               60)
    # The type "info" exists in OpenMetrics only: this is the format that was scraped.
    (metadata,) = prometheus.get("metadata", metric="ovsdb_build")["ovsdb_build"]
    assert metadata["type"] == "info"
    rules = [rule for group in prometheus.get("rules")["groups"] for rule in group["rules"]]
    assert len(rules) == RULES.read_text().count("- alert:")
    assert all(rule["health"] in ("ok", "unknown") for rule in rules), rules
    for expression in dashboard_expressions():
        assert prometheus.query(expression), expression  # a name or label that is wrong has none
