#!/bin/sh
# Installs or upgrades nameplated from this folder alone, on any Linux with systemd, glibc 2.28 or later and Python 3.11 to 3.13.
#
#     sudo sh install.sh
#
# Makes a virtual environment beside the old one, from the wheels that lie here, each compared with its hash; then puts it in
# the old one's place. Never fetches anything, never touches plant file, key or spool, never starts what nobody has configured.
set -eu
cd "$(dirname "$0")"
# Whoever runs this may have a stricter one, as hardened machines do; the two users must be able to read what is installed.
umask 022

TARGET=/opt/nameplated
UNITS=/etc/systemd/system

fail() { echo "install.sh: $*" >&2; exit 1; }
restart() { # restart UNIT: if it runs. One that does not start again is named; what is installed is whole all the same.
    systemctl try-restart "$1" 2>/dev/null && return
    echo "install.sh: $1 does not run now; 'journalctl -n 20 -u $1' says why: mend it, then 'systemctl restart $1'" >&2
}

[ "$(id -u)" = 0 ] || fail "run it as root"

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

echo "install.sh: $("$PYTHON" --version), into $TARGET"
mkdir -p "$TARGET" /etc/sysusers.d /etc/tmpfiles.d
chmod 755 "$TARGET"
install -m 644 systemd/nameplated.sysusers /etc/sysusers.d/nameplated.conf
install -m 644 systemd/nameplated.tmpfiles /etc/tmpfiles.d/nameplated.conf
systemd-sysusers nameplated.conf
rm -rf "$TARGET/venv.new"
"$PYTHON" -m venv --without-pip "$TARGET/venv.new"
PIP=$(echo wheels/pip-*.whl)/pip # runs from inside its wheel, and is not installed
pip() { "$TARGET/venv.new/bin/python" -I "$PIP" --isolated --disable-pip-version-check "$@"; }
pip install --quiet --root-user-action=ignore --no-index --find-links wheels --no-compile --require-hashes --only-binary=:all: \
    --requirement requirements.lock
pip install --quiet --root-user-action=ignore --no-index --no-deps --no-compile wheels/nameplated-*.whl
# Scripts carry the folder's first name; the one command below does not.
find "$TARGET/venv.new/bin" -type f ! -name 'python*' -delete
# As the user who will run it: root can read what nobody else can.
runuser -u nameplated-ot -- "$TARGET/venv.new/bin/python" -I -m agent --help >/dev/null ||
    fail "nameplated-ot cannot run $PYTHON or what lies in $TARGET; what was installed before is as it was"

rm -rf "$TARGET/venv.old"
[ ! -e "$TARGET/venv" ] || mv "$TARGET/venv" "$TARGET/venv.old"
mv "$TARGET/venv.new" "$TARGET/venv"
rm -rf "$TARGET/venv.old"
# Without bytecode every OPC UA visit costs several times its time and memory. Compiled in place: it names its source.
"$TARGET/venv/bin/python" -I -m compileall -q "$TARGET/venv/lib"

mkdir -p /usr/local/bin
printf '#!/bin/sh\nexec %s/venv/bin/python -I -X no_debug_ranges -m agent "$@"\n' "$TARGET" >/usr/local/bin/nameplated
chmod 755 /usr/local/bin/nameplated

mkdir -p "$UNITS"
install -m 644 systemd/*.service systemd/*.target systemd/*.timer "$UNITS/"
systemd-tmpfiles --create nameplated.conf
if [ -d /run/systemd/system ]; then
    systemctl daemon-reload || echo "install.sh: systemd has not read the units; run 'systemctl daemon-reload'" >&2
    for unit in nameplated-collect.service nameplated-publish.service nameplated.service; do restart $unit; done
fi
[ -e /etc/nameplated/plant.toml ] || echo "install.sh: next, write /etc/nameplated/plant.toml; see install.md"
