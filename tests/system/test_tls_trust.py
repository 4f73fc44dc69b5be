# SPDX-License-Identifier: Apache-2.0
"""Verification of TLS peers: every kind of invalid certificate, with its reason on both sides;
chains, CRLs, names, and the places of keys."""
import re
import shutil
import ssl
import subprocess

import pytest

from harness.pki import Authority
from harness.tls import REFUSED, NamedClient, TlsClient, context_of, dump, listen, port_of, serve

pytestmark = pytest.mark.ours("the reference server has other messages")


# A certificate that is not good: what it is like, and the reason that whoever sees it gives.


class Case:
    def __init__(self, make, reason, options=None, alert="Certificate is bad"):
        self.make = make  # the identity, made by the authority
        self.reason = reason
        self.alert = alert  # what its owner hears
        self.options = options or (lambda pki: [])  # of the side that judges


def revoked(pki):
    identity = pki.issue("revoked")
    pki.revoke(identity)
    return identity


CASES = {
    "expired": Case(
        lambda pki: pki.issue("old", begin="20200101000000Z", end="20210101000000Z"),
        "certificate .*CN=old.* has expired on 2021-01-01 00:00:00 UTC",
        alert="Certificate is expired"),
    "not yet valid": Case(
        lambda pki: pki.issue("early", begin="20900101000000Z", end="20910101000000Z"),
        "certificate .*CN=early.* is not valid before 2090-01-01 00:00:00 UTC"),
    "wrong CA": Case(
        lambda pki: pki.stranger,
        "certificate .*CN=stranger.* is not signed by a CA in .*ca-cert.pem but by .*CN=other-ca",
        alert="CA is unknown"),
    "another CA of the same name": Case(
        lambda pki: Authority(folder(pki, "twin"), "ca").issue("twin"),
        "certificate .*CN=twin.* is not signed by a CA in .*ca-cert.pem but by .*CN=ca"),
    "self-signed": Case(
        lambda pki: Authority(folder(pki, "alone"), "alone"),
        "certificate .*CN=alone.* is signed by itself and not in .*ca-cert.pem",
        alert="CA is unknown"),
    "revoked": Case(
        revoked, "certificate .*CN=revoked.* has been revoked",
        lambda pki: [f"--ssl-crl={pki.crl('crl')}"],
        alert="Certificate was revoked"),
    "short key": Case(
        lambda pki: pki.issue("short", bits=1024),
        "certificate .*CN=short.* is too weak: its key has only 1024 bits"),
    "weak digest": Case(
        lambda pki: pki.issue("sha1", digest="sha1"),
        "certificate .*CN=sha1.* is too weak: it is signed with ECDSA-SHA1"),
    "other purpose": Case(
        lambda pki: pki.issue("coder", extendedKeyUsage="codeSigning"),
        "certificate .*CN=coder.* is not meant for this purpose by its extended key usage",
        alert="Certificate is not supported"),
    "unknown demands": Case(
        lambda pki: pki.issue("strict", **{"1.2.3.4": "critical,ASN1:UTF8:x"}),
        "certificate .*CN=strict.*: The certificate contains an unknown critical extension"),
}


def folder(pki, name):
    path = pki.directory / name
    path.mkdir(exist_ok=True)
    return path


@pytest.fixture(params=CASES)
def case(request):
    return CASES[request.param]


def test_server_says_why(lab, pki, programs, case):
    identity = case.make(pki)
    server, port = serve(lab, pki, *case.options(pki))
    server.allow(REFUSED)
    result = dump(lab, programs, port, identity.options("none"))
    result.fails(saying=case.alert)
    server.wait_log(REFUSED + case.reason)
    assert "small" in dump(lab, programs, port, pki.client.options(pki.cert)).ok().split()


def test_client_says_why(lab, pki, programs, case):
    server, port = serve(lab, pki, identity=case.make(pki))
    server.allow("")  # that its certificate is not good, and that the client left
    result = dump(lab, programs, port, pki.client.options(pki.cert) + case.options(pki))
    assert result.status == 1 and re.search("TLS: " + case.reason, result.err), str(result)


def test_server_and_client_are_different_purposes(lab, pki, programs):
    usage = {name: pki.issue(name, extendedKeyUsage=name) for name in ("serverAuth", "clientAuth")}
    server, port = serve(lab, pki, identity=usage["serverAuth"])
    server.allow(REFUSED)
    assert "small" in dump(lab, programs, port, usage["clientAuth"].options(pki.cert)).ok().split()
    dump(lab, programs, port, usage["serverAuth"].options(pki.cert)).fails(
        saying="Certificate is not supported")
    server.wait_log(REFUSED + "certificate .*CN=serverAuth.* is not meant for this purpose")


@pytest.mark.parametrize("begin, end, reason", [
    ("20200101000000Z", "20210101000000Z", "has expired on 2021-01-01 00:00:00 UTC"),
    ("20900101000000Z", "20910101000000Z", "is not valid before 2090-01-01 00:00:00 UTC"),
])
def test_the_cas_own_dates(lab, pki, programs, begin, end, reason):
    """One of several CA certificates that is good is enough."""
    authority = Authority(folder(pki, "ages"), "ages")
    identity = authority.issue("aged")
    bad = authority.sign_itself(begin, end)
    server, port = serve(lab, pki, ca=bad)
    server.allow(REFUSED)
    assert dump(lab, programs, port, identity.options(pki.cert)).status == 1
    server.wait_log(REFUSED + "certificate .*CN=ages.* " + reason)
    both = lab.path("both.pem")
    both.write_text(bad.read_text() + authority.cert.read_text())
    server.stop()
    _, port = serve(lab, pki, ca=both)
    assert "small" in dump(lab, programs, port, identity.options(pki.cert)).ok().split()


def test_debians_client_says_why(lab, pki, reference):
    """It refuses our certificate before it encrypts."""
    server, port = serve(lab, pki, identity=pki.stranger)
    server.allow(REFUSED)
    assert dump(lab, reference, port, pki.client.options(pki.cert)).status == 1
    server.wait_log(REFUSED + "the peer refused: CA is unknown")


def test_chain(lab, pki, programs):
    """A certificate of an authority in between, sent along."""
    between = Authority(pki.directory, "between", above=pki)
    identity = between.issue("below").copy_to(lab.directory)
    server, port = serve(lab, pki)
    server.allow(REFUSED)
    assert dump(lab, programs, port, identity.options(pki.cert)).status == 1
    server.wait_log(REFUSED + "certificate .*CN=below.* is not signed by a CA in .* but by"
                              " .*between")
    leaf = identity.cert.read_text()
    identity.cert.write_text(leaf + between.cert.read_text())
    assert "small" in dump(lab, programs, port, identity.options(pki.cert)).ok().split()
    # The server sends its own in the same way; what is out of order is put in order.
    identity.cert.write_text(leaf + pki.cert.read_text() + between.cert.read_text())
    second = lab.serve(lab.db("small", "second.db"), remotes=["pssl:0:127.0.0.1"],
                       options=identity.options(pki.cert))
    port = port_of(second, "pssl:0:127.0.0.1")
    assert NamedClient(port, context_of(pki, pki.client)).common_name == "below"


# CRLs


def test_crl_is_reloaded(lab, pki, programs):
    identity = pki.issue("soon revoked")
    crl = lab.path("crl.pem")
    shutil.copy(pki.crl("before"), crl)
    server, port = serve(lab, pki, f"--ssl-crl={crl}")
    server.allow(REFUSED, "TLS keeps using the previous files")
    assert "small" in dump(lab, programs, port, identity.options(pki.cert)).ok().split()
    pki.revoke(identity)
    shutil.copy(pki.crl("after"), crl)
    server.control("ovsdb-server/reload")
    assert dump(lab, programs, port, identity.options(pki.cert)).status == 1
    server.wait_log(REFUSED + "certificate .*CN=soon revoked.* has been revoked")
    crl.write_text("nothing\n")
    server.control("ovsdb-server/reload")
    server.wait_log("crl.pem: no CRL in PEM form: .*; TLS keeps using the previous files")
    assert dump(lab, programs, port, identity.options(pki.cert)).status == 1


def test_crl_in_the_ca_file(lab, pki, programs):
    identity = revoked(pki)
    both = lab.path("both.pem")
    both.write_text(pki.cert.read_text() + pki.crl("both").read_text())
    server, port = serve(lab, pki, ca=both)
    server.allow(REFUSED)
    assert dump(lab, programs, port, identity.options(pki.cert)).status == 1
    server.wait_log(REFUSED + "certificate .*CN=revoked.* has been revoked")
    assert "small" in dump(lab, programs, port, pki.client.options(pki.cert)).ok().split()


def test_crl_out_of_date_is_still_observed(lab, pki, programs):
    identity = revoked(pki)
    server, port = serve(lab, pki, f"--ssl-crl={pki.crl('late', days=-1)}")
    server.allow(REFUSED,
                 "late.pem: a CRL is out of date: later revocations are not known")
    server.wait_log("late.pem: a CRL is out of date")
    assert dump(lab, programs, port, identity.options(pki.cert)).status == 1
    assert "small" in dump(lab, programs, port, pki.client.options(pki.cert)).ok().split()


# Names


@pytest.mark.parametrize("names,wanted,fits", [
    ("DNS:ovsdb.example,DNS:*.cloud.example", "ovsdb.example", True),
    ("DNS:ovsdb.example,DNS:*.cloud.example", "a.cloud.example", True),
    ("DNS:ovsdb.example", "other.example", False),
    ("IP:127.0.0.1", "127.0.0.1", True),
    ("IP:127.0.0.1", "127.0.0.2", False),
], ids=str)
def test_server_name(lab, pki, programs, names, wanted, fits):
    identity = pki.issue("named", names=names)
    server, port = serve(lab, pki, identity=identity)
    server.allow(REFUSED)
    options = pki.client.options(pki.cert)
    assert "small" in dump(lab, programs, port, options).ok().split(), "names do not matter"
    result = dump(lab, programs, port, [*options, f"--ssl-server-name={wanted}"])
    if fits:
        assert "small" in result.ok().split()
    else:
        result.fails(saying=f'is not for "{wanted}" but for {names}')


def test_server_name_is_sent(lab, pki):
    """As SNI, to a server that we dial; without the option it is the host's name."""
    told = []

    def on_name(_socket, name, _context):
        told.append(name)

    listener, port = listen()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pki.client.cert, pki.client.key)
    context.sni_callback = on_name
    for options in (["--ssl-server-name=ovsdb.example"], []):
        server = lab.serve(lab.db("small", f"{len(told)}.db"),
                           options=pki.server.options(pki.cert) + options,
                           remotes=[f"ssl:localhost:{port}"])
        server.allow("is not for")
        raw, _ = listener.accept()
        try:
            context.wrap_socket(raw, server_side=True).close()
        except ssl.SSLError:
            pass
        server.stop()
    assert told == ["ovsdb.example", "localhost"]
    listener.close()


# Cipher suites


def test_ciphers_of_the_versions_are_chosen_apart(lab, pki):
    _, port = serve(lab, pki, "--ssl-ciphers=ECDHE-ECDSA-AES128-GCM-SHA256",
                    "--ssl-ciphersuites=TLS_CHACHA20_POLY1305_SHA256")
    found = {}
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = context_of(pki, pki.client)
        context.minimum_version = context.maximum_version = version
        client = TlsClient(port, context)
        client.echo("hello")
        found[version.name] = client.socket.cipher()[0]
    assert found == {"TLSv1_2": "ECDHE-ECDSA-AES128-GCM-SHA256",
                     "TLSv1_3": "TLS_CHACHA20_POLY1305_SHA256"}


def test_client_refuses_a_cipher_of_the_other_version(lab, pki, programs):
    """It has offered all of them in one list."""
    server, port = serve(lab, pki, "--ssl-ciphers=ECDHE-ECDSA-AES256-GCM-SHA384",
                         "--ssl-protocols=TLSv1.2")
    server.allow(REFUSED)
    result = dump(lab, programs, port, pki.client.options(pki.cert) + [
        "--ssl-ciphers=ECDHE-ECDSA-AES128-GCM-SHA256"])
    result.fails(saying="the peer has chosen the cipher AES-256-GCM, which is not enabled for"
                        " TLS1.2")


# Where keys come from


def test_credentials(lab, pki):
    """credential:NAME is a file that the service manager has put into $CREDENTIALS_DIRECTORY."""
    credentials = lab.path("credentials")
    credentials.mkdir()
    pki.server.copy_to(credentials)
    shutil.copy(pki.cert, credentials / "ca")
    lab.env["CREDENTIALS_DIRECTORY"] = str(credentials)
    server = lab.serve("small", remotes=["pssl:0:127.0.0.1"], options=[
        "--private-key=credential:server-key.pem", "--certificate=credential:server-cert.pem",
        "--ca-cert=credential:ca"])
    TlsClient(port_of(server, "pssl:0:127.0.0.1"), context_of(pki, pki.client)).echo("hello")


def test_no_credentials(lab):
    lab.env.pop("CREDENTIALS_DIRECTORY", None)
    result = lab.run(lab.programs.server, "--private-key=credential:key")
    result.fails(saying="credential:key: the service manager has passed no credentials")


MODULE = "/usr/lib/softhsm/libsofthsm2.so"


@pytest.fixture
def token(lab, pki):
    """The URL of the server's key in a token, without the PIN, which is 1234."""
    tokens = lab.path("tokens")
    tokens.mkdir()
    config = lab.path("softhsm2.conf")
    config.write_text(f"directories.tokendir = {tokens}\nlog.level = ERROR\n")
    lab.env["SOFTHSM2_CONF"] = str(config)
    run = ["softhsm2-util", "--module", MODULE, "--token", "ovsdbd", "--pin", "1234"]
    subprocess.run([*run, "--init-token", "--free", "--label", "ovsdbd", "--so-pin", "4321"],
                   env=lab.env, check=True, capture_output=True)
    pkcs8 = lab.path("key.p8")
    subprocess.run(["openssl", "pkcs8", "-topk8", "-nocrypt", "-in", pki.server.key, "-out", pkcs8],
                   check=True, capture_output=True)
    subprocess.run([*run, "--import", pkcs8, "--label", "server", "--id", "01"],
                   env=lab.env, check=True, capture_output=True)
    return "pkcs11:token=ovsdbd;object=server;type=private"


def status_with_key(lab, pki, url):
    server = lab.new_server().allow("TLS is not available until this is corrected").allow(
        "cannot use the private key")
    server.start([lab.db("small")], f"--private-key={url}", f"--certificate={pki.server.cert}",
                 f"--ca-cert={pki.cert}", "--remote=pssl:0")
    status = server.control("ovsdb-server/status")
    server.stop()
    return status


def test_key_in_a_token(lab, pki, token):
    pin = lab.path("pin")
    pin.write_text("1234")
    server = lab.serve("small", remotes=["pssl:0:127.0.0.1"], options=[
        f"--private-key={token}?pin-source={pin}", f"--certificate={pki.server.cert}",
        f"--ca-cert={pki.cert}"])
    port = port_of(server, "pssl:0:127.0.0.1")
    TlsClient(port, context_of(pki, pki.client)).echo("hello")
    server.control("ovsdb-server/reload")
    server.wait_log("TLS keys and certificates loaded")
    TlsClient(port, context_of(pki, pki.client)).echo("hello again")


def test_key_not_in_a_token(lab, pki, token):
    """The token may get the key later: the server starts and reports the error."""
    other = token.replace("object=server", "object=none")
    assert f"{other}: cannot use the private key: " in status_with_key(
        lab, pki, other + "?pin-value=1234")
    status = status_with_key(lab, pki, token + "?pin-value=9876")
    assert f"{token}: cannot use the private key: " in status
    assert "9876" not in status, "no message shows the PIN"
