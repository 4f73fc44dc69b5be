# SPDX-License-Identifier: Apache-2.0
"""TLS: accepted and refused connections in both roles, with Debian's programs on the other side."""
import os
import re
import shutil
import socket
import ssl
import subprocess
import threading

import pytest

from harness import wait
from harness.tls import (REFUSED, NamedClient, TlsClient, context_of, dump, listen, port_of, serve,
                         server_context)

pytestmark = pytest.mark.ours("the reference server has other messages")

# Accepted and refused clients


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_versions(lab, pki, version):
    _, port = serve(lab, pki)
    context = context_of(pki, pki.client)
    context.minimum_version = context.maximum_version = version
    client = TlsClient(port, context)
    client.echo("hello")
    client.echo("x" * 300_000)  # many records each way
    client.close()


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
@pytest.mark.parametrize("old", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_old_versions_are_refused(lab, pki, old):
    server, port = serve(lab, pki)
    server.allow(REFUSED)
    context = context_of(pki, pki.client)
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = old
    context.maximum_version = old
    with pytest.raises((ssl.SSLError, ConnectionError)):
        TlsClient(port, context)
    server.wait_log(REFUSED + "no TLS version in common with the peer")


def test_our_client(lab, pki, programs):
    _, port = serve(lab, pki)
    out = dump(lab, programs, port, pki.client.options(pki.cert)).ok()
    assert "small" in out.split()
    short = ["-p", pki.client.key, "-c", pki.client.cert, "-C", pki.cert]
    assert "small" in dump(lab, programs, port, short).ok().split()


def test_debians_client(lab, pki, reference):
    _, port = serve(lab, pki)
    assert "small" in dump(lab, reference, port, pki.client.options(pki.cert)).ok().split()


def test_our_client_at_debians_server(lab, pki, programs, reference):
    server = lab.new_server(reference).start(
        [lab.db("small")], *pki.server.options(pki.cert), "-vfile:dbg",
        remotes=["punix:" + str(lab.run_dir / "db.sock"), "pssl:0:127.0.0.1"])
    port = int(server.wait_log(r"0:127\.0\.0\.1: listening on port (\d+)").group(1))
    assert "small" in dump(lab, programs, port, pki.client.options(pki.cert)).ok().split()


def test_debians_ovs_vsctl(lab, pki):
    vsctl = shutil.which("ovs-vsctl")
    schema = "/usr/share/openvswitch/vswitch.ovsschema"
    path = lab.path("conf.db")
    lab.tool("create", path, schema).ok()
    server = lab.serve(path, options=pki.server.options(pki.cert),
                       remotes=["punix:" + str(lab.run_dir / "db.sock"), "pssl:0:127.0.0.1"])
    base = [vsctl, "-vsyslog:off", "--no-wait", *pki.client.options(pki.cert),
            f"--db=ssl:127.0.0.1:{port_of(server, 'pssl:0:127.0.0.1')}"]
    lab.run(*base, "init").ok()
    lab.run(*base, "add-br", "br0").ok()
    assert lab.run(*base, "list-br").ok().split() == ["br0"]


def test_ipv6_and_name(lab, pki, programs):
    _, port = serve(lab, pki, remote="pssl:0:[::1]")
    options = pki.client.options(pki.cert)
    assert "small" in dump(lab, programs, port, options, "[::1]").ok().split()
    second = lab.serve(lab.db("small", "second.db"), remotes=["pssl:0:[::]"],
                       options=pki.server.options(pki.cert))
    both = port_of(second, "pssl:0:[::]")
    assert "small" in dump(lab, programs, both, options, "localhost").ok().split()


def test_openssl_s_client(lab, pki):
    _, port = serve(lab, pki)
    result = subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-CAfile", pki.cert,
         "-cert", pki.client.cert, "-key", pki.client.key, "-verify_return_error", "-quiet",
         "-no_ign_eof"],
        input=b'{"id":7,"method":"list_dbs","params":[]}\n', capture_output=True,
        timeout=wait.PATIENCE, check=False)
    assert b"verify return:1" in result.stderr, result.stderr


def test_rsa_certificate(lab, pki, programs):
    identity = pki.issue("rsa", bits=2048)
    _, port = serve(lab, pki, identity=identity)
    assert "small" in dump(lab, programs, port, pki.client.options(pki.cert)).ok().split()


def test_50_clients(lab, pki):
    server, port = serve(lab, pki)
    context = context_of(pki, pki.client)
    clients = [TlsClient(port, context) for _ in range(50)]
    for number, client in enumerate(clients):
        client.echo(f"number {number}")
    assert "small" in server.client().call("list_dbs")
    for client in clients:
        client.close()


def test_request_with_the_end_of_the_handshake(lab, pki):
    """A request that arrives together with the client's Finished is answered without further
    input."""
    _, port = serve(lab, pki)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context_of(pki, pki.client).wrap_bio(incoming, outgoing)
    raw = socket.create_connection(("127.0.0.1", port), timeout=wait.PATIENCE)
    while True:
        try:
            tls.do_handshake()
            break
        except ssl.SSLWantReadError:
            raw.sendall(outgoing.read())
            incoming.write(raw.recv(65536))
    for _ in range(3):
        tls.write(b'{"id":1,"method":"echo","params":["early"]}')
    raw.sendall(outgoing.read())
    text = b""
    while text.count(b"early") < 3:
        try:
            text += tls.read(65536)
        except ssl.SSLWantReadError:
            incoming.write(raw.recv(65536))
    raw.close()


# Who does not, and why


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_no_certificate(lab, pki, version):
    server, port = serve(lab, pki)
    server.allow(REFUSED)
    context = context_of(pki)
    context.minimum_version = context.maximum_version = version
    try:
        assert TlsClient(port, context).is_refused()
    except (ssl.SSLError, ConnectionError):
        pass
    server.wait_log(REFUSED + "the peer sent no certificate")


def test_no_common_cipher(lab, pki):
    server, port = serve(lab, pki, "--ssl-ciphers=AES256-GCM-SHA384", "--ssl-protocols=TLSv1.2")
    server.allow(REFUSED)
    context = context_of(pki, pki.client)
    context.set_ciphers("ECDHE-ECDSA-AES128-GCM-SHA256")
    with pytest.raises((ssl.SSLError, ConnectionError)):
        TlsClient(port, context)
    server.wait_log(REFUSED + "no cipher in common with the peer|" + REFUSED + "no TLS version")


@pytest.mark.parametrize("data,reason", [
    (b'{"id":0,"method":"echo","params":[]}', "the peer speaks JSON-RPC without TLS"),
    (b"GET / HTTP/1.0\r\n\r\n", "the peer does not speak TLS"),
    (b"\0" * 5000, "the peer does not speak TLS"),
    (b"\x16\x03\x01\xff\xff" + b"\xff" * 70000, ""),
    (b"\x16\x03\x01\x00\x05\x01\xff\xff\xff\xff", ""),
], ids=["json", "http", "zeros", "long record", "short greeting"])
def test_garbage(lab, pki, data, reason):
    server, port = serve(lab, pki)
    server.allow(REFUSED)
    with socket.create_connection(("127.0.0.1", port), timeout=wait.PATIENCE) as raw:
        raw.sendall(data)
        raw.shutdown(socket.SHUT_WR)
        try:
            while raw.recv(65536):
                pass
        except ConnectionError:
            pass
    server.wait_log(REFUSED + reason)
    TlsClient(port, context_of(pki, pki.client)).echo("still there")


def test_client_with_tls_at_a_plain_port(lab, pki, programs):
    server = lab.serve("small", remotes=["ptcp:0:127.0.0.1"])
    server.allow("the peer speaks TLS, which ptcp:0:127.0.0.1 does not")
    port = port_of(server, "ptcp:0:127.0.0.1")
    result = dump(lab, programs, port, pki.client.options(pki.cert))
    result.fails(saying="TLS: the peer closed the connection")
    server.wait_log(r"tcp:127\.0\.0\.1:\d+: the peer speaks TLS, which ptcp:0:127\.0\.0\.1 does"
                    r" not")


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_web_client_at_either_port(lab, pki, method):
    server, port = serve(lab, pki)
    plain = "ptcp:0:127.0.0.1"
    server.control("ovsdb-server/add-remote", plain)
    server.allow("the peer speaks HTTP, which p(tcp|ssl):0:127.0.0.1 does not")
    with socket.create_connection(("127.0.0.1", port_of(server, plain))) as raw:
        raw.sendall(f"{method} / HTTP/1.0\r\n\r\n".encode())
        assert raw.recv(1) == b""
    server.wait_log("tcp:.*: the peer speaks HTTP, which ptcp:0:127.0.0.1 does not")
    client = TlsClient(port, context_of(pki, pki.client))
    client.socket.sendall(f"{method} / HTTP/1.0\r\n\r\n".encode())
    assert client.is_refused()
    server.wait_log("ssl:.*: the peer speaks HTTP, which pssl:0:127.0.0.1 does not")


def test_client_without_tls_at_a_tls_port(lab, pki):
    server, port = serve(lab, pki)
    server.allow(REFUSED)
    lab.client("list-dbs", f"tcp:127.0.0.1:{port}").fails(saying="receive failed")
    server.wait_log(REFUSED + "the peer speaks JSON-RPC without TLS")


def test_garbage_after_the_handshake(lab, pki):
    server, port = serve(lab, pki, "-vfile:net:dbg")
    context = context_of(pki, pki.client)
    client = TlsClient(port, context)
    client.echo("well")
    raw = socket.socket(fileno=os.dup(client.socket.fileno()))
    raw.sendall(b"\x17\x03\x03\x00\x20" + b"\xaa" * 32)
    assert client.is_refused()
    raw.close()
    client.close()
    TlsClient(port, context).echo("still there")


def test_stalled_handshakes_do_not_delay_others(lab, pki):
    server, port = serve(lab, pki)
    server.allow(REFUSED)
    idle = [socket.create_connection(("127.0.0.1", port)) for _ in range(20)]
    for raw in idle[10:]:
        raw.sendall(b"\x16\x03\x01\x02\x00\x01")  # the beginning of a greeting
    TlsClient(port, context_of(pki, pki.client)).echo("at once")
    assert "the handshake took longer" not in server.log()
    assert "small" in server.client().call("list_dbs")
    server.wait_log(REFUSED + "the handshake took longer than 10 seconds")
    for raw in idle:
        raw.settimeout(wait.PATIENCE)
        assert raw.recv(1) == b""
        raw.close()


# Options


def test_ca_none_lets_everybody_in(lab, pki):
    server, port = serve(lab, pki, ca="none")
    server.allow("TLS peers are not verified")
    TlsClient(port, context_of(pki)).echo("anybody")


@pytest.mark.parametrize("missing,name", [(0, "--private-key"), (1, "--certificate"),
                                          (2, "--ca-cert")])
def test_missing_options(lab, pki, missing, name):
    options = pki.server.options(pki.cert)
    del options[missing]
    result = lab.run(lab.programs.server, lab.db("small"), "--unixctl=none", "-vconsole:off",
                     "-vsyslog:off", "--remote=pssl:0", *options)
    result.fails(saying=f"pssl:0: TLS needs {name}")


@pytest.mark.parametrize("options,reason", [
    (["--ssl-ciphers=NONSENSE"], 'unknown cipher "NONSENSE"'),
    (["--ssl-ciphers=RC4"], 'no usable cipher is left of "RC4"'),
    (["--ssl-protocols=SSLv3"], 'unknown TLS protocol "SSLv3"'),
    (["--ssl-protocols=TLSv1"], 'no usable protocol is left of "TLSv1"'),
    (["--bootstrap-ca-cert={ca}"], "exclude each other"),
])
def test_wrong_options(lab, pki, options, reason):
    options = [option.format(ca=pki.cert) for option in options]
    result = lab.run(lab.programs.server, lab.db("small"), "--unixctl=none", "-vconsole:off",
                     "-vsyslog:off", *pki.server.options(pki.cert), *options)
    result.fails(saying=reason)


@pytest.mark.ours("the reference server has no such command")
@pytest.mark.parametrize("options,reason", [
    (["--private-key=/nowhere"], "/nowhere: cannot read the private key: No such file"),
    (["--private-key={ca}"], "no private key in PEM form"),
    (["--certificate={key}"], "no certificate in PEM form"),
    (["--private-key={other}"], "is not that of the certificate in"),
])
def test_wrong_files(lab, pki, options, reason):
    """The files may be corrected later: the server starts and reports the error."""
    names = {"ca": pki.cert, "key": pki.server.key, "other": pki.client.key}
    server = lab.new_server().allow("TLS is not available until this is corrected")
    server.start([lab.db("small")], *pki.server.options(pki.cert),
                 *(option.format(**names) for option in options))
    assert reason in server.control("ovsdb-server/status")


@pytest.mark.parametrize("ciphers,expected", [
    ("HIGH:!aNULL:!MD5", None),
    ("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256"),
    ("ALL:!AESGCM:!CHACHA20:@STRENGTH", "ECDHE-ECDSA-AES256-SHA384"),
    ("ECDHE+CHACHA20", "ECDHE-ECDSA-CHACHA20-POLY1305"),
    ("NORMAL:-VERS-TLS1.3:-CIPHER-ALL:+AES-128-GCM", "ECDHE-ECDSA-AES128-GCM-SHA256"),
])
def test_ciphers(lab, pki, ciphers, expected):
    _, port = serve(lab, pki, f"--ssl-ciphers={ciphers}")
    context = context_of(pki, pki.client)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    client = TlsClient(port, context)
    client.echo("hello")
    assert expected in (None, client.socket.cipher()[0])


PROTOCOLS = [("TLSv1,TLSv1.1,TLSv1.2", "TLSv1.2"), ("TLSv1-TLSv1.2", "TLSv1.2"),
             ("TLSv1.2-TLSv1.3", "TLSv1.3"), ("tlsv1.2-TLSV1.3", "TLSv1.3"),
             ("TLSv1.2+", "TLSv1.3"),
             ("TLSv1.2, TLSv1.3", "TLSv1.3")]


@pytest.mark.ours("the reference server accepts other forms of --ssl-protocols")
@pytest.mark.parametrize("protocols, newest", PROTOCOLS)
def test_protocols(lab, pki, protocols, newest):
    server, port = serve(lab, pki, f"--ssl-protocols={protocols}")
    server.allow("TLS protocols older than TLSv1.2 stay off")
    client = TlsClient(port, context_of(pki, pki.client))
    assert client.socket.version() == newest


@pytest.mark.ours("the reference server has another configuration file")
def test_protocols_in_the_configuration(lab, pki):
    lab.path("conf").write_text("[options]\nssl-protocols = TLSv1.2-TLSv1.2\n")
    _, port = serve(lab, pki, f"--config-file={lab.path('conf')}")
    assert TlsClient(port, context_of(pki, pki.client)).socket.version() == "TLSv1.2"


# The CA from the peer


def test_client_bootstraps_the_ca(lab, pki, programs):
    """The first connection fetches the CA certificate, the next one, at once, is verified."""
    server, port = serve(lab, pki, f"--peer-ca-cert={pki.cert}")
    server.allow(REFUSED + "the peer refused")
    path = lab.path("learnt.pem")
    options = pki.client.options("x")[:2] + [f"--bootstrap-ca-cert={path}"]
    result = dump(lab, programs, port, options)
    assert result.status == 0 and "small" in result.out.split(), str(result)
    assert "saved as the peer sent it" in result.err
    learnt = ssl.PEM_cert_to_DER_cert(path.read_text())
    assert learnt == ssl.PEM_cert_to_DER_cert(pki.cert.read_text())
    assert "small" in dump(lab, programs, port, options).ok().split()


def test_client_bootstraps_from_debians_server(lab, pki, programs, reference):
    server = lab.new_server(reference).start(
        [lab.db("small")], *pki.server.options(pki.cert), f"--peer-ca-cert={pki.cert}",
        remotes=["punix:" + str(lab.run_dir / "db.sock"), "pssl:0:127.0.0.1"])
    server.allow("stream_ssl|jsonrpc|reconnect")
    port = int(server.wait_log(r"0:127\.0\.0\.1: listening on port (\d+)").group(1))
    path = lab.path("learnt.pem")
    options = pki.client.options("x")[:2] + [f"--bootstrap-ca-cert={path}"]
    assert "small" in dump(lab, programs, port, options).out.split()
    assert path.exists()


def test_debians_client_bootstraps_from_ours(lab, pki, reference):
    server, port = serve(lab, pki, f"--peer-ca-cert={pki.cert}")
    server.allow(REFUSED)
    path = lab.path("learnt.pem")
    options = pki.client.options("x")[:2] + [f"--bootstrap-ca-cert={path}"]
    dump(lab, reference, port, options)
    assert path.exists()
    assert "small" in dump(lab, reference, port, options).ok().split()


def test_no_ca_in_the_chain_to_bootstrap_from(lab, pki, programs):
    server, port = serve(lab, pki)
    server.allow(REFUSED)
    path = lab.path("learnt.pem")
    options = pki.client.options("x")[:2] + [f"--bootstrap-ca-cert={path}"]
    dump(lab, programs, port, options).fails(saying="did not send the certificate of its CA")
    assert not path.exists()


def test_server_bootstraps_the_ca(lab, pki, programs):
    path = lab.path("learnt.pem")
    options = pki.server.options("x")[:2] + [f"--bootstrap-ca-cert={path}"]
    server = lab.serve("small", remotes=["pssl:0:127.0.0.1"], options=options)
    server.allow(REFUSED, "saved as the peer sent it")
    port = port_of(server, "pssl:0:127.0.0.1")
    mine = pki.client.options(pki.cert) + [f"--peer-ca-cert={pki.cert}"]
    assert dump(lab, programs, port, mine).status == 1
    assert "small" in dump(lab, programs, port, mine).ok().split()
    assert dump(lab, programs, port, pki.stranger.options(pki.cert)).status == 1


# Renewal


@pytest.mark.parametrize("by_reload", [False, True])
def test_certificate_is_renewed(lab, pki, by_reload):
    directory = lab.path("mine")
    directory.mkdir()
    options = pki.server.copy_to(directory).options(pki.cert)
    server = lab.serve("small", options=options,
                       remotes=["punix:" + str(lab.run_dir / "db.sock"), "pssl:0:127.0.0.1"])
    port = port_of(server, "pssl:0:127.0.0.1")
    context = context_of(pki, pki.client)
    old = NamedClient(port, context)
    assert old.common_name == "server"
    renewed = pki.issue("renewed")
    server.allow("TLS keeps using the previous files")
    # In two steps. A connection reads changed files, at most once a second.
    shutil.copy(renewed.key, directory / "server-key.pem")
    refused = "is not that of the certificate in .*; TLS keeps using the previous files"
    while not re.search(refused, server.log()):
        assert NamedClient(port, context).common_name == "server"
    shutil.copy(renewed.cert, directory / "server-cert.pem")
    if by_reload:
        server.control("ovsdb-server/reload")
        assert NamedClient(port, context).common_name == "renewed"
    else:
        wait.until(lambda: NamedClient(port, context).common_name == "renewed", "the new files")
    old.echo("undisturbed")


def test_ca_is_replaced(lab, pki, programs):
    ca = lab.path("ca.pem")
    shutil.copy(pki.cert, ca)
    server, port = serve(lab, pki, ca=ca)
    server.allow(REFUSED)
    other = pki.directory / "other-ca-cert.pem"
    ca.write_text(pki.cert.read_text() + other.read_text())
    server.control("ovsdb-server/reload")
    assert "small" in dump(lab, programs, port, pki.stranger.options(pki.cert)).ok().split()
    assert "small" in dump(lab, programs, port, pki.client.options(pki.cert)).ok().split()


def test_removed_ca_is_not_fetched_again(lab, pki, programs):
    ca = lab.path("ca.pem")
    shutil.copy(pki.cert, ca)
    options = pki.server.options("x")[:2] + [f"--bootstrap-ca-cert={ca}"]
    server = lab.serve("small", options=options, remotes=["pssl:0:127.0.0.1"])
    server.allow(REFUSED, "TLS keeps using the previous files")
    port = port_of(server, "pssl:0:127.0.0.1")
    ca.unlink()
    server.control("ovsdb-server/reload")
    mine = pki.stranger.options(pki.cert) + [f"--peer-ca-cert={pki.directory}/other-ca-cert.pem"]
    assert dump(lab, programs, port, mine).status == 1
    assert not ca.exists()


# The server as the one that dials


def dialed(lab, pki):
    """Returns a server that connects to us with TLS, where we listen, its connection, and the
    port."""
    listener, port = listen()
    server = lab.serve("small", options=pki.server.options(pki.cert),
                       remotes=[f"ssl:127.0.0.1:{port}"])
    raw, _ = listener.accept()
    return server, listener, raw, port


def test_server_dials(lab, pki):
    server, listener, raw, port = dialed(lab, pki)
    raw.settimeout(wait.PATIENCE)
    tls = server_context(pki.client, pki).wrap_socket(raw, server_side=True)
    tls.sendall(b'{"id":1,"method":"list_dbs","params":[]}')
    assert b"small" in tls.recv(65536)
    server.wait_log(f"ssl:127.0.0.1:{port}: connected")
    tls.close()
    listener.close()


def test_server_dials_a_stranger(lab, pki):
    server, listener, raw, port = dialed(lab, pki)
    server.allow(r"cannot connect: TLS: ")
    with pytest.raises((ssl.SSLError, ConnectionError)):
        tls = server_context(pki.stranger, pki).wrap_socket(raw, server_side=True)
        assert tls.recv(1) != b""
        raise ConnectionError
    server.wait_log(f"ssl:127.0.0.1:{port}: cannot connect: TLS: certificate .*CN=stranger.* is "
                    "not signed by a CA in ")
    listener.close()


def test_server_dials_one_without_tls(lab, pki):
    server, listener, raw, port = dialed(lab, pki)
    server.allow(r"cannot connect: TLS: ")
    raw.sendall(b'{"id":1,"method":"list_dbs","params":[]}')
    server.wait_log(rf"WARN\|ssl:127.0.0.1:{port}: cannot connect: TLS: the peer speaks JSON-RPC"
                    rf" without")
    raw.close()
    listener.close()


def test_our_client_is_called(lab, pki, programs, reference):
    """ovsdb-client listens, Debian's server dials."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    results = []

    def run():
        results.append(lab.run(programs.client, "-vsyslog:off", *pki.client.options(pki.cert),
                               "list-dbs", f"pssl:{port}:127.0.0.1"))

    thread = threading.Thread(target=run)
    thread.start()
    server = lab.new_server(reference).start([lab.db("small")], *pki.server.options(pki.cert),
                                        remotes=[f"ssl:127.0.0.1:{port}"])
    server.allow("")
    thread.join(3 * wait.PATIENCE)
    assert "small" in results[0].out.split(), str(results[0])
