# SPDX-License-Identifier: Apache-2.0
"""A client that monitors table T of the schema "small" and keeps a replica."""
from harness.replica import ZERO, Replica

KINDS = {"monitor": "update", "monitor_cond": "update2", "monitor_cond_since": "update3"}
COLUMNS = ["name", "n", "tags", "map", "eph", "_version"]
DEFAULTS = {"name": "", "n": 0, "tags": ["set", []], "map": ["map", []], "eph": ""}
SETS = {("T", "tags")}


class MonitorClient:
    """A client with one monitor of table T, whose replica is checked with each update."""

    def __init__(self, server, kind, columns=tuple(COLUMNS), where=None):
        self.client = server.client()
        self.kind = kind
        self.columns = list(columns)
        request = {"columns": self.columns, **({} if where is None else {"where": where})}
        self.replica = Replica({"T": {c: v for c, v in DEFAULTS.items() if c in columns}}, SETS)
        result = self.client.call(kind, "small", ["m", kind], {"T": request},
                                  *([ZERO] if kind == "monitor_cond_since" else []))
        self.replica.apply(result[-1] if kind == "monitor_cond_since" else result)

    def catch_up(self):
        """Applies the updates that have arrived up to now; returns their number."""
        self.client.call("echo")
        n = len(self.client.notifications)
        while self.client.notifications:
            params = self.client.notification(KINDS[self.kind])
            assert params[0] == ["m", self.kind]
            self.replica.apply(params[-1])
        return n

    def check(self, server):
        """Compares the replica with the rows that another client reads."""
        rows = server.client().select("small", "T", ["_uuid", *self.columns])
        expected = {row.pop("_uuid")[1]: row for row in rows}
        self.catch_up()
        assert self.replica.rows("T") == expected
