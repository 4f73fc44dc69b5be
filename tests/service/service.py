# SPDX-License-Identifier: Apache-2.0
"""The installed units in the container, from a clean start."""
import json
import os
import pathlib

from harness import wait
from harness.rpc import Client

ROOT = pathlib.Path(__file__).resolve().parents[2]
UNIT = "ovsdb-server.service"
SOCKET = "ovsdb-server.socket"
SYSTEM_IDS = "ovsdb-system-ids.service"
DB_SOCK = "/run/openvswitch/db.sock"
DATABASE = "/etc/openvswitch/conf.db"
CONFIG = "/etc/ovsdb/ovsdb-server.conf"
SCHEMA = "/usr/share/openvswitch/small.ovsschema"


def is_of_unit(entry):
    """If the sender has ended before journald handles its message, the entry has no unit."""
    unit = entry.get("_SYSTEMD_UNIT")
    return unit == UNIT or not unit and entry.get("SYSLOG_IDENTIFIER") == "ovsdb-server"


class Service:
    """The installed units, from a clean start."""

    def __init__(self, container):
        self.container = container
        self.ok = container.ok
        self.clients = []
        schema = ROOT / "tests/data/system/schemas/small.ovsschema"
        container.path(SCHEMA).write_bytes(schema.read_bytes())
        self.configure()
        self.cursor = json.loads(container.ok("journalctl", "-n", "1", "-o", "json"))["__CURSOR"]

    def configure(self, text="", database=DATABASE, schema=SCHEMA):
        """Writes the configuration: the database, made from its schema, and further sections."""
        self.container.path(CONFIG).write_text(
            f"[database {database}]\nschema = {schema}\n{text}")

    def write(self, path, text):
        """Writes a file inside and reloads systemd."""
        self.ok("mkdir", "-p", os.path.dirname(path))
        self.container.path(path).write_text(text)
        self.ok("systemctl", "daemon-reload")

    def start(self, unit=UNIT):
        return self._job("start", unit)

    def restart(self, unit=UNIT):
        return self._job("restart", unit)

    def _job(self, verb, unit):
        """Runs a job of the unit. A failure shows the unit's journal.

        The job of SYSTEM_IDS, which each start of UNIT starts, is over on return. It is a client:
        if it connected after the server has ended by a signal, the socket unit would start the
        server again."""
        result = self.container.run("systemctl", verb, unit)
        assert result.returncode == 0, result.stderr + "\n".join(
            e["MESSAGE"] for e in self.all_messages()
            if unit in (e.get("_SYSTEMD_UNIT"), e.get("UNIT")))
        wait.until(lambda: SYSTEM_IDS not in self.ok("systemctl", "list-jobs", "--no-legend"),
                   f"the end of the job of {SYSTEM_IDS}", 60)
        return self

    def show(self, name, unit=UNIT):
        return self.ok("systemctl", "show", "-P", name, unit).strip()

    def client(self, path=DB_SOCK):
        client = Client(self.container.path(path))
        self.clients.append(client)
        return client

    def all_messages(self):
        """The messages that all programs have logged in this test, as dicts."""
        self.ok("journalctl", "--sync", "-q")
        # Without a match: with one, journalctl 252 takes the first entry found for the cursor's.
        text = self.ok("journalctl", "-q", "-o", "json", "--after-cursor", self.cursor)
        return [json.loads(line) for line in text.splitlines()]

    def journal(self, *matches):
        """The messages of the service in this test that have all of `matches`, which are of the
        form "PRIORITY=4"."""
        return [e for e in self.all_messages() if is_of_unit(e)
                and all(e.get(name) == value for name, value in (m.split("=", 1) for m in matches))]

    def explained(self):
        """The messages of all programs in this test with the catalog's explanations, as text."""
        self.ok("journalctl", "--update-catalog")
        self.ok("journalctl", "--sync", "-q")
        return self.ok("journalctl", "-q", "-x", "--after-cursor", self.cursor)

    def signal_main(self, number):
        self.ok("kill", f"-{int(number)}", self.show("MainPID"))

    def clean_up(self):
        for client in self.clients:
            client.close()
        self.container.run("systemctl", "stop", SOCKET, UNIT, "t-*.socket")
        self.container.run("systemctl", "reset-failed")
        self.container.ok("sh", "-c", "rm -rf /var/lib/openvswitch/conf.db* "
                          "/var/lib/openvswitch/.conf.db.* /var/log/ovsdb/* "
                          "/run/openvswitch/*")  # what one left that was killed
        self.container.ok("rm", "-rf", "/etc/default/ovsdb-server",
                          f"/etc/systemd/system/{UNIT}.d", f"/etc/systemd/system/{SOCKET}.d")
        self.container.ok("sh", "-c", "rm -f /etc/systemd/system/t-*.socket")
        self.container.ok("systemctl", "daemon-reload")
