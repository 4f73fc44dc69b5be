# SPDX-License-Identifier: Apache-2.0
"""Log files are rotated by the installed file for logrotate, and by Open vSwitch's own."""
import shutil

import pytest

from service import UNIT

MORE = "ovsdb-server@more.service"
LOGS = {UNIT: "/var/log/ovsdb/ovsdb-server.log", MORE: "/var/log/ovsdb/more.log"}


@pytest.fixture
def logging(service):
    """The host's server and another one, each with a log file."""
    if not shutil.which("logrotate"):
        pytest.skip("needs logrotate")
    service.configure(f"[options]\nlog-file = {LOGS[UNIT]}\n")
    service.container.path("/etc/ovsdb/more.conf").write_text(
        f"[options]\nlog-file = {LOGS[MORE]}\n"
        "[database /var/lib/ovsdb/more.db]\nschema = /usr/share/openvswitch/small.ovsschema\n")
    service.start().start(MORE)
    yield service
    service.container.run("systemctl", "stop", MORE, "ovsdb-server@more.socket")
    service.ok("sh", "-c", "rm -f /etc/ovsdb/more.conf /var/lib/ovsdb/*more.db*")


def test_rotation(logging):
    for n in (1, 2):
        logging.ok("logrotate", "--force", "/etc/logrotate.d/ovsdbd")
        for unit, log in LOGS.items():
            assert logging.ok("stat", "-c", "%U", log, f"{log}.1").split() == ["ovsdb"] * 2
            open_files = logging.ok("sh", "-c", f"readlink /proc/{logging.show('MainPID', unit)}/fd/*")
            assert [f for f in open_files.splitlines() if f.startswith("/var/log/")] == [log]
        for log in LOGS.values():
            logging.container.path(log).write_text(f"line {n}\n")  # an empty log is not rotated
    for log in LOGS.values():
        assert logging.container.path(f"{log}.1").read_text() == "line 1\n"
        assert "serving database" in logging.ok("zcat", f"{log}.2.gz")


def test_rotation_by_open_vswitch(logging):
    """It calls ovs-appctl for each pid file in /run/openvswitch."""
    logging.ok("mv", LOGS[UNIT], f"{LOGS[UNIT]}.1")
    logging.container.path("/var/log/openvswitch/t.log").write_text("x\n")
    logging.ok("logrotate", "--force", "/etc/logrotate.d/openvswitch-switch")
    assert logging.container.path(LOGS[UNIT]).exists()
    assert logging.container.path("/var/log/openvswitch/t.log.1.gz").exists()
