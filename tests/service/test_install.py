# SPDX-License-Identifier: Apache-2.0
"""The commands of README.md for an installation from source that follow `meson install`, on a host
without Open vSwitch's schema."""
import re

from service import ROOT

HOST_SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"


def blocks_of(section):
    """The blocks of commands of a section of README.md, without sudo."""
    text = (ROOT / "README.md").read_text().split(f"## {section}\n")[1].split("\n## ")[0]
    blocks = re.findall(r"(?:^    .*\n)+", text, re.MULTILINE)
    return [re.sub(r"^    (sudo )?", "", block, flags=re.MULTILINE).replace("&& sudo ", "&& ")
            for block in blocks]


def test_readme_instance_without_open_vswitch(container, service):
    install, instance, _ = blocks_of("Install from source")
    container.ok("mv", HOST_SCHEMA, HOST_SCHEMA + ".aside")
    try:
        container.ok("sh", "-ec", install.split("meson install -C build/install\n")[1])
        printed = container.ok("sh", "-ec", instance)
        assert "Site table" in printed and "Device table" in printed
        container.ok("ovsdb-client", "transact", "unix:/run/ovsdb/inventory.sock",
                     '["Inventory",{"op":"insert","table":"Site","row":{"name":"lab"}}]')
        container.ok("systemctl", "restart", "ovsdb-server@inventory.service")
        assert "lab" in container.ok("ovsdb-client", "dump", "unix:/run/ovsdb/inventory.sock")
    finally:
        container.run("systemctl", "disable", "--now", "ovsdb-server@inventory.socket",
                      "ovsdb-server@inventory.service")
        container.ok("mv", HOST_SCHEMA + ".aside", HOST_SCHEMA)


def test_nothing_of_a_package_is_overwritten(container):
    """A build for /usr/local is installed there, and its configuration in /etc/ovsdb."""
    upper = container.base / "upper"
    outside = [path for path in upper.glob("usr/*") if path.name != "local"
               for path in path.rglob("*ovsdb*") if path.is_file()]
    assert not outside
    assert (upper / "usr/local/lib/systemd/system/ovsdb-server.service").is_file()
