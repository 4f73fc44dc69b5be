# SPDX-License-Identifier: Apache-2.0
"""Relays of the southbound database, started by Debian's ovn-ctl on the programs under test."""
import os
import pathlib
import re
import signal

from harness import wait
from harness.daemons import PATH, Daemons
from harness.rpc import Client, Closed

CTL = pathlib.Path("/usr/share/ovn/scripts/ovn-ctl")


class Relay:
    """`source`: the remote of the southbound database. The relay runs under --monitor, so it comes
    back after crash(), but not after kill()."""

    def __init__(self, lab, name, source):
        self.lab, self.source = lab, source
        self.directory = lab.directory / name
        self.directory.mkdir()
        programs = self.directory / "bin"
        programs.mkdir()
        for program in (lab.programs.server, lab.programs.appctl):
            (programs / os.path.basename(program)).symlink_to(program)
        self.env = {**Daemons(lab.make_env(self.directory), self.directory).env,
                    "PATH": f"{programs}:{PATH}"}
        run_dir = pathlib.Path(self.env["OVN_RUNDIR"])
        self.socket_path = run_dir / "ovnsb_relay_db.sock"
        self.pid_path = run_dir / "ovnsb_relay_db.pid"
        self.log_path = pathlib.Path(self.env["OVN_LOGDIR"]) / "ovsdb-server-sb-relay.log"

    @property
    def remote(self):
        return f"unix:{self.socket_path}"

    def ctl(self, verb):
        result = self.lab.run(CTL, verb, f"--db-sb-relay-remote={self.source}",
                              env=self.env, patience=6 * wait.PATIENCE)
        assert result.status == 0, str(result)

    def start(self):
        self.ctl("start_sb_relay_ovsdb")

    def stop(self):
        self.ctl("stop_sb_relay_ovsdb")

    def crash(self):
        """Ends the process by a signal after which --monitor starts another, and waits for that."""
        old = self.pid()
        os.kill(old, signal.SIGXCPU)
        wait.until(lambda: self.pid() not in (None, old), "another process", 6 * wait.PATIENCE)

    def kill(self):
        """Kills the process. The one that watches it ends by itself."""
        old = self.pid()
        os.kill(old, signal.SIGKILL)
        wait.until(lambda: not pathlib.Path(f"/proc/{old}").exists(), "its end")

    def pid(self):
        try:
            return int(self.pid_path.read_text())
        except (FileNotFoundError, ValueError):
            return None

    def is_connected(self):
        try:
            with Client(self.socket_path) as client:
                client.call("set_db_change_aware", True)
                rows = client.select("_Server", "Database", ["model", "connected"],
                                     [["name", "==", "OVN_Southbound"]])
            return rows == [{"model": "relay", "connected": True}]
        except (Closed, OSError):
            return False

    def until_connected(self):
        wait.until(self.is_connected, f"{self.directory.name} to be connected",
                   6 * wait.PATIENCE)

    def rows(self, table, columns):
        with Client(self.socket_path) as client:
            client.call("set_db_change_aware", True)
            return client.select("OVN_Southbound", table, columns)

    def check_log(self):
        """No process ended of a fault of its own."""
        text = self.log_path.read_text(errors="replace")
        bad = [line for line in text.splitlines()
               if re.search(r"\|(ERR|EMER)\|", line)
               and not re.search(r"SIGXCPU|CPU time limit", line)]
        assert not bad, "\n".join(bad)
