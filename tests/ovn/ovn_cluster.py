# SPDX-License-Identifier: Apache-2.0
"""Three hosts with clustered OVN databases, started and stopped by Debian's ovn-ctl.

The hosts share a network namespace, where each has a loopback address and the standard ports. Each
has directories of its own, a member of both clusters, and ovn-northd. The first one has a switch
and ovn-controller, too."""
import concurrent.futures
import os
import pathlib
import re
import signal
import subprocess
import time

from harness import wait
from harness.lab import Lab
from harness.pki import Authority
from harness.programs import check_sane
from ovn import PATIENCE, SCHEMAS

CTL = "/usr/share/ovn/scripts/ovn-ctl"
DATABASES = {"nb": ("OVN_Northbound", 6641), "sb": ("OVN_Southbound", 6642)}
# What a log must not hold. Members that come and go make warnings, and an error without a majority.
FAULTS = re.compile(r"\|(ERR|EMER)\|(?!.*no leader for longer than).*")


def at_once(function, *arguments):
    """Calls a function for each of the arguments in a thread of its own."""
    with concurrent.futures.ThreadPoolExecutor() as threads:
        return list(threads.map(function, arguments))


def running(pid):
    """Whether a process exists and is not just waiting for its parent."""
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="ascii")
    except FileNotFoundError:
        return False
    return text.rsplit(")", 1)[1].split()[0] != "Z"


class Host:
    def __init__(self, site, number):
        self.site, self.address = site, f"127.0.0.{number}"
        self.name = f"host{number}"
        self.directory = site.lab.path(self.name)
        env = site.lab.make_env(self.directory)
        self.env = {**env, **{key.replace("OVS_", "OVN_"): value for key, value in env.items()
                              if key.startswith("OVS_")},
                    "PATH": site.path, "OVS_BINDIR": site.tools}
        self.run_dir = pathlib.Path(env["OVS_RUNDIR"])
        self.log_dir = pathlib.Path(env["OVS_LOGDIR"])

    # ovn-ctl

    def ctl(self, command, *options):
        """`options` are for the program that it starts."""
        return self.site.run(CTL, *self.options(), command, "--", *options, env=self.env,
                             patience=2 * PATIENCE)

    def options(self):
        words = ["--ovn-manage-ovsdb=no"]
        for name in DATABASES:
            words += [f"--db-{name}-addr={self.address}",
                      f"--db-{name}-cluster-local-addr={self.address}",
                      f"--db-{name}-cluster-local-proto={self.site.protocol}",
                      f"--db-{name}-cluster-remote-proto={self.site.protocol}",
                      f"--db-{name}-schema={self.site.schemas[name]}",
                      f"--ovn-northd-{name}-db={self.site.remotes(name)}"]
            if self is not self.site.hosts[0]:
                words.append(f"--db-{name}-cluster-remote-addr={self.site.hosts[0].address}")
            if self.site.protocol == "tcp":
                words.append(f"--db-{name}-create-insecure-remote=yes")
            else:
                identity = self.site.identity
                words += [f"--ovn-{name}-db-ssl-key={identity.key}",
                          f"--ovn-{name}-db-ssl-cert={identity.cert}",
                          f"--ovn-{name}-db-ssl-ca-cert={self.site.pki.cert}",
                          f"--ovn-northd-ssl-key={identity.key}",
                          f"--ovn-northd-ssl-cert={identity.cert}",
                          f"--ovn-northd-ssl-ca-cert={self.site.pki.cert}"]
        return words

    def start(self, *names):
        """Starts servers of databases, and returns when they are usable."""
        at_once(self._start, *names)

    def _start(self, name):
        remote = f"--remote=pssl:{DATABASES[name][1]}:{self.address}"
        result = self.ctl(f"start_{name}_ovsdb", *([remote] if self.site.protocol == "ssl" else []))
        assert result.status == 0 and "failed" not in result.out + result.err, \
            f"{result}\n{self.log(name)}"
        assert f"Waiting for {DATABASES[name][0]} to come up" in result.out, str(result)

    def stop(self, *names):
        at_once(self._stop, *names)

    def _stop(self, name):
        result = self.ctl(f"stop_{name}_ovsdb")
        assert result.status == 0 and "Killing" not in result.out, str(result)
        wait.until(lambda: not self.runs(name), f"the end of {name} on {self.name}")

    # The processes

    def pid(self, name):
        return int((self.run_dir / f"ovn{name}_db.pid").read_text(encoding="ascii"))

    def runs(self, name):
        try:
            return running(self.pid(name))
        except (FileNotFoundError, ValueError):
            return False

    def kill(self, name):
        pid = self.pid(name)
        os.kill(pid, signal.SIGKILL)
        wait.until(lambda: not running(pid), f"the end of {name} on {self.name}")

    def appctl(self, target, *words):
        return self.site.run(f"{self.site.tools}/ovs-appctl", "-t", self.run_dir / target, *words,
                             env=self.env)

    def is_leader(self, name):
        status = self.appctl(f"ovn{name}_db.ctl", "cluster/status", DATABASES[name][0])
        return "Role: leader" in status.out

    def northd(self):
        """The status of ovn-northd."""
        result = self.site.run("ovn-appctl", "-t", "ovn-northd", "status", env=self.env)
        assert result.status == 0, str(result)
        return result.out.strip().split(": ")[1]

    def socket(self, name):
        return f"unix:{self.run_dir}/ovn{name}_db.sock"

    def log(self, name):
        path = self.log_dir / f"ovsdb-server-{name}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def pids(self):
        """The processes that have a file with their id, and those that watch them."""
        found = set()
        for path in self.run_dir.glob("*.pid"):
            pid = int(path.read_text(encoding="ascii") or 0)
            if pid and running(pid):
                found.add(pid)
        return found


class Site:
    """`protocol`: of the connections between the members, and for TLS of those of clients, too."""

    def __init__(self, programs, reference, directory, protocol="tcp"):
        self.lab = Lab(programs, reference, directory)
        self.protocol = protocol
        self.tools = os.path.dirname(programs.tool)
        self.path = ":".join([os.path.dirname(programs.server), self.tools,
                              "/usr/sbin:/usr/bin:/sbin:/bin"])
        self.schemas = {name: SCHEMAS[name] for name in DATABASES}
        self.pki = Authority(self.lab.directory)
        self.identity = self.pki.issue("member")
        self.network = None
        self.hosts = []
        self.hosts += [Host(self, number) for number in (1, 2, 3)]

    def make_network(self):
        """The namespace lasts as long as this process."""
        self.network = subprocess.Popen(["unshare", "--net", "cat"], stdin=subprocess.PIPE)
        own = os.readlink("/proc/self/ns/net")
        wait.until(lambda: os.readlink(f"/proc/{self.network.pid}/ns/net") != own, "the namespace")
        self.run("ip", "link", "set", "lo", "up").ok()

    def run(self, program, *words, env=None, patience=PATIENCE):
        return self.lab.run("nsenter", f"--net=/proc/{self.network.pid}/ns/net", program, *words,
                            env=env or self.hosts[0].env, patience=patience)

    def remotes(self, name):
        return ",".join(f"{self.protocol}:{host.address}:{DATABASES[name][1]}"
                        for host in self.hosts)

    def control(self, name, *words, remote=None):
        """ovn-nbctl or ovn-sbctl. It asks the leader, unless `remote` has an address."""
        tls = self.identity.options(self.pki.cert) if self.protocol == "ssl" else []
        where = [f"--db={remote}", "--no-leader-only"] if remote else \
            [f"--db={self.remotes(name)}"]
        return self.run(f"ovn-{name}ctl", f"--timeout={PATIENCE:.0f}", *where, *tls, *words,
                        patience=2 * PATIENCE)

    def nbctl(self, *words, **options):
        return self.control("nb", *words, **options)

    def sbctl(self, *words, **options):
        return self.control("sb", *words, **options)

    def leader(self, name):
        """The host with the leader, as soon as there is one."""
        return wait.until(lambda: next((host for host in self.hosts if host.runs(name)
                                        and host.is_leader(name)), None),
                          f"a leader of {name}", PATIENCE)

    def active_northd(self):
        """The hosts whose ovn-northd is the active one."""
        return [host for host in self.hosts if host.northd() == "active"]

    def wait_one_northd(self):
        return wait.until(lambda: len(found := self.active_northd()) == 1 and found[0],
                          "one active ovn-northd", PATIENCE)

    def start(self):
        """The members of all hosts, and ovn-northd."""
        self.make_network()
        self.hosts[0].start(*DATABASES)
        at_once(lambda host: host.start(*DATABASES), *self.hosts[1:])
        for result in at_once(lambda host: host.ctl("start_northd"), *self.hosts):
            assert result.status == 0, str(result)
        self.wait_one_northd()

    def start_hypervisor(self):
        """A switch and ovn-controller on the first host."""
        host = self.hosts[0]
        database = f"unix:{host.run_dir}/db.sock"
        self.run("ovsdb-tool", "create", host.directory / "conf.db", SCHEMAS["conf"]).ok()
        for program, words in (
                ("ovsdb-server", [f"--remote=p{database}", host.directory / "conf.db"]),
                ("ovs-vswitchd", ["--enable-dummy=system", "--disable-system", database])):
            self.run(program, "-vconsole:off", "--detach", "--no-chdir", "--pidfile", "--log-file",
                     "-vsyslog:off", *words).ok()
            if program == "ovsdb-server":
                self.vsctl("init", "--", "set", "Open_vSwitch", ".",
                           "external_ids:system-id=hv1",
                           f"external_ids:ovn-remote=\"{self.remotes('sb')}\"",
                           "external_ids:ovn-encap-type=geneve",
                           "external_ids:ovn-encap-ip=127.0.0.1")
        self.vsctl("add-br", "br-int", "--", "set", "Bridge", "br-int", "fail-mode=secure")
        result = host.ctl("start_controller")
        assert result.status == 0, str(result)

    def vsctl(self, *words):
        self.run("ovs-vsctl", "--no-wait", f"--db=unix:{self.hosts[0].run_dir}/db.sock",
                 *words).ok()

    # Logical ports

    def add_ports(self, switch, n, **options):
        """Adds a switch with `n` ports; returns their names. ovn-nbctl asks each remote once and
        ends with an error when none of them is the leader, so it is run again."""
        names = [f"{switch}-p{number}" for number in range(n)]
        words = ["--may-exist", "ls-add", switch]
        for name in names:
            words += ["--", "--may-exist", "lsp-add", switch, name]
        self.until_done(lambda: self.nbctl(*words, **options))
        return names

    @staticmethod
    def until_done(run):
        """Repeats the run of a program until it ends well; returns its output."""
        results = []

        def succeeds():
            results.append(run())
            return results[-1].status == 0
        try:
            wait.until(succeeds, "a leader that commits", PATIENCE)
        except AssertionError as failure:
            raise AssertionError(str(results[-1])) from failure
        return results[-1].out

    def bind(self, names):
        words = []
        for name in names:
            words += ["--", "add-port", "br-int", name, "--", "set", "Interface", name,
                      f"external_ids:iface-id={name}"]
        self.vsctl(*words[1:])

    def ports(self, *condition, **options):
        """The names of the ports in the southbound database."""
        return set(self.until_done(lambda: self.sbctl(
            "--bare", "--columns=logical_port", "find", "Port_Binding", *condition,
            **options)).split())

    def wait_up(self, names):
        wait.until(lambda: set(names) <= self.ports("up=true"), "the ports to be up", PATIENCE)

    # The end

    def finish(self):
        at_once(lambda host: host.stop(*DATABASES), *self.hosts)
        self.check_logs()

    def check_logs(self):
        for host in self.hosts:
            for name in DATABASES:
                log = host.log(name)
                check_sane(log, f"{name} on {host.name}")
                found = FAULTS.findall(log)
                assert not found, "\n".join(m.group() for m in FAULTS.finditer(log))

    def clean_up(self):
        pids = set().union(*(host.pids() for host in self.hosts))
        for pid in pids:
            os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + wait.PATIENCE
        while any(map(running, pids)) and time.monotonic() < deadline:
            time.sleep(0.05)
        for pid in filter(running, pids):
            os.kill(pid, signal.SIGKILL)
        if self.network:
            self.network.stdin.close()
            self.network.wait()
