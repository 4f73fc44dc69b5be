# SPDX-License-Identifier: Apache-2.0
"""The output of ovsdb-server/limits."""


def limits(server):
    """The table of ovsdb-server/limits: by option the limit, the current use, and the number of
    refusals."""
    rows = server.control("ovsdb-server/limits").splitlines()[2:]
    return {words[0]: tuple(map(int, words[1:])) for words in map(str.split, rows)}


def check_untouched(server):
    """No limit was exceeded, and most of each was unused."""
    for option, (allowed, taken, beyond) in limits(server).items():
        assert not beyond and taken * 10 <= allowed, option
