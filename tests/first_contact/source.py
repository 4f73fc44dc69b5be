# SPDX-License-Identifier: Apache-2.0
"""A copy of the source folder in a mount namespace, and the user who works in it."""
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile

import pytest

from harness import wait

ROOT = pathlib.Path(__file__).resolve().parents[2]
USER = 54321  # needs no entry in /etc/passwd
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
PATIENCE = 110  # ninja may have to build
# $1 is a new folder, $2 the source.
OVERLAY = """
mount -t tmpfs -o mode=755 tmpfs "$1" && cd "$1" && mkdir upper work home && chown "$3:$3" home &&
mount -t overlay -o "lowerdir=$2,upperdir=$1/upper,workdir=$1/work" overlay "$2" &&
rm -rf "$2/build/example" && chown "$3:$3" "$2" &&
echo mounted && exec sleep infinity
"""
# The same for /etc: $1 is the folder, $2 the user.
SUDOER = """
mkdir "$1/etc" "$1/etc-work" &&
mount -t overlay -o "lowerdir=/etc,upperdir=$1/etc,workdir=$1/etc-work" overlay /etc &&
echo "newcomer:*:$2:$2::$1/home:/bin/sh" >>/etc/passwd && echo "newcomer:*:$2:" >>/etc/group &&
echo "newcomer ALL=(ALL) NOPASSWD: ALL" >/etc/sudoers.d/newcomer
"""


class Source:
    def __init__(self):
        self.base = pathlib.Path(tempfile.mkdtemp(prefix="ovsdbd-first-contact-"))
        self.base.chmod(0o755)
        self.home = self.base / "home"
        self.holder = None
        self.running = []

    def start(self):
        self.holder = subprocess.Popen(
            ["unshare", "-m", "sh", "-c", OVERLAY, "sh", self.base, ROOT, str(USER)],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        answer = self.holder.stdout.readline()
        if answer != "mounted\n":
            pytest.skip(f"mounting is not possible: {answer}")

    def allow_sudo(self):
        """Gives the user a name and the right to use sudo. Skips the test without sudo."""
        if not shutil.which("sudo"):
            pytest.skip("needs sudo")
        self.ok("sh", "-c", SUDOER, "sh", self.base, USER, user=0)

    def command(self, *words, user):
        """The words of a command that runs in the namespace as the user with this id."""
        enter = ["nsenter", "-t", str(self.holder.pid), "-m", f"--wdns={ROOT}"]
        if user:
            enter += ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"]
        return [*enter, *map(str, words)]

    def environment(self, **changes):
        return {"PATH": PATH, "HOME": str(self.home), "LC_ALL": "C.UTF-8", **changes}

    def ok(self, *words, user=USER):
        """Runs a command that must succeed; returns its standard output."""
        result = subprocess.run(self.command(*words, user=user), env=self.environment(),
                                check=False, text=True, capture_output=True, timeout=PATIENCE,
                                stdin=subprocess.DEVNULL)
        assert result.returncode == 0, (words, result.stdout, result.stderr)
        return result.stdout

    def run(self, *sudo, user=USER, **environment):
        """Starts ./run, as root or as the user, optionally with sudo."""
        run = Run(self.command(*sudo, "./run", user=user), self.environment(**environment), self.base)
        self.running.append(run)
        return run

    def owner(self, path):
        """The user of a file of the source in the namespace."""
        return os.stat(f"/proc/{self.holder.pid}/root{ROOT}/{path}").st_uid

    def close(self):
        for run in self.running:
            run.end(signal.SIGKILL)
        if self.holder:
            self.holder.kill()
            self.holder.wait()
        shutil.rmtree(self.base)


class Run:
    """A running ./run, in a process group of its own. Its process is the server in the end, or sudo."""

    def __init__(self, command, environment, folder):
        self.log = tempfile.NamedTemporaryFile("r", dir=folder)
        with open(self.log.name, "w", encoding="utf-8") as output:
            self.process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL,
                                            stdout=output, stderr=subprocess.STDOUT,
                                            start_new_session=True)

    def text(self):
        return pathlib.Path(self.log.name).read_text(encoding="utf-8")

    def wait_until_serving(self):
        def is_serving():
            assert self.process.poll() is None, self.text()
            return "list-dbs\n\n" in self.text()

        wait.until(is_serving, "./run to serve", PATIENCE)
        return self

    def commands(self):
        """The printed commands."""
        return [line.strip() for line in self.text().splitlines() if line.startswith("  ")]

    def end(self, number=signal.SIGINT):
        """Ends it as Ctrl-C does; returns the exit status."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, number)
        status = self.process.wait(PATIENCE)
        self.log.close()
        return status
