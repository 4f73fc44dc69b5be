# SPDX-License-Identifier: Apache-2.0
"""The contents of the files of the TLS options: every kind of key, and invalid files."""
import os
import shutil
import subprocess

import pytest

from harness.tls import NamedClient, context_of, dump, port_of, serve

pytestmark = pytest.mark.ours("the reference server has other messages")


@pytest.mark.parametrize("kind", [
    "rsa:4096", "rsa-pss -pkeyopt rsa_keygen_bits:2048", "ec -pkeyopt ec_paramgen_curve:P-384",
    "ec -pkeyopt ec_paramgen_curve:P-521", "ed25519", "ed448"])
def test_kinds_of_keys(lab, pki, programs, reference, kind):
    identity = pki.issue("kind", kind=kind)
    _, port = serve(lab, pki, identity=identity)
    for program in programs, reference:
        assert "small" in dump(lab, program, port, identity.options(pki.cert)).ok().split()


def test_any_wrapping(lab, pki):
    """CRLF line ends, text around the PEM blocks, key and certificate in one file."""
    both = lab.path("both.pem")
    text = b"Bag Attributes\n  friendlyName: \xff\n" + pki.server.key.read_bytes() + \
        b"subject=CN = server\n" + pki.server.cert.read_bytes() + b"and more"
    both.write_bytes(text.replace(b"\n", b"\r\n"))
    server = lab.serve("small", remotes=["pssl:0:127.0.0.1"], options=[
        f"--private-key={both}", f"--certificate={both}", f"--ca-cert={pki.cert}"])
    port = port_of(server, "pssl:0:127.0.0.1")
    assert NamedClient(port, context_of(pki, pki.client)).common_name == "server"


# What is no key


def converted(*words):
    def make(pki, path):
        subprocess.run(["openssl", *words, "-in", pki.server.key, "-out", path], check=True,
                       capture_output=True)
    return make


def generated(*words):
    def make(_, path):
        subprocess.run(["openssl", "genpkey", *words, "-out", path], check=True,
                       capture_output=True)
    return make


def link(_, path):
    path.symlink_to("/dev/zero")


UNUSABLE = {
    "with a password": (converted("pkcs8", "-topk8", "-passout", "pass:x"),
                        "cannot use the private key: it is protected by a password"),
    "with a password in the old way": (converted("ec", "-aes256", "-passout", "pass:x"),
                                       "cannot use the private key: it is protected by a password"),
    "binary": (converted("pkey", "-outform", "DER"), "no private key in PEM form"),
    "cut off": (lambda pki, path: path.write_text(pki.server.key.read_text()[:100]),
                "the private key is damaged, or of a kind that is not supported: "),
    "rare": (generated("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:secp256k1"),
             "the private key is damaged, or of a kind that is not supported: "),
    "empty": (lambda _, path: path.write_text(""), "no private key in PEM form"),
    "a folder": (lambda _, path: path.mkdir(), "cannot read the private key: Is a directory"),
    "without an end": (link, "cannot read the private key: File too large"),
    "a pipe": (lambda _, path: os.mkfifo(path), "no private key in PEM form"),
}


@pytest.mark.parametrize("what", UNUSABLE)
def test_no_key(lab, pki, what):
    make, reason = UNUSABLE[what]
    path = lab.path("key.pem")
    make(pki, path)
    lab.run(lab.programs.client, "-vsyslog:off", f"--private-key={path}",
            f"--certificate={pki.server.cert}", f"--ca-cert={pki.cert}", "list-dbs",
            "ssl:127.0.0.1:1").fails(saying=f"{path}: {reason}")


def test_a_pipe_that_is_held_open_does_not_delay_others(lab, pki):
    mine = lab.path("mine")
    mine.mkdir()
    identity = pki.server.copy_to(mine)
    server, port = serve(lab, pki, identity=identity)
    identity.cert.unlink()
    os.mkfifo(identity.cert)
    holder = os.open(identity.cert, os.O_RDWR)
    server.allow("TLS keeps using the previous files")
    server.control("ovsdb-server/reload")
    server.wait_log("server-cert.pem: cannot read the certificate: Connection timed out; "
                    "TLS keeps using the previous files")
    assert NamedClient(port, context_of(pki, pki.client)).common_name == "server"
    os.close(holder)


# What peers will not like


BAD = {
    "expired": (dict(begin="20200101000000Z", end="20210101000000Z"), "has expired on 2021-01-01"),
    "early": (dict(begin="20900101000000Z", end="20910101000000Z"),
              "is not valid before 2090-01-01"),
    "short": (dict(bits=1024), "is too weak: its key has only 1024 bits"),
    "mute": (dict(keyUsage="keyAgreement"), "is not for signatures by its key usage"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_certificate_does_not_replace_a_good_one(lab, pki, name):
    words, reason = BAD[name]
    bad = pki.issue(name, **words)
    mine = lab.path("mine")
    mine.mkdir()
    identity = pki.server.copy_to(mine)
    server, port = serve(lab, pki, identity=identity)
    shutil.copy(bad.key, identity.key)
    shutil.copy(bad.cert, identity.cert)
    server.allow("")
    server.control("ovsdb-server/reload")
    server.wait_log(f"server-cert.pem: certificate .*CN={name}.* {reason}.*; "
                    "TLS keeps using the previous files")
    assert NamedClient(port, context_of(pki, pki.client)).common_name == "server"
    second = lab.serve(lab.db("small", "second.db"), remotes=["pssl:0:127.0.0.1"],
                       options=bad.options(pki.cert))
    second.allow("")
    second.wait_log(f"{name}-cert.pem: certificate .*CN={name}.* {reason}.*: peers will refuse it")
