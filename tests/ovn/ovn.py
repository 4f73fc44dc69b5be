# SPDX-License-Identifier: Apache-2.0
"""One OVN site: a central server with the northbound and southbound databases, ovn-northd, and a
hypervisor: a switch with another database server, and ovn-controller. The switch and the controller
share a network namespace that ends with them. Every process is ended by its id."""
import json

from harness import wait
from harness.daemons import Daemons
from harness.lab import Lab
from harness.pki import Authority

PROGRAMS = ("ovn-northd", "ovn-controller", "ovn-nbctl", "ovn-sbctl", "ovs-vswitchd", "ovs-vsctl",
            "unshare", "nsenter")
SCHEMAS = {"nb": "/usr/share/ovn/ovn-nb.ovsschema", "sb": "/usr/share/ovn/ovn-sb.ovsschema",
           "conf": "/usr/share/openvswitch/vswitch.ovsschema"}
N_SWITCHES, N_PORTS, N_BOUND = 50, 20, 100
# For what the whole chain of processes has to do.
PATIENCE = 6 * wait.PATIENCE
# No warnings on standard error about the load of the machine.
QUIET = "-vtimeval:off"


def port_name(number):
    """The name of a logical port; the ports that are bound are spread over all switches."""
    return f"s{number % N_SWITCHES}-p{number // N_SWITCHES}"


class Site:
    def __init__(self, programs, reference, directory):
        self.lab = Lab(programs, reference, directory)
        self.daemons = Daemons(self.lab.env, self.lab.directory)
        self.env = self.daemons.env
        for name, schema in SCHEMAS.items():
            self.lab.tool("create", f"{name}.db", schema).ok()
        self.pki = Authority(self.lab.directory)
        self.central = self.serve("nb", "sb", options=[
            "--remote=db:OVN_Southbound,SB_Global,connections",
            *self.pki.issue("central").options(self.pki.cert)])
        self.local = self.serve("conf")

    # The database servers

    def serve(self, *names, options=()):
        server = self.lab.new_server()
        server.databases = [self.lab.path(f"{name}.db") for name in names]
        server.options = options
        return server.start(server.databases, *options)

    @staticmethod
    def kill_and_restart(server):
        server.kill()
        server.start(server.databases, *server.options)

    # Clients, each run to its end

    def run(self, program, server, *words, patience=PATIENCE):
        return self.lab.run(program, QUIET, f"--timeout={patience:.0f}",
                            f"--db=unix:{server.socket_path}", *words, env=self.env,
                            patience=2 * patience)

    def nbctl(self, *words):
        return self.run("ovn-nbctl", self.central, *words)

    def sbctl(self, *words):
        return self.run("ovn-sbctl", self.central, *words)

    def vsctl(self, *words):
        return self.run("ovs-vsctl", self.local, *words)

    def find(self, database, table, columns, *conditions):
        """The rows of a table as dicts, read from the server."""
        server = self.local if database == "Open_vSwitch" else self.central
        with server.client() as client:
            rows = client.select(database, table, columns, conditions)
        server.clients.remove(client)
        return rows

    # OVN's processes

    def come_up(self):
        """Starts everything, adds the switches and their ports and binds some of those."""
        # As Debian's units do: ovn-controller 23.03 ends with SIGSEGV where SB_Global is empty.
        self.nbctl("init").ok()
        self.sbctl("init").ok()
        self.vsctl("--no-wait", "init", "--", "set", "Open_vSwitch", ".",
                   "external_ids:system-id=hv1",
                   f"external_ids:ovn-remote=unix:{self.central.socket_path}",
                   "external_ids:ovn-encap-type=geneve", "external_ids:ovn-encap-ip=127.0.0.1").ok()
        switch = self.daemons.start("ovs-vswitchd", "--enable-dummy=system", "--disable-system",
                                    f"unix:{self.local.socket_path}", prefix=["unshare", "--net"])
        self.vsctl("add-br", "br-int", "--", "set", "Bridge", "br-int", "fail-mode=secure").ok()
        self.daemons.start("ovn-northd", f"--ovnnb-db=unix:{self.central.socket_path}",
                           f"--ovnsb-db=unix:{self.central.socket_path}",
                           f"--unixctl={self.lab.run_dir / 'northd.ctl'}")
        self.daemons.start("ovn-controller", f"unix:{self.local.socket_path}",
                           prefix=["nsenter", f"--net=/proc/{switch.pid}/ns/net"])
        self.wait(lambda: self.find("OVN_Southbound", "Chassis", ["name"]) == [{"name": "hv1"}],
                  "the chassis")
        for switch in range(N_SWITCHES):
            self.nbctl("ls-add", f"s{switch}", *(
                word for port in range(N_PORTS)
                for word in ("--", "lsp-add", f"s{switch}", f"s{switch}-p{port}"))).ok()
        self.bind(*map(port_name, range(N_BOUND)))

    def bind(self, *names):
        """Plugs an interface into the switch for each of the logical ports."""
        words = []
        for name in names:
            words += ["--", "add-port", "br-int", name, "--", "set", "Interface", name,
                      f"external_ids:iface-id={name}"]
        self.vsctl(*words[1:]).ok()

    def bound(self):
        """The names of the ports that the southbound database has at a chassis, and up."""
        rows = self.find("OVN_Southbound", "Port_Binding", ["logical_port", "chassis", "up"])
        return {row["logical_port"] for row in rows
                if row["up"] is True and row["chassis"] != ["set", []]}

    def up(self):
        """The names of the ports that the northbound database has as up."""
        return {row["name"] for row in self.find(
            "OVN_Northbound", "Logical_Switch_Port", ["name"], ["up", "==", True])}

    def wait(self, condition, what):
        """Waits for a state, as long as every process lives."""
        def check():
            self.daemons.check()
            return condition()
        return wait.until(check, what, PATIENCE)

    def sync(self):
        """Waits until the configuration of the northbound database has been applied by the switch
        and confirmed."""
        self.nbctl("--wait=hv", "sync").ok()

    def follow(self, database, last="00000000-0000-0000-0000-000000000000"):
        """The reply to monitor_cond_since for all tables of a database: found, id, updates."""
        with self.central.client() as client:
            schema = client.call("get_schema", database)
            requests = {name: [{"columns": sorted(c for c, d in table["columns"].items()
                                                  if not d.get("ephemeral"))}]
                        for name, table in schema["tables"].items()}
            found = client.call("monitor_cond_since", database, "m", requests, last)
        self.central.clients.remove(client)
        return found

    # The end

    def finish(self):
        self.daemons.check()
        self.daemons.stop()
        self.lab.finish()

    def clean_up(self):
        self.daemons.stop()
        self.lab.clean_up()


def rows_of(updates):
    """The number of rows in <table-updates2>."""
    assert isinstance(updates, dict), json.dumps(updates)
    return sum(len(rows) for rows in updates.values())
