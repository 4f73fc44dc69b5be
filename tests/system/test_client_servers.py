# SPDX-License-Identifier: Apache-2.0
"""ovsdb-client with several servers: Debian's clustered ones, and ours."""
import re
import socket
import subprocess
import threading

import pytest

from harness import dbfile, wait
from harness.cluster import free_ports
from harness.proxy import Proxy
from harness.lab import schema, schema_path

pytestmark = pytest.mark.ours("the reference client has other messages, and aborts if the list"
                              " of servers has a cid:")

NOWHERE = "unix:/nowhere"


@pytest.fixture
def cluster(lab):
    """Two members, Debian's: the leader and a follower."""
    addresses = [f"tcp:127.0.0.1:{port}" for port in free_ports(2)]
    files = [lab.path("leader.db"), lab.path("follower.db")]
    lab.run(lab.reference.tool, "-vconsole:off", "create-cluster", files[0], schema_path("small"),
            addresses[0])
    lab.run(lab.reference.tool, "-vconsole:off", "join-cluster", files[1], "small", addresses[1],
            addresses[0])
    members = []
    for file in files:
        members.append(lab.serve(file, programs=lab.reference).allow(".*"))
        lab.run(lab.reference.client, "-t", "30", "-vconsole:off", "wait", remote(members[-1]),
                "small",
                "connected").ok()
    assert "Role: leader" in members[0].control("cluster/status", "small")
    return members


def remote(server):
    return f"unix:{server.socket_path}"


def name_of(lab, servers, *options, verb=("get-schema-version",), **more):
    return lab.client(*options, "-t", "20", "-vconsole:off", verb[0], ",".join(servers), *verb[1:],
                      **more)


def test_the_leader_is_taken(lab, cluster):
    leader, follower = map(remote, cluster)
    transaction = '["small",{"op":"select","table":"T","where":[]}]'
    for verb in (("list-tables",), ("transact", transaction), ("dump", "small", "T"),
                 ("needs-conversion", schema_path("small"))):
        name_of(lab, [follower, leader], verb=verb).ok()
        result = name_of(lab, [follower, NOWHERE], verb=verb).fails(1,
                                                                    "it is not the leader of small")
        assert NOWHERE in result.err and "No such file" in result.err
        name_of(lab, [follower, NOWHERE], "--no-leader-only", verb=verb).ok()
        name_of(lab, [follower], verb=verb).ok()
        name_of(lab, [follower], "--leader-only", verb=verb).fails(1,
                                                                   "it is not the leader of small")


def test_the_cluster_is_taken(lab, cluster):
    leader = remote(cluster[0])
    other = lab.serve("small")
    cid = cluster[0].control("cluster/cid", "small").strip()
    wrong = "11111111-2222-3333-4444-555555555555"
    for servers in ([leader, f"cid:{cid}"], [f"cid:{cid}", remote(other), leader]):
        name_of(lab, servers).ok()
    name_of(lab, [remote(other), f"cid:{cid}"]).fails(1, "is not a database of that cluster")
    name_of(lab, [leader, f"cid:{wrong}"]).fails(1, "is not a database of that cluster")
    name_of(lab, [f"cid:{cid}"]).fails(1, "names no server")
    name_of(lab, [leader, "cid:x"]).fails(1, '"cid:x"')


def test_servers_that_lack_the_database(lab):
    small, other = lab.serve("small"), lab.serve("other")
    for servers in ([small, other], [other, small]):
        servers = [NOWHERE, *map(remote, servers)]
        assert '"name":"other"' in name_of(lab, servers, verb=("get-schema", "other")).ok()
        assert '"name":"small"' in name_of(lab, servers, verb=("get-schema", "small")).ok()
    result = name_of(lab, [remote(small), remote(other)], verb=("get-schema", "nope"))
    result.fails(1, 'there is no database "nope"')
    assert remote(small) in result.err and remote(other) in result.err


@pytest.mark.parametrize("servers, saying", [
    (["foo:bar", NOWHERE], '"foo:bar"'), ([NOWHERE, ""], '""'), ([NOWHERE, "punix:x"], '"punix:x"'),
    ([NOWHERE, "unix:/elsewhere"], "unix:/elsewhere (No such file")], ids=str)
def test_bad_lists(lab, servers, saying):
    name_of(lab, servers).fails(1, saying)


def test_servers_without_a_database_of_their_own(lab):
    """Old ones do not know _Server: they are taken as they are."""
    server = lab.serve("small")
    unknown = {"error": {"error": "unknown database", "details": "no database named _Server"}}

    def look(message):
        return unknown if "_Server" in str(message.get("params")) else None

    with Proxy(lab.path("old"), server, look):
        name_of(lab, [NOWHERE, f"unix:{lab.path('old')}"], "--leader-only").ok()


def test_servers_that_hang_up(lab):
    server = lab.serve("small")
    with socket.socket(socket.AF_UNIX) as rude:
        rude.bind(str(lab.path("rude")))
        rude.listen()
        def hang_up():
            rude.accept()[0].close()

        thread = threading.Thread(target=hang_up)
        thread.start()
        name_of(lab, [f"unix:{lab.path('rude')}", remote(server)]).ok()
        thread.join()


def test_wait_over_several(lab, background):
    small, other = lab.serve("small"), lab.serve("other")
    both = f"{remote(small)},{remote(other)}"
    for state in ("added", "connected"):
        assert background(lab.programs, "wait", f"{NOWHERE},{both}", "other", state).status() == 0
    assert background(lab.programs, "wait", both, "nope", "removed").status() == 0
    waiting = background(lab.programs, "wait", both, "small", "removed")
    unsure = background(lab.programs, "wait", f"{NOWHERE},{remote(other)}", "small", "removed")
    third = background(lab.programs, "wait", both, "third", "connected")
    wait.until(lambda: re.search(r"sessions:\d", other.control("memory/show")), "someone to ask")
    assert waiting.process.poll() is None and third.process.poll() is None
    small.control("ovsdb-server/remove-db", "small")
    assert waiting.status() == 0
    third_db = dbfile.create(lab.path("third.db"), {**schema("small"), "name": "third"})
    other.control("ovsdb-server/add-db", third_db)
    assert third.status() == 0
    assert unsure.process.poll() is None, "a server that cannot be asked has not said so"
    unsure.end()


# In the background


def test_every_verb_detaches(lab):
    server = lab.serve("small")
    where = remote(server)
    for verb in (["list-dbs", where], ["dump", where, "small"], ["backup", where],
                 ["get-schema", where], ["needs-conversion", where, schema_path("small")],
                 ["convert", where, schema_path("small")], ["wait", where, "small", "connected"]):
        result = lab.client("--detach", *verb)
        assert result.status == 0, result
    text = lab.client("--detach", "list-dbs", where).out
    assert text == "_Server\nsmall\n"
    lab.client("--detach", "dump", where, "nope").fails(1, "nope")


@pytest.mark.parametrize("verb", ["transact", "wait"])
def test_waiting_in_the_background(lab, verb):
    """The command returns while the transaction waits, and prints the reply later."""
    server = lab.serve("small")
    until = {"transact": '["small",{"op":"wait","table":"T","where":[],"columns":["n"],"until":"==",'
                         '"rows":[{"n":5}]}]', "wait": "other"}[verb]
    args = [until] if verb == "transact" else [until, "connected"]
    with open(lab.path("reply"), "wb") as out:
        subprocess.run([lab.programs.client, "-vsyslog:off", "--detach", "--pidfile", verb,
                        remote(server),
                        *args], stdout=out, stderr=out, check=True, env=lab.env,
                       timeout=4 * wait.PATIENCE)
    pidfile = lab.run_dir / "ovsdb-client.pid"
    assert pidfile.exists() and lab.path("reply").read_bytes() == b""
    assert lab.appctl("-t", "ovsdb-client", "version").ok().startswith("ovsdb-client")
    if verb == "transact":
        server.client().insert("small", "T", {"n": 5})
        wait.until(lambda: lab.path("reply").read_bytes() == b"[{}]\n", "the reply")
    else:
        lab.appctl("-t", "ovsdb-client", "exit").ok()
    wait.until(lambda: not pidfile.exists(), "its end")
