#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Compares the manual pages with the programs: options, commands, varlink methods, fields and message
ids of the journal. Each must be in both.

usage: man.py PROJECT_ROOT JOURNAL_PAGE OVSDB_SERVER OVSDB_TOOL OVSDB_CLIENT OVS_APPCTL OVSDB_TOP"""

import functools
import json
import os
import pathlib
import re
import socket
import string
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(sys.argv[1])
JOURNAL_PAGE = pathlib.Path(sys.argv[2])
SERVER, TOOL, CLIENT, APPCTL, TOP = sys.argv[3:8]
PAGES = {SERVER: "ovsdb-server.8", TOOL: "ovsdb-tool.1", CLIENT: "ovsdb-client.1",
         APPCTL: "ovs-appctl.8", TOP: "ovsdb-top.8"}
# Options of other programs and of commands that a page mentions.
OF_OTHERS = {"ovsdb-server.8": {"--cleanup", "--format", "--rbac-id", "--rbac-role"}}


def page(name):
    """Returns the text of a page, without bold type and line breaks."""
    result = subprocess.run(["mandoc", "-T", "utf8", "-O", "width=1000", ROOT / "man" / name],
                            check=True, capture_output=True, text=True)
    text = re.sub(".\b", "", result.stdout)
    return text.replace("‐", "-").replace("−", "-")


def run(*command):
    # The leak check takes longer than these programs, which are started hundreds of times.
    env = {**os.environ, "ASAN_OPTIONS": "detect_leaks=0"}
    result = subprocess.run([str(word) for word in command], check=False, capture_output=True,
                            text=True, stdin=subprocess.DEVNULL, timeout=60, env=env)
    return result.stdout + result.stderr


def options_in(text):
    return set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]*[a-z0-9]", text))


@functools.cache
def accepted(program):
    """Returns the long options of a program. getopt_long() lists them in its error for an ambiguous
    option, or for an option that must have no argument."""
    found = set()
    for letter in string.ascii_lowercase:
        answer = run(program, f"--{letter}=x", "--help")
        said = re.search(r"possibilities: (.*)|option '(--\S+)' doesn't allow", answer)
        found |= options_in(said[0]) if said else set()
    return found


def exists(program, option):
    if option in accepted(program):
        return True
    answer = run(program, f"{option}=x", "--help")
    return "unrecognized option" not in answer and "is ambiguous" not in answer


def option_errors():
    for program, name in PAGES.items():
        in_page = options_in(page(name))
        in_help = options_in(run(program, "--help"))
        for option in sorted((in_help | accepted(program)) - in_page):
            yield f"{name}: {option} is missing"
        for option in sorted(in_page - OF_OTHERS.get(name, set())):
            if not exists(program, option):
                yield f"{name}: there is no option {option}"
        for option in sorted(accepted(program) - in_help):
            yield f"{name}: {option} is missing in --help"


class Server:
    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory()
        self.path = os.path.join(self.folder.name, "ctl")
        env = {**os.environ, "OVS_RUNDIR": self.folder.name, "OVS_SYSLOG_METHOD": "null"}
        # The server stops when its command ends, which waits for the end of a pipe.
        self.process = subprocess.Popen(
            [SERVER, "--no-dbs", "--unixctl=" + self.path, "-vconsole:off",
             "--run=echo ready; cat >/dev/null"], env=env, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "ready\n"
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(60)
        self.folder.cleanup()

    def commands(self):
        text = run(APPCTL, "-t", self.path, "list-commands")
        return {line.split()[0] for line in text.splitlines()[1:]}

    def methods(self):
        call = {"method": "org.varlink.service.GetInterfaceDescription",
                "parameters": {"interface": "org.ovsdbd.control"}}
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(60)
            connection.connect(self.path)
            connection.sendall(json.dumps(call).encode() + b"\0")
            answer = b""
            while not answer.endswith(b"\0"):
                answer += connection.recv(65536)
        text = json.loads(answer[:-1])["parameters"]["description"]
        return set(re.findall(r"^method (\w+)\(", text, re.MULTILINE)), \
            set(re.findall(r"-> \((.+)\)$", text, re.MULTILINE))


def differences(name, what, in_page, real):
    for item in sorted(real - in_page):
        yield f"{name}: the {what} {item} is missing"
    for item in sorted(in_page - real):
        yield f"{name}: there is no {what} {item}"


def server_errors():
    text = page("ovsdb-server.8")
    text = text[text.index("\nMANAGEMENT COMMANDS"):text.index("\nJOURNAL")]
    varlink = page("ovsdb-server-varlink.7")
    with Server() as server:
        commands = server.commands()
        methods, replies = server.methods()
    with_slash = {c for c in commands if "/" in c}
    folders = "ovsdb-server|ovsdb/file|vlog|memory|coverage|cluster"
    named = set(re.findall(rf"\b(?:{folders})/[a-z-]+[a-z]", text))
    yield from differences("ovsdb-server.8", "command", named, with_slash)
    for command in sorted(commands - with_slash):
        if not re.search(rf"^ +{command}\b", text, re.MULTILINE):
            yield f"ovsdb-server.8: the command {command} is missing"
    yield from differences("ovsdb-server-varlink.7", "method",
                           set(re.findall(r"^ +([A-Z]\w+)\(", varlink, re.MULTILINE)), methods)
    yield from differences("ovsdb-server-varlink.7", "reply",
                           set(re.findall(r"Returns ‘(.*)’", varlink)), replies)


def tool_errors():
    text = page("ovsdb-tool.1")
    for line in run(TOOL, "list-commands").splitlines():
        verb = line.split()[0] if line.split() else ""
        if re.fullmatch(r"[a-z][a-z-]+", verb) and not re.search(rf"\b{verb}\b", text):
            yield f"ovsdb-tool.1: the command {verb} is missing"


def journal_errors():
    name = JOURNAL_PAGE.name
    text = page(JOURNAL_PAGE.resolve())
    sources = "".join(p.read_text() for p in (ROOT / "src").rglob("*.c"))
    yield from differences(name, "field", set(re.findall(r"OVSDB_[A-Z_]+(?==\s)", text)),
                           set(re.findall(r'"(OVSDB_[A-Z_]+)"', sources)))
    header = (ROOT / "src/basic/messages.h").read_text()
    yield from differences(name, "message id", set(re.findall(r"\b[0-9a-f]{32}\b", text)),
                           set(re.findall(r'"([0-9a-f]{32})"', header)))


found = [*option_errors(), *server_errors(), *tool_errors(), *journal_errors()]
print("\n".join(found), end="\n" if found else "")
sys.exit(bool(found))
