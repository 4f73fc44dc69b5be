# SPDX-License-Identifier: Apache-2.0
"""Keys that only root can read, which the service manager hands over (LoadCredential=)."""
import pytest

from harness.pki import Authority
from service import UNIT

FOLDER = "/etc/ovsdb-keys"


@pytest.fixture(scope="module")
def pki(container):
    folder = container.path(FOLDER)
    folder.mkdir(exist_ok=True)
    authority = Authority(folder)
    authority.server = authority.issue("server")
    authority.client = authority.issue("client")
    container.ok("chmod", "-R", "go-rwx", FOLDER)
    return authority


def listed(service):
    return service.ok("ovsdb-client", f"--private-key={FOLDER}/client-key.pem",
                      f"--certificate={FOLDER}/client-cert.pem", f"--ca-cert={FOLDER}/ca-cert.pem",
                      "list-dbs", "ssl:127.0.0.1:6650").split()


REMOTE = ("[options]\nprivate-key = {0}key\ncertificate = {0}cert\nca-cert = {0}ca\n"
          "[remote pssl:6650:127.0.0.1]\n")


def test_load_credential(service, pki):
    service.write(f"/etc/systemd/system/{UNIT}.d/t.conf", "[Service]\n"
                  f"LoadCredential=key:{FOLDER}/server-key.pem\n"
                  f"LoadCredential=cert:{FOLDER}/server-cert.pem\n"
                  f"LoadCredential=ca:{FOLDER}/ca-cert.pem\n")
    service.configure(REMOTE.format("credential:"))
    service.start()
    assert listed(service) == ["_Server", "small"]
    assert service.show("User") != "root", "it could read them by itself"
    assert not [e for e in service.journal() if int(e["PRIORITY"]) < 6]


def test_by_their_path(service, pki):
    """The names in $CREDENTIALS_DIRECTORY may be used, too: confinement knows the folder."""
    service.write(f"/etc/systemd/system/{UNIT}.d/t.conf", "[Service]\n"
                  f"LoadCredential=key:{FOLDER}/server-key.pem\n"
                  f"LoadCredential=cert:{FOLDER}/server-cert.pem\n"
                  f"LoadCredential=ca:{FOLDER}/ca-cert.pem\n")
    service.configure(REMOTE.format(f"/run/credentials/{UNIT}/"))
    service.start()
    assert listed(service) == ["_Server", "small"]


def test_missing_credentials_stop_the_start(service, pki):
    """The journal names the missing one."""
    service.configure(REMOTE.format("credential:"))
    assert service.container.run("systemctl", "start", UNIT).returncode
    assert any("private-key: credential:key: the service manager has passed no credentials"
               in e["MESSAGE"] for e in service.journal())


def test_the_files_themselves_are_out_of_reach(service, pki):
    service.configure(REMOTE.format(f"{FOLDER}/server-"))
    service.ok("systemctl", "start", UNIT)  # the files may become readable later
    assert any("server-" in e["MESSAGE"] and "Permission denied" in e["MESSAGE"]
               for e in service.journal())
