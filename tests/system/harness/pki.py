# SPDX-License-Identifier: Apache-2.0
"""Certificates for tests, made with openssl: certificate authorities and the certificates that they
sign."""
import datetime
import shutil
import subprocess


def _openssl(*args):
    subprocess.run(["openssl", *map(str, args)], check=True, stdin=subprocess.DEVNULL,
                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def _kind(bits, kind):
    """The words for a key of RSA with so many `bits`, of this `kind`, or of an elliptic curve."""
    if kind:
        return kind.split()
    return ["rsa:%d" % bits] if bits else ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"]


def _time(days):
    moment = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=days)
    return moment.strftime("%Y%m%d%H%M%SZ")


class Identity:
    """A private key and its certificate: the files `key` and `cert`."""

    def __init__(self, directory, name):
        self.directory = directory
        self.name = name
        self.key = directory / f"{name}-key.pem"
        self.cert = directory / f"{name}-cert.pem"

    def options(self, ca):
        """The options that make a program this one, trusting `ca` (a path or "none")."""
        return [f"--private-key={self.key}", f"--certificate={self.cert}", f"--ca-cert={ca}"]

    def copy_to(self, directory):
        copy = Identity(directory, self.name)
        shutil.copy(self.key, copy.key)
        shutil.copy(self.cert, copy.cert)
        return copy

    def make_request(self, cn, bits=None, kind=None):
        """Makes the key; returns a request."""
        request = self.directory / f"{self.name}-request.pem"
        _openssl("req", "-new", "-newkey", *_kind(bits, kind), "-nodes", "-keyout", self.key,
                 "-out", request,
                 "-subj", f"/O=test/CN={cn}")
        return request


class Authority(Identity):
    def __init__(self, directory, name="ca", above=None, bits=None):
        """Its certificate is signed by itself, or by the authority `above`."""
        super().__init__(directory, name)
        if above:
            above.sign(self, self.make_request(name), {"basicConstraints": "critical,CA:TRUE"})
        else:
            _openssl("req", "-x509", "-newkey", *_kind(bits, None), "-nodes", "-keyout", self.key,
                     "-out", self.cert, "-days", 2, "-subj", f"/O=test/CN={name}")
        self.config = directory / f"{name}.cnf"
        index = directory / f"{name}-index"
        index.write_text("")
        self.config.write_text(
            f"[ca]\ndefault_ca=d\n[d]\npolicy=p\nrand_serial=yes\nunique_subject=no\n"
            f"certificate={self.cert}\nprivate_key={self.key}\ndefault_md=sha256\n"
            f"database={index}\nnew_certs_dir={directory}\n[p]\nO=supplied\nCN=supplied\n")

    def issue(self, name, cn=None, begin=None, end=None, bits=None, kind=None, names=None,
              digest="sha256", **extensions):
        """Returns a new identity. `begin` and `end` are times like 20200101000000Z, `names` its
        alternative names, as "DNS:a.org,IP:10.0.0.1"; `kind` is openssl's words for a kind of key,
        `bits` those of one of RSA."""
        identity = Identity(self.directory, name)
        request = identity.make_request(cn or name, bits, kind)
        if names:
            extensions["subjectAltName"] = names
        self.sign(identity, request, extensions, begin, end, digest)
        return identity

    def sign(self, identity, request, extensions, begin=None, end=None, digest="sha256"):
        text = self.directory / f"{identity.name}-extensions"
        text.write_text("".join(f"{name}={value}\n" for name, value in extensions.items()))
        self._ca("-in", request, "-out", identity.cert, "-notext", "-extfile", text, "-md", digest,
                 "-startdate", begin or _time(-1), "-enddate", end or _time(2))

    def sign_itself(self, begin, end):
        """Returns the path of another certificate of this authority, good at other times."""
        other = Identity(self.directory, self.name + "-again")
        request = self.directory / f"{other.name}-request.pem"
        _openssl("req", "-new", "-key", self.key, "-out", request, "-subj",
                 f"/O=test/CN={self.name}")
        self.sign(other, request, {"basicConstraints": "critical,CA:TRUE"}, begin, end)
        return other.cert

    def revoke(self, identity):
        self._ca("-revoke", identity.cert)

    def crl(self, name, days=2):
        """Returns a file with a CRL, valid for so many days."""
        path = self.directory / f"{name}.pem"
        self._ca("-gencrl", "-crl_lastupdate", _time(min(0, days - 1)),
                 "-crl_nextupdate", _time(days), "-out", path)
        return path

    def _ca(self, *args):
        _openssl("ca", "-batch", "-config", self.config, *args)
