# SPDX-License-Identifier: Apache-2.0
"""A client with monitors of all kinds, and their replicas.

Messages are handled strictly in the order of arrival, because this order is part of the protocol:
no update before the reply to the monitor request or after the reply to its cancellation; the update
for a change of a condition before the reply to that change."""
import select
import time

import content
from harness.replica import ZERO, Replica
from harness.monitor_client import KINDS


SELECTIONS = ["initial", "insert", "delete", "modify"]


class PartialReplica(Replica):
    """The replica of a monitor that selects only some kinds of change: it may lack rows, have deleted
    rows, and have old values."""

    def __init__(self, defaults, sets, select):
        super().__init__(defaults, sets)
        self.select = select
        self.has_values = "modify" in select and ("insert" in select or "delete" in select)

    def apply_row(self, table, uuid, update, is_initial):
        rows = self.rows(table)
        if set(update) <= {"old", "new"}:
            kind = "insert" if "old" not in update else "modify" if "new" in update else "delete"
            kind = "initial" if is_initial else kind
        else:
            [kind] = update
        assert kind in self.select, f"{kind} was not asked for"
        assert kind != "initial" or is_initial, "initial contents later on"
        if kind != "modify":
            rows.pop(uuid, None)
        if kind in ("initial", "insert") or kind == "modify" and uuid in rows and self.has_values:
            super().apply({table: {uuid: update}})

    def check(self, table, got, expected):
        if "delete" in self.select:
            assert got.keys() <= expected.keys(), f"{table}: rows that are gone"
        if {"initial", "insert"} <= set(self.select):
            assert got.keys() >= expected.keys(), f"{table}: rows are missing"
        for uuid in got.keys() & expected.keys() if self.has_values else ():
            assert got[uuid] == expected[uuid], f"{table} {uuid}"


class Monitor:
    def __init__(self, kind, columns, where, select=None):
        self.kind = kind
        self.columns = columns  # table -> columns
        self.where = where      # table -> condition, as last requested
        self.select = select    # of SELECTIONS; None: all
        self.last = ZERO
        self.read_at = -1       # the time of the last update if it was read at once
        self.n_changing = 0     # condition changes without a reply
        self.names = set()      # the ids that an update may have
        self.forget()

    def forget(self):
        defaults = {table: {c: content.DEFAULTS[table][c] for c in columns}
                    for table, columns in self.columns.items()}
        self.replica = (Replica(defaults, content.SETS) if self.select is None else
                        PartialReplica(defaults, content.SETS, self.select))

    def request(self):
        return {table: self.table_request(table) for table in self.columns}

    def table_request(self, table):
        """One request, or two equivalent ones where that is possible."""
        columns, where = self.columns[table], self.where[table]
        more = {} if self.select is None else {
            "select": {kind: kind in self.select for kind in SELECTIONS}}
        if self.kind == "monitor":
            return {"columns": columns, **more}
        if len(columns) < 2 or len(where) < 2:
            return [{"columns": columns, "where": where, **more}]
        return [{"columns": columns[:1], "where": where[:1], **more},
                {"columns": columns[1:], "where": where[1:], **more}]

    def is_lasting(self):
        """Whether the values that it shows survive a restart."""
        names = {name for columns in self.columns.values() for name in columns}
        names |= {clause[0] for where in self.where.values() for clause in where
                  if isinstance(clause, list)}
        return not names & content.FLEETING

    def apply(self, updates, is_initial=False):
        for table, rows in updates.items():
            for uuid, update in rows.items():
                assert update.get("old") != {} or "new" not in update, "nothing changed"
                if self.select is not None:
                    self.replica.apply_row(table, uuid, update, is_initial)
        if self.select is None:
            self.replica.apply(updates)

    def check(self, rows, when):
        """Fails unless the replica equals the part of `rows` that the monitor shows: table -> UUID
        -> row."""
        for table, columns in self.columns.items():
            expected = {uuid: {c: content.normal(row[c]) for c in columns}
                        for uuid, row in rows[table].items()
                        if content.shows(self.where[table], {**row, "_uuid": ["uuid", uuid]})}
            got = {uuid: {c: content.normal(v) for c, v in row.items()}
                   for uuid, row in self.replica.rows(table).items()}
            if self.select is None:
                assert got == expected, f"{self.kind} of {table} where {self.where[table]} {when}"
            else:
                self.replica.check(table, got, expected)


class MonitorClient:
    def __init__(self, server, database, is_slow):
        self.database = database
        self.is_slow = is_slow
        self.monitors = []
        self.n_names = 0
        self.connect(server)

    def connect(self, server):
        self.client = server.client()
        self.client.reads_while_sending = not self.is_slow
        self.read_at = time.monotonic()
        self.waiting = {}  # request id -> what to do with the result
        self.by_name = {}  # monitors by the ids that updates may have
        self.now = -1

    # Requests, sent without waiting for the reply

    def request(self, on_result, method, *params):
        self.waiting[self.client.request(method, list(params))] = on_result

    def new_name(self, monitor):
        self.n_names += 1
        name = ["m", self.n_names]
        monitor.names.add(self.n_names)
        return name

    def start(self, monitor):
        """Requests a monitor, and resumes an earlier one if its kind and state allow that."""
        monitor.names.clear()
        if monitor.n_changing or monitor.kind != "monitor_cond_since":
            monitor.last = ZERO
        monitor.n_changing = 0
        name = self.new_name(monitor)
        monitor.name = name
        since = [monitor.last] if monitor.kind == "monitor_cond_since" else []
        monitor.is_resumed = None
        self.request(lambda result: self.on_started(monitor, result), monitor.kind, self.database,
                     name, monitor.request(), *since)
        self.monitors.append(monitor)

    def on_started(self, monitor, result):
        found = False
        if monitor.kind == "monitor_cond_since":
            found, monitor.last, result = result
        monitor.is_resumed = found
        if not found:
            monitor.forget()
        monitor.apply(result, not found)
        for name in monitor.names:
            self.by_name[name] = monitor

    def change(self, monitor, where, renames):
        """Changes the condition of a monitor, and sometimes its id."""
        old = monitor.name
        if renames:
            monitor.name = self.new_name(monitor)
        monitor.where = {**monitor.where, **where}
        monitor.n_changing += 1

        def on_changed(result):
            assert result == {}
            monitor.n_changing -= 1
            if renames:
                monitor.names.discard(old[1])
                self.by_name.pop(old[1], None)

        if monitor.is_resumed is not None and renames:
            self.by_name[monitor.name[1]] = monitor
        self.request(on_changed, "monitor_cond_change", old, monitor.name,
                     {table: [{"where": clauses}] for table, clauses in where.items()})

    def cancel(self, monitor):
        self.monitors.remove(monitor)

        def on_cancelled(result):
            assert result == {}
            for name in monitor.names:
                del self.by_name[name]

        self.request(on_cancelled, "monitor_cancel", monitor.name)

    # Received messages

    def handle(self, message):
        if "method" not in message:
            assert message["error"] is None, message
            self.waiting.pop(message["id"])(message["result"])
        elif message["method"] == "echo":
            self.client.send({"id": message["id"], "result": message["params"], "error": None})
        else:
            params = message["params"]
            monitor = self.by_name.get(params[0][1])
            assert monitor, f"an update of a monitor that does not exist: {params[0]}"
            assert message["method"] == KINDS[monitor.kind]
            if monitor.kind == "monitor_cond_since":
                monitor.last, monitor.read_at = params[1], self.now
            monitor.apply(params[-1])

    def is_due(self):
        """Whether the server may disconnect the client because it does not read."""
        return time.monotonic() - self.read_at > 3

    def read(self, now):
        """Handles the messages that have arrived; monitors with an update keep `now`."""
        self.now = -1 if self.is_slow else now
        self.read_at = time.monotonic()
        while select.select([self.client.socket], [], [], 0)[0]:
            self.client._fill(0, "what is there")
        while self.client.messages:
            self.handle(self.client.receive())

    def catch_up(self):
        """Handles all messages up to the replies to the last request and to an echo."""
        self.request(lambda result: None, "echo")
        self.now = -1
        self.read_at = time.monotonic()
        while self.waiting:
            self.handle(self.client.receive())

    def is_current(self, rows):
        self.catch_up()
        try:
            self.check(rows, "")
        except AssertionError:
            return False
        return True

    def check(self, rows, when):
        for monitor in self.monitors:
            monitor.check(rows, when)

    def reconnect(self, server, is_over):
        """Reconnects; if `is_over`, to a new process, after handling the output of the old one."""
        if is_over:
            for message in self.client.wait_closed():
                if message.get("method") != "echo":
                    self.handle(message)
        self.client.close()
        monitors, self.monitors = self.monitors, []
        self.connect(server)
        for monitor in monitors:
            self.start(monitor)

