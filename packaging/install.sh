#!/bin/sh
# Installs, upgrades or removes nameplated, from this folder alone, on any Linux with systemd, glibc 2.28 or later and Python 3.11 to 3.13.
#
#     sudo sh install.sh
#     sudo sh install.sh --remove            the program; plant file, key and spool stay
#     sudo sh install.sh --remove --purge    those too, for good
#
# Makes a virtual environment beside the old one, from the wheels that lie here, each compared with its hash; then lets one link point
# to the new one, by a rename: after a power cut at any moment it is the old environment or the new one, and whole. Never fetches
# anything, never touches plant file, key or spool unless it is told to, never starts what nobody has configured.
set -eu
cd "$(dirname "$0")"
# Whoever runs this may have a stricter one, as hardened machines do; the two users must be able to read what is installed.
umask 022

TARGET=/opt/nameplated
UNITS=/etc/systemd/system
DOC=/usr/share/doc/nameplated
PYTHON_DROP_IN=05-python.conf
ROLES="nameplated-collect.service nameplated-publish.service nameplated.service"

fail() { echo "install.sh: $*" >&2; exit 1; }
booted() { [ -d /run/systemd/system ]; }
reread() { # let systemd read the units again
    systemctl daemon-reload || echo "install.sh: systemd has not read the units; run 'systemctl daemon-reload'" >&2
}
restart() { # restart UNIT: if it runs. One that does not start again is named; what is installed is whole all the same.
    systemctl try-restart "$1" 2>/dev/null && return
    echo "install.sh: $1 does not run now; 'journalctl -n 20 -u $1' says why: mend it, then 'systemctl restart $1'" >&2
}

interpreter_is_usual() { # interpreter_is_usual UNIT: take the drop-in away that lets it execute one elsewhere
    rm -f "$UNITS/$1.d/$PYTHON_DROP_IN"
    rmdir "$UNITS/$1.d" 2>/dev/null || true # unless something else lies in it
}

remove() { # the two users stay, locked: a number that is given to somebody else would own what they once wrote
    systemctl --quiet disable nameplated.target nameplated.service || true
    if booted; then systemctl --quiet stop nameplated.target nameplated-clock.timer $ROLES || true; fi
    rm -rf "$TARGET" "$DOC" /usr/local/bin/nameplated /etc/sysusers.d/nameplated.conf /etc/tmpfiles.d/nameplated.conf
    for unit in systemd/*.service systemd/*.target systemd/*.timer; do
        rm -f "$UNITS/${unit#systemd/}"
        interpreter_is_usual "${unit#systemd/}"
    done
    if [ "${1:-}" = --purge ]; then
        rm -rf /var/lib/nameplated /etc/nameplated /run/nameplated "$UNITS"/nameplated*.service.d
    fi
    if booted; then reread; fi
}

[ "$(id -u)" = 0 ] || fail "run it as root"
[ ! -e /var/lib/dpkg/info/nameplated.list ] || fail "the Debian package is installed; upgrade or remove it with dpkg"
case "${1:-}" in
"") ;;
--remove)
    remove "${2:-}"
    exit
    ;;
*) fail "knows --remove, and --remove --purge" ;;
esac

find_python() {
    for name in python3.13 python3.12 python3.11 python3; do
        if "$name" -c 'import sys, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then
            command -v "$name"
            return
        fi
    done
}
PYTHON=$(find_python)
[ -n "$PYTHON" ] || fail "needs Python 3.11, 3.12 or 3.13 with its module venv"

# Where this Python has what is executed: itself and its libraries. The units execute nothing but what lies in ExecPaths=.
places() {
    "$PYTHON" -c 'import os, sys, sysconfig
places = os.path.dirname(os.path.realpath(sys.executable)), sysconfig.get_path("platstdlib"), sysconfig.get_config_var("LIBDIR")
print(*sorted({real for place in places if place for real in [os.path.realpath(place)] if not (real + "/").startswith(("/usr/bin/", "/usr/lib"))}))'
}
PLACES=$(places)
case " $PLACES" in
*[!A-Za-z0-9/._+\ -]*) fail "$PYTHON lies in a folder whose name no unit can have; take another Python" ;;
*" /home"* | *" /root"* | *" /tmp"* | *" /var/tmp"*)
    fail "$PYTHON lies where the units see nothing ($PLACES); take a Python of the system, or one in /usr/local or /opt" ;;
esac

echo "install.sh: $("$PYTHON" --version), into $TARGET"
mkdir -p "$TARGET" "$UNITS" "$DOC" /etc/sysusers.d /etc/tmpfiles.d /usr/local/bin
chmod 755 "$TARGET"
install -m 644 systemd/nameplated.sysusers /etc/sysusers.d/nameplated.conf
install -m 644 systemd/nameplated.tmpfiles /etc/tmpfiles.d/nameplated.conf
systemd-sysusers nameplated.conf

NEW=$TARGET/venv-$(date +%Y%m%d-%H%M%S)
rm -rf "$NEW"
"$PYTHON" -m venv --without-pip "$NEW"
PIP=$(echo wheels/pip-*.whl)/pip # runs from inside its wheel, and is not installed
pip() { "$NEW/bin/python" -I "$PIP" --isolated --disable-pip-version-check "$@"; }
pip install --quiet --root-user-action=ignore --no-index --find-links wheels --no-compile --require-hashes --only-binary=:all: \
    --requirement requirements.lock
pip install --quiet --root-user-action=ignore --no-index --no-deps --no-compile wheels/nameplated-*.whl
# Scripts carry this folder's own name; the one command below does not.
find "$NEW/bin" -type f ! -name 'python*' -delete
# Without bytecode every OPC UA visit costs several times its time and memory. It names its source by the name that stays.
"$NEW/bin/python" -I -m compileall -q -s "$NEW" -p "$TARGET/venv" "$NEW/lib"
# As the user who will run it: root can read what nobody else can.
runuser -u nameplated-ot -- "$NEW/bin/python" -I -m agent --help >/dev/null ||
    fail "nameplated-ot cannot run $PYTHON or what lies in $TARGET; what was installed before is as it was"

# On the disk before anything points to it. Files that only a cache holds would be empty after a power cut.
sync
rm -rf "$TARGET/venv.next"
# A folder, which no rename replaces by a link, is what the first bundles made: this once there is a moment without either.
[ -L "$TARGET/venv" ] || [ ! -d "$TARGET/venv" ] || mv "$TARGET/venv" "$TARGET/venv-before"
ln -s "${NEW##*/}" "$TARGET/venv.next"
mv -fT "$TARGET/venv.next" "$TARGET/venv"
sync

printf '#!/bin/sh\nexec %s/venv/bin/python -I -X no_debug_ranges -m agent "$@"\n' "$TARGET" >/usr/local/bin/nameplated
chmod 755 /usr/local/bin/nameplated
install -m 644 ./*.md LICENSE sbom.cdx.json "$DOC/"
install -m 644 systemd/*.service systemd/*.target systemd/*.timer "$UNITS/"
for unit in $ROLES nameplated-clock.service; do
    interpreter_is_usual "$unit"
    [ -n "$PLACES" ] || continue
    mkdir -p "$UNITS/$unit.d"
    printf '# Made by install.sh: %s is not in /usr/bin, so the interpreter and its libraries lie here.\n[Service]\nExecPaths=%s\n' \
        "$PYTHON" "$PLACES" >"$UNITS/$unit.d/$PYTHON_DROP_IN"
done
systemd-tmpfiles --create nameplated.conf
if booted; then
    reread
    for unit in $ROLES; do restart $unit; done
fi
# Only now: a role that ran until here loaded what it needed from there.
for old in "$TARGET"/venv-*; do
    [ "$old" = "$NEW" ] || rm -rf "$old"
done
[ -e /etc/nameplated/plant.toml ] || echo "install.sh: next, write /etc/nameplated/plant.toml; see $DOC/install.md"
