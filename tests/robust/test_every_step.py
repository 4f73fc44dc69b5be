# SPDX-License-Identifier: Apache-2.0
"""A disk on which any one step (a write, a sync, a rename, a removal) can be the last one before a
crash, or can fail. A database is created, written to, compacted, converted, has its contents
replaced, and is converted at a start, while one step crashes or fails; then the work continues.
Every confirmed transaction is complete in the file, every other one completely or not at all, and
copies that were put aside are complete."""
import json
import random
import shutil

import pytest
from harness import dbfile
from harness.rpc import Closed, RpcError

KINDS = ["kill", "torn", "EIO", "ENOSPC"]
# About as many steps as each half of the life has.
N_STEPS = {"first": 70, "second": 40}

pytestmark = [pytest.mark.skipif(not shutil.which("cc"), reason="there is no compiler"),
              pytest.mark.ours("the reference server does not create or convert databases")]


def schema(version):
    columns = {"tag": {"type": "string"}}
    columns[f"only_{version}"] = {"type": "integer"}
    return {"name": "steps", "version": f"{version}.0.0", "tables": {
        "T": {"isRoot": True, "columns": columns, "indexes": [["tag"]]},
        "Twin": {"isRoot": True, "columns": columns}}}


class Life:
    """A database, and the states that the replies allow: `possible` is a list of sets of tags."""

    def __init__(self, lab, library, half, at, kind):
        self.lab = lab
        self.half = half  # the one with the fault
        self.case = f"{kind} at step {at} of the {half} half"
        self.kind = kind
        self.folder = lab.path(f"{half}-{at}-{kind}")
        self.folder.mkdir()
        self.path = self.folder / "steps.db"
        self.fault = {"LD_PRELOAD": str(library), "FAULTY_FOLDER": str(self.folder),
                      "FAULTY_AT": str(at), "FAULTY_KIND": kind,
                      "ASAN_OPTIONS": lab.env["ASAN_OPTIONS"] + ":verify_asan_link_order=0"}
        self.possible = [frozenset()]
        self.n_tags = 0
        self.was_struck = False  # as far as anybody could see

    def launch(self, version, half):
        """A server that makes or converts the database when it starts."""
        schema_path, config = self.lab.path(f"{version}.ovsschema"), self.folder / "conf"
        schema_path.write_text(json.dumps(schema(version)))
        config.write_text(json.dumps({"databases": {str(self.path): {"schema": str(schema_path)}}}))
        # Messages about the injected faults are expected.
        server = self.lab.new_server().allow("")
        if half == self.half:
            server.env = {**server.env, **self.fault}
        return server.launch([], f"--config-file={config}")

    def start(self, version, half):
        """The server, or None if it could not start and reported the reason."""
        server = self.launch(version, half)
        try:
            return server.wait_ready()
        except AssertionError:
            status = server.process.wait()
            server.kill()
            assert half == self.half, f"{self.case}: no start\n{server.stderr()}"
            assert status == (-9 if self.kind in ("kill", "torn") else 1), self.case
            assert status == -9 or "steps.db" in server.stderr(), f"{self.case}: no reason is given"
            self.was_struck = True
            return None

    def live(self, version, half, deeds):
        server = self.start(version, half)
        if not server:
            return
        try:
            with server.client() as client:
                client.call("set_db_change_aware", True)
                self.check(client)
                deeds(server, client)
        except (Closed, OSError):
            assert half == self.half, f"{self.case}: the server hung up in the {half} half"
        self.end(server, half)

    def end(self, server, half):
        server.process.terminate()
        status = server.process.wait()
        server.kill()
        if status == -9 and half == self.half and self.kind in ("kill", "torn"):
            self.was_struck = True
        else:
            assert status in (0, -15), f"{self.case}: status {status}"

    # Actions

    def commit(self, client, tags, *operations):
        """Runs a transaction after which the database has these tags."""
        self.possible.append(frozenset(tags))
        reply = client.transact("steps", *operations, {"op": "commit", "durable": True})
        failed = [r for r in reply if r and "error" in r]
        assert not failed or failed[0]["error"] == "I/O error", f"{self.case}: {reply}"
        self.possible = self.possible[:1] if failed else self.possible[1:]
        self.was_struck |= bool(failed)

    def write(self, client, n):
        for _ in range(n):
            self.n_tags += 1
            tag = f"tag {self.n_tags}"
            self.commit(client, self.possible[0] | {tag},
                        {"op": "insert", "table": "T", "row": {"tag": tag}},
                        {"op": "insert", "table": "Twin", "row": {"tag": tag}})

    def replace_all(self, client):
        row = {"row": {"tag": "all that is left"}}
        self.commit(client, {"all that is left"}, *(
            {"op": op, "table": table, **more} for table in ("T", "Twin")
            for op, more in (("delete", {"where": []}), ("insert", row))))

    def attempt(self, call, *args):
        """Runs an action that changes no stored row and may fail."""
        try:
            call(*args)
        except RpcError as error:
            assert self.kind in ("EIO", "ENOSPC"), f"{self.case}: {error}"
            self.was_struck = True

    def first(self, server, client):
        self.write(client, 4)
        self.attempt(server.control, "ovsdb-server/compact", "steps")
        self.write(client, 2)
        self.attempt(client.call, "convert", "steps", schema(2))
        self.write(client, 2)
        self.replace_all(client)
        self.write(client, 1)
        self.attempt(server.control, "ovsdb-server/compact", "steps")

    def second(self, server, client):
        self.write(client, 2)
        self.attempt(server.control, "ovsdb-server/compact", "steps")
        self.write(client, 1)

    # Checks

    def accept(self, tags, twins):
        """Checks that the database is in a state that the replies allow."""
        assert sorted(tags) == sorted(twins), f"{self.case}: half a transaction"
        assert frozenset(tags) in self.possible, \
            f"{self.case}: {sorted(tags)}, not one of {list(map(sorted, self.possible))}"

    def check(self, client):
        tags, twins = ([row["tag"] for row in client.select("steps", table, ["tag"])]
                       for table in ("T", "Twin"))
        self.accept(tags, twins)
        self.possible = [frozenset(tags)]

    def check_copies(self):
        """Checks that the copy of a conversion is the database at the end of the first half."""
        for path in self.folder.glob("steps.db.backup*"):
            results = json.loads(self.lab.tool("query", path, json.dumps(["steps", *(
                {"op": "select", "table": table, "where": [], "columns": ["tag"]}
                for table in ("T", "Twin"))])).ok())
            self.accept(*([row["tag"] for row in result["rows"]] for result in results))

    def run(self):
        self.live(1, "first", self.first)
        after_first = self.possible
        self.live(3, "second", self.second)
        self.live(3, "last", self.second)
        assert [type(r) for r in dbfile.read(self.path)[:2]] == [dict, dict]
        left = {p.name for p in self.folder.iterdir()
                if not p.name.startswith(("steps.db.backup", "steps.db.torn"))}
        assert left == {"conf", "steps.db", ".steps.db.~lock~"}, f"{self.case}: {left}"
        self.possible = after_first
        self.check_copies()


def test_every_step(lab, library, pytestconfig):
    """Tests a sample of the steps; all with --rounds 1500."""
    cases = [(half, at, kind) for half, n in N_STEPS.items() for at in range(1, n + 1)
             for kind in KINDS]
    n = min(len(cases), pytestconfig.getoption("rounds") // 3)
    lives = [Life(lab, library, *case) for case in random.Random(4).sample(cases, n)]
    for life in lives:
        life.run()
    struck = [life.case for life in lives if life.was_struck]
    print("\n".join(sorted(struck)))
    assert len(struck) > n // 3, "most lives were not disturbed"
