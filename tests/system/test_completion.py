# SPDX-License-Identifier: Apache-2.0
"""bash completion of the programs, sourced in bash."""
import os
import pathlib
import shlex

import pytest

pytestmark = pytest.mark.ours("the reference server has its own completion script")

SCRIPT = """
set -e
source {file}
set +e
COMP_WORDS=({words})
COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
function=$(complete -p {name} | sed 's/.*-F \\([^ ]*\\).*/\\1/')
"$function" {program} "${{COMP_WORDS[COMP_CWORD]}}" "${{COMP_WORDS[COMP_CWORD - 1]}}"
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@pytest.fixture
def complete(lab):
    programs = lab.programs
    build = pathlib.Path(programs.tool).parents[2]

    def complete(program, *words):
        """Returns what bash offers for the last of `words`, split as bash splits them."""
        name = os.path.basename(program)
        file = build / "completion" / name
        script = SCRIPT.format(file=shlex.quote(str(file)), name=name, program=program,
                               words=shlex.join([program, *map(str, words)]))
        return set(lab.run("bash", "--norc", "-c", script).ok().split("\n")) - {""}

    return complete


def options(lab, program):
    lines = lab.run(program, "--option").lines()
    return {line.split("=")[0] + ("=" if line.endswith("=ARG") else "")
            for line in lines if line.startswith("--")}


@pytest.mark.parametrize("name", ["server", "tool", "client", "appctl", "top"])
def test_options(lab, complete, name):
    program = getattr(lab.programs, name)
    found = complete(program, "--")
    assert found == options(lab, program)
    assert {"--help", "--version", "--option", "--syslog-target="} <= found
    assert complete(program, "--verb") == {"--verbose"}
    assert "-h " in lab.run(program, "-o").out


def test_the_list_of_options_looks_as_the_peers(lab):
    """The output for options that Debian's programs have as well."""
    for mine, other in ((lab.programs.appctl, lab.reference.appctl),
                        (lab.programs.tool, lab.reference.tool)):
        ours = set(lab.run(mine, "--option").lines())
        theirs = set(lab.run(other, "--option").lines())
        assert {"--verbose=[ARG]", "-v [ARG]", "-h ", "-o "} <= ours & theirs


def test_verbs(complete, programs):
    assert complete(programs.tool, "db-c") == {"db-cid", "db-cksum"}
    assert complete(programs.tool, "-m", "show") == {"show-log"}
    assert complete(programs.tool, "--rbac-role", "=", "x", "quer") == {"query"}
    assert complete(programs.tool, "--rbac-role", "x", "quer") == {"query"}
    assert complete(programs.client, "get-") == {"get-schema", "get-schema-cksum",
                                                 "get-schema-version"}
    assert complete(programs.top, "") == {"clients", "monitors", "slow-log", "status"}


def test_values(lab, complete, programs):
    (lab.run_dir / "ovsdb-server.pid").write_text("1\n")
    assert complete(programs.appctl, "-t", "ovs") == {"ovsdb-server"}
    assert complete(programs.appctl, "--target", "=", "ovs") == {"ovsdb-server"}
    assert complete(programs.top, "--target", "=") == {"ovsdb-server"}
    assert complete(programs.client, "--format", "=", "j") == {"json"}
    assert complete(programs.client, "-f", "") == {"table", "list", "html", "csv", "json"}


def test_files(lab, complete, programs):
    db = lab.db("small", "my file.db")
    start = lab.path("my")
    for words in (("compact", start), ("create", lab.path("x"), start)):
        assert complete(programs.tool, *words) == {str(db)}
    assert complete(programs.server, start) == {str(db)}
    assert complete(programs.server, "--config-file", "=", start) == {str(db)}
    assert complete(programs.client, "dump", "unix", ":", start) == {str(db)}


def test_control_commands(lab, complete, programs, server):
    listed = lab.appctl("-t", server.control_path, "list-commands").lines()[1:]
    target = ("-t", server.control_path)
    assert complete(programs.appctl, *target, "") == {line.split()[0] for line in listed}
    assert complete(programs.appctl, "--target", "=", server.control_path, "ovsdb-server/slow") == {
        "ovsdb-server/slow-log", "ovsdb-server/slow-log-clear"}
    assert complete(programs.appctl, *target, "ovsdb-server/compact", "") == {"_Server", "small"}
    assert complete(programs.appctl, "-t", "/nowhere", "ovsdb-server/c") == set()


def test_databases(lab, complete, programs):
    lab.serve("small", remotes=[f"punix:{lab.run_dir}/db.sock"])
    assert complete(programs.client, "dump", "sm") == {"small"}
    assert complete(programs.client, "dump", "") == {"unix:", "tcp:", "ssl:", "_Server", "small"}
