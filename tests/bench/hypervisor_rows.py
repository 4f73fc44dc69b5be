# SPDX-License-Identifier: Apache-2.0
"""What bench.py measures of OVN's southbound database with a thousand hypervisors, which
harness/hypervisors.py plays, and with fewer over TLS, each with its role and name. With the limits
as they are by default nobody may be refused or cut, which would end the run."""
from harness.many_clients import dial_tls, dial_unix
from harness.hypervisors import OPTIONS, Network, Site, last_transaction
from harness.limits import check_untouched
from harness.pki import Authority
from harness.tls import context_of, port_of

from monitor_rows import Meter
from rows import AtLeast, row

FLOWS = 2000  # that northd adds in a transaction
ROUNDS = 3    # in which northd changes something and waits for every hypervisor
PATIENCE = 300


def longest(many):
    """The longest wait of a client since the last call, in milliseconds."""
    found = max(many.longest.values()) * 1e3
    many.longest.clear()
    return found


def come(site, network, connect, what, last=None):
    """All hypervisors connect at once while northd writes."""
    with Site(network, connect, PATIENCE) as play:
        meter = Meter(site)
        is_done = play.arrive(last, FLOWS)
        found = meter.end(what, is_done)
        found[f"{what}: longest wait, ms"] = (float if is_done else AtLeast)(longest(play.many))
        if is_done and not last:
            found.update(live(site, play))
    if not site.programs.is_reference:
        check_untouched(site.server)
    return found


def live(site, play):
    """northd makes changes, and all hypervisors answer them."""
    what = f"{FLOWS:,} flows to {play.network.n:,} hypervisors, and their answers"
    meter = Meter(site)
    assert all(play.change(FLOWS) for _ in range(ROUNDS)), what
    return {f"{what}: CPU, ms": (meter.cpu_now() - meter.cpu) / ROUNDS / 1e6,
            f"{what}: longest wait, ms": longest(play.many)}


def last_seen(site):
    with site.server.client() as client:
        last = last_transaction(client, PATIENCE)
    site.server.clients.clear()
    return last


@row("hypervisors", repeat=1, reference_repeat=1)
def hypervisors(bench, site):
    n = 1000 if not bench.quick else 100
    network = Network(n)
    site.start(network.write(bench.directory / "southbound.db"))

    def connect(_):
        return dial_unix(site.server.socket_path)

    found = come(site, network, connect, f"{n:,} hypervisors come")
    last = last_seen(site)
    site.server.process.kill()
    site.server.process.wait()
    site.server.start([site.server.directory + "/bench.db"])
    return {**found, **come(site, network, connect, f"{n:,} come back after a crash", last)}


@row("hypervisors-tls", repeat=1, reference_repeat=1)
def hypervisors_tls(bench, site):
    n = 200 if not bench.quick else 20
    network = Network(n)
    if not bench.hypervisors:
        bench.hypervisors = Authority(bench.directory, "hypervisors")
        bench.hypervisors.server = bench.hypervisors.issue("central")
        bench.hypervisors.contexts = [
            context_of(bench.hypervisors, bench.hypervisors.issue(f"hv{i}")) for i in range(n)]
    pki = bench.hypervisors
    site.start(network.write(bench.directory / "guarded.db"), *OPTIONS,
               *pki.server.options(pki.cert))
    port = port_of(site.server, "0:127.0.0.1")

    def connect(number):
        if number == n:
            return dial_unix(site.server.socket_path)
        return dial_tls(port, pki.contexts[number])

    return come(site, network, connect, f"TLS and roles: {n:,} hypervisors come")
