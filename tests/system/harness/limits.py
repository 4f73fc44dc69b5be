# SPDX-License-Identifier: Apache-2.0
"""What ovsdb-server/limits tells."""


def limits(server):
    """The table of ovsdb-server/limits: by option what is allowed, taken, and was beyond."""
    rows = server.control("ovsdb-server/limits").splitlines()[2:]
    return {words[0]: tuple(map(int, words[1:])) for words in map(str.split, rows)}


def check_untouched(server):
    """Nothing was asked for beyond a limit, and most of each was left."""
    for option, (allowed, taken, beyond) in limits(server).items():
        assert not beyond and taken * 10 <= allowed, option
