# SPDX-License-Identifier: Apache-2.0
"""The load of many hypervisors on a southbound database: each sends the requests of an
ovn-controller 23.03 when it connects, claims its ports, and stays connected; ovn-northd sends large
transactions."""
import json
import uuid

from harness import dbfile, wait
from harness.many_clients import ManyClients
from harness.lab import DATA

SCHEMA = "/usr/share/ovn/ovn-sb.ovsschema"
DB, MONITOR = "OVN_Southbound", ["monid", "OVN_Southbound"]
ROLE = "ovn-controller"
# Those of a server whose remote gives clients the role; it needs TLS.
OPTIONS = ["--remote=db:OVN_Southbound,SB_Global,connections"]
FIRST_REQUEST = json.loads((DATA / "ovn-controller.json").read_text())
N_PORTS = 4             # of a hypervisor
FLOWS_OF_DATAPATH = 20
FLOWS_OF_ALL = 100      # those of a group of datapaths, which every hypervisor gets
ZERO = str(uuid.UUID(int=0))

# As ovn-northd writes them: table, who is asked for what, inserts and deletes, columns to update.
PERMISSIONS = [
    ("Chassis", ["name"], True, ["encaps", "external_ids", "nb_cfg", "other_config",
                                 "transport_zones", "vtep_logical_switches"]),
    ("Chassis_Private", ["name"], True, ["chassis", "external_ids", "nb_cfg", "nb_cfg_timestamp"]),
    ("Encap", ["chassis_name"], True, ["ip", "options", "type"]),
    ("Port_Binding", [""], False, ["additional_chassis", "additional_encap", "chassis", "encap",
                                   "options", "up", "virtual_parent"]),
]


def ident(kind, number):
    """The UUID of row `number` of those called `kind`."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{kind} {number}"))


def ref(kind, number):
    return ["uuid", ident(kind, number)]


def flow(number, datapath=None):
    row = {"pipeline": "ingress", "table_id": number % 24, "priority": 100,
           "match": f"inport == \"port-{number}\" && eth.src == 0a:00:00:00:00:{number % 100:02d}",
           "actions": "reg0[15] = check_in_port_sec(); next;",
           "external_ids": ["map", [["source", "northd.c:5651"], ["stage-name", "ls_in_check"]]]}
    row["logical_dp_group" if datapath is None else "logical_datapath"] = \
        ref("group", 0) if datapath is None else ref("datapath", datapath)
    return row


class Network:
    """A number of hypervisors and the rows that northd has made for them."""

    def __init__(self, n):
        self.n = n
        self.n_datapaths = max(n // 2, N_PORTS)
        self.n_flows = 0

    def datapaths(self, hypervisor):
        return [(hypervisor + i) % self.n_datapaths for i in range(N_PORTS)]

    def ports(self, hypervisor):
        return range(hypervisor * N_PORTS, (hypervisor + 1) * N_PORTS)

    def flows(self, count):
        """New ones, for one datapath after another."""
        first, self.n_flows = self.n_flows, self.n_flows + count
        return {number: flow(number, number % self.n_datapaths)
                for number in range(first, first + count)}

    def write(self, path, guarded="pssl:0:127.0.0.1"):
        """Writes a database file as northd makes it before the first hypervisor connects. On the
        remote `guarded`, served with OPTIONS, clients have the role."""
        tables = {
            "SB_Global": {ident("global", 0): {"connections": ref("connection", 0)}},
            "Connection": {ident("connection", 0): {"target": guarded, "role": ROLE}},
            "Datapath_Binding": {ident("datapath", d): {"tunnel_key": d + 1}
                                 for d in range(self.n_datapaths)},
            "Logical_DP_Group": {ident("group", 0): {"datapaths": [
                "set", [ref("datapath", d) for d in range(self.n_datapaths)]]}},
            "Logical_Flow": {
                **{ident("shared", i): flow(i) for i in range(FLOWS_OF_ALL)},
                **{ident("flow", i): row for i, row in
                   self.flows(self.n_datapaths * FLOWS_OF_DATAPATH).items()}},
            "Port_Binding": {
                ident("port", port): {"logical_port": f"port-{port}", "tunnel_key": port + 1,
                                      "datapath": ref("datapath", datapath)}
                for i in range(self.n) for port, datapath in zip(self.ports(i), self.datapaths(i))},
            "RBAC_Permission": {
                ident(ROLE, table): {
                    "table": table, "authorization": ["set", authorization],
                    "insert_delete": insert_delete, "update": ["set", update]}
                for table, authorization, insert_delete, update in PERMISSIONS},
            "RBAC_Role": {ident("role", 0): {"name": ROLE, "permissions": [
                "map", [[table, ref(ROLE, table)] for table, *_ in PERMISSIONS]]}},
        }
        with open(SCHEMA, encoding="utf-8") as source:
            return dbfile.create(path, json.load(source), {"_date": 1700000000000, **tables})


def registration(number):
    """The transaction that adds a hypervisor."""
    name = f"hv{number}"
    return [
        {"op": "insert", "table": "Encap", "uuid": ident("encap", number), "row": {
            "ip": f"10.0.{number // 250}.{number % 250}", "chassis_name": name, "type": "geneve",
            "options": ["map", [["csum", "true"]]]}},
        {"op": "insert", "table": "Chassis", "uuid": ident("chassis", number), "row": {
            "name": name, "hostname": name, "encaps": ref("encap", number),
            "other_config": ["map", [["datapath-type", "system"], ["is-interconn", "false"],
                                     ["ovn-bridge-mappings", ""], ["port-up-notif", "true"]]]}},
        {"op": "insert", "table": "Chassis_Private", "uuid": ident("private", number),
         "row": {"name": name, "chassis": ref("chassis", number)}}]


def own_ports(number):
    """The clauses for ports that a hypervisor may have to do with."""
    name, own = f"hv{number}", ref("chassis", number)
    return [["type", "==", "external"], ["type", "==", "patch"], ["type", "==", "chassisredirect"],
            ["chassis", "==", own], ["requested_chassis", "==", own],
            ["options", "includes", ["map", [["l2gateway-chassis", name]]]],
            ["options", "includes", ["map", [["l3gateway-chassis", name]]]]]


def conditions(network, number):
    """The conditions of a hypervisor when it has its row, and when it has its ports."""
    name, own = f"hv{number}", ref("chassis", number)
    datapaths = [ref("datapath", d) for d in network.datapaths(number)]
    of_them = [["datapath", "==", d] for d in datapaths]
    shared = ["logical_dp_group", "!=", ["set", []]]
    ports = [clause for port in network.ports(number)
             for clause in (["logical_port", "==", f"port-{port}"],
                            ["parent_port", "==", f"port-{port}"])]
    first = {"Controller_Event": [["chassis", "==", own]], "IGMP_Group": [["chassis", "==", own]],
             "Chassis_Template_Var": [["chassis", "==", name]],
             "Chassis_Private": [["name", "==", name]], "Logical_Flow": [shared],
             "Port_Binding": own_ports(number)}
    second = {"DNS": [["datapaths", "includes", d] for d in datapaths], "Multicast_Group": of_them,
              "MAC_Binding": of_them, "IP_Multicast": of_them,
              "Logical_Flow": [["logical_datapath", "==", d] for d in datapaths] + [shared],
              "Port_Binding": own_ports(number) + ports + of_them}
    return [{table: [{"where": where}] for table, where in step.items()}
            for step in (first, second)]


def update(table, row_id, row):
    return {"op": "update", "table": table, "where": [["_uuid", "==", row_id]], "row": row}


def arrival(network, number, last):
    """The requests of a hypervisor that connects; `last` is the last transaction that it has seen,
    or None."""
    yield "get_schema", ["_Server"]
    yield "monitor_cond", ["_Server", ["monid", "_Server"], {"Database": [{"columns": [
        "name", "model", "connected", "leader", "schema", "cid", "index"]}]}]
    first, second = conditions(network, number)
    if last:
        yield "monitor_cond_since", [DB, MONITOR, {
            table: [{**FIRST_REQUEST[table][0], **{**first, **second}.get(table, [{}])[0]}]
            for table in FIRST_REQUEST}, last]
        yield "set_db_change_aware", [True]
        return
    yield "monitor_cond_since", [DB, MONITOR, FIRST_REQUEST, ZERO]
    yield "set_db_change_aware", [True]
    yield "transact", [DB, *registration(number)]
    yield "monitor_cond_change", [MONITOR, MONITOR, first]
    yield "transact", [DB, *(update("Port_Binding", ref("port", port),
                                    {"chassis": ref("chassis", number)})
                             for port in network.ports(number))]
    yield "monitor_cond_change", [MONITOR, MONITOR, second]
    yield "transact", [DB, *(update("Port_Binding", ref("port", port), {"up": True})
                             for port in network.ports(number))]


class Site:
    """All hypervisors of a network and northd beside them, connected: `connect` is that of
    ManyClients, and the number after the last hypervisor's is northd's."""

    def __init__(self, network, connect, patience=60):
        self.network = network
        self.many = ManyClients(network.n + 1, connect, patience)
        *self.hypervisors, self.northd = self.many.members
        self.n_coming = 0
        self.nb_cfg = 1000

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.many.__exit__()

    def arrive(self, last=None, flows=2000):
        """All hypervisors connect at once, while northd adds flows; false: they take too long."""
        self.n_coming = len(self.hypervisors)
        for member in self.hypervisors:
            self._next_step(member, arrival(self.network, member.number, last))
        self._add_flows_meanwhile(flows)
        return self.many.wait()

    def _next_step(self, member, steps):
        method, params = next(steps, (None, None))
        if method:
            member.ask(method, *params, then=lambda one: self._next_step(one, steps))
        else:
            self.n_coming -= 1

    def _add_flows_meanwhile(self, count):
        if self.n_coming:
            self.northd.ask("transact", DB, *self._flows(count),
                            then=lambda _: self._add_flows_meanwhile(count))

    def _flows(self, count):
        return [{"op": "insert", "table": "Logical_Flow", "uuid": ident("flow", number), "row": row}
                for number, row in self.network.flows(count).items()]

    def change(self, flows):
        """northd adds flows and requests a confirmation; all hypervisors send it."""
        self.nb_cfg += 1
        for member in self.hypervisors:
            member.expect("update", f'"nb_cfg":{self.nb_cfg}', self._confirm)
        self.northd.ask("transact", DB, *self._flows(flows),
                        update("SB_Global", ref("global", 0), {"nb_cfg": self.nb_cfg}))
        return self.many.wait()

    def _confirm(self, member):
        member.ask("transact", DB, update("Chassis_Private", ref("private", member.number),
                                          {"nb_cfg": self.nb_cfg, "nb_cfg_timestamp": 1}))


def last_transaction(client, patience=wait.PATIENCE):
    """The id of the last transaction."""
    return client.call("monitor_cond_since", DB, "last", {"SB_Global": {"columns": ["ipsec"]}},
                       ZERO,
                       patience=patience)[1]
