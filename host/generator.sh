#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A systemd generator (systemd.generator(7)): adapts units of Open vSwitch and OVN while this server
# is installed. They themselves are not changed, so removing ovsdbd leaves nothing behind.
#
# - Open vSwitch's units require ovsdb-server.service: then a restart or a reload of the server
#   restarts ovs-vswitchd, which interrupts traffic. They want it here, and start after it as before.
# - OVN's database units are masked while OVN's databases are enabled as instances of
#   ovsdb-server@.service, because ovn-central.service starts them on the same files.
# usage: ovsdbd-generator NORMAL_DIR EARLY_DIR LATE_DIR
set -eu
normal=$1
early=$2
etc=/etc/systemd/system

# Prints the file of a unit that a package has installed, if there is one.
packaged_unit() {
    for folder in /usr/lib/systemd/system /lib/systemd/system; do
        if [ -f "$folder/$1" ]; then
            echo "$folder/$1"
            return
        fi
    done
}

# Copies a unit, with Wants= in place of each dependency on the server that propagates a stop or a
# reload. Other units in the same line keep the line.
loosened() {
    echo "# Made by ovsdbd-generator from $1: a restart of ovsdb-server.service does not stop this unit."
    sed -n -E '
        s/^[[:space:]]*(Requires|BindsTo|Requisite|PartOf|ReloadPropagatedFrom)[[:space:]]*=[[:space:]]*/\1= /
        /^(Requires|BindsTo|Requisite|PartOf|ReloadPropagatedFrom)= /{
            /[[:space:]]ovsdb-server\.service([[:space:]]|$)/{
                h
                s/[[:space:]]ovsdb-server\.service([[:space:]]|$)/ /
                s/[[:space:]]+$//
                s/= /=/
                /=$/!p
                g
                /^(Requires|BindsTo|Requisite)/s/.*/Wants=ovsdb-server.service/p
                d
            }
            s/= /=/
        }
        p' "$1"
    echo "[Unit]"
    echo "SourcePath=$1"
}

for unit in ovs-vswitchd.service ovs-record-hostname.service ovs-delete-transient-ports.service; do
    file=$(packaged_unit "$unit")
    [ -z "$file" ] || loosened "$file" >"$normal/$unit"
done
# Generated units can be neither enabled nor disabled, so this one keeps its file until it is enabled.
file=$(packaged_unit openvswitch.service)
if [ -n "$file" ] && [ -L $etc/multi-user.target.wants/openvswitch.service ]; then
    loosened "$file" >"$normal/openvswitch.service"
fi

for link in $etc/multi-user.target.wants/ovsdb-server@ovn[ns]b_db.service \
    $etc/sockets.target.wants/ovsdb-server@ovn[ns]b_db.socket; do
    if [ -L "$link" ]; then
        ln -sf /dev/null "$early/ovn-ovsdb-server-nb.service"
        ln -sf /dev/null "$early/ovn-ovsdb-server-sb.service"
    fi
done
