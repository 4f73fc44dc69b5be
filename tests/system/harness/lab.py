# SPDX-License-Identifier: Apache-2.0
"""The place of one test: a directory, its databases, its servers, its runs of the tools."""
import json
import os
import pathlib

from harness import dbfile
from harness import programs as programs_module
from harness.server import Server

DATA = pathlib.Path(__file__).resolve().parents[2] / "data" / "system"


def schema(name):
    """Returns a schema of tests/data/system/schemas as a dict."""
    return json.loads((DATA / "schemas" / f"{name}.ovsschema").read_text())


def schema_path(name):
    return DATA / "schemas" / f"{name}.ovsschema"


class Lab:
    def __init__(self, programs, reference, directory):
        self.programs = programs
        self.reference = reference
        self.directory = pathlib.Path(directory)
        self.servers = []
        self.finds_client_leaks = False
        self.env = self.make_env(self.directory)

    def make_env(self, directory):
        """Returns an environment in which programs keep to `directory`."""
        env = {k: v for k, v in os.environ.items() if not k.startswith("OVS_")}
        for name in ("RUNDIR", "LOGDIR", "DBDIR", "SYSCONFDIR"):
            path = directory / name.lower()[:-3]
            path.mkdir(parents=True, exist_ok=True)
            env["OVS_" + name] = str(path)
        env["OVS_SYSLOG_METHOD"] = "null"
        env["LC_ALL"] = "C.UTF-8"
        env["TZ"] = "UTC"
        env.setdefault("ASAN_OPTIONS", "detect_leaks=1:abort_on_error=0:exitcode=99")
        env.setdefault("UBSAN_OPTIONS", "print_stacktrace=1")
        return env

    @property
    def run_dir(self):
        return pathlib.Path(self.env["OVS_RUNDIR"])

    def path(self, name):
        return self.directory / name

    def db(self, schema_name, file_name=None, *records):
        """Writes a database file for a schema; returns its path."""
        path = self.path(file_name or f"{schema_name}.db")
        return dbfile.create(path, schema(schema_name), *records)

    def new_server(self, programs=None):
        """Returns a server that is not started. Several have directories of their own."""
        directory, env = self.directory, self.env
        if self.servers:
            directory = self.directory / f"server{len(self.servers)}"
            directory.mkdir()
            env = self.make_env(directory)
        server = Server(programs or self.programs, str(directory), env)
        self.servers.append(server)
        return server

    def serve(self, *dbs, options=(), programs=None, remotes=None, fds=None):
        """Starts a server on databases (paths, or names of schemas to create empty ones of)."""
        paths = [self.db(d) if isinstance(d, str) else d for d in dbs]
        return self.new_server(programs).start(paths, *options, remotes=remotes, fds=fds)

    # Runs of the tools; each returns a Result.

    def run(self, *command, **options):
        options.setdefault("env", self.env)
        options.setdefault("cwd", str(self.directory))
        command = self.programs.wrapped([str(word) for word in command])
        return programs_module.run(command, **options)

    def tool(self, *args, **options):
        return self.run(self.programs.tool, "-vsyslog:off", *args, **options)

    def client(self, *args, **options):
        options.setdefault("env", self.client_env())
        return self.run(self.programs.client, "-vsyslog:off", *args, **options)

    def appctl(self, *args, **options):
        options.setdefault("env", self.client_env())
        return self.run(self.programs.appctl, *args, **options)

    def client_env(self):
        """Without the search for leaks, a third of the suite's time; `finds_client_leaks` has it."""
        if self.finds_client_leaks:
            return self.env
        return {**self.env, "ASAN_OPTIONS": self.env["ASAN_OPTIONS"] + ":detect_leaks=0"}

    # The end

    def finish(self):
        """Stops all running servers and fails if a server has left unexpected output."""
        for server in self.servers:
            if server.is_running():
                server.stop()
            elif server.process is not None:
                server.wait_end()

    def clean_up(self):
        for server in self.servers:
            server.clean_up()
