# SPDX-License-Identifier: Apache-2.0
"""Other projects' daemons beside a server: in the foreground, with a lab's folders, until the
end."""
import pathlib
import shutil
import signal
import subprocess

from harness import wait

PATH = "/usr/sbin:/usr/bin:/sbin:/bin"


class Daemons:
    """`env` and `directory`: of the lab, or of the server that they belong to."""

    def __init__(self, env, directory):
        self.directory = pathlib.Path(directory)
        self.processes = {}
        self.env = {**env, **{key.replace("OVS_", "OVN_"): value for key, value in env.items()
                              if key.startswith("OVS_")}}

    def start(self, program, *args, prefix=()):
        """Starts a program under its name. `prefix` is another program that becomes it."""
        command = [*prefix, shutil.which(program, path=PATH), *map(str, args),
                   "-vconsole:info", "-vsyslog:off", "--pidfile"]
        with open(self.directory / f"{program}.out", "ab") as out:
            self.processes[program] = subprocess.Popen(
                command, env=self.env, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                cwd=self.directory)
        return self.processes[program]

    def output(self, program):
        return (self.directory / f"{program}.out").read_text(errors="replace")

    def check(self):
        """All still run."""
        for program, process in self.processes.items():
            assert process.poll() is None, \
                f"{program} ended: {process.returncode}\n{self.output(program)}"

    def stop(self):
        for process in reversed(self.processes.values()):
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(wait.PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.processes.clear()
