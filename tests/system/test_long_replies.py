# SPDX-License-Identifier: Apache-2.0
"""A reply may be a whole database. Clients of a server accept longer messages than a server accepts
from its clients."""
import pytest

from harness import wait
from harness.background import Background
from harness.sockets import accept, listen

pytestmark = pytest.mark.ours("the reference server does not limit the size of replies")

LONGER_THAN_A_REQUEST = (128 << 20) + 1
PATIENCE = 10 * wait.PATIENCE


def answer(far_end, method, result, error="null"):
    request = far_end.receive(method, PATIENCE)
    assert request["method"] == method
    far_end.send_raw(f'{{"error":{error},"id":{request["id"]},"result":{result}}}',
                     patience=PATIENCE)


def long_list(*names):
    return "[" + "".join(f'"{name}",' for name in names) + '"' + "x" * LONGER_THAN_A_REQUEST + '"]'


def test_client(lab):
    with listen(address=str(lab.path("far"))) as far:
        client = Background(lab, lab.programs, "list-dbs", f"unix:{lab.path('far')}")
        with accept(far) as far_end:
            answer(far_end, "list_dbs", long_list())
            assert client.process.wait(PATIENCE) == 0
    assert client.out_path.stat().st_size == LONGER_THAN_A_REQUEST + 1


def test_backup(lab):
    """The request that follows shows that the backup has accepted the reply."""
    with listen(address=str(lab.path("far"))) as far:
        lab.serve("small", options=[f"--sync-from=unix:{lab.path('far')}"])
        with accept(far) as far_end:
            answer(far_end, "get_server_id", '"11111111-2222-4333-8444-555555555555"')
            answer(far_end, "set_db_change_aware", "{}")
            answer(far_end, "monitor", "null", error='"unknown database"')  # of _Server
            answer(far_end, "list_dbs", long_list("small"))
            assert far_end.receive("get_schema", PATIENCE)["method"] == "get_schema"
