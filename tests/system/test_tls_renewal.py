# SPDX-License-Identifier: Apache-2.0
"""Certificates are renewed while many clients work. Only new connections use the new
certificate."""
import os
import shutil
import threading

import pytest

from harness import wait
from harness.tls import NamedClient, TlsClient, context_of, port_of

pytestmark = pytest.mark.ours("the reference server does not reload the files of TLS at a"
                              " known time")
PASSIVE = "pssl:0:127.0.0.1"
N_CLIENTS, N_THREADS, N_RENEWALS = 200, 4, 10


class ManyClients:
    """Clients that write, one after another, until they are stopped."""

    def __init__(self, port, context):
        self.clients = [TlsClient(port, context) for _ in range(N_CLIENTS)]
        self.rounds = [0] * N_THREADS
        self.failures = []
        self.is_over = False
        self.threads = [threading.Thread(target=self.work, args=(i,)) for i in range(N_THREADS)]
        for thread in self.threads:
            thread.start()

    def work(self, number):
        try:
            while not self.is_over:
                for client in self.clients[number::N_THREADS]:
                    client.call('transact', '["small",{"op":"insert","table":"T","row":{"n":1}}]')
                self.rounds[number] += 1
        except Exception as failure:  # pylint: disable=broad-except
            self.failures.append(failure)

    def wait_round(self):
        """Until every client has done something that it began after now."""
        goal = [n + 2 for n in self.rounds]

        def check():
            assert not self.failures, self.failures
            return all(n >= g for n, g in zip(self.rounds, goal))

        wait.until(check, "every client's reply", 6 * wait.PATIENCE)

    def stop(self):
        self.is_over = True
        for thread in self.threads:
            thread.join()
        for client in self.clients:
            client.close()


def install(identity, old, in_two_steps):
    """Puts a new pair in the place of the old one."""
    if in_two_steps:
        shutil.copy(identity.key, old.key)
        shutil.copy(identity.cert, old.cert)
    else:
        for new, name in ((identity.key, old.key), (identity.cert, old.cert)):
            shutil.copy(new, f"{name}.new")
            os.rename(f"{name}.new", name)


def test_renewal_under_load(lab, pki):
    mine = pki.server.copy_to(lab.directory)
    server = lab.serve("small", options=mine.options(pki.cert),
                       remotes=["punix:" + str(lab.run_dir / "db.sock"), PASSIVE])
    server.allow("TLS keeps using the previous files")
    port, context = port_of(server, PASSIVE), context_of(pki, pki.client)
    many = ManyClients(port, context)
    try:
        for number in range(N_RENEWALS):
            identity = pki.issue(f"renewal {number}")
            install(identity, mine, in_two_steps=number % 2)
            if number % 3 == 0:
                server.control("ovsdb-server/reload")
            wait.until(lambda name=identity.name: NamedClient(port, context).common_name == name,
                       "the new certificate")
        many.wait_round()
    finally:
        many.stop()
    assert not many.failures
    assert server.log().count("TLS keys and certificates loaded") >= N_RENEWALS


# Other ways in which files are replaced; nobody tells the server


@pytest.fixture
def place(lab):
    """A folder whose content is switched as a whole, as for secrets of Kubernetes: `data` is a
    link."""
    path = lab.path("secrets")
    (path / "first").mkdir(parents=True)
    os.symlink("first", path / "data")
    return path


def until_sees(port, pki, name):
    wait.until(lambda: NamedClient(port, context_of(pki, pki.client)).common_name == name,
               f"the certificate of {name}")


def serve_from(lab, pki, folder):
    options = [f"--private-key={folder}/key", f"--certificate={folder}/cert",
               f"--ca-cert={pki.cert}"]
    server = lab.serve("small", options=options, remotes=[PASSIVE])
    return server, port_of(server, PASSIVE)


def put(identity, folder):
    shutil.copy(identity.key, folder / "key")
    shutil.copy(identity.cert, folder / "cert")


def test_a_link_is_switched(lab, pki, place):
    put(pki.server, place / "first")
    _, port = serve_from(lab, pki, place / "data")
    (place / "second").mkdir()
    put(pki.issue("second"), place / "second")
    os.symlink("second", place / "new")
    os.rename(place / "new", place / "data")
    until_sees(port, pki, "second")


@pytest.mark.parametrize("time", [1_000_000_000, 4_000_000_000])
def test_files_with_other_modification_times(lab, pki, place, time):
    """The new files have the modification times of the old ones, a time long ago, or one in the
    future."""
    def settle(folder):
        for name in ("key", "cert"):
            os.utime(folder / name, (time, time))

    folder = place / "first"
    put(pki.server, folder)
    settle(folder)
    _, port = serve_from(lab, pki, folder)
    put(pki.issue("SERVER"), folder)
    settle(folder)
    until_sees(port, pki, "SERVER")


def test_files_are_missing_for_a_while(lab, pki, place):
    folder = place / "first"
    put(pki.server, folder)
    server, port = serve_from(lab, pki, folder)
    server.allow("TLS keeps using the previous files")
    (folder / "key").unlink()
    (folder / "cert").unlink()
    server.control("ovsdb-server/reload")
    server.wait_log("cannot read the private key: No such file or directory; TLS keeps using")
    until_sees(port, pki, "server")
    put(pki.issue("back"), folder)
    until_sees(port, pki, "back")
