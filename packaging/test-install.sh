#!/usr/bin/env bash
# Installs, upgrades, removes and purges the package in a fresh Debian, without a network, and starts the units in a booted one.
#
#     packaging/test-install.sh [amd64] [arm64]        (both, unless said)
#
# Needs root, debootstrap, systemd-nspawn for the boot, and qemu-user-static for the other architecture. A Debian is made once and
# kept under build/roots; each run works in a copy of it. Ends with "N passed, 0 failed", or at the first thing that does not hold.
set -euo pipefail
cd "$(dirname "$0")/.."

ROOTS=$PWD/build/roots
INCLUDE=python3.11,systemd,systemd-sysv,dbus,ca-certificates
passed=0
root=

say() { printf '\n=== %s\n' "$*"; }
holds() { # holds SENTENCE COMMAND…
    local sentence=$1
    shift
    if "$@" >"$ROOTS/last.log" 2>&1; then
        passed=$((passed + 1))
        echo "  ok  $sentence"
    else
        echo "  NOT $sentence"
        cat "$ROOTS/last.log"
        printf '%s passed, 1 failed\n' "$passed"
        exit 1
    fi
}
fails() { ! "$@"; }
inside() { # in the copy, with its own processes and no network
    nice -n 15 unshare --net --mount --pid --fork --mount-proc="$root/proc" chroot "$root" "$@"
}
as() { # as USER COMMAND…
    local user=$1
    shift
    inside runuser -u "$user" -- "$@"
}

fresh() { # a copy of a Debian of this architecture
    local architecture=$1 made=$ROOTS/$1.tar
    if [ ! -e "$made" ]; then
        say "debootstrap $architecture: once, minutes"
        rm -rf "$ROOTS/$architecture.new"
        nice -n 15 debootstrap --arch="$architecture" --variant=minbase --include="$INCLUDE" bookworm "$ROOTS/$architecture.new" >"$ROOTS/debootstrap.log"
        tar -C "$ROOTS/$architecture.new" -cf "$made.part" . && mv "$made.part" "$made"
        rm -rf "$ROOTS/$architecture.new"
    fi
    rm -rf "$root"
    mkdir -p "$root"
    tar -C "$root" -xpf "$made"
}

newer() { # newer PACKAGE VERSION OUT: the same package under a later version
    rm -rf "$ROOTS/newer"
    dpkg-deb -R "$1" "$ROOTS/newer"
    sed -i "s/^Version:.*/Version: $2/" "$ROOTS/newer/DEBIAN/control"
    dpkg-deb --root-owner-group -Zgzip --build "$ROOTS/newer" "$3" >/dev/null
    rm -rf "$ROOTS/newer"
}

plant() {
    cat >"$root/etc/nameplated/plant.toml" <<'TOML'
[plant]
id = "werk-test"
[gateway]
id = "gw-test"
[broker]
url = "mqtt://127.0.0.4:1883"
[collect]
identity_interval_s = 5
[[asset]]
id = "press-07"
address = "modbus-tcp://127.0.0.1:1502?unit=1"
[[asset]]
id = "mixer-2"
address = "opc.tcp://127.0.0.2:1"
TOML
    inside chgrp nameplated /etc/nameplated/plant.toml
    chmod 640 "$root/etc/nameplated/plant.toml"
}

emulated() { # whether this machine runs programs of another architecture; registers the emulator if that is all that is missing
    local rule=/usr/lib/binfmt.d/qemu-aarch64.conf
    [ "$1" = "$(dpkg --print-architecture)" ] && return
    [ -e /proc/sys/fs/binfmt_misc/status ] || mount -t binfmt_misc none /proc/sys/fs/binfmt_misc || return
    [ -e /proc/sys/fs/binfmt_misc/qemu-aarch64 ] || { [ -e $rule ] && cat $rule >/proc/sys/fs/binfmt_misc/register; }
}

install_package() {
    local architecture=$1 package=$2
    cp "$package" "$root/package.deb"
    holds "installs without a network" inside dpkg -i /package.deb
    holds "every module is byte-compiled" inside sh -c \
        'cd /opt/nameplated/venv/lib && test "$(find . -name "*.py" | wc -l)" = "$(find . -name "*.pyc" | wc -l)"'
    holds "all libraries load" inside /opt/nameplated/venv/bin/python -I -c 'import asyncua, cryptography.hazmat.bindings._rust, msgspec, nacl.signing, paho.mqtt.client, psutil, pymodbus, serial'
    holds "the command runs" inside nameplated profiles list
    holds "every shipped example can be used" inside sh -c 'for file in /usr/share/doc/nameplated/examples/*.toml; do nameplated check "$file"; done'
    holds "folders belong to their roles" inside sh -c \
        'test "$(cd /var/lib/nameplated && stat -c "%U:%G:%a" collect publish handover | tr "\n" " ")" = "nameplated-ot:nameplated:750 nameplated-it:nameplated:750 nameplated-it:nameplated:750 "'
    plant
    holds "root makes the key" inside nameplated key init
    holds "it is the IT user's all the same" inside sh -c 'test "$(stat -c %U:%a /var/lib/nameplated/publish/report.key)" = nameplated-it:600'
    holds "the OT user cannot read it" fails as nameplated-ot cat /var/lib/nameplated/publish/report.key
    holds "the IT user cannot write the journal's folder" fails as nameplated-it touch /var/lib/nameplated/collect/x
}

run_roles() {
    holds "collect looks at devices and writes the journal" as nameplated-ot timeout -s TERM --preserve-status "$1" nameplated collect
    holds "publish folds a journal that another user wrote" as nameplated-it timeout -s TERM --preserve-status "$1" nameplated publish
    holds "collect may read the watermark" as nameplated-ot cat /var/lib/nameplated/handover/watermark
}

upgrade_and_leave() {
    local package=$1 kept="/var/lib/nameplated/publish/report.key /etc/nameplated/plant.toml"
    # shellcheck disable=SC2086  # two paths
    inside sha256sum $kept >"$root/kept"
    newer "$package" 99.0 "$root/newer.deb"
    holds "upgrades" inside dpkg -i /newer.deb
    holds "an upgrade keeps key and plant file" inside sha256sum --check --quiet /kept
    holds "an upgrade keeps the journal" as nameplated-it nameplated assets
    holds "a removal" inside dpkg -r nameplated
    holds "takes the program away" test ! -e "$root/opt/nameplated"
    holds "keeps key and plant file" inside sha256sum --check --quiet /kept
    holds "a purge" inside dpkg -P nameplated
    holds "leaves nothing but two locked users" sh -c "! find '$root/var/lib/nameplated' '$root/etc/nameplated' '$root/opt/nameplated' '$root/usr/lib/systemd/system' -name '*nameplated*' 2>/dev/null | grep ."
}

boot() { # the units under a real systemd
    command -v systemd-nspawn >/dev/null || { echo "  skipped: no systemd-nspawn to boot with"; return; }
    cp packaging/test-boot.sh "$root/test-boot.sh"
    newer "$1" 98.0 "$root/running.deb"
    cat >"$root/etc/systemd/system/test-boot.service" <<'UNIT'
[Unit]
After=multi-user.target
[Service]
Type=oneshot
ExecStart=/bin/sh /test-boot.sh
StandardOutput=append:/test-boot.log
StandardError=append:/test-boot.log
ExecStopPost=/bin/systemctl --no-block poweroff
[Install]
WantedBy=multi-user.target
UNIT
    inside systemctl enable -q test-boot.service
    # cgroup v2 and the right to load a filter, so that address lists are enforced in the container as on a machine.
    SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 timeout 240 nice -n 15 unshare --mount --cgroup sh -c \
        'umount --recursive /sys/fs/cgroup; mount -t cgroup2 none /sys/fs/cgroup; exec "$@"' sh \
        systemd-nspawn --quiet --boot --private-network --register=no --keep-unit --console=pipe --capability=CAP_BPF,CAP_SYS_ADMIN \
        --system-call-filter=bpf --directory="$root" >"$ROOTS/boot.log" 2>&1 </dev/null || true
    cat "$root/test-boot.log" || { tail -20 "$ROOTS/boot.log"; exit 1; }
    holds "every step under systemd" grep -q '^all steps held$' "$root/test-boot.log"
    passed=$((passed + $(grep -c '^  ok' "$root/test-boot.log")))
    inside systemctl disable -q test-boot.service
}

bundle() { # the other way in, on the same Debian
    say "bundle on amd64"
    root=$ROOTS/bundle
    fresh amd64
    mkdir "$root/bundle"
    tar -C "$root/bundle" --touch --strip-components=1 -xzf dist/nameplated-*-bundle.tar.gz
    holds "installs from the bundle without a network, under a strict umask" inside sh -c 'umask 077 && sh /bundle/install.sh'
    holds "the command runs" inside nameplated profiles list
    for user in nameplated-ot nameplated-it; do
        holds "as $user too" as $user nameplated profiles list
    done
    holds "nothing that is installed is root's to read alone" inside sh -c \
        '! find /opt/nameplated /usr/local/bin/nameplated /etc/systemd/system ! -type l ! -perm -o=r | grep .'
    plant
    holds "the IT user makes the key" as nameplated-it nameplated key init
    holds "a second run is an upgrade" inside sh /bundle/install.sh
    holds "which keeps the key" as nameplated-it nameplated key show
}

[ "$(id -u)" = 0 ] || { echo "test-install: needs root"; exit 77; }
command -v debootstrap >/dev/null || { echo "test-install: needs debootstrap"; exit 77; }
mkdir -p "$ROOTS"
[ $# -gt 0 ] || set -- amd64 arm64
for architecture in "$@"; do
    root=$ROOTS/run-$architecture
    emulated "$architecture" || { say "$architecture: skipped, needs qemu-user-static and binfmt"; continue; }
    package=$(ls dist/nameplated_*_"$architecture".deb)
    fresh "$architecture"
    say "$architecture: $(inside uname -m)"
    native=$([ "$(dpkg --print-architecture)" = "$architecture" ] && echo yes || echo no)
    install_package "$architecture" "$package"
    run_roles "$([ $native = yes ] && echo 4 || echo 40)"
    if [ $native = yes ]; then boot "$package"; fi
    upgrade_and_leave "$package"
done
if [[ " $* " == *" amd64 "* ]]; then bundle; fi
rm -rf "$ROOTS"/run-* "$ROOTS/bundle" "$ROOTS"/newer*
printf '\n%s passed, 0 failed\n' "$passed"
