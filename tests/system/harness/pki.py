# SPDX-License-Identifier: Apache-2.0
"""Certificates for tests, made with openssl: certificate authorities and what they sign."""
import subprocess


def _openssl(*args):
    subprocess.run(["openssl", *map(str, args)], check=True, stdin=subprocess.DEVNULL,
                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


class Identity:
    """A private key and its certificate: the files `key` and `cert`."""

    def __init__(self, directory, name):
        self.name = name
        self.key = directory / f"{name}-key.pem"
        self.cert = directory / f"{name}-cert.pem"

    def options(self, ca):
        """The options that make a program this one, trusting `ca` (a path or "none")."""
        return [f"--private-key={self.key}", f"--certificate={self.cert}", f"--ca-cert={ca}"]


class Authority(Identity):
    def __init__(self, directory, name="ca"):
        super().__init__(directory, name)
        self.directory = directory
        self.serial = 0
        _openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                 "-keyout", self.key, "-out", self.cert, "-days", 2, "-subj", f"/O=test/CN={name}")

    def issue(self, name, cn=None, begin=None, end=None, bits=None):
        """Returns a new identity. `begin` and `end` are times like 20200101000000Z."""
        identity = Identity(self.directory, name)
        request = self.directory / f"{name}-request.pem"
        kind = ["rsa:%d" % bits] if bits else ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
        _openssl("req", "-new", "-newkey", *kind, "-nodes", "-keyout", identity.key,
                 "-out", request, "-subj", f"/O=test/CN={cn or name}")
        if begin is None and end is None:
            self.serial += 1
            _openssl("x509", "-req", "-in", request, "-CA", self.cert, "-CAkey", self.key,
                     "-set_serial", self.serial, "-days", 2, "-out", identity.cert)
        else:
            self._issue_between(request, identity, begin, end)
        return identity

    def _issue_between(self, request, identity, begin, end):
        """Signs with dates of its own, which only `openssl ca` can."""
        index = self.directory / f"{identity.name}-index"
        config = self.directory / f"{identity.name}.cnf"
        index.write_text("")
        config.write_text("[ca]\ndefault_ca=d\n[d]\npolicy=p\ndefault_md=sha256\nrand_serial=yes\n"
                          f"database={index}\nnew_certs_dir={self.directory}\n"
                          "[p]\nO=supplied\nCN=supplied\n")
        _openssl("ca", "-batch", "-config", config, "-in", request, "-out", identity.cert,
                 "-cert", self.cert, "-keyfile", self.key, "-notext",
                 "-startdate", begin, "-enddate", end)
