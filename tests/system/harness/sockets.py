# SPDX-License-Identifier: Apache-2.0
"""The peer of a server: sockets that connect to its remotes or accept its connections."""
import socket

from harness import wait
from harness.rpc import Client


def port_of(server, target):
    """Returns the port that the server listens on for ptcp:TARGET (a regular expression)."""
    return int(server.wait_log(rf"{target}: listening on port (\d+)").group(1))


def listen(family=socket.AF_UNIX, address=None):
    """Returns a socket that the server may dial."""
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(address)
    listener.listen()
    listener.settimeout(3 * wait.PATIENCE)
    return listener


def listen_tcp(port=0):
    return listen(socket.AF_INET, ("127.0.0.1", port))


def accept(listener):
    return Client(listener.accept()[0])
