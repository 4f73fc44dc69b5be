# SPDX-License-Identifier: Apache-2.0
"""A link between clients and a server that can be slow and can be cut at any byte."""
import select
import socket
import threading
import time

TICK = 0.02  # seconds


class Link:
    """Listens at `path` and passes bytes on to the server and back. Ends with close()."""

    def __init__(self, path, server):
        self.path, self.server = path, server
        self.rate = None     # bytes per second in each direction; None: unlimited
        self.n_until = None  # bytes until a connection is cut; None: it is not
        self.is_over = False
        self.lock = threading.Lock()
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen()
        self.threads = [threading.Thread(target=self._accept)]
        self.threads[0].start()

    def cut_after(self, n):
        """Cuts a connection when n more bytes have passed, be that in the middle of a message."""
        with self.lock:
            self.n_until = n

    def heal(self):
        """From now on the link is fast, and is not cut."""
        with self.lock:
            self.rate = self.n_until = None

    def close(self):
        self.is_over = True
        for thread in self.threads:
            thread.join()
        self.listener.close()

    def _accept(self):
        while not self.is_over:
            if not select.select([self.listener], [], [], TICK)[0]:
                continue
            near = self.listener.accept()[0]
            far = socket.socket(socket.AF_UNIX)
            try:
                far.connect(str(self.server.socket_path))
            except OSError:  # the server is not running
                near.close()
                far.close()
                continue
            self.threads.append(threading.Thread(target=self._pass_all, args=(near, far)))
            self.threads[-1].start()

    def _pass_all(self, near, far):
        others = {near: far, far: near}
        with near, far:
            near.settimeout(TICK)
            far.settimeout(TICK)
            while not self.is_over:
                for one in select.select([near, far], [], [], TICK)[0]:
                    if not self._pass(one, others[one]):
                        return
                if self.rate is not None:
                    time.sleep(TICK)

    def _pass(self, one, other):
        """Passes some bytes on. False if the connection is to be closed."""
        rate = self.rate
        try:
            data = one.recv(65536 if rate is None else max(int(rate * TICK), 1))
        except OSError:
            return False
        is_cut = False
        with self.lock:
            if self.n_until is not None:
                data = data[:self.n_until]
                self.n_until -= len(data)
                is_cut = not self.n_until
            if is_cut:
                self.n_until = None
        return bool(data) and self._send(other, data) and not is_cut

    def _send(self, other, data):
        while data and not self.is_over:
            try:
                data = data[other.send(data):]
            except TimeoutError:
                continue
            except OSError:
                return False
        return not data
