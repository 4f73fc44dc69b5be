# SPDX-License-Identifier: Apache-2.0
"""Hypervisors on a southbound database: they all connect at once, while northd writes, stay
connected, and reconnect after a crash. The default limits refuse, disconnect and delay none of
them. The benchmark does the same with a thousand."""
from harness import wait
from harness.many_clients import dial_tls, dial_unix
from harness.hypervisors import OPTIONS, Network, Site, last_transaction
from harness.limits import check_untouched
from harness.pki import Authority
from harness.tls import context_of, port_of

PATIENCE = 12 * wait.PATIENCE


def live(server, network, connect, last=None):
    """Returns the final contents that the hypervisors have received."""
    with Site(network, connect, PATIENCE) as site:
        assert site.arrive(last, flows=200)
        for _ in range(3):
            assert site.change(flows=200)
        with server.client() as client:
            rows = client.select("OVN_Southbound", "Chassis_Private", ["name", "nb_cfg"])
            assert len(rows) == network.n
            assert {row["nb_cfg"] for row in rows} == {site.nb_cfg}
            last = last_transaction(client)
        server.clients.clear()
        if not server.programs.is_reference:
            check_untouched(server)
        return last


def test_all_at_once(lab):
    network = Network(60)
    path = network.write(lab.path("sb.db"))
    server = lab.new_server().start([path])

    def connect(_):
        return dial_unix(server.socket_path)

    last = live(server, network, connect)
    server.kill()
    server.start([path])
    live(server, network, connect, last)


def test_with_a_role_over_tls(lab):
    """A hypervisor has permission for everything that it writes."""
    pki = Authority(lab.directory)
    network = Network(12)
    server = lab.new_server().start([network.write(lab.path("sb.db"))], *OPTIONS,
                                    *pki.issue("server").options(pki.cert))
    port = port_of(server, "0:127.0.0.1")
    contexts = [context_of(pki, pki.issue(f"hv{number}")) for number in range(network.n)]

    def connect(number):
        if number == network.n:
            return dial_unix(server.socket_path)
        return dial_tls(port, contexts[number])

    server.allow("SSL_read: .*unexpected eof",
                 "jsonrpc.*receive error")  # the reference server's words
    live(server, network, connect)
