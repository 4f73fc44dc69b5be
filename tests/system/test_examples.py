# SPDX-License-Identifier: Apache-2.0
"""The examples of ovsdb-server(8) and of docs/FILE_FORMAT.md work as they are printed."""
import pathlib
import re

import pytest

pytestmark = pytest.mark.ours("the test runs the examples of our manual pages")
ROOT = pathlib.Path(__file__).resolve().parents[2]


def examples():
    """The blocks of commands of the section EXAMPLES."""
    text = (ROOT / "man/ovsdb-server.8").read_text().split(".Sh EXAMPLES\n")[1].split("\n.Sh ")[0]
    return re.findall(r"\.Bd -literal -offset indent\n(.*?)\.Ed", text, re.DOTALL)


def run(lab, block):
    """Runs a block as a script, with the built programs and the schemas of the source."""
    programs = {"ovsdb-tool": lab.programs.tool, "ovsdb-client": lab.programs.client,
                "ovsdb-server": lab.programs.server, "ovs-appctl": lab.programs.appctl}
    for name, path in programs.items():
        block = re.sub(rf"^{name} ", f"{path} ", block, flags=re.MULTILINE)
    return lab.run("sh", "-ec",
                   block.replace("/usr/share/doc/ovsdbd/examples", f"{ROOT}/docs/example"))


def test_serving_a_new_database(lab):
    block, *_ = examples()
    # A person types the next command when the server is up.
    wait = "until test -S db.sock && test -S db.ctl; do sleep 0.05; done\n"
    result = run(lab, block.replace("inventory.db &\n", "inventory.db &\n" + wait) + "wait\n")
    assert result.status == 0, result
    assert "Device table" in result.out and "Inventory" in result.out


def test_access_control(lab):
    _, create, tries, _ = examples()
    assert "error" not in run(lab, create).ok()
    allowed, other_user, other_column = run(lab, tries).ok().splitlines()
    assert allowed == '[{"count":1}]'
    for refused in (other_user, other_column):
        assert '"error":"permission error"' in refused


def test_file_format(lab):
    """The example file of docs/FILE_FORMAT.md is a database with the contents that the page names."""
    page = (ROOT / "docs/FILE_FORMAT.md").read_text()
    lines = re.search(r"\n\n((?:    .+\n)+)\nA file that starts with", page)[1]
    path = lab.path("example.db")
    path.write_text(re.sub(r"^    ", "", lines, flags=re.MULTILINE))
    assert lab.run(lab.programs.tool, "check", path).status == 0
    query = '["Example",{"op":"select","table":"Port","where":[],"columns":["name","vlans"]}]'
    out = lab.run(lab.programs.tool, "query", path, query).ok()
    assert '{"name":"p1","vlans":["set",[1,2,3]]}' in out
