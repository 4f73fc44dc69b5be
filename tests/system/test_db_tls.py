# SPDX-License-Identifier: Apache-2.0
"""TLS options that a database holds, "--private-key=db:DB,TABLE,COLUMN" and so on: followed."""
import os
import shutil
import ssl

import pytest

from harness import wait
from harness.rpc import Client
from harness.tls import REFUSED, NamedClient, TlsClient, context_of, dump, port_of

COLUMNS = {"--private-key": "key", "--certificate": "certificate", "--ca-cert": "ca",
           "--ssl-protocols": "protocols", "--ssl-ciphers": "ciphers"}
REMOTE = "pssl:0:127.0.0.1"


def option(name, column):
    return f"{name}=db:remotes,Config,{column}"


class Followed:
    """A server whose TLS options are those of a row, without a value yet."""

    def __init__(self, lab, *options, columns=COLUMNS):
        self.lab = lab
        self.folder = lab.path("sysconf") / "pki"
        self.folder.mkdir()
        self.path = lab.db("remotes")
        self.options = [option(*pair) for pair in columns.items()] + list(options)
        self.server = lab.new_server()

    def start(self):
        self.server.start([self.path], *self.options, "--remote=db:remotes,Config,targets")
        self.client = self.server.client()
        if not self.client.select("remotes", "Config"):
            self.client.insert("remotes", "Config", {})
        return self

    def files(self, identity, authority):
        """Copies the files of an identity to where the server may read them."""
        def copy(source):
            shutil.copy(source, self.folder)
            return str(self.folder / source.name)

        return {"key": copy(identity.key), "certificate": copy(identity.cert),
                "ca": copy(authority.cert)}

    def set(self, **values):
        count = self.client.commit("remotes", {"op": "update", "table": "Config", "where": [],
                                               "row": values})[0]["count"]
        assert count == 1

    def listen(self, **values):
        """Sets the values, and a TLS remote; returns its port."""
        self.set(targets=REMOTE, **values)
        return port_of(self.server, REMOTE[5:])


def until_called(name, port, context):
    """Waits until new connections find a server of this name."""
    wait.until(lambda: NamedClient(port, context).common_name == name, f"the server {name}")


def test_from_the_first_row(lab, pki, programs, reference):
    followed = Followed(lab).start()
    port = followed.listen(**followed.files(pki.server, pki))
    for program in (programs, reference):
        assert "remotes" in dump(lab, program, port, pki.client.options(pki.cert)).ok().split()
    followed.server.stop()
    os.unlink(followed.server.log_path)  # the port will be another one
    followed.start()
    port = port_of(followed.server, REMOTE[5:])
    assert "remotes" in dump(lab, programs, port, pki.client.options(pki.cert)).ok().split()


@pytest.mark.ours("the reference server listens without a key; its connections fail later")
def test_remote_waits_for_a_key(lab, pki):
    """A remote that is named before there is a key, in a row or as an option, listens as soon as
    there is one."""
    followed = Followed(lab, f"--remote={REMOTE}").start()
    followed.server.allow(r"\|WARN\|.*TLS needs --")
    other = "pssl:0:127.0.0.2"
    followed.set(targets=other)
    followed.server.wait_log(other + ": TLS needs --private-key")
    assert "listening on port" not in followed.server.log()
    files = followed.files(pki.server, pki)
    followed.set(key=files["key"])
    followed.set(**files)
    for target, host in ((REMOTE, "127.0.0.1"), (other, "127.0.0.2")):
        port = port_of(followed.server, target)
        TlsClient(port, context_of(pki, pki.client), host).echo("hello")


@pytest.mark.ours("the reference server logs a warning when a client disconnects")
def test_new_names(lab, pki):
    followed = Followed(lab).start()
    port = followed.listen(**followed.files(pki.server, pki))
    context = context_of(pki, pki.client)
    old = NamedClient(port, context)
    assert old.common_name == "server"
    followed.set(**followed.files(pki.issue("renewed"), pki))
    until_called("renewed", port, context)
    old.echo("undisturbed")


@pytest.mark.ours("the reference server loads the key and the certificate separately")
def test_key_and_certificate_change_one_after_the_other(lab, pki):
    followed = Followed(lab).start()
    port = followed.listen(**followed.files(pki.server, pki))
    followed.server.allow("is not that of the certificate in .*; keeping the former")
    context = context_of(pki, pki.client)
    renewed = followed.files(pki.issue("renewed"), pki)
    followed.set(key=renewed["key"])
    followed.server.wait_log("is not that of the certificate in")
    assert NamedClient(port, context).common_name == "server"
    followed.set(certificate=renewed["certificate"])
    until_called("renewed", port, context)


@pytest.mark.ours("the reference server does not log the reason")
@pytest.mark.parametrize("values, reason", [
    ({"key": "/nonexistent/key.pem"}, "/nonexistent/key.pem"),
    ({"key": "key.pem"}, "key.pem: the name of a file must begin with a slash"),
    ({"key": "/etc/passwd"}, "/etc/passwd"),
    ({"key": "pkcs11:token=t?module-path=/tmp/x.so"}, "a database cannot name a key in a token"),
    ({"ciphers": "NONSENSE"}, 'unknown cipher "NONSENSE"'),
    ({"protocols": "SSLv3"}, 'unknown TLS protocol "SSLv3"'),
])
def test_wrong_values_leave_the_former(lab, pki, values, reason):
    followed = Followed(lab).start()
    port = followed.listen(**followed.files(pki.server, pki))
    followed.server.allow("cannot use the TLS options of a database: ")
    followed.set(**values)
    followed.server.wait_log(f"cannot use the TLS options of a database: .*{reason}.*; keeping the former")
    context = context_of(pki, pki.client)
    TlsClient(port, context).echo("as before")
    followed.set(**{**followed.files(pki.issue("right"), pki), "ciphers": "", "protocols": ""})
    until_called("right", port, context)


@pytest.mark.ours("the reference server does not log the reason")
def test_file_that_comes_later(lab, pki):
    followed = Followed(lab).start()
    files = followed.files(pki.server, pki)
    moved = lab.path("moved.pem")
    shutil.move(files["key"], moved)
    followed.server.allow("cannot use the TLS options of a database: ", "TLS needs",
                          "cannot read the private key")
    followed.set(targets=REMOTE, **files)
    followed.server.wait_log("cannot use the TLS options of a database: ")
    shutil.move(moved, files["key"])
    port = port_of(followed.server, REMOTE[5:])
    TlsClient(port, context_of(pki, pki.client)).echo("hello")


@pytest.mark.ours("the reference server accepts no TLSv1.3 in this column")
def test_protocols(lab, pki):
    followed = Followed(lab).start()
    port = followed.listen(**followed.files(pki.server, pki), protocols="TLSv1.2")

    def version():
        return TlsClient(port, context_of(pki, pki.client)).socket.version()

    assert version() == "TLSv1.2"
    followed.set(protocols="TLSv1.2,TLSv1.3")
    wait.until(lambda: version() == "TLSv1.3", "the other protocol")
    followed.server.allow("TLS protocols older than TLSv1.2 stay off")
    for text, newest in (("TLSv1-TLSv1.2", "TLSv1.2"), ("tlsv1.2-tlsv1.3", "TLSv1.3"),
                         ("TLSv1.2", "TLSv1.2"), ("TLSv1.2+", "TLSv1.3")):
        followed.set(protocols=text)
        wait.until(lambda: version() == newest, text)


@pytest.mark.ours("the reference server has no such option")
def test_suites(lab, pki):
    followed = Followed(lab, option("--ssl-ciphersuites", "suites")).start()
    suite = "TLS_CHACHA20_POLY1305_SHA256"
    port = followed.listen(**followed.files(pki.server, pki), suites=suite)
    context = context_of(pki, pki.client)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    assert TlsClient(port, context).socket.cipher()[0] == suite


@pytest.mark.ours("the reference server ignores this column")
@pytest.mark.parametrize("by_column", [False, True])
def test_ca_is_fetched(lab, pki, programs, by_column):
    """By --bootstrap-ca-cert, or by the column bootstrap_ca_cert of the row."""
    columns = dict(COLUMNS)
    if not by_column:
        columns["--bootstrap-ca-cert"] = columns.pop("--ca-cert")
    followed = Followed(lab, columns=columns).start()
    followed.server.allow(REFUSED, "saved as the peer sent it")
    learnt = lab.run_dir / "learnt.pem"
    port = followed.listen(**{**followed.files(pki.server, pki), "ca": str(learnt)},
                           bootstrap_ca_cert=by_column)
    mine = pki.client.options(pki.cert) + [f"--peer-ca-cert={pki.cert}"]
    assert dump(lab, programs, port, mine).status == 1
    assert learnt.exists()
    assert "remotes" in dump(lab, programs, port, mine).ok().split()
    assert dump(lab, programs, port, pki.stranger.options(pki.cert)).status == 1


@pytest.mark.ours("the reference server keeps TLS enabled")
def test_database_is_removed_and_added_again(lab, pki):
    """The option names a database that is away: TLS is off until it is back."""
    other = lab.db("small")
    followed = Followed(lab, str(other), f"--remote={REMOTE}").start()
    followed.set(**followed.files(pki.server, pki))
    port = port_of(followed.server, REMOTE)
    context = context_of(pki, pki.client)
    TlsClient(port, context).echo("hello")
    followed.server.allow("no database named remotes", REFUSED, "TLS needs")
    followed.server.control("ovsdb-server/remove-db", "remotes")

    def is_refused():
        try:
            return TlsClient(port, context).is_refused()
        except (ssl.SSLError, ConnectionError):
            return True

    assert is_refused()
    followed.server.control("ovsdb-server/add-db", followed.path)
    until_called("server", port, context)


@pytest.mark.ours("the reference server starts nevertheless")
@pytest.mark.parametrize("name, column, reason", [
    ("--private-key", "db:nope,A,b", '"db:nope,A,b": no database named nope'),
    ("--certificate", "db:remotes,Config,number", 'column "number" does not hold strings'),
    ("--ssl-ciphers", "db:remotes,Config", '"db:remotes,Config": invalid syntax'),
])
def test_wrong_column(lab, name, column, reason):
    server = lab.new_server().allow(r"\|ERR\|")
    server.launch([lab.db("remotes")], f"{name}={column}", "--run=true")
    assert server.wait_end() == 1
    assert reason in server.stderr()


@pytest.mark.ours("the reference server starts nevertheless")
def test_values_without_a_column_are_checked_at_once(lab):
    server = lab.new_server().allow(r"\|ERR\|")
    server.launch([lab.db("remotes")], option("--private-key", "key"), "--ssl-ciphers=NONSENSE",
                  "--run=true")
    assert server.wait_end() == 1
    assert 'unknown cipher "NONSENSE"' in server.stderr()


@pytest.mark.ours("the reference server has other messages")
def test_clients_have_no_database(lab, pki, programs):
    options = ["--private-key=db:a,b,c", "--certificate=x", "--ca-cert=none"]
    dump(lab, programs, 1, options).fails(saying="db:a,b,c: cannot")


def test_plain_clients_are_served_meanwhile(lab):
    followed = Followed(lab).start()
    with Client(followed.server.socket_path) as client:
        assert "remotes" in client.call("list_dbs")
