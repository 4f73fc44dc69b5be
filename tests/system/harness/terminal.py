# SPDX-License-Identifier: Apache-2.0
"""A program on a pseudo terminal: its window, its keys."""
import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios

from harness import programs, wait

FRAME = re.compile(r"\x1b\[\?7l\x1b\[H((?:(?!\x1b\[\?7l).)*)\x1b\[J\x1b\[\?7h", re.DOTALL)
CODE = re.compile(r"\x1b\[\??[0-9;]*[A-Za-z]")


class Terminal:
    """A window that the program redraws from its upper left corner."""

    def __init__(self, command, env, rows=24, columns=80):
        self.master, self.slave = pty.openpty()
        self.settings = termios.tcgetattr(self.slave)
        self.output = ""
        self.resize(rows, columns)
        # A test run under nohup ignores SIGHUP; the program must not inherit that.
        self.process = subprocess.Popen(
            ["env", "--default-signal", *(str(word) for word in command)],
            stdin=self.slave, stdout=self.slave, stderr=self.slave,
            env={**env, "TERM": "xterm"}, start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.master)
        os.close(self.slave)

    def resize(self, rows, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def press(self, keys):
        os.write(self.master, keys.encode())

    def read(self):
        while select.select([self.master], [], [], 0)[0]:
            self.output += os.read(self.master, 65536).decode()

    def lines(self):
        """The lines of the last complete frame, without codes."""
        self.read()
        frames = FRAME.findall(self.output)
        return re.split("\r+\n", CODE.sub("", frames[-1]))[:-1] if frames else []

    def until(self, condition, what):
        """Waits until `condition` holds for the lines of a frame, and returns them."""
        def check():
            lines = self.lines()
            return lines if lines and condition(lines) else None

        try:
            return wait.until(check, what)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.output[-3000:]!r}") from error

    def is_restored(self):
        """Whether the terminal has its first settings, and the cursor is visible."""
        self.read()
        return (termios.tcgetattr(self.slave) == self.settings
                and self.output.rfind("\x1b[?25h") > self.output.rfind("\x1b[?25l"))

    def wait_end(self):
        def check():
            self.read()  # the program may wait for room
            return self.process.poll() is not None

        wait.until(check, "the end of the program")
        self.read()
        programs.check_sane(self.output, "the program on the terminal")
        return self.process.returncode
