# SPDX-License-Identifier: Apache-2.0
"""The files that are shipped: the host's configuration with Open vSwitch's own schema, and OVN's
databases as instances, all at once and with the tools of their users."""
import pytest
from harness import wait
from service import CONFIG, ROOT, SOCKET

EXAMPLES = "/usr/local/share/doc/ovsdbd/examples/ovn"
INSTANCES = ("ovnnb_db", "ovnsb_db")


def test_the_hosts_configuration(service):
    shipped = (ROOT / "conf/ovsdb-server.conf").read_text()
    service.container.path(CONFIG).write_text(shipped)
    service.start(SOCKET)
    service.ok("ovs-vsctl", "--no-wait", "add-br", "br0")
    service.ok("ovs-vsctl", "--no-wait", "set-manager", "ptcp:6650:127.0.0.1")
    wait.until(lambda: service.container.run(
        "ovs-vsctl", "--db=tcp:127.0.0.1:6650", "br-exists", "br0").returncode == 0,
        "the manager's remote")
    service.restart()
    assert service.ok("ovs-vsctl", "--no-wait", "list-br") == "br0\n"
    assert not [e for e in service.journal() if int(e["PRIORITY"]) < 5]


def test_it_starts_before_the_network(service):
    before = service.show("Before").split()
    assert "network-pre.target" in before and "shutdown.target" in before
    after = service.show("After").split()
    assert "sysinit.target" not in after and "basic.target" not in after
    assert "sysinit.target" not in service.show("After", SOCKET).split()


@pytest.fixture
def ovn(service):
    """OVN's two databases, by the examples of their configuration and the installed drop-ins."""
    for name in INSTANCES:
        service.ok("install", "-D", "-m", "644", f"{EXAMPLES}/{name}.conf",
                   f"/etc/ovsdb/{name}.conf")
    service.ok("systemctl", "start", *[f"ovsdb-server@{name}.socket" for name in INSTANCES])
    yield service
    for name in INSTANCES:
        service.container.run("systemctl", "stop", f"ovsdb-server@{name}.socket",
                              f"ovsdb-server@{name}.service")
        service.ok("rm", "-f", f"/etc/ovsdb/{name}.conf")


def test_ovn_as_instances(ovn):
    """Socket units start them; each has its own user's files, control socket and remotes."""
    ovn.start()
    ovn.ok("ovn-nbctl", "ls-add", "sw0")
    ovn.ok("ovn-sbctl", "--no-leader-only", "show")
    for name in INSTANCES:
        unit = f"ovsdb-server@{name}.service"
        assert ovn.show("ActiveState", unit) == "active"
        assert ovn.show("StatusText", unit).startswith("databases: 1")
        for folder in ("ovsdb", "ovn"):
            assert "ovsdbd" in ovn.ok("ovs-appctl", "-t", f"/run/{folder}/{name}.ctl", "version")
        assert ovn.container.path(f"/run/ovsdb/{name}.pid").read_text().strip() == \
            ovn.show("MainPID", unit)
        assert ovn.ok("stat", "-c", "%U", f"/var/lib/ovn/{name}.db") == "ovsdb\n"
    ovn.ok("ovn-sbctl", "set-connection", "ptcp:6652:127.0.0.1")
    wait.until(lambda: ovn.container.run(
        "ovn-sbctl", "--db=tcp:127.0.0.1:6652", "show").returncode == 0, "the connection's remote")
    ovn.ok("systemctl", "restart", "ovsdb-server@ovnnb_db.service")
    assert "sw0" in ovn.ok("ovn-nbctl", "ls-list")
    assert ovn.show("SubState") == "running"  # the host's is another
