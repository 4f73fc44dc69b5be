# SPDX-License-Identifier: Apache-2.0
"""Random transactions on both servers: the same results, the same errors, the same contents."""
import json

import pytest

from harness.operations import Generator, comparable

pytestmark = pytest.mark.ours("the test compares with the reference server")


def contents(client, generator):
    """The contents that the file has of each table."""
    return {table: sorted(json.dumps(row, sort_keys=True) for row in client.select(
        "ops", table, ["_uuid", *(c for c in generator.columns(table) if not c.startswith("eph"))]))
        for table in generator.schema}


@pytest.mark.parametrize("seed", range(8))
def test_random_transactions(lab, seed):
    servers = [lab.serve(lab.db("ops", f"{p.name}.db"), programs=p)
               for p in (lab.programs, lab.reference)]
    clients = [server.client() for server in servers]
    generator = Generator(seed)
    committed = 0
    for _ in range(250):
        operations = generator.transaction()
        ours, reference = ([comparable(r) for r in client.transact("ops", *operations)]
                      for client in clients)
        assert ours == reference, json.dumps(operations)
        committed += not any(isinstance(r, dict) and "error" in r or r is None for r in ours)
    assert committed > 20, "the generator makes too many errors"
    before = [contents(client, generator) for client in clients]
    assert before[0] == before[1]
    for server, name in zip(servers, ("ours.db", "reference.db")):
        server.stop()
    for server, name in zip(servers, ("reference.db", "ours.db")):
        server.start([lab.path(name)])
    for server in servers:
        assert contents(server.client(), generator) == before[0]
