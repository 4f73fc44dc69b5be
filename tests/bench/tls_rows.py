# SPDX-License-Identifier: Apache-2.0
"""The TLS rows of bench.py."""
from rows import cpu_us, row, scale


@row("tls-sequential", repeat=5, reference_repeat=5)
def sequential(bench, site):
    site.start_tls(bench.file(0))
    found = site.load("insert", count=scale(bench, 5000), window=1)
    return {"TLS: sequential small insert: CPU, us": cpu_us(found),
            "TLS: sequential small insert: wall, us": found["wall_ns"] / found["n"] / 1000}


@row("tls-pipelined")
def pipelined(bench, site):
    site.start_tls(bench.file(0))
    found = site.load("insert", count=scale(bench, 30000), window=200)
    return {"TLS: pipelined small insert: CPU, us": cpu_us(found),
            "TLS: pipelined small insert: wall, us": found["wall_ns"] / found["n"] / 1000}


@row("tls-initial", reference_repeat=1)
def initial(bench, site):
    n, clients = 5000, 50  # more would take the reference server so long that it asks whether they are there
    site.start_tls(bench.file(n))
    found = site.load("initial", clients=clients, rows=n)
    what = f"TLS: initial {n:,} rows to {clients} clients"
    return {f"{what}: CPU, ms": found["cpu_ns"] / 1e6, f"{what}: wall, ms": found["wall_ns"] / 1e6}


@row("tls-handshakes")
def handshakes(bench, site):
    """Clients with certificates of 2,048 bits that connect, get one reply, and disconnect."""
    site.start_tls(bench.file(0))
    n = scale(bench, 500)
    found = site.load("visit", count=n)
    return {f"TLS: {n} handshakes: CPU each, us": cpu_us(found),
            f"TLS: {n} handshakes: wall each, us": found["wall_ns"] / found["n"] / 1000}
