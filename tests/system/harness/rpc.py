# SPDX-License-Identifier: Apache-2.0
"""A small JSON-RPC 1.0 client that can also misbehave.

Values follow each other on the stream without a delimiter; the scanner finds their ends and
resumes where the last bytes stopped. Requests of the server (echo) are answered while waiting
for something else, unless the test switches that off.
"""
import json
import re
import select
import socket
import ssl
import time
from collections import deque

from harness import wait

_TOKEN = re.compile(rb'["\\{}\[\]]')


class RpcError(Exception):
    """The `error` member of a reply."""

    def __init__(self, error):
        super().__init__(json.dumps(error))
        self.error = error


class Closed(Exception):
    """The server closed the connection."""


class Scanner:
    """Splits a byte stream into JSON objects and arrays (the messages of a server)."""

    def __init__(self):
        self.buffer = bytearray()
        self.position = 0
        self.depth = 0
        self.in_string = False

    def feed(self, data):
        """Takes bytes, returns the texts of the values they complete."""
        self.buffer += data
        texts = []
        while True:
            match = _TOKEN.search(self.buffer, self.position)
            if not match:
                self.position = len(self.buffer)
                break
            token = match.group()
            if token == b"\\":
                if match.end() >= len(self.buffer):
                    self.position = match.start()
                    break
                self.position = match.end() + 1
                continue
            self.position = match.end()
            if token == b'"':
                self.in_string = not self.in_string
            elif not self.in_string:
                self.depth += 1 if token in b"{[" else -1
                if self.depth == 0:
                    texts.append(bytes(self.buffer[:self.position]))
                    del self.buffer[:self.position]
                    self.position = 0
        return texts


class Client:
    """One connection. `target` is a Unix socket's path or a (host, port) pair, or a socket."""

    def __init__(self, target):
        if isinstance(target, socket.socket):
            self.socket = target
        elif isinstance(target, tuple):
            self.socket = socket.create_connection(target, timeout=wait.PATIENCE)
        else:
            self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.socket.connect(str(target))
        self.socket.setblocking(False)
        self.scanner = Scanner()
        self.messages = deque()      # texts, received and not yet looked at
        self.notifications = deque()  # (method, params) seen while waiting for a reply
        self.replies = {}            # replies to other requests, seen meanwhile
        self.answers_echo = True
        self.reads_while_sending = True
        self.n_echoes = 0
        self.next_id = 0

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # Bytes

    def send_raw(self, data, patience=wait.PATIENCE):
        """Sends bytes (or text), waiting for the server to take them all."""
        if isinstance(data, str):
            data = data.encode()
        view = memoryview(data)
        deadline = time.monotonic() + patience
        while view:
            left = max(deadline - time.monotonic(), 0)
            readers = [self.socket] if self.reads_while_sending else []
            readable, writable, _ = select.select(readers, [self.socket], [], left)
            if readable:
                self._fill(0, "anything")
            if not (readable or writable):
                raise AssertionError(f"the server takes no bytes ({len(view)} left)")
            if not writable:
                continue
            try:
                view = view[self.socket.send(view):]
            except (BrokenPipeError, ConnectionResetError) as error:
                raise Closed() from error

    def _is_readable(self, patience):
        return select.select([self.socket], [], [], patience)[0]

    def _read(self):
        return self.socket.recv(1 << 20)

    def _fill(self, patience, what):
        if not self._is_readable(max(patience, 0)):
            raise AssertionError(f"nothing came while waiting for {what}")
        try:
            data = self._read()
        except ConnectionResetError as error:
            raise Closed() from error
        if not data:
            raise Closed()
        self.messages.extend(self.scanner.feed(data))

    def receive_text(self, what="a message", patience=wait.PATIENCE):
        """Returns the next message of any kind as bytes."""
        deadline = time.monotonic() + patience
        while not self.messages:
            self._fill(deadline - time.monotonic(), what)
        return self.messages.popleft()

    def receive(self, what="a message", patience=wait.PATIENCE):
        """Returns the next message of any kind as a Python value."""
        return json.loads(self.receive_text(what, patience))

    def receive_waiting(self):
        """Returns the messages that have arrived up to now, as bytes, and whether the connection is
        still open."""
        is_open = True
        try:
            while self._is_readable(0):
                self._fill(0, "anything")
        except Closed:
            is_open = False
        texts = list(self.messages)
        self.messages.clear()
        return texts, is_open

    def wait_closed(self, patience=wait.PATIENCE):
        """Waits until the server has closed the connection; returns the messages before that."""
        deadline = time.monotonic() + patience
        try:
            while True:
                self._fill(deadline - time.monotonic(), "the end of the connection")
        except Closed:
            messages = [json.loads(m) for m in self.messages]
            self.messages.clear()
            return messages

    def refused(self, patience=wait.PATIENCE):
        """Waits until the server has closed the connection; fails when it sends anything first."""
        deadline = time.monotonic() + patience
        try:
            while True:
                assert not self.messages, f"an answer instead of a close: {self.messages[0]}"
                self._fill(deadline - time.monotonic(), "the end of the connection")
        except Closed:
            assert not self.messages, f"an answer before the close: {self.messages[0]}"

    # Messages

    def send(self, message):
        self.send_raw(json.dumps(message))

    def request(self, method, params, id_=None):
        """Sends a request and returns its id, without waiting."""
        if id_ is None:
            self.next_id += 1
            id_ = self.next_id
        self.send({"method": method, "params": params, "id": id_})
        return id_

    def notify(self, method, params):
        self.send({"method": method, "params": params, "id": None})

    def reply(self, id_, patience=wait.PATIENCE):
        """Waits for the whole reply to request `id_`. Earlier notifications are kept."""
        key = json.dumps(id_, sort_keys=True)
        deadline = time.monotonic() + patience
        while key not in self.replies:
            self._take(self.receive(f"the reply to {key}", deadline - time.monotonic()))
        return self.replies.pop(key)

    def _take(self, message):
        if "method" not in message:
            key = json.dumps(message["id"], sort_keys=True)
            assert key not in self.replies, f"two replies to request {key}"
            self.replies[key] = message
        elif message["method"] == "echo":
            self.n_echoes += 1
            if self.answers_echo:
                self.send({"id": message["id"], "result": message["params"], "error": None})
        else:
            self.notifications.append((message["method"], message["params"]))

    def result(self, id_, patience=wait.PATIENCE):
        """Waits for the result of request `id_`; raises RpcError for an error."""
        reply = self.reply(id_, patience)
        if reply.get("error") is not None:
            raise RpcError(reply["error"])
        assert "result" in reply, f"a reply without result: {reply}"
        return reply["result"]

    def call(self, method, *params, patience=wait.PATIENCE):
        """Sends a request and returns its result; raises RpcError for an error."""
        return self.result(self.request(method, list(params)), patience)

    def error(self, method, *params):
        """Sends a request that must fail and returns the error."""
        try:
            result = self.call(method, *params)
        except RpcError as error:
            return error.error
        raise AssertionError(f"{method} succeeded: {result}")

    def transact(self, db, *operations):
        return self.call("transact", db, *operations)

    def commit(self, db, *operations):
        """A transaction that must succeed; returns the results."""
        results = self.transact(db, *operations)
        for one in results:
            assert one is not None and "error" not in one, f"transaction failed: {results}"
        return results

    def insert(self, db, table, row, **members):
        """Inserts one row and returns its UUID as text."""
        operation = {"op": "insert", "table": table, "row": row, **members}
        return self.commit(db, operation)[0]["uuid"][1]

    def select(self, db, table, columns=None, where=()):
        operation = {"op": "select", "table": table, "where": list(where)}
        if columns is not None:
            operation["columns"] = columns
        return self.commit(db, operation)[0]["rows"]

    def notification(self, method=None, patience=wait.PATIENCE):
        """Waits for the next notification and returns its params (with `method`), or both."""
        deadline = time.monotonic() + patience
        while not self.notifications:
            what = f"a notification {method or ''}"
            self._take(self.receive(what, deadline - time.monotonic()))
        got, params = self.notifications.popleft()
        if method is None:
            return got, params
        assert got == method, f"expected {method}, got {got} {params}"
        return params

    def has_no_notification(self):
        """Fails when the server has sent a notification before it answers an echo."""
        self.call("echo")
        assert not self.notifications, f"unexpected: {list(self.notifications)}"


class TlsClient(Client):
    """The same in TLS, over an ssl.SSLSocket."""

    def _is_readable(self, patience):
        return self.socket.pending() or super()._is_readable(patience)

    def _read(self):
        while True:
            try:
                return self.socket.recv(1 << 20)
            except ssl.SSLWantReadError:
                select.select([self.socket], [], [])  # the rest of a record
