#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Measures the built ovsdb-server and Debian's beside it, and prints one table.

    tests/bench/bench.py --build DIR [--quick] [--json FILE] [ROW...]

DIR is an optimised build without sanitizers. Both servers get the same schema, the same files and
the same loads (bench-load, see load.c), in turns, so that what else the machine does hits both.
"CPU" is what the server's threads used; each number is the median of a few short runs.
"""
import argparse
import datetime
import importlib
import json
import pathlib
import platform
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "system"))

from harness import dbfile, programs, wait  # noqa: E402
from harness.lab import Lab  # noqa: E402
from harness.pki import Authority  # noqa: E402

import rows  # noqa: E402

# Each of these modules adds its rows to the others.
for module in "cluster_rows", "idle_rows", "hypervisor_rows", "monitor_rows", "relay_rows", \
        "role_rows", "set_rows", "tls_rows":
    importlib.import_module(module)


def cpu_clock(pid):
    """The clock of the CPU time of all threads of a process, as clock_getcpuclockid(3) makes it."""
    return ~pid << 3 | 2


class Site:
    """One implementation's servers in a bench run, one at a time."""

    def __init__(self, bench, implementation):
        self.bench = bench
        self.programs = implementation
        self.lab = None
        self.server = None
        self.target = None

    def start(self, file, *options):
        """Starts a server on a copy of `file`; returns how long and how much CPU that took."""
        self.lab = Lab(self.programs, self.programs, tempfile.mkdtemp(dir=self.bench.directory))
        path = shutil.copyfile(file, self.lab.path("bench.db"))
        self.server = self.lab.new_server()
        begin = time.monotonic()
        self.server.launch([path], *options)
        self.target = self.server.socket_path
        wait.until(self.answers, "a server that answers", 300)
        wall = time.monotonic() - begin
        return {"wall_ns": wall * 1e9, "cpu_ns": time.clock_gettime_ns(cpu_clock(self.server.pid)),
                "memory_kib": self.memory(), "n": 1}

    def start_tls(self, file):
        """The same for loads over TLS, with keys and certificates as ovs-pki makes them."""
        pki = self.bench.authority()
        self.start(file, *pki.server.options(pki.cert), "--remote=pssl:0:127.0.0.1")
        port = self.server.wait_log(r"0:127\.0\.0\.1: listening on port (\d+)").group(1)
        self.target = f"ssl:{port}:{pki.directory / 'client'}"

    def answers(self):
        assert self.server.is_running(), self.server.stderr() + self.server.log()
        try:
            with self.server.client() as client:
                return client.call("list_dbs", patience=300)
        except OSError:
            return False

    def memory(self):
        """The private memory of the server in KiB."""
        with open(f"/proc/{self.server.pid}/smaps_rollup", encoding="ascii") as source:
            return sum(int(line.split()[1]) for line in source if line.startswith("Private"))

    def load_command(self, name, **options):
        return [self.bench.generator, self.target, str(self.server.pid), name,
                *(f"{key}={value}" for key, value in options.items())]

    def load(self, name, **options):
        """Runs one load; returns its results, with the time and the CPU time for each of its n
        operations."""
        command = self.load_command(name, **options)
        done = subprocess.run(command, stdout=subprocess.PIPE, check=False)
        assert done.returncode == 0 and self.server.is_running(), \
            f"{self.programs.name}: {' '.join(command[3:])} failed\n{self.server.log()[-2000:]}"
        return json.loads(done.stdout)

    def stop(self):
        self.server.process.kill()
        self.server.process.wait()
        self.server.clean_up()
        self.server = None


class Bench:
    def __init__(self, args, directory):
        self.directory = pathlib.Path(directory)
        self.quick = args.quick
        self.generator = str(pathlib.Path(args.build).resolve() / "tests/bench/bench-load")
        self.ours = Site(self, programs.built(args.build))
        self.reference = Site(self, programs.debian())
        self.files = {}
        self.pki = None
        self.hypervisors = None  # the authority of theirs

    def authority(self):
        if not self.pki:
            self.pki = Authority(self.directory, bits=2048)
            self.pki.server = self.pki.issue("server", bits=2048)
            self.pki.client = self.pki.issue("client", bits=2048)
        return self.pki

    def file(self, n_rows):
        """A database file with n rows, the ones that load.c knows."""
        if n_rows not in self.files:
            schema = json.loads((rows.HERE / "bench.ovsschema").read_text())
            content = {"_date": 1700000000000, "Item": dict(map(rows.item, range(n_rows)))}
            self.files[n_rows] = dbfile.create(self.directory / f"{n_rows}.db", schema,
                                               *([content] if n_rows else []))
        return self.files[n_rows]

    def close(self):
        for site in (self.ours, self.reference):
            if site.server:
                site.stop()


def measure(bench, row):
    """Runs a row of the table in turns on both; returns name -> {"ours": x, "reference": y}."""
    found = {}
    sides = [("ours", bench.ours, row.repeat), ("reference", bench.reference, row.reference_repeat)]
    for turn in range(1 if bench.quick else row.repeat):
        for name, site, repeat in sides:
            if turn >= repeat:
                continue
            for label, value in row.run(bench, site).items():
                found.setdefault(label, {}).setdefault(name, []).append(value)
            if site.server:
                site.stop()
    return {label: {name: statistics.median(values) for name, values in by_side.items()}
            for label, by_side in found.items()}


def format_number(value):
    text = f"{value:.0f}" if value >= 100 else f"{value:.3g}"
    return "> " + text if isinstance(value, rows.AtLeast) else text


def print_table(table):
    width = max(map(len, table))
    print(f"{'':{width}}  {'ours':>10}  {'reference':>10}  ours/reference")
    for label, sides in table.items():
        line = f"{label:{width}}  {format_number(sides['ours']):>10}"
        if "reference" in sides:
            line += f"  {format_number(sides['reference']):>10}"
            if sides["reference"] > 0:
                ratio = f"{sides['ours'] / sides['reference']:.3f}"
                line += f"  {'< ' + ratio if isinstance(sides['reference'], rows.AtLeast) else ratio:>9}"
        print(line)


def cpu_model():
    with open("/proc/cpuinfo", encoding="utf-8") as source:
        for line in source:
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.machine()


def check_build(build):
    """A build with sanitizers or without optimisation would measure something else."""
    text = subprocess.run(["meson", "introspect", "--buildoptions", build], check=True,
                          stdout=subprocess.PIPE).stdout
    options = {o["name"]: o["value"] for o in json.loads(text)}
    if options["b_sanitize"] != "none" or options["optimization"] in ("0", "g"):
        sys.exit(f"{build}: not an optimised build without sanitizers")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="*", metavar="ROW",
                        help="one of " + " ".join(rows.ROWS) + "; default: all")
    parser.add_argument("--build", default="build/plain", help="build folder of the programs")
    parser.add_argument("--quick", action="store_true", help="less of everything, one run each")
    parser.add_argument("--json", metavar="FILE", help="also write the numbers as JSON")
    return parser.parse_args()


def main():
    args = parse_arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # what was started is ended
    check_build(args.build)
    begin = time.monotonic()
    table = {}
    with tempfile.TemporaryDirectory(prefix="ovsdbd-bench-") as directory:
        bench = Bench(args, directory)
        try:
            for name in args.rows or rows.ROWS:
                table.update(measure(bench, rows.ROWS[name]))
        finally:
            bench.close()
    rows.add_growth(table)
    print(f"{cpu_model()}, {datetime.date.today()}, "
          f"{'quick, ' if args.quick else ''}{time.monotonic() - begin:.0f} s")
    print_table(table)
    if args.json:
        pathlib.Path(args.json).write_text(json.dumps(
            {"cpu": cpu_model(), "date": str(datetime.date.today()), "rows": table}, indent=1))


if __name__ == "__main__":
    main()
