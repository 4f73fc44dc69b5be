# SPDX-License-Identifier: Apache-2.0
"""A clustered database among the others of a server: commands, configuration, crashes."""
import json

import pytest
from harness import lab as lab_module
from harness import wait
from harness.cluster import free_ports, is_served
from harness.rpc import RpcError
from test_crash import Watched

pytestmark = pytest.mark.ours("the reference server does the same in its own ways")


@pytest.fixture(autouse=True)
def needs_consensus(lab):
    if not is_served(lab.programs.server):
        pytest.skip("built without libraft")


@pytest.fixture
def clustered(lab):
    """A file of a cluster of one member."""
    port, = free_ports(1)
    path = lab.path("clustered.db")
    lab.tool("create-cluster", path, lab_module.schema_path("ops"), f"tcp:127.0.0.1:{port}")
    return path


def databases(server):
    return server.control("ovsdb-server/list-dbs").split()


def wait_served(server, name):
    """Waits until the member leads."""
    def leads():
        with server.client() as client:
            rows = client.select("_Server", "Database", ["leader"], [["name", "==", name]])
            return rows and rows[0]["leader"]

    wait.until(leads, f"the leadership of {name}")


def test_add_and_remove(lab, clustered):
    server = lab.serve("small")
    server.control("ovsdb-server/add-db", clustered)
    assert databases(server) == ["_Server", "ops", "small"]
    with pytest.raises(RpcError, match="already open"):
        server.control("ovsdb-server/add-db", clustered)
    wait_served(server, "ops")
    assert server.control("ovsdb-server/get-db-storage-status", "ops") == "status: ok\n"
    server.control("ovsdb-server/remove-db", "ops")
    assert databases(server) == ["_Server", "small"]
    server.control("ovsdb-server/add-db", clustered)
    wait_served(server, "ops")


def test_compact(lab, clustered):
    server = lab.serve("small", clustered)
    wait_served(server, "ops")
    for args in [(), ("ops",)]:
        with server.client() as client:
            client.commit("small", {"op": "insert", "table": "T", "row": {"name": "a"}})
        before = clustered.stat().st_ino
        server.control("cluster/change-election-timer", "ops", "1500" if args else "1200")
        server.control("ovsdb-server/compact", *args)
        assert clustered.stat().st_ino != before, args


def test_a_schema_beside_it(lab, clustered):
    config = lab.path("config")
    config.write_text(json.dumps({"databases": {str(clustered): {
        "schema": str(lab_module.schema_path("ops"))}}, "remotes": {}}))
    lab.run(lab.programs.server, f"--config-file={config}", "--unixctl=none").fails(
        1, "cannot be created or converted with a schema file")


@pytest.mark.parametrize("form", ["reference", "own"])
def test_configuration(lab, clustered, form):
    config = lab.path("config")
    small = lab.db("small")

    def write(*paths):
        config.write_text(
            json.dumps({"databases": {str(path): {} for path in paths}, "remotes": {}})
            if form == "reference" else "".join(f"[database {path}]\n" for path in paths))

    write(clustered)
    server = lab.new_server().start([], f"--config-file={config}")
    assert databases(server) == ["_Server", "ops"]
    with pytest.raises(RpcError, match="change the file and reload"):
        server.control("ovsdb-server/remove-db", "ops")
    for paths, names in [((clustered, small), ["_Server", "ops", "small"]),
                         ((small,), ["_Server", "small"]), ((clustered,), ["_Server", "ops"])]:
        write(*paths)
        server.control("ovsdb-server/reload")
        assert databases(server) == names


def test_crash(lab, clustered):
    """What commands have added or removed is so after a crash, too."""
    port, = free_ports(1)
    other = lab.path("other.db")
    lab.tool("create-cluster", other, lab_module.schema_path("tool-1"), f"tcp:127.0.0.1:{port}")
    watched = Watched(lab, str(other))
    try:
        watched.control("ovsdb-server/add-db", str(clustered))
        watched.control("ovsdb-server/remove-db", "tool")
        watched.restart()
        assert databases(watched) == ["_Server", "ops", "small"]
    finally:
        watched.stop()
