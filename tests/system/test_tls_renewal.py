# SPDX-License-Identifier: Apache-2.0
"""Certificates are renewed while many clients work: nobody notices but who connects anew."""
import os
import shutil
import threading

import pytest

from harness import wait
from harness.tls import NamedClient, TlsClient, context_of, port_of

pytestmark = pytest.mark.ours("the peer disconnects nobody either, but reads files when it likes")
PASSIVE = "pssl:0:127.0.0.1"
N_CLIENTS, N_THREADS, N_RENEWALS = 200, 4, 10


class Crowd:
    """Clients that write, one after another, until they are told to stop."""

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
    server.allow("TLS goes on with the former files")
    port, context = port_of(server, PASSIVE), context_of(pki, pki.client)
    crowd = Crowd(port, context)
    try:
        for number in range(N_RENEWALS):
            identity = pki.issue(f"renewal {number}")
            install(identity, mine, in_two_steps=number % 2)
            if number % 3 == 0:
                server.control("ovsdb-server/reload")
            wait.until(lambda name=identity.name: NamedClient(port, context).common_name == name,
                       "the new certificate")
        crowd.wait_round()
    finally:
        crowd.stop()
    assert not crowd.failures
    assert server.log().count("TLS keys and certificates loaded") >= N_RENEWALS
