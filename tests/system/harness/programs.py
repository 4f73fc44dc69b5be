# SPDX-License-Identifier: Apache-2.0
"""The programs under test, and Debian's as their reference."""
import os
import shlex
import shutil
import signal
import subprocess

from harness import wait

# OVSDBD_TEST_WRAPPER runs the programs under test under another, for example
# "valgrind -q --leak-check=full --error-exitcode=97".
WRAPPER = shlex.split(os.environ.get("OVSDBD_TEST_WRAPPER", ""))

SANITIZER_WORDS = ("AddressSanitizer", "LeakSanitizer", "ThreadSanitizer", "runtime error:",
                   "MemorySanitizer", "Assertion `")


def check_sane(text, whose):
    """Fails if `text` (standard error of a program) contains a report of a sanitizer or an
    assertion."""
    for word in SANITIZER_WORDS:
        assert word not in text, f"{whose} reported:\n{text}"


def check_not_crashed(status, whose, text=""):
    bad = (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL)
    assert status not in [-s for s in bad], f"{whose} died of signal {-status}\n{text}"


class Result:
    """The result of one run of a program: `out`, `err` (text) and `status`."""

    def __init__(self, process, command):
        self.command = command
        self.status = process.returncode
        self.out = process.stdout.decode("utf-8", "surrogateescape")
        self.err = process.stderr.decode("utf-8", "surrogateescape")

    def ok(self):
        """Returns the standard output; fails unless the status is 0 and standard error empty."""
        assert self.status == 0 and self.err == "", str(self)
        return self.out

    def lines(self):
        return self.ok().splitlines()

    def fails(self, status=1, saying=None):
        """Fails unless the program ended with `status` and printed a text that contains
        `saying`."""
        assert self.status == status, str(self)
        assert self.err != "", f"failed without a word: {self}"
        if saying is not None:
            assert saying in self.err, f"expected {saying!r}: {self}"
        return self

    def __str__(self):
        return (f"{' '.join(self.command)}\nexit status {self.status}\n"
                f"--- stdout\n{self.out}--- stderr\n{self.err}---")


class Programs:
    """The programs of one implementation. Only ours has a `top`; the reference server's is None."""

    def __init__(self, name, server, tool, client, appctl, top=None):
        self.name = name
        self.server = server
        self.tool = tool
        self.client = client
        self.appctl = appctl
        self.top = top

    @property
    def is_reference(self):
        return self.name == "reference"

    def wrapped(self, command):
        """Returns `command`, under the wrapper if it is one of the programs under test."""
        mine = (self.top, self.server, self.tool, self.client, self.appctl)
        return WRAPPER + command if not self.is_reference and command[0] in mine else command

    def missing(self):
        return [p for p in (self.server, self.tool, self.client, self.appctl)
                if not (p and os.access(p, os.X_OK))]


def built(directory):
    directory = os.path.abspath(directory)
    return Programs("ours", os.path.join(directory, "src/daemon/ovsdb-server"),
                    *(os.path.join(directory, "src/tools", n)
                      for n in ("ovsdb-tool", "ovsdb-client", "ovs-appctl", "ovsdb-top")))


def debian():
    path = "/usr/sbin:/usr/bin:/sbin:/bin"
    return Programs("reference", *(shutil.which(n, path=path) for n in (
        "ovsdb-server", "ovsdb-tool", "ovsdb-client", "ovs-appctl")))


def run(command, env=None, cwd=None, stdin=b"", patience=None):
    """Runs `command` to its end, returns a Result. A hanging one is killed and fails the test.
    `stdin` is text, bytes, or an open file."""
    command = [str(c) for c in command]
    patience = patience or 2 * wait.PATIENCE
    if isinstance(stdin, str):
        stdin = stdin.encode()
    source = {"stdin": stdin} if hasattr(stdin, "fileno") else {"input": stdin}
    process = subprocess.run(command, env=env, cwd=cwd, **source, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, timeout=patience, check=False)
    result = Result(process, command)
    check_sane(result.err, command[0])
    check_not_crashed(result.status, command[0], result.err)
    return result
