# SPDX-License-Identifier: Apache-2.0
"""A minimal service manager: it receives notifications (sd_notify), keeps descriptors from one
process of the service to the next, and passes them on, as systemd does."""
import array
import os
import socket
import threading

from harness import wait
from harness.server import Server


class Stored:
    """A descriptor in the store, a socket or a memory file."""

    def __init__(self, fd):
        self.fd = fd

    def fileno(self):
        return self.fd

    def dup(self):
        return Stored(os.dup(self.fd))

    def close(self):
        os.close(self.fd)


class Manager:
    """`max_fds`: of its store; 0: it has none."""

    def __init__(self, directory, max_fds=8):
        self.max_fds = max_fds
        self.store = {}  # by name
        self.said = []   # every assignment that it was told
        self.path = str(directory / "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.thread = threading.Thread(target=self._listen, daemon=True)
        self.thread.start()

    def _listen(self):
        while True:
            data, control, _, _ = self.socket.recvmsg(65536, socket.CMSG_SPACE(1024))
            fds = array.array("i")
            for _, _, content in control:
                fds.frombytes(content[:len(content) - len(content) % fds.itemsize])
            lines = data.decode().split("\n")
            if lines == ["END=1"]:
                return
            self._handle(dict(line.split("=", 1) for line in lines if line), list(fds))
            self.said += lines

    def _handle(self, message, fds):
        name = message.get("FDNAME", "stored")
        if message.get("FDSTORE") == "1" and len(self.store) < self.max_fds:
            assert name not in self.store
            self.store[name] = Stored(fds.pop())
        if message.get("FDSTOREREMOVE") == "1" and name in self.store:
            self.store.pop(name).close()
        for fd in fds:  # of a barrier, or too many
            os.close(fd)

    def env(self):
        return {"NOTIFY_SOCKET": self.path,
                **({"FDSTORE": str(self.max_fds)} if self.max_fds else {})}

    def passed(self):
        """Copies of the descriptors that the next process of the service gets."""
        return {name: stored.dup() for name, stored in self.store.items()}

    def drop_store(self):
        """Drops the stored descriptors, as systemd does when the service is stopped."""
        while self.store:
            self.store.popitem()[1].close()

    def close(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
            end.connect(self.path)
            end.send(b"END=1")
        self.thread.join()
        self.drop_store()
        self.socket.close()


class ManagedServer(Server):
    """A server that runs as a service of a Manager."""

    def __init__(self, manager, programs, directory, env):
        super().__init__(programs, directory, {**env, **manager.env()})
        self.manager = manager

    def start(self, dbs, *options, remotes=None, fds=None):
        self.how = (dbs, options, remotes)
        del self.manager.said[:]
        self.launch(dbs, *options, remotes=remotes, fds={**self.manager.passed(), **(fds or {})})
        wait.until(self._is_ready, "readiness", 3 * wait.PATIENCE)
        return self

    def _is_ready(self):
        assert self.is_running(), f"the server ended:\n{self.stderr()}\n{self.log()}"
        return "READY=1" in self.manager.said

    def end(self):
        """SIGTERM. The clients stay as they are."""
        self.process.terminate()
        status = self.process.wait(3 * wait.PATIENCE)
        self.process = None
        assert status == 0, f"exit status {status}\n{self.stderr()}"
        self.check_traces()

    def restart(self, fds=None):
        """Restarts as "systemctl restart" does. `fds`: the sockets of a socket unit, besides the
        stored descriptors."""
        dbs, options, remotes = self.how
        self.end()
        return self.start(dbs, *options, remotes=remotes, fds=fds)
