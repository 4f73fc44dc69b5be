#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Checks that systemd accepts the units and the lines of sysusers and tmpfiles without a warning, with
# the built server in place of the installed one, and that the exposure level of the sandbox is low.
# usage: units.sh UNITS_DIR SYSUSERS_CONF TMPFILES_CONF SERVER
set -eu
server=$(realpath "$4")

command -v systemd-analyze >/dev/null || exit 77
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Fails unless the command succeeds without output.
silently() {
    if ! said=$("$@" 2>&1) || [ -n "$said" ]; then
        echo "$*: $said"
        exit 1
    fi
}

units="ovsdb-server.service ovsdb-server.socket ovsdb-server@.service ovsdb-server@.socket
    ovsdb-server-metrics.socket ovsdb-server-metrics@.socket ovsdb-system-ids.service"
for unit in $units; do
    sed -E "s,^(ExecStart|ExecReload)=[^ ]*,\1=$server," "$1/$unit" >"$work/$unit"
done
export SYSTEMD_UNIT_PATH="$work:"
for unit in $units; do
    silently systemd-analyze verify --man=no "$work/$(echo "$unit" | sed 's/@/@x/')"
done

# The threshold is in tenths. docs/SECURITY.md explains the remaining points.
for unit in ovsdb-server.service ovsdb-server@x.service; do
    if ! said=$(systemd-analyze security --offline=true --no-pager --threshold=15 "$work/$unit" 2>&1)
    then
        echo "systemd-analyze security: $said"
        exit 1
    fi
done

mkdir -p "$work/root/etc"
systemd-sysusers --root="$work/root" "$2" 2>"$work/said" || { cat "$work/said"; exit 1; }
silently grep -qE '^ovsdb:x:[0-9]+:[0-9]+:OVSDB servers:/:' "$work/root/etc/passwd"
silently systemd-tmpfiles --create --root="$work/root" "$3"
silently test -d "$work/root/run/openvswitch"
silently test -L "$work/root/etc/openvswitch/conf.db"
