# SPDX-License-Identifier: Apache-2.0
"""A test machine: systemd in a container on an overlay of this system, or of another root folder.

Nothing remains after the end of the container: all files are written to a tmpfs that is removed."""
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile

import pytest

from harness import wait

# Services of Debian's Open vSwitch, which would take our names and sockets.
MASKED = ["openvswitch-switch", "ovs-vswitchd", "ovs-record-hostname", "ovn-ovsdb-server-nb",
          "ovn-ovsdb-server-sb", "ovn-central", "ovn-controller", "ovn-host", "ovn-northd",
          "openvswitch-testcontroller"]
BOOTED = ("running", "degraded")
ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
               "LC_ALL": "C.UTF-8", "SYSTEMD_PAGER": "cat"}


def mount(*arguments):
    """Mounts a file system. Skips the test where this is not permitted, as in most containers."""
    result = subprocess.run(["mount", *map(str, arguments)], check=False, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if result.returncode:
        pytest.skip(f"mounting is not possible: {result.stdout.strip()}")


def systemd_cgroups():
    """The folders of our own cgroup, in the hierarchies in which systemd keeps its units."""
    at = {}
    for line in pathlib.Path("/proc/self/cgroup").read_text().splitlines():
        _, hierarchy, path = line.split(":", 2)
        at[hierarchy] = path.lstrip("/")
    for line in pathlib.Path("/proc/self/mounts").read_text().splitlines():
        _, folder, kind, options, *_ = line.split()
        if kind == "cgroup2":
            yield pathlib.Path(folder) / at[""]
        elif kind == "cgroup" and "name=systemd" in options.split(","):
            yield pathlib.Path(folder) / at["name=systemd"]


class Container:
    """`lower` is the root of the system that the container is an overlay of."""

    def __init__(self, lower="/"):
        self.lower = lower
        self.base = pathlib.Path(tempfile.mkdtemp(prefix="ovsdbd-service-"))
        self.root = self.base / "root"
        self.mounted = []
        self.cgroups = [folder / self.base.name for folder in systemd_cgroups()]
        self.process = None
        self.init = None
        self.boot_environment = {}  # further variables of systemd-nspawn

    def make_root(self):
        mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", self.base)
        self.mounted.append(self.base)
        for name in ("upper", "work", "root"):
            (self.base / name).mkdir()
        mount("-t", "overlay", "-o", f"lowerdir={self.lower},upperdir={self.base}/upper,"
              f"workdir={self.base}/work", "overlay", self.root)
        self.mounted.append(self.root)

    def install(self, build):
        """Installs the built programs and units as `meson install` does."""
        subprocess.run(["meson", "install", "-C", build, "--no-rebuild", "--quiet",
                        "--destdir", self.root], check=True, stdout=subprocess.DEVNULL)
        # What a package does besides.
        subprocess.run(["systemd-sysusers", f"--root={self.root}", "ovsdbd.conf"], check=True,
                       stderr=subprocess.DEVNULL)
        self.disable_open_vswitch()

    def disable_open_vswitch(self):
        units = self.root / "etc/systemd/system"
        for name in MASKED:
            link = units / f"{name}.service"
            link.unlink(missing_ok=True)
            link.symlink_to("/dev/null")
        # The packaged server is enabled on this system; what starts ours is the tests' business.
        for link in units.glob("*.wants/*"):
            if link.name.startswith(("ovsdb", "ovs-", "openvswitch", "ovn-")):
                link.unlink()

    def boot(self):
        # A cgroup of its own: in one that is shared, units of the same name end each other.
        for folder in self.cgroups:
            try:
                folder.mkdir(exist_ok=True)
            except OSError as error:
                pytest.skip(f"creating a control group is not possible: {error}")
        self.process = subprocess.Popen(
            ["sh", "-c", "for folder in $0; do echo $$ >$folder/cgroup.procs || exit; done; "
             "exec \"$@\"", " ".join(map(str, self.cgroups)),
             "systemd-nspawn", "-D", self.root, "--boot", "--quiet", "--register=no",
             "--keep-unit", "--private-network", "--console=pipe",
             # What nspawn 252 forbids, for it does not know it.
             "--system-call-filter=landlock_create_ruleset landlock_add_rule "
             "landlock_restrict_self",
             f"--machine=ovsdbd-{os.getpid()}"],
            stdin=subprocess.DEVNULL, stdout=open(self.base / "console", "ab"),
            stderr=subprocess.STDOUT, env={**os.environ, **self.boot_environment})
        self.init = wait.until(self._find_init, "the container's init", 30)
        wait.until(self._is_booted, "the container to boot", 60)

    def reboot(self):
        """Shuts down and boots again, and keeps all files."""
        self.run("systemctl", "reboot", "--no-block")
        self.process.wait(120)  # under --keep-unit it leaves the second boot to us
        self.boot()

    def _find_init(self):
        assert self.process.poll() is None, self.console()
        pid = self.process.pid
        children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        # It has short-lived children before it starts init.
        return next((int(c) for c in children if self._name(c) == "systemd"), None)

    @staticmethod
    def _name(pid):
        try:
            return pathlib.Path(f"/proc/{pid}/comm").read_text().strip()
        except OSError:
            return None

    def _is_booted(self):
        assert self.process.poll() is None, self.console()
        return self.run("systemctl", "is-system-running").stdout.strip() in BOOTED

    def console(self):
        return (self.base / "console").read_text(errors="replace")

    def run(self, *command, **options):
        """Runs a program inside; returns its CompletedProcess, with text."""
        options.setdefault("timeout", 60)
        return subprocess.run(
            ["nsenter", "-t", str(self.init), "-m", "-u", "-i", "-n", "-p", "-C", "--",
             *map(str, command)],
            check=False, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, env=ENVIRONMENT, **options)

    def ok(self, *command, **options):
        """Runs a program that must succeed; returns its standard output."""
        result = self.run(*command, **options)
        assert result.returncode == 0, (command, result.stdout, result.stderr)
        return result.stdout

    def path(self, inside):
        """The outside path of a file inside; /run and /tmp have mounts of their own."""
        return pathlib.Path(f"/proc/{self.init}/root") / inside.lstrip("/")

    def close(self):
        """Ends the container and removes every mount, even if the start has failed halfway."""
        if self.init and self.process.poll() is None:
            os.kill(self.init, signal.SIGRTMIN + 14)  # power off at once
        if self.process:
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                # Its init ends with it.
                self.process.kill()
                self.process.wait()
        for folder in filter(pathlib.Path.exists, self.cgroups):
            for path, *_ in os.walk(folder, topdown=False):
                os.rmdir(path)
        for path in reversed(self.mounted):
            subprocess.run(["umount", path], check=True)
        shutil.rmtree(self.base)
