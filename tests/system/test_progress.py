# SPDX-License-Identifier: Apache-2.0
"""Progress of the tools on a terminal, and the files after an interruption."""
import errno
import os
import pty
import shutil
import signal
import subprocess

import pytest

from harness import dbfile
from harness.lab import schema_path
from harness.small_schema import names

pytestmark = pytest.mark.ours("other tools show no progress")
ROWS = 20000  # more than are read, written and converted between two steps
VERBS = {
    "compact": ["compact", "small.db"],
    "compact to another file": ["compact", "small.db", "new.db"],
    "convert": ["convert", "small.db", schema_path("small")],
    "convert to another file": ["convert", "small.db", schema_path("small"), "new.db"],
    "recover": ["recover", "small.db", "new.db"],
    "recover everything": ["--skip-damaged", "recover", "small.db", "new.db"],
}
LOADING = {
    "check": ["check", "small.db"],
    "query": ["query", "small.db", '["small"]'],
    "transact": ["transact", "small.db", '["small"]'],
}


def big(lab):
    rows = {f"00000000-0000-0000-0000-{i:012x}": {"name": f"row {i} " + "x" * 600}
            for i in range(ROWS)}
    return lab.db("small", None, {"_date": 1, "T": rows})


def on_terminal(lab, command, **options):
    """Runs a command whose standard error is a terminal; returns (exit status, output to the
    terminal)."""
    main, terminal = pty.openpty()
    command = lab.programs.wrapped([str(word) for word in command])
    options.setdefault("stdout", subprocess.DEVNULL)
    with subprocess.Popen(command, env=lab.env, cwd=lab.directory, stderr=terminal,
                          **options) as process:
        os.close(terminal)
        text = b""
        try:
            while piece := os.read(main, 4096):
                text += piece
        except OSError as error:
            assert error.errno == errno.EIO  # the last one that had the terminal has closed it
        os.close(main)
        return process.wait(), text.decode()


def shown(text):
    """The visible text at the end, where each CR overwrites the line."""
    line = ""
    for piece in text.split("\r"):
        line = piece + line[len(piece):]
    return line.strip()


@pytest.mark.parametrize("verb", VERBS | LOADING)
def test_bar_on_a_terminal(lab, verb):
    big(lab)
    status, text = on_terminal(lab, [lab.programs.tool, *(VERBS | LOADING)[verb]])
    assert status == 0, text
    assert "loading [" in text or "copying [" in text
    assert ("writing [" in text) == (verb in VERBS and verb != "recover")
    assert ("converting [" in text) == verb.startswith("convert")
    assert "\033" not in text and "\n" not in text
    assert shown(text) == ""


@pytest.mark.parametrize("verb", ["compact", "convert", "recover", "check"])
def test_silent_otherwise(lab, verb):
    big(lab)
    words = (VERBS | LOADING)[verb]
    assert lab.tool(*words).err == ""
    for name in ("small.db", "new.db"):
        lab.path(name).unlink(missing_ok=True)
    big(lab)
    assert on_terminal(lab, [lab.programs.tool, "--no-progress", *words]) == (0, "")


def test_message_after_the_bar(lab):
    """The bar does not remain in front of a message."""
    big(lab)
    lab.path("new.db").write_text("no database")
    status, text = on_terminal(lab, [lab.programs.tool, "compact", "small.db", "new.db"])
    assert status == 1
    assert shown(text.split("\n")[0]).startswith("ovsdb-tool: ")


def test_backup_and_restore(lab):
    db = big(lab)
    server = lab.serve(db)
    remote = f"unix:{server.socket_path}"
    backup = lab.path("backup.db")
    with open(backup, "wb") as out:
        status, text = on_terminal(lab, [lab.programs.client, "backup", remote], stdout=out)
    assert status == 0
    assert "receiving " in text
    assert shown(text) == ""
    assert len(dbfile.read(backup)[1]["T"]) == ROWS
    server.client().transact("small", {"op": "delete", "table": "T", "where": []})
    for options, is_shown in ((["--no-progress"], False), ([], True)):
        with open(backup, "rb") as source:
            status, text = on_terminal(lab, [lab.programs.client, *options, "restore", remote],
                                       stdin=source)
        assert status == 0, text
        assert ("loading [" in text) == is_shown
        assert shown(text) == ""
    assert len(names(server)) == ROWS


def test_conversion_by_a_server(lab):
    """The server reports no progress: the elapsed time is shown."""
    server = lab.serve(big(lab))
    words = ["convert", f"unix:{server.socket_path}", schema_path("small")]
    for options, is_shown in (([], True), (["--no-progress"], False)):
        status, text = on_terminal(lab, [lab.programs.client, *options, *words])
        assert status == 0, text
        assert ("waiting for the server  0:" in text) == is_shown
        assert shown(text) == ""
    assert lab.client(*words).err == ""


@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")
@pytest.mark.parametrize("verb, call, number", [
    *((verb, call, signal.SIGINT) for verb in VERBS for call in ("pwrite64", "fsync")),
    ("compact", "fsync", signal.SIGTERM), ("compact", "fsync", signal.SIGHUP)])
def test_interruption_leaves_the_old_file(lab, verb, call, number):
    """The signal arrives while the new file is written or synced."""
    if verb == "recover":
        call = {"pwrite64": "sendfile"}.get(call, call)
    db = big(lab)
    before = db.read_bytes()
    files = set(os.listdir(lab.directory))
    # A shell's background jobs ignore SIGINT.
    result = lab.run("env", "--default-signal", "strace", "-qq", "-o", lab.path("trace"), "-e",
                     f"trace={call}", "-e",
                     f"inject={call}:signal={number.name}:when=1", lab.programs.tool, *VERBS[verb],
                     env={**lab.env, "ASAN_OPTIONS": "detect_leaks=0"})
    assert result.status == -number, (result, lab.path("trace").read_text())
    assert db.read_bytes() == before
    left = set(os.listdir(lab.directory)) - files - {"trace"}
    assert all(name.endswith(".~lock~") for name in left), left
