#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Moves databases between Open vSwitch's or OVN's own database servers and ovsdbd, see MIGRATION.md.
# It keeps a copy of each file as FILE.before-ovsdbd.
set -eu
export LC_ALL=C

user=ovsdb
database=/var/lib/openvswitch/conf.db
link=/etc/openvswitch/conf.db
origin_file=/var/lib/ovsdbd/conf.db.origin # contains the former path of the database, if it was moved
ovn_state=/var/lib/ovn
ovn_instances="ovnnb_db ovnsb_db"
original=/usr/lib/openvswitch-original # programs of Open vSwitch that the Debian package diverts

usage() {
    cat <<'TEXT'
usage: ovsdbd-migrate COMMAND
  status        show which server serves which database
  take-over     move the Open_vSwitch database of this host to ovsdbd. Its server must be stopped.
                The installation of the package does this.
  give-back     move that database back to Open vSwitch. The removal of the package does this.
  ovn [--leave-cluster]
                serve OVN's northbound and southbound databases with ovsdbd. --leave-cluster converts
                clustered databases to standalone ones; without it they are refused.
  ovn-back      move OVN's databases back to OVN's own units
TEXT
}

fail() {
    echo "ovsdbd-migrate: $*" >&2
    exit 1
}

is_clustered() {
    [ "$(head -c 13 "$1" 2>/dev/null)" = "OVSDB CLUSTER" ]
}

# True if the process of a pid file runs.
lives() {
    pid=$(cat "$1" 2>/dev/null) && [ -n "$pid" ] && [ -d "/proc/$pid" ]
}

# Keeps a copy of a database file.
keep_copy() {
    cp -p --backup=numbered "$1" "$1.before-ovsdbd"
    echo "Kept a copy of $1 as $1.before-ovsdbd."
}

# Makes user $1 the owner of the files and directories in the other arguments.
own() {
    owner=$1
    shift
    for file in "$@"; do
        if [ ! -L "$file" ] && [ -e "$file" ]; then
            chown "$owner:" "$file"
        fi
    done
}

own_vswitch() {
    own "$1" "${database%/*}" "$database" "${database%/*}/.conf.db.~lock~" "$database".backup*
}

# ---- the host's Open vSwitch ----

# Prints the file that Open vSwitch's server serves.
vswitch_database() {
    file=$(readlink -f "$link" 2>/dev/null || :)
    if [ -n "$file" ] && [ -f "$file" ]; then
        echo "$file"
    else
        echo "$database"
    fi
}

move_from() {
    mkdir -p "${database%/*}" "${origin_file%/*}"
    if [ -e "$database" ]; then
        mv --backup=numbered "$database" "$database.unused"
        echo "$database was not in use; it is now $database.unused."
    fi
    cp -p "$1" "$database.new"
    mv "$database.new" "$database"
    mv --backup=numbered "$1" "$1.before-ovsdbd"
    ln -sfn "$database" "$link"
    echo "$1" >"$origin_file"
    echo "Moved $1 to $database; a copy is $1.before-ovsdbd."
}

take_over() {
    # If StateDirectory= has another owner, systemd changes the owner of all files in it, including keys.
    [ -L "${database%/*}" ] || install -d -m 0755 -o "$user" -g "$user" "${database%/*}"
    file=$(vswitch_database)
    [ -f "$file" ] || return 0
    ! is_clustered "$file" || fail "$file is clustered, which ovsdbd cannot serve;" \
        "see MIGRATION.md for cluster-to-standalone"
    if [ "$file" = "$database" ] && [ "$(stat -c %U "$file")" = "$user" ]; then
        return 0
    fi
    ! lives /run/openvswitch/ovsdb-server.pid || fail "a server has $file open;" \
        "stop it first: systemctl stop ovsdb-server.socket ovsdb-server.service"
    if [ "$file" = "$database" ]; then
        keep_copy "$file"
    else
        move_from "$file"
    fi
    chmod 0640 "$database"
    own_vswitch "$user"
}

give_back() {
    ! lives /run/openvswitch/ovsdb-server.pid || fail "the server still has $database open;" \
        "stop it first: systemctl stop ovsdb-server.socket ovsdb-server.service"
    own_vswitch root
    [ -e "$origin_file" ] || return 0
    origin=$(cat "$origin_file")
    if [ -f "$database" ] && [ ! -e "$origin" -o -L "$origin" ]; then
        rm -f "$origin"
        mv "$database" "$origin"
        [ "$origin" = "$link" ] || ln -sfn "$origin" "$link"
        echo "Moved $database back to $origin."
    fi
    rm -f "$origin_file"
}

# ---- OVN ----

# Prints the options of OVN's start script, one per line.
ovn_options() {
    for file in /etc/default/ovn-central /etc/sysconfig/ovn; do
        if [ -r "$file" ]; then
            (
                OVN_CTL_OPTS=
                OVN_NORTHD_OPTS=
                . "$file"
                for option in $OVN_CTL_OPTS $OVN_NORTHD_OPTS; do
                    echo "$option"
                done
            )
        fi
    done
}

# Prints the value of option $1 of OVN's start script, or $2 if it is not set.
ovn_option() {
    value=$(ovn_options | sed -n "s/^--$1=//p" | tail -n 1)
    echo "${value:-$2}"
}

# Fails if OVN's start script has an option for its database servers that has no counterpart here.
refuse_options() {
    ovn_options | while read -r option; do
        case $option in
            --db-?b-cluster-* | --db-?b-election-timer=*)
                [ -n "$leave_cluster" ] || fail "$option: OVN's databases are clustered;" \
                    "--leave-cluster converts them to standalone databases, on this host only" ;;
            --db-?b-create-insecure-remote=* | --db-?b-addr=* | --db-?b-port=* | \
                --db-?b-sync-from-addr=* | --db-?b-sync-from-proto=* | --db-?b-sync-from-port=* | \
                --ovn-?b-db-ssl-key=* | --ovn-?b-db-ssl-cert=* | --ovn-?b-db-ssl-ca-cert=*) ;;
            --db-?b-use-remote-in-db=yes) ;;
            --db-* | --ovn-?b-* | --ovn-user=* | --ovsdb-?b-wrapper=*)
                fail "$option: not supported; make /etc/ovsdb/ovnnb_db.conf and ovnsb_db.conf," \
                    "then remove the option from OVN's file" ;;
        esac
    done
}

# Prints the configuration of an instance, from the options of OVN's start script.
configuration() {
    instance=$1
    case $instance in
        ovnnb_db) side=nb schema=OVN_Northbound table=NB_Global port=6641 ;;
        ovnsb_db) side=sb schema=OVN_Southbound table=SB_Global port=6642 ;;
    esac
    cat <<TEXT
# Written by ovsdbd-migrate from the options of OVN's start script, see ovsdb-server.conf(5).
[options]
private-key = $(ovn_option ovn-$side-db-ssl-key "db:$schema,SSL,private_key")
certificate = $(ovn_option ovn-$side-db-ssl-cert "db:$schema,SSL,certificate")
ca-cert = $(ovn_option ovn-$side-db-ssl-ca-cert "db:$schema,SSL,ca_cert")

[database $ovn_state/$instance.db]
schema = /usr/share/ovn/ovn-$side.ovsschema
TEXT
    address=$(ovn_option db-$side-sync-from-addr "")
    if [ -n "$address" ]; then
        echo "source = $(ovn_option db-$side-sync-from-proto tcp):$address:$(
            ovn_option db-$side-sync-from-port $port)"
        echo "backup = yes"
    fi
    printf '\n# The remotes that "ovn-%sctl set-connection" sets:\n[remote db:%s,%s,connections]\n' \
        $side $schema $table
    if [ "$(ovn_option db-$side-create-insecure-remote no)" = yes ]; then
        echo "[remote ptcp:$(ovn_option db-$side-port $port):$(ovn_option db-$side-addr 0.0.0.0)]"
    fi
}

own_ovn() {
    own "$1" "$ovn_state"
    for instance in $ovn_instances; do
        own "$1" "$ovn_state/$instance.db" "$ovn_state/.$instance.db.~lock~" \
            "$ovn_state/$instance.db".backup*
    done
}

# Converts a clustered database to a standalone one, with Open vSwitch's own tool.
leave_cluster() {
    tool=$original/ovsdb-tool
    [ -x "$tool" ] || tool=ovsdb-tool
    rm -f "$1.standalone"
    "$tool" cluster-to-standalone "$1.standalone" "$1"
    mv "$1.standalone" "$1"
    echo "Converted $1 to a standalone database. Other members of its cluster are not changed."
}

ovn_units() {
    for instance in $ovn_instances; do
        echo "ovsdb-server@$instance.socket ovsdb-server@$instance.service"
    done
}

ovn() {
    leave_cluster=
    case ${1-} in
        --leave-cluster) leave_cluster=yes ;;
        ?*) usage >&2; exit 1 ;;
    esac
    [ -e /usr/share/ovn/ovn-nb.ovsschema ] || fail "OVN's schemas are not in /usr/share/ovn: is OVN installed?"
    refuse_options
    for instance in $ovn_instances; do
        if is_clustered "$ovn_state/$instance.db" && [ -z "$leave_cluster" ]; then
            fail "$ovn_state/$instance.db is clustered, which ovsdbd cannot serve;" \
                "--leave-cluster converts it to a standalone database, on this host only"
        fi
    done
    systemctl stop ovn-ovsdb-server-nb.service ovn-ovsdb-server-sb.service
    for instance in $ovn_instances; do
        ! lives "/run/ovn/$instance.pid" ||
            fail "a server outside of OVN's units serves $instance; stop it with" \
                "/usr/share/ovn/scripts/ovn-ctl stop_ovsdb"
    done
    mkdir -p "$ovn_state" /etc/ovsdb
    for instance in $ovn_instances; do
        file=$ovn_state/$instance.db
        if [ -e "$file" ]; then
            keep_copy "$file"
            ! is_clustered "$file" || leave_cluster "$file"
        fi
        if [ -e "/etc/ovsdb/$instance.conf" ]; then
            echo "/etc/ovsdb/$instance.conf exists; it is not changed."
        else
            configuration "$instance" >"/etc/ovsdb/$instance.conf"
            echo "Wrote /etc/ovsdb/$instance.conf."
        fi
    done
    own_ovn "$user"
    systemctl enable --now $(ovn_units)
    initialise nb
    initialise sb
    echo "OVN's databases are served by ovsdb-server@ovnnb_db.service and ovsdb-server@ovnsb_db.service."
    ! ovn_options | grep -q -e '--db-.b-cluster-' ||
        echo "Remove the cluster options from /etc/default/ovn-central: ovsdb-server@ does not read it."
}

# Creates the global row of a new database, as OVN's start script does. A backup replicates this row from
# its source.
initialise() {
    [ -z "$(ovn_option "db-$1-sync-from-addr" "")" ] || return 0
    "ovn-$1ctl" --no-leader-only --timeout=30 --db="unix:/run/ovn/ovn${1}_db.sock" init
}

# Waits until a server answers. OVN's units are active before their servers answer.
wait_for() {
    for _ in $(seq 60); do
        ! ovs-appctl -T 5 -t "/run/ovn/$1.ctl" version >/dev/null 2>&1 || return 0
        sleep 1
    done
    fail "the server of $1 does not answer; see journalctl -u 'ovn-ovsdb-server-*'"
}

ovn_back() {
    systemctl disable --now $(ovn_units)
    for instance in $ovn_instances; do
        ! lives "/run/ovsdb/$instance.pid" || fail "ovsdb-server@$instance.service still runs"
    done
    own_ovn root
    if systemctl cat ovn-central.service >/dev/null 2>&1; then
        systemctl start ovn-ovsdb-server-nb.service ovn-ovsdb-server-sb.service
        for instance in $ovn_instances; do
            wait_for "$instance"
        done
        echo "OVN's databases are served by OVN's own units again."
    fi
}

# ---- status ----

# Prints the server of database $1 with the control socket $2 and the file $3.
server_of() {
    version=$(ovs-appctl -T 5 -t "$2" version 2>/dev/null | head -n 1 || :)
    file=$3
    kind=standalone
    ! is_clustered "$file" || kind=clustered
    [ -e "$file" ] || kind=missing
    echo "$1: $file ($kind), server: ${version:-not running}"
}

status() {
    server_of Open_vSwitch ovsdb-server "$(vswitch_database)"
    for instance in $ovn_instances; do
        server_of "$instance" "/run/ovn/$instance.ctl" "$ovn_state/$instance.db"
    done
}

command=${1-}
[ $# = 0 ] || shift
case $command in
    status | take-over | give-back | ovn-back)
        [ $# = 0 ] || { usage >&2; exit 1; } ;;
esac
case $command in
    -h | --help) usage; exit 0 ;;
    status) status; exit 0 ;;
    take-over | give-back | ovn | ovn-back) ;;
    *) usage >&2; exit 1 ;;
esac
[ "$(id -u)" = 0 ] || fail "must be run as root"
case $command in
    take-over) take_over ;;
    give-back) give_back ;;
    ovn) ovn "$@" ;;
    ovn-back) ovn_back ;;
esac
