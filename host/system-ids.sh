#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Records the identity of this host in its Open_vSwitch database, from the same files and options as
# Open vSwitch's "ovs-ctl start": system id, system type and version, versions of switch and schema,
# host name. The arguments are options of ovs-ctl. Those for the database server have no effect and are
# reported, because this server has a configuration file of its own.
set -eu
export LC_ALL=C

etc=${OVS_DBDIR:-/etc/openvswitch}
run=${OVS_RUNDIR:-/run/openvswitch}
schema=${OVS_PKGDATADIR:-/usr/share/openvswitch}/vswitch.ovsschema
remote=unix:$run/db.sock

system_id=random
system_type=
system_version=
full_hostname=yes
record_hostname=yes
delete_bridges=no
delete_transient_ports=no

# Prints the first line of a file, or nothing.
first_line() {
    [ ! -r "$1" ] || sed -n 1p "$1"
}

# Prints a string in quotes, as ovs-vsctl expects it.
quoted() {
    printf '"%s"' "$(printf '%s' "$1" | sed 's/[\\"]/\\&/g')"
}

vsctl() {
    ovs-vsctl --no-wait --timeout=30 --db="$remote" "$@"
}

# Prints a variable of /etc/os-release, or "unknown".
of_os_release() {
    (
        unset ID VERSION_ID
        [ ! -r /etc/os-release ] || . /etc/os-release
        eval "echo \"\${$1:-unknown}\""
    )
}

# Prints the random id of this installation, and creates it at the first call.
random_id() {
    id=$(first_line "$etc/system-id.conf")
    [ -n "$id" ] || id=$(sed -n 's/^INSTALLATION_UUID=//p' "$etc/install_uuid.conf" 2>/dev/null || :)
    [ -n "$id" ] || id=$(cat /proc/sys/kernel/random/uuid)
    if [ "$(first_line "$etc/system-id.conf")" != "$id" ]; then
        mkdir -p "$etc"
        echo "$id" >"$etc/system-id.conf"
    fi
    echo "$id"
}

# The settings of --external-id, as arguments of "ovs-vsctl set".
external_ids=
read_options() {
    for option in "$@"; do
        value=${option#*=}
        case $option in
            --system-id=*) system_id=$value ;;
            --system-type=*) system_type=$value ;;
            --system-version=*) system_version=$value ;;
            --external-id=*=*)
                external_ids="$external_ids external-ids:${value%%=*}=$(quoted "${value#*=}")" ;;
            --full-hostname) full_hostname=yes ;;
            --no-full-hostname) full_hostname=no ;;
            --record-hostname) record_hostname=yes ;;
            --no-record-hostname) record_hostname=no ;;
            --delete-bridges) delete_bridges=yes ;;
            --delete-transient-ports) delete_transient_ports=yes ;;
            --db-file=* | --db-sock=* | --db-schema=* | --extra-dbs=* | --ovsdb-server-* | --ovs-user=* | \
                --no-self-confinement)
                echo "<4>$option: not applied to the OVSDB server;" \
                    "set its options in /etc/ovsdb/ovsdb-server.conf" ;;
        esac
    done
}

set_system_ids() {
    [ "$system_id" != random ] || system_id=$(random_id)
    [ -n "$system_type" ] || system_type=$(first_line "$etc/system-type.conf")
    [ -n "$system_version" ] || system_version=$(first_line "$etc/system-version.conf")
    [ -n "$system_type" ] || system_type=$(of_os_release ID)
    [ -n "$system_version" ] || system_version=$(of_os_release VERSION_ID)

    set -- external-ids:system-id="$(quoted "$system_id")" \
        external-ids:rundir="$(quoted /var/run/openvswitch)" \
        system-type="$(quoted "$system_type")" system-version="$(quoted "$system_version")"
    version=$(ovs-vswitchd --version 2>/dev/null | sed -n 's/.*(Open vSwitch) *//p')
    [ -z "$version" ] || set -- "$@" ovs-version="$(quoted "$version")"
    version=$(ovsdb-tool schema-version "$schema" 2>/dev/null || :)
    [ -z "$version" ] || set -- "$@" db-version="$(quoted "$version")"
    # $external_ids is not quoted: its words contain no blanks, because the service manager splits
    # options at blanks.
    vsctl init -- set Open_vSwitch . "$@" $external_ids
}

# Records the full host name if it is known without the network, which is not configured yet. Otherwise
# ovs-record-hostname.service, if it exists, records it later. "add" keeps a name that is already set.
set_hostname() {
    name=$(uname -n)
    if [ "$full_hostname" = yes ]; then
        full=$(getent -s files hosts "$name" | sed -n '1s/^[^ ]* *\([^ ]*\).*/\1/p')
        case $full in
            *.*) [ "$full" = localhost.localdomain ] || name=$full ;;
            *) ! has_record_hostname || return 0 ;;
        esac
    fi
    vsctl add Open_vSwitch . external-ids hostname="$(quoted "$name")"
}

has_record_hostname() {
    for folder in /etc/systemd/system /usr/lib/systemd/system /lib/systemd/system; do
        unit=$folder/ovs-record-hostname.service
        [ ! -e "$unit" ] || { [ "$(readlink -f "$unit")" != /dev/null ] && return 0 || return 1; }
    done
    return 1
}

# Does nothing while the switch runs, because a restart of the database must not interrupt traffic.
delete_configuration() {
    pid=$(first_line "$run/ovs-vswitchd.pid")
    [ -z "$pid" ] || [ ! -d "/proc/$pid" ] || return 0
    if [ "$delete_bridges" = yes ]; then
        for bridge in $(vsctl list-br); do
            vsctl del-br "$bridge"
        done
    fi
    if [ "$delete_transient_ports" = yes ]; then
        for port in $(vsctl --bare --columns=name find Port other_config:transient=true); do
            vsctl --if-exists del-port "$port"
        done
    fi
}

# There is nothing to record if the server has no Open_vSwitch database.
ovsdb-client --timeout=30 -vwarn list-dbs "$remote" | grep -qx Open_vSwitch || exit 0
read_options "$@"
set_system_ids
[ "$record_hostname" = no ] || set_hostname
delete_configuration
