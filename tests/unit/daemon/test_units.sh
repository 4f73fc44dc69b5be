#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The unit files and the tmpfiles line are accepted by systemd without a word: as they are, but with
# the built server in place of the installed one.
# usage: test_units.sh UNITS_DIR TMPFILES_CONF SERVER
set -eu
server=$(realpath "$3")

command -v systemd-analyze >/dev/null || exit 77
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

for unit in ovsdb-server.service ovsdb-server.socket; do
    sed "s|^ExecStart=[^ ]*|ExecStart=$server|" "$1/$unit" >"$work/$unit"
done
said=$(SYSTEMD_UNIT_PATH="$work:" systemd-analyze verify --man=no \
    "$work/ovsdb-server.service" "$work/ovsdb-server.socket" 2>&1) || status=$?
if [ -n "$said" ] || [ "${status:-0}" != 0 ]; then
    echo "systemd-analyze verify: status ${status:-0}: $said"
    exit 1
fi

# In tenths; what remains is explained in ovsdb-server(8).
if ! said=$(systemd-analyze security --offline=true --no-pager --threshold=17 \
        "$work/ovsdb-server.service" 2>&1); then
    echo "systemd-analyze security: $said"
    exit 1
fi

said=$(systemd-tmpfiles --create --root="$work" "$2" 2>&1)
if [ -n "$said" ] || ! [ -d "$work/run/openvswitch" ]; then
    echo "systemd-tmpfiles: $said"
    exit 1
fi
