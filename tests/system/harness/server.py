# SPDX-License-Identifier: Apache-2.0
"""Starting, watching and ending one server.

A server has its own directories and is ended by its process id. When it ends, its log must not have
messages at WARN or above that the test did not announce with allow(), and its standard error no
report of a sanitizer."""
import fcntl
import os
import re
import signal
import socket
import subprocess

from harness import wait
from harness.programs import check_not_crashed, check_sane
from harness.rpc import Client

BAD_LEVEL = re.compile(r"\|(WARN|ERR|EMER)\|")
# The reference server warns about signals, when a client is gone before its answer, and when it is
# slow.
REFERENCE_ALLOWS = [r"timeval\|WARN\|", r"fatal_signal\|WARN\|terminating with signal",
                    r"\|WARN\|.*(Broken pipe|reset by peer)",
                    r"\|WARN\|Dropped \d+ log messages"]


class Server:
    def __init__(self, programs, directory, env):
        self.programs = programs
        self.directory = directory
        self.run_dir = env["OVS_RUNDIR"]
        self.env = env
        self.socket_path = os.path.join(self.run_dir, "db.sock")
        self.control_path = os.path.join(self.run_dir, "ctl")
        self.log_path = os.path.join(directory, "server.log")
        self.stderr_path = os.path.join(directory, "server.stderr")
        self.process = None
        self.pid = None
        self.allowed = list(REFERENCE_ALLOWS) if programs.is_reference else []
        self.clients = []

    def allow(self, *patterns):
        """Announces log lines at WARN or above that this test provokes (regular expressions)."""
        self.allowed += patterns
        return self

    def launch(self, dbs, *options, remotes=None, log=True, fds=None):
        """Starts the program in the foreground without waiting for anything. `fds` are sockets by
        name, or a list of nameless ones, passed as a service manager does; ours are closed."""
        if remotes is None:
            remotes = ["punix:" + self.socket_path]
        command = [self.programs.server, *map(str, dbs), "--unixctl=" + self.control_path,
                   "-vconsole:off", "-vsyslog:off", "-vfile:info", "--no-chdir"]
        if log:
            command.append("--log-file=" + self.log_path)
        command += ["--remote=" + r for r in remotes] + list(map(str, options))
        command = self.programs.wrapped(command)
        env, command, passed = self._with_fds(command, fds or [])
        with open(self.stderr_path, "ab") as stderr:
            self.process = subprocess.Popen(command, env=env, cwd=self.directory, pass_fds=passed,
                                            stdin=subprocess.DEVNULL, stdout=stderr, stderr=stderr)
        self.pid = self.process.pid
        for fd in passed:
            os.close(fd)
        for listener in fds or []:
            (fds[listener] if isinstance(fds, dict) else listener).close()
        return self

    def _with_fds(self, command, fds):
        """The environment, the command that moves descriptors to their places, and these."""
        if not fds:
            return self.env, command, []
        env = {**self.env, "LISTEN_FDS": str(len(fds))}
        if isinstance(fds, dict):
            env["LISTEN_FDNAMES"] = ":".join(fds)
            fds = list(fds.values())
        passed = [fcntl.fcntl(s.fileno(), fcntl.F_DUPFD_CLOEXEC, 100) for s in fds]
        moves = " ".join(f"{3 + i}<&{fd}" for i, fd in enumerate(passed))
        shell = ["/bin/bash", "-c", f'exec {moves}; LISTEN_PID=$$ exec "$@"', "bash"]
        return env, shell + command, passed

    def start(self, dbs, *options, remotes=None, fds=None):
        """Starts the program and waits until its sockets answer."""
        self.launch(dbs, *options, remotes=remotes, fds=fds)
        return self.wait_ready(remotes is None)

    def wait_ready(self, with_socket=True):
        paths = [self.control_path] + ([self.socket_path] if with_socket else [])
        for path in paths:
            wait.until(lambda p=path: self._answers(p), f"a server at {path}", 3 * wait.PATIENCE)
        return self

    def _answers(self, path):
        """Whether a server listens at `path`. It has closed the probe's connection on return, and
        so does not count it."""
        assert self.is_running(), f"the server ended with {self.process.returncode}:" \
                                  f"\n{self.stderr()}\n{self.log()}"
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(wait.PATIENCE)
            try:
                probe.connect(path)
                probe.shutdown(socket.SHUT_WR)
                return probe.recv(1) == b""
            except OSError:
                return False

    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def client(self, target=None):
        """Returns a new connection; it is closed with the server."""
        client = Client(target or self.socket_path)
        self.clients.append(client)
        return client

    def control(self, command, *args):
        """Runs a command on the control socket; raises RpcError with the text of an error."""
        with Client(self.control_path) as client:
            return client.call(command, *map(str, args))

    def private_kib(self):
        """The memory that is the process's alone."""
        with open(f"/proc/{self.pid}/smaps_rollup", encoding="ascii") as source:
            return sum(int(line.split()[1]) for line in source if line.startswith("Private"))

    def log(self):
        try:
            with open(self.log_path, encoding="utf-8", errors="surrogateescape") as source:
                return source.read()
        except FileNotFoundError:
            return ""

    def stderr(self):
        with open(self.stderr_path, encoding="utf-8", errors="surrogateescape") as source:
            return source.read()

    def wait_log(self, pattern):
        """Waits for a log line that holds `pattern`; returns the match."""
        found = re.compile(pattern)
        return wait.until(lambda: found.search(self.log()), f"{pattern!r} in the log")

    def wait_end(self, patience=wait.PATIENCE):
        """Waits for the process to end by itself; returns its status after checking its traces."""
        for client in self.clients:
            client.close()
        self.clients.clear()
        status = self.process.wait(3 * patience)
        self.process = None
        check_not_crashed(status, "the server", self.stderr() + self.log())
        self.check_traces()
        return status

    def stop(self):
        """Ends the server with SIGTERM, as a service manager does."""
        self.process.send_signal(signal.SIGTERM)
        status = self.wait_end()
        assert status in (0, -signal.SIGTERM), f"exit status {status}\n{self.stderr()}"
        return status

    def kill(self):
        """Kills the server outright, as the kernel does when memory is short."""
        self.process.kill()
        self.process.wait()
        self.process = None
        self.check_traces()

    def check_traces(self):
        stderr = self.stderr()
        check_sane(stderr, "the server")
        bad = [line for line in self.log().splitlines() if BAD_LEVEL.search(line)
               and not any(re.search(p, line) for p in self.allowed)]
        assert not bad, "unexpected in the log:\n" + "\n".join(bad)

    def clean_up(self):
        """Kills the process if it still runs, also after a failed test."""
        for client in self.clients:
            client.close()
        if self.is_running():
            self.process.kill()
            self.process.wait()
        self.process = None
