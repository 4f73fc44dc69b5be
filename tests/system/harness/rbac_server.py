# SPDX-License-Identifier: Apache-2.0
"""A server whose clients have roles: by their remote, and an id by their certificate."""
import json
import socket
import ssl

from harness import dbfile, wait
from harness import lab as lab_module
from harness.rpc import Client, TlsClient

DATA = lab_module.DATA.parent / "rbac"
SCHEMA = json.loads((DATA / "rbac.ovsschema").read_text())
CASES = json.loads((DATA / "rules.json").read_text())
TABLES = ["RBAC_Role", "RBAC_Permission", "Card", "Open"]  # those a case may leave rows in
PERMISSION_ERROR = "permission error"


def permission(authorization, insert_delete, update):
    """The row of a permission."""
    return {"authorization": ["set", authorization], "insert_delete": insert_delete,
            "update": ["set", update]}


def rules(permissions, name="r"):
    """The operations that give a role its permissions, by table."""
    inserts = [{"op": "insert", "table": "RBAC_Permission", "uuid-name": f"for{table}",
                "row": {"name": table, **row}} for table, row in permissions.items()]
    names = [[table, ["named-uuid", f"for{table}"]] for table in permissions]
    return [*inserts, {"op": "insert", "table": "RBAC_Role",
                       "row": {"name": name, "permissions": ["map", names]}}]


def free_address(host):
    with socket.create_server((host, 0)) as probe:
        return probe.getsockname()


def listens(address):
    with socket.socket() as probe:
        return probe.connect_ex(address) == 0


class RbacServer:
    def __init__(self, lab, pki, *options, programs=None):
        self.lab, self.pki = lab, pki
        path = dbfile.create(lab.path("rbac.db"), SCHEMA)
        self.server = lab.new_server(programs).start(
            [path], "--remote=db:rbac,Top,connections", *pki.server.options(pki.cert), *options)
        self.server.allow(r"\|rbac\|WARN\|", r"TLS: the peer left|unexpected eof",
                          r"\|WARN\|ssl:.*(Protocol error|reset by peer|Input/output error)")
        # Clients answer no probes while another's turn takes long; the reference server needs them
        # to go on.
        self.probe = {} if self.server.programs.is_reference else {"inactivity_probe": 0}
        self.admin = self.server.client()
        self.admin.insert("rbac", "Top", {})
        self.listeners = {}
        self.clients = {}

    def listen(self, role, kind="pssl", **row):
        """Opens a remote for clients with this role; returns host and port."""
        key = (role, kind, json.dumps(row))
        if key not in self.listeners:
            address = free_address(f"127.0.0.{len(self.listeners) + 2}")
            target = f"{kind}:{address[1]}:{address[0]}"
            self.admin.commit("rbac", {
                "op": "insert", "table": "Connection", "uuid-name": "it",
                "row": {"target": target, "role": role, **self.probe, **row}}, {
                "op": "mutate", "table": "Top", "where": [],
                "mutations": [["connections", "insert", ["named-uuid", "it"]]]})
            wait.until(lambda: listens(address), f"a listener at {target}")
            self.listeners[key] = address
        return self.listeners[key]

    def connect(self, role, name, **row):
        """A new connection of a client: the name in its certificate; None: without TLS."""
        if name is None:
            return self.server.client(self.listen(role, "ptcp", **row))
        raw = Client(self.listen(role, **row)).socket
        raw.setblocking(True)
        identity = getattr(self.pki, name)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.load_verify_locations(self.pki.cert)
        context.load_cert_chain(identity.cert, identity.key)
        client = TlsClient(context.wrap_socket(raw))
        self.server.clients.append(client)
        return client

    def client(self, role, name):
        """A connection of this client, the same each time."""
        if (role, name) not in self.clients:
            self.clients[role, name] = self.connect(role, name)
        return self.clients[role, name]

    def clear(self):
        """Deletes every row but those of the remotes. Probes that came meanwhile are answered."""
        for client in self.clients.values():
            client.call("echo")
        self.admin.commit("rbac", *({"op": "delete", "table": table, "where": []}
                                    for table in TABLES))
