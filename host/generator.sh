#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A systemd generator (systemd.generator(7)) that adapts units of Open vSwitch and OVN while this server
# is installed. It does not change their files, so nothing remains when ovsdbd is removed.
#
# - Open vSwitch's units have Requires=ovsdb-server.service, so a restart or a reload of the server
#   would restart ovs-vswitchd, which interrupts traffic. The generator replaces Requires= by Wants=.
#   The order of the units stays the same.
# - OVN's database units are masked while OVN's databases are enabled as instances of
#   ovsdb-server@.service, because ovn-central.service would start a second server on the same files.
# usage: ovsdbd-generator NORMAL_DIR EARLY_DIR LATE_DIR
set -eu
normal=$1
early=$2
etc=/etc/systemd/system

# Prints the file of a unit if a package has installed one.
packaged_unit() {
    for folder in /usr/lib/systemd/system /lib/systemd/system; do
        if [ -f "$folder/$1" ]; then
            echo "$folder/$1"
            return
        fi
    done
}

# Prints a unit, with Wants= in place of each dependency on the server that propagates a stop or a
# reload. If the line names other units, the line stays without the server.
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
# A generated unit cannot be enabled, so openvswitch.service is generated only after it was enabled.
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
