#!/usr/bin/env bash
# Installs, upgrades, removes and purges the package in a fresh Debian, without a network, and starts the units in a booted one.
#
#     packaging/test-install.sh [amd64] [arm64]        (both, unless said)
#
# Needs root, debootstrap, iproute2, systemd-nspawn for the boot, and qemu-user-static for the other architecture. A Debian is made once and
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
inside() { # in the copy, with its own processes and no network but loopback
    nice -n 15 unshare --net --mount --pid --fork --mount-proc="$root/proc" \
        sh -c 'ip link set lo up && exec "$@"' sh chroot "$root" "$@"
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
    echo "  Installed-Size $(dpkg-deb -f "$package" Installed-Size) KiB; /opt/nameplated takes $(du -sk "$root/opt/nameplated" | cut -f1) KiB"
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

run_line() { # run_line SECONDS: the line from a device to the inventory, and the whole demo where a broker can be had
    cp packaging/test-line.py "$root/test-line.py"
    holds "every shipped profile can be used as a site's own" inside sh -c 'mkdir /var/tmp/own && cd /opt/nameplated/venv/lib/python3.11/site-packages/protocols/profiles &&
        for file in *.toml; do sed "s/^id = \"/&own-/" "$file" >"/var/tmp/own/own-$file"; done && nameplated profiles check /var/tmp/own'
    holds "both roles in one process identify a device" as nameplated-it /opt/nameplated/venv/bin/python -I /test-line.py /var/tmp/line "$1"
    # The base package has no broker: the embedded one is in the extra `demo`, mosquitto is another package.
    holds "the demo says which broker it lacks" inside sh -c 'nameplated demo --broker embedded --seconds 30 2>&1 | grep -q "its extra: demo"'
    [ "$native" = yes ] && lend mosquitto || { echo "  skipped: no mosquitto of this architecture to lend for the demo"; return; }
    holds "with a broker the demo runs, and loses nothing" as nameplated-it nameplated demo --broker mosquitto --seconds 30
    rm "$root/usr/sbin/mosquitto"
}

lend() { # lend PROGRAM: this machine's own, with the libraries that the copy lacks
    local program library
    program=$(command -v "$1") || return
    cp "$program" "$root/usr/sbin/"
    for library in $(ldd "$program" | grep -o '/[^ ]*'); do
        [ -e "$root$library" ] || install -D "$library" "$root$library"
    done
}

run_roles() {
    holds "collect looks at devices and writes the journal" as nameplated-ot timeout -s TERM --preserve-status "$1" nameplated collect
    holds "publish folds a journal that another user wrote" as nameplated-it timeout -s TERM --preserve-status "$1" nameplated publish
    holds "collect may read the watermark" as nameplated-ot cat /var/lib/nameplated/handover/watermark
}

reads() { # reads FILE SQL: what a stranger is told
    inside /usr/bin/python3.11 -c 'import sqlite3, sys; print(*sqlite3.connect(sys.argv[1]).execute(sys.argv[2]).fetchone())' "$1" "$2"
}

old_spool() { # the files of a gateway that the earliest version left when it was killed
    rm -rf "$root/old" "$root"/var/lib/nameplated/*/*
    .venv/bin/python -c 'import sys; sys.path.insert(0, "."); from pathlib import Path; from tests.buffer.old_files import *
copied(VERSIONS[0], Path(sys.argv[1]))' "$root/old"
    cp "$root"/old/collect/* "$root/var/lib/nameplated/collect/"
    cp "$root"/old/publish/* "$root/old/report.key" "$root/var/lib/nameplated/publish/"
    cp "$root/old/watermark" "$root/var/lib/nameplated/handover/"
    inside sh -c 'cd /var/lib/nameplated && chown -R nameplated-ot:nameplated collect && chown -R nameplated-it:nameplated publish handover &&
        chmod 640 collect/* && chmod 600 publish/*'
    sed -i 's/^id = "werk-test"/id = "faults"/; s/^id = "gw-test"/id = "gw"/' "$root/etc/nameplated/plant.toml"
    holds "files of version $(reads /old/collect/journal.db "PRAGMA user_version") lie there" \
        test "$(reads /old/collect/journal.db "PRAGMA user_version") $(reads /old/publish/outbox.db "PRAGMA user_version")" = "1 1"
}

migrated() { # whether both files are of the newest version, and one chain goes on with every record
    local newest
    newest=$(find buffer/schema/journal -name '*.sql' | wc -l)
    local journal=/var/lib/nameplated/collect/journal.db outbox=/var/lib/nameplated/publish/outbox.db
    holds "the spool is brought to version $newest" \
        test "$(reads $journal "PRAGMA user_version") $(reads $outbox "PRAGMA user_version")" = "$newest $newest"
    holds "no record is missing" test "$(reads $journal "SELECT count(*) = max(seq), count(*) > 24 FROM record")" = "1 1"
    holds "the same chain goes on" grep -q '"epoch":"00000000-0000-7000-8000-000000000001"' <(reads $outbox "SELECT text FROM noted WHERE name = 'chain'")
    holds "and reaches every record" test "$(reads $outbox "SELECT text ->> 'seq' >= 24 FROM noted WHERE name = 'watermark'")" = 1
}

upgrade_and_leave() {
    old_spool
    local package=$1 seconds=$2 kept="/var/lib/nameplated/publish/report.key /etc/nameplated/plant.toml"
    # shellcheck disable=SC2086  # two paths
    inside sha256sum $kept >"$root/kept"
    newer "$package" 99.0 "$root/newer.deb"
    holds "upgrades" inside dpkg -i /newer.deb
    holds "an upgrade keeps key and plant file" inside sha256sum --check --quiet /kept
    run_roles "$seconds"
    migrated
    holds "an upgrade keeps the journal" as nameplated-it nameplated assets
    inside systemctl enable -q nameplated.target
    holds "a removal" inside dpkg -r nameplated
    holds "takes the program away" test ! -e "$root/opt/nameplated"
    holds "and what would start it" sh -c "! find '$root/etc/systemd' -lname '*nameplated*' | grep ."
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
    SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 timeout 300 nice -n 15 unshare --mount --cgroup sh -c \
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
    first=$(readlink "$root/opt/nameplated/venv")
    holds "the units' page is where they say" test -e "$root/usr/share/doc/nameplated/operations.md"
    # A Python outside of /usr, as whoever built it has it; this one is the system's, in another place.
    cp "$root/usr/bin/python3.11" "$root/usr/local/bin/"
    holds "a second run is an upgrade" inside sh /bundle/install.sh
    holds "which keeps the key" as nameplated-it nameplated key show
    holds "and the environment before it is gone" fails test -e "$root/opt/nameplated/$first"
    holds "a Python in /usr/local may be executed by every unit" inside sh -c \
        'test "$(grep -lx "ExecPaths=/usr/local/bin" /etc/systemd/system/*.service.d/05-python.conf | wc -l)" = 4'
    rm "$root/usr/local/bin/python3.11"
    rm -rf "$root/opt/nameplated/venv-"* # a power cut at its worst moment left a link to nothing
    holds "a run mends what a power cut left" inside sh /bundle/install.sh
    holds "the command runs again" as nameplated-ot nameplated profiles list
    holds "and the drop-in is gone with its reason" fails grep -r ExecPaths "$root/etc/systemd/system" --include=05-python.conf
    inside systemctl enable -q nameplated.target
    holds "a removal" inside sh /bundle/install.sh --remove
    holds "keeps plant file and key" test -e "$root/etc/nameplated/plant.toml" -a -e "$root/var/lib/nameplated/publish/report.key"
    holds "and leaves nothing else" sh -c "! find '$root/opt' '$root/usr/local' '$root/usr/share/doc' '$root'/etc/*.d '$root/etc/systemd' -name '*nameplated*' | grep ."
    holds "a purge" inside sh /bundle/install.sh --remove --purge
    holds "takes those too" fails test -e "$root/etc/nameplated" -o -e "$root/var/lib/nameplated"
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
    seconds=$([ $native = yes ] && echo 4 || echo 40)
    run_line "$((seconds * 2))"
    run_roles "$seconds"
    if [ $native = yes ]; then boot "$package"; fi
    upgrade_and_leave "$package" "$seconds"
done
if [[ " $* " == *" amd64 "* ]]; then bundle; fi
rm -rf "$ROOTS"/run-* "$ROOTS/bundle" "$ROOTS"/newer*
printf '\n%s passed, 0 failed\n' "$passed"
