# SPDX-License-Identifier: Apache-2.0
"""Servers with TLS, and a client that speaks it."""
import re
import socket
import ssl

from harness import wait
from harness.rpc import Scanner

REFUSED = r"ssl:127\.0\.0\.1:\d+: TLS: "


def serve(lab, pki, *options, remote="pssl:0:127.0.0.1", identity=None, ca=None):
    """Returns a server and its TLS port."""
    socket_path = lab.run_dir / "db.sock"
    server = lab.serve("small", remotes=[f"punix:{socket_path}", remote],
                       options=[*(identity or pki.server).options(ca or pki.cert), *options])
    return server, port_of(server, remote)


def port_of(server, remote):
    return int(server.wait_log(re.escape(remote) + r": listening on port (\d+)").group(1))


def dump(lab, program, port, options, host="127.0.0.1"):
    return lab.run(program.client, "-vsyslog:off", *options, "list-dbs", f"ssl:{host}:{port}")


def context_of(pki, identity=None, ca=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_verify_locations(ca or pki.cert)
    if identity:
        context.load_cert_chain(identity.cert, identity.key)
    return context


class TlsClient:
    """A blocking client that does just enough."""

    def __init__(self, port, context, host="127.0.0.1"):
        raw = socket.create_connection((host, port), timeout=wait.PATIENCE)
        self.socket = context.wrap_socket(raw)
        self.scanner = Scanner()

    def call(self, method, params):
        """Sends a request, `params` as JSON text; returns the reply's text, which is no error."""
        self.socket.sendall(f'{{"id":1,"method":"{method}","params":{params}}}'.encode())
        while True:
            part = self.socket.recv(65536)
            assert part, "closed"
            for text in self.scanner.feed(part):
                if text.startswith(b'{"id":"echo"'):  # the server asks whether we are there
                    self.socket.sendall(b'{"id":"echo","result":[],"error":null}')
                    continue
                assert b'"error":null' in text, text
                return text

    def echo(self, text):
        assert text.encode() in self.call("echo", f'["{text}"]')

    def is_refused(self):
        """The peer ends the connection; with TLS 1.3 this is noticed only when reading."""
        try:
            return self.socket.recv(1) == b""
        except (ssl.SSLError, ConnectionError):
            return True

    def close(self):
        self.socket.close()


class NamedClient(TlsClient):
    """A client that knows the name in the server's certificate."""

    def __init__(self, port, context):
        super().__init__(port, context)
        subject = self.socket.getpeercert()["subject"]
        self.common_name = dict(pair for part in subject for pair in part)["commonName"]


# For servers that dial


def listen():
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(wait.PATIENCE)
    return listener, listener.getsockname()[1]


def server_context(identity, pki):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(identity.cert, identity.key)
    context.load_verify_locations(pki.cert)
    context.verify_mode = ssl.CERT_REQUIRED
    return context
