# SPDX-License-Identifier: Apache-2.0
"""Many connections in one process. They only search their input for one text, so that they are
cheap, and they answer probes."""
import json
import selectors
import socket
import ssl
import time

PROBE = b'"method":"echo"'
ANSWER = b'{"id":"echo","result":[],"error":null}'
ERROR = b'"error":"'
# The end of what has come is kept, for a text that two pieces hold.
OVERLAP = 80


class Member:
    """One connection, which waits for at most one text at a time."""

    def __init__(self, many, number):
        self.many = many
        self.number = number
        self.socket = None
        self.what = None
        self.mark = None  # bytes
        self.then = None
        self.since = 0
        self.tail = b""
        self.unsent = b""
        self.n_bytes = 0
        self.is_shaking_hands = False

    def send(self, method, *params, number=0):
        text = json.dumps({"id": number, "method": method, "params": params})
        self.write(text.encode())

    def write(self, data):
        self.unsent += data
        self.flush()

    def flush(self):
        while self.unsent and not self.is_shaking_hands:
            try:
                n = self.socket.send(self.unsent)
            except (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
                break
            self.unsent = self.unsent[n:]
        self.many.watch(self)

    def expect(self, what, text, then=None):
        """Waits for `text`, which must not have arrived yet; calls then(member) when it arrives."""
        self.what, self.mark, self.then = what, text.encode(), then
        self.since = time.monotonic()
        self.tail = b""
        self.many.pending.add(self)

    def ask(self, method, *params, then=None):
        """Sends a request and waits for its reply, which has an id that nothing else has."""
        mark = f"q{self.many.next_mark()}q"
        self.expect(method, f'"id":"{mark}"', then)
        self.send(method, *params, number=mark)

    def take(self, data):
        self.n_bytes += len(data)
        seen = self.tail + data
        found = seen.find(ERROR)
        assert found < 0, f"connection {self.number}: {seen[max(0, found - 300):found + 300]}"
        n_probes = seen.count(PROBE) - self.tail.count(PROBE)
        self.tail = seen[-OVERLAP:]
        if n_probes:
            self.write(ANSWER * n_probes)
        if self.mark and self.mark in seen:
            self.many.found(self)


class ManyClients:
    """`connect` returns a connected socket for a number from 0 to n - 1; a TLS one has yet to shake
    hands."""

    def __init__(self, n, connect, patience=60):
        self.selector = selectors.DefaultSelector()
        self.patience = patience
        self.pending = set()
        self.longest = {}  # seconds that a member has waited at most, by what for
        self.n_marks = 0
        self.members = []
        self.connect = connect
        for number in range(n):
            self.members.append(Member(self, number))
            self.join(self.members[-1])

    def join(self, member):
        member.socket = self.connect(member.number)
        member.socket.setblocking(False)
        member.is_shaking_hands = isinstance(member.socket, ssl.SSLSocket)
        self.selector.register(member.socket, selectors.EVENT_READ, member)
        if member.is_shaking_hands:
            self.shake_hands(member)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for member in self.members:
            member.socket.close()
        self.selector.close()

    @property
    def n_bytes(self):
        return sum(member.n_bytes for member in self.members)

    def next_mark(self):
        self.n_marks += 1
        return self.n_marks

    def watch(self, member):
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if member.unsent else 0)
        if self.selector.get_key(member.socket).events != events:
            self.selector.modify(member.socket, events, member)

    def found(self, member):
        took = time.monotonic() - member.since
        self.longest[member.what] = max(self.longest.get(member.what, 0), took)
        self.pending.discard(member)
        member.mark, then = None, member.then
        if then:
            then(member)

    def shake_hands(self, member):
        try:
            member.socket.do_handshake()
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return
        member.is_shaking_hands = False
        member.flush()

    def read(self, member):
        if member.is_shaking_hands:
            self.shake_hands(member)
        while not member.is_shaking_hands:
            try:
                data = member.socket.recv(1 << 18)
            except (BlockingIOError, ssl.SSLWantReadError):
                return
            assert data, f"connection {member.number} was closed"
            member.take(data)
            if not isinstance(member.socket, ssl.SSLSocket):
                return

    def wait(self):
        """Waits until every client has received its text; false if that takes too long."""
        deadline = time.monotonic() + self.patience
        while self.pending and time.monotonic() < deadline:
            for key, events in self.selector.select(1):
                if events & selectors.EVENT_READ:
                    self.read(key.data)
                if events & selectors.EVENT_WRITE:
                    key.data.flush()
        return not self.pending

    def ask(self, make_params, method):
        """Sends a request of every member and waits for all the replies; see wait()."""
        for member in self.members:
            member.ask(method, *make_params(member.number))
        return self.wait()


def dial_unix(path):
    one = socket.socket(socket.AF_UNIX)
    one.connect(path)
    return one


def dial_tls(port, context):
    """A connection to this host that has yet to shake hands."""
    raw = socket.create_connection(("127.0.0.1", port))
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return context.wrap_socket(raw, do_handshake_on_connect=False)
