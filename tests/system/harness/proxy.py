# SPDX-License-Identifier: Apache-2.0
"""A proxy between clients and a server, which forwards messages or replies itself."""
import json
import select
import socket
import threading

from harness.rpc import Client, Closed


class Proxy:
    """Listens at `path`. `look` gets each message of a client, and returns None to pass it on or the
    members of an answer: {"result": ...} or {"error": ...}. `n_bytes` counts what the server sends.
    Ends with close()."""

    def __init__(self, path, server, look=lambda message: None):
        self.path, self.server, self.look = path, server, look
        self.n_bytes = 0
        self.is_over = False
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen()
        self.threads = [threading.Thread(target=self.accept)]
        self.threads[0].start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.is_over = True
        for thread in self.threads:
            thread.join()
        self.listener.close()

    def accept(self):
        while not self.is_over:
            if select.select([self.listener], [], [], 0.05)[0]:
                near = Client(self.listener.accept()[0])
                try:
                    far = Client(self.server.socket_path)
                except OSError:  # the server is not running
                    near.close()
                    continue
                self.threads.append(threading.Thread(target=self.relay, args=(near, far)))
                self.threads[-1].start()

    def relay(self, near, far):
        with near, far:
            try:
                while not self.is_over:
                    self.pass_on(near, far)
            except (Closed, ConnectionError):
                pass

    def pass_on(self, near, far):
        for one in select.select([near.socket, far.socket], [], [], 0.05)[0]:
            who = near if one is near.socket else far
            who._fill(0, "what is there")
        while near.messages:
            text = near.messages.popleft()
            message = json.loads(text)
            answer = self.look(message)
            if answer is None:
                far.send_raw(text)
            else:
                near.send({"id": message["id"], "result": None, "error": None, **answer})
        while far.messages:
            text = far.messages.popleft()
            self.n_bytes += len(text)
            near.send_raw(text)
