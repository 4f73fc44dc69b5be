# SPDX-License-Identifier: Apache-2.0
"""A server that many tests use one after the other.

Each test gets a connection of its own and an empty database. To start a server with sanitizers and to
end it, with the search for leaks, takes ten times as long as such a test.
"""
from harness.lab import schema


class SharedServer:
    """A server with a database of the schema `name`. make_lab() returns a new lab."""

    def __init__(self, make_lab, name):
        self.make_lab = make_lab
        self.name = name
        self.lab = None
        self.server = None

    def client(self):
        """Returns a new connection. Starts the server if it does not run."""
        if self.lab is None:
            self.lab = self.make_lab()
            self.server = self.lab.serve(self.name)
        return self.server.client()

    def end_test(self):
        """Fails if the server has ended or has reported something odd. Removes the test's rows."""
        for client in self.server.clients:
            client.close()
        self.server.clients.clear()
        with self.server.client() as client:
            results = client.transact(self.name, *(
                {"op": "delete", "table": table, "where": []}
                for table in schema(self.name)["tables"]))
        self.server.clients.clear()
        assert all(list(result) == ["count"] for result in results), results
        self.server.check_traces()

    def drop(self):
        """Ends the server without a check: after a failed test its state is not known."""
        if self.lab is not None:
            self.lab.clean_up()
        self.lab = None

    def finish(self):
        """Ends the server; fails if it reports a leak."""
        if self.lab is not None:
            self.lab.finish()
        self.drop()


class Use:
    """One test's use of a shared server."""

    def __init__(self, shared):
        self.shared = shared
        self.is_over = False

    def client(self):
        return self.shared.client()

    def finish(self):
        if self.shared.lab is not None:
            self.shared.end_test()
        self.is_over = True
