# SPDX-License-Identifier: Apache-2.0
"""A client that runs on while the test does something else."""
import os
import subprocess

from harness import wait


class Background:
    """A client that runs on; its output goes to files."""

    def __init__(self, lab, programs, *command, env=None):
        self.out_path = lab.path(f"{programs.name}-{len(os.listdir(lab.directory))}.out")
        self.err_path = self.out_path.with_suffix(".err")
        with open(self.out_path, "wb") as out, open(self.err_path, "wb") as err:
            self.process = subprocess.Popen(
                [programs.client, "-vsyslog:off", "-vconsole:off", *map(str, command)],
                stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=env or lab.env)
        lab.background = getattr(lab, "background", []) + [self]

    def out(self):
        return self.out_path.read_text()

    def wait_out(self, condition, what):
        def check():
            ended = self.process.poll() is not None
            found = condition(self.out())
            assert found or not ended, f"{self.out()}\n{self.err_path.read_text()}"
            return found

        return wait.until(check, what)

    def status(self):
        return self.process.wait(2 * wait.PATIENCE)

    def end(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(wait.PATIENCE)
        return self.out()
