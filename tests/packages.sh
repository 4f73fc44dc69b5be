# SPDX-License-Identifier: Apache-2.0
# The Debian packages that building and testing need; sourced by run and check.

BUILD_PACKAGES="gcc libc6-dev meson ninja-build pkg-config libsystemd-dev libgnutls28-dev
    libjansson-dev libcap-dev"

# openvswitch-*, ovn-* and python3-o*: the real clients, and the reference server that the same tests run against.
TEST_PACKAGES="mold clang clang-format libclang-rt-14-dev libcmocka-dev python3 python3-pytest
    python3-pytest-xdist valgrind git iproute2 mandoc openssl procps systemd-container systemd-sysv strace
    openvswitch-common openvswitch-switch python3-openvswitch ovn-central ovn-host python3-ovsdbapp
    python3-prometheus-client python3-pyflakes prometheus golang-go golang-github-varlink-go-dev
    softhsm2 sslscan debhelper dpkg-dev debootstrap lintian rpm rpmlint selinux-policy-dev
    policycoreutils qemu-system-x86 logrotate sudo"

# Installs those of the packages $1 that are missing, with the options $2 of apt-get. Services do not
# start because of it.
install_packages() {
    missing=
    for package in $1; do
        dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' ||
            missing="$missing $package"
    done
    [ -n "$missing" ] || return 0
    if [ "$(id -u)" != 0 ]; then
        echo "missing packages:$missing; run this with sudo" >&2
        exit 1
    fi
    echo "installing:$missing"
    log=$(mktemp)
    if ! { apt-get update && RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive \
        apt-get install -y --no-install-recommends ${2:-} $missing; } >"$log" 2>&1; then
        cat "$log" >&2
        exit 1
    fi
    rm -f "$log"
}

# Installs libraft 0.22, which clusters need, if it is missing. Debian 12 has it in its backports: their
# suite is added with the mirror that the machine uses already. apt prefers no other package of it.
install_libraft() {
    version=$(dpkg-query -W -f='${Version}' libraft-dev 2>/dev/null || true)
    if [ -n "$version" ] && dpkg --compare-versions "$version" ge 0.22; then
        return 0
    fi
    . /etc/os-release
    suite=
    if [ "$(id -u)" = 0 ] && [ "$VERSION_CODENAME" = bookworm ]; then
        suite="-t bookworm-backports"
        mirror=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Created-By: Packages' |
            sed -n 's/ bookworm$//p' | head -n 1)
        echo "deb ${mirror:-http://deb.debian.org/debian} bookworm-backports main" \
            >/etc/apt/sources.list.d/ovsdbd-backports.list
    fi
    if ! (install_packages libraft-dev "$suite"); then
        rm -f /etc/apt/sources.list.d/ovsdbd-backports.list
        return 1
    fi
}
