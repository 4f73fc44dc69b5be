# SPDX-License-Identifier: Apache-2.0
"""The entries of the journal that an administrator finds, by field and explained."""
import re

from harness import wait
from service import ROOT, UNIT

MODULE = "OVSDB_MODULE=transaction"
IDS = dict(re.findall(r'#define (MSG_\w+)\s+"([0-9a-f]{32})"',
                      (ROOT / "src/basic/messages.h").read_text()))


def test_the_audit(service):
    """The client, its origin, the rows and the comment are fields of the entry."""
    service.configure("[options]\naudit = small:T\n")
    client = service.start().client()
    result = client.transact("small", {"op": "insert", "table": "T", "row": {"name": "x"}},
                             {"op": "insert", "table": "T", "row": {"name": "y"}},
                             {"op": "comment", "comment": "told\nso"})
    client.transact("small", {"op": "insert", "table": "I", "row": {"a": 1, "b": "b1"}})
    entry, = service.journal(MODULE)
    assert entry["MESSAGE_ID"] == IDS["MSG_TRANSACTION"] and entry["PRIORITY"] == "6"
    assert entry["OVSDB_DATABASE"] == "small" and entry["OVSDB_TABLE"] == "T"
    assert sorted(entry["OVSDB_ROW"]) == sorted(f"T insert {result[i]['uuid'][1]}" for i in (0, 1))
    assert entry["OVSDB_COMMENT"] == "told\nso" and entry["OVSDB_PEER_UID"] == "0"
    assert entry["OVSDB_REMOTE"].startswith("punix:") and entry["OVSDB_SESSION"]
    assert entry["OVSDB_TXN"] in entry["MESSAGE"] and int(entry.get("OVSDB_PEER_PID", 1)) > 0
    assert entry["MESSAGE"].endswith("; comment: told so")
    text = service.explained()
    assert "Subject: A transaction has changed database small" in text
    # Switched by command, and by a reload.
    service.ok("ovs-appctl", "-t", "ovsdb-server", "ovsdb-server/tlog-set", "small:I", "on")
    client.transact("small", {"op": "insert", "table": "I", "row": {"a": 2, "b": "b2"}})
    assert service.journal(MODULE, "OVSDB_TABLE=I")
    service.configure("")
    service.ok("systemctl", "reload", UNIT)
    before = len(service.journal(MODULE))
    client.transact("small", {"op": "insert", "table": "T", "row": {"name": "z"}})
    client.transact("small", {"op": "insert", "table": "I", "row": {"a": 3, "b": "b3"}})
    assert len(service.journal(MODULE)) == before


def test_the_role(service):
    service.start()
    for command in (["set-active-ovsdb-server", "unix:/run/openvswitch/other.sock"],
                    ["connect-active-ovsdb-server"], ["disconnect-active-ovsdb-server"]):
        service.ok("ovs-appctl", "-t", "ovsdb-server", "ovsdb-server/" + command[0], *command[1:])
    backup, = service.journal("MESSAGE_ID=" + IDS["MSG_ROLE_BACKUP"])
    active, = service.journal("MESSAGE_ID=" + IDS["MSG_ROLE_ACTIVE"])
    assert backup["OVSDB_REMOTE"] == active["OVSDB_REMOTE"] == "unix:/run/openvswitch/other.sock"
    assert "Subject: Database small has become a backup of unix:/run/openvswitch/other.sock" \
        in service.explained()


def test_a_client_is_cut(service):
    bad = service.start().client()
    bad.send_raw("no JSON}")
    bad.wait_closed()
    entry, = service.journal("MESSAGE_ID=" + IDS["MSG_CLIENT_CUT"])
    assert entry["PRIORITY"] == "4" and "invalid JSON" in entry["MESSAGE"]
    assert f"Subject: The connection {entry['OVSDB_SESSION']} was closed because of an error" \
        in service.explained()


def test_a_command_is_refused(service):
    """Another user may ask, if the folder and the socket let it, but change nothing."""
    service.start()
    service.ok("chmod", "a+rx", "/run/openvswitch")
    control, = service.ok("sh", "-c", "ls /run/openvswitch/*.ctl").split()
    service.ok("chmod", "a+rw", control)
    nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--", "ovs-appctl",
              "-t", control]
    assert "small" in service.ok(*nobody, "ovsdb-server/list-dbs")
    result = service.container.run(*nobody, "ovsdb-server/remove-db", "small")
    assert result.returncode == 2 and "permission denied" in result.stderr
    entry, = service.journal("MESSAGE_ID=" + IDS["MSG_CONTROL_DENIED"])
    assert entry["OVSDB_PEER_UID"] == "65534"
    assert "User 65534 (process" in service.explained()
    assert service.client().call("list_dbs") == ["_Server", "small"]


def test_a_damaged_file(service):
    """The start fails; the journal names the file and how to repair it."""
    service.start().client().insert("small", "T", {"name": "kept"})
    service.client().insert("small", "T", {"name": "too"})
    service.ok("systemctl", "stop", UNIT)
    path = service.ok("readlink", "-f", "/etc/openvswitch/conf.db").strip()
    file = service.container.path(path)
    file.write_bytes(file.read_bytes().replace(b"kept", b"KEPT"))
    assert service.container.run("systemctl", "start", UNIT).returncode
    entries = wait.until(lambda: service.journal("MESSAGE_ID=" + IDS["MSG_DATABASE_DAMAGED"]),
                         "the event")
    assert entries[0]["PRIORITY"] == "3" and entries[0]["OVSDB_FILE"].endswith("conf.db")
    assert "ovsdb-tool check" in service.explained()
