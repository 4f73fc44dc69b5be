# SPDX-License-Identifier: Apache-2.0
"""If any step of a recovery fails, or the process is killed before it, the bytes of the file are in
the file or in a copy beside it, and the next start recovers."""
import ctypes
import os
import shutil
import subprocess

import pytest
from harness import dbfile
from harness.small_schema import A, B, C, names

KINDS = ["kill", "torn", "EIO", "ENOSPC"]
N_STEPS = 12  # more than a recovery has

pytestmark = [pytest.mark.skipif(not shutil.which("cc"), reason="there is no compiler"),
              pytest.mark.ours("the reference server makes no copies of damaged files")]


def torn(data, offsets):
    return data[:offsets[-1] - 5], ["a", "b"]


def zeros(data, offsets):
    return data[:offsets[-1] - 5] + bytes(5), ["a", "b"]


def changed(data, offsets):
    return data[:offsets[2] + 70] + b"!" + data[offsets[2] + 71:], ["a"]


def garbage(data, offsets):
    return data + b"garbage\n", ["a", "b", "c"]


def bytes_kept(folder, data):
    """True if the file has all its bytes, or the file and one copy have them together."""
    now = (folder / "small.db").read_bytes()
    parts = [p.read_bytes() for p in folder.glob("small.db.*")]
    return now == data or data in parts or any(now + part == data for part in parts)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("damage", [torn, zeros, changed, garbage])
def test_every_step(lab, library, damage, kind):
    """Each start with a failing step fails or succeeds, and no bytes are lost."""
    whole = lab.db("small", None, *({"_date": 1, "T": {uuid: {"name": name}}}
                                    for uuid, name in ((A, "a"), (B, "b"), (C, "c"))))
    data, kept = damage(whole.read_bytes(), dbfile.offsets(whole))
    n_struck = 0
    for at in range(1, N_STEPS):
        folder = lab.path(f"{kind}-{at}")
        folder.mkdir()
        db = folder / "small.db"
        db.write_bytes(data)
        server = lab.new_server().allow("")
        env = server.env
        server.env = {**env, "LD_PRELOAD": str(library), "FAULTY_FOLDER": str(folder),
                      "FAULTY_AT": str(at), "FAULTY_KIND": kind,
                      "ASAN_OPTIONS": lab.env["ASAN_OPTIONS"] + ":verify_asan_link_order=0"}
        server.launch([db], "--recover-damaged", "--run=true")
        status = server.wait_end()
        assert bytes_kept(folder, data), f"{kind} at step {at}: bytes are lost"
        if status == 0:
            break
        n_struck += 1
        assert status == (-9 if kind in ("kill", "torn") else 1), f"step {at}: status {status}"
        assert status == -9 or "small.db" in server.stderr(), f"step {at}: no reason is given"
        server.env = env
        server.start([db], "--recover-damaged")
        assert names(server) == kept
        server.stop()
        assert bytes_kept(folder, data)
        assert not list(folder.glob("*.tmp")), "a partial copy is left"
        assert len(list(folder.glob("small.db.*"))) == 1, "the same bytes were copied twice"
    else:
        raise AssertionError("there are more steps than were tried")
    assert n_struck >= 3, "no step went wrong"


@pytest.mark.parametrize("damage", [torn, changed])
def test_full_disk(lab, damage):
    """Without space for the copy the file is rejected and not changed."""
    folder = lab.path("tiny")
    folder.mkdir()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"tiny", str(folder).encode(), b"tmpfs", 0, b"size=256k") != 0:
        pytest.skip(f"cannot mount: {os.strerror(ctypes.get_errno())}")
    try:
        full_disk(lab, folder, damage)
    finally:
        for server in lab.servers:
            server.clean_up()
        subprocess.run(["umount", str(folder)], check=True)


def full_disk(lab, folder, damage):
    path = lab.db("small", "tiny/small.db", *({"_date": 1, "T": {uuid: {"name": name}}}
                                              for uuid, name in ((A, "a"), (B, "b"), (C, "c"))))
    data, kept = damage(path.read_bytes(), dbfile.offsets(path))
    path.write_bytes(data)
    lab.path("tiny/.small.db.~lock~").touch()
    ballast = folder / "ballast"
    with pytest.raises(OSError), open(ballast, "wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    server = lab.new_server().allow(r"small\.db")
    server.launch([path], "--recover-damaged", "--run=true")
    assert server.wait_end() == 1
    assert "No space left" in server.stderr() and path.read_bytes() == data
    assert not list(folder.glob("small.db.*"))
    ballast.unlink()
    server.start([path], "--recover-damaged")
    assert names(server) == kept
    server.stop()
