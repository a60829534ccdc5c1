#!/bin/sh
# Runs inside a booted Debian that has the package: the units as an engineer starts them. Writes one line for each step.
# Memory limits may not be enforced in here (`doctor` says so); everything else of the units is in force.
set -u

holds() { # holds SENTENCE COMMAND…
    sentence=$1
    shift
    if "$@" >/last.log 2>&1; then echo "  ok  $sentence"; else
        echo "  NOT $sentence"
        cat /last.log
        journalctl --no-pager -q -n 40 -o short-monotonic
        exit 1
    fi
}
soon() { # soon COMMAND…: within 30 s
    for _ in $(seq 300); do
        if "$@"; then return 0; fi
        sleep 0.1
    done
    return 1
}
inactive() { test "$(systemctl is-active "$1")" = inactive; }
active() { test "$(systemctl is-active "$1")" = active; }
seen() { nameplated assets --json | grep -q '"press-07"' && nameplated assets --json | grep -q '"mixer-2"'; }
reaches() { # reaches ROLE ADDRESS: what the kernel says to a process in the role's own unit
    sh -c "echo \$\$ >/sys/fs/cgroup/system.slice/nameplated-$1.service/cgroup.procs &&
        exec /opt/nameplated/venv/bin/python -I -c 'from agent.doctor.egress import attempt; print(attempt((\"$2\", 9)))'" >/reached
    test "$(cat /reached)" = sent
}
refused() { ! reaches "$@" && test "$(cat /reached)" = refused; }
opens() { # opens PATH ERROR: what the kernel says to a process in collect's own unit, as collect's user
    sh -c "echo \$\$ >/sys/fs/cgroup/system.slice/nameplated-collect.service/cgroup.procs &&
        exec setpriv --reuid=nameplated-ot --regid=nameplated --groups=dialout /opt/nameplated/venv/bin/python -I -c 'import os, errno
try: os.open(\"$1\", os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
except OSError as error: print(errno.errorcode[error.errno])'" >/opened
    test "$(cat /opened)" = "$2"
}
status() { setpriv --reuid=anna --regid=anna --init-groups nameplated status "$@"; } # as an operator: no root, one more group
says() { status --json | grep -q "$1"; } # says WORDS: what `status` has in it
silent_on() { ! says "$1"; }
result_is() { test "$(systemctl show -P Result "$1")" = "$2"; }
pid_of() { systemctl show -P MainPID "$1"; }
pss() { awk '/^Pss:/ {print $2}' "/proc/$(pid_of "nameplated-$1.service")/smaps_rollup"; } # KiB; nobody else runs Python in here

rm -rf /var/lib/nameplated/collect/* /var/lib/nameplated/publish/outbox* /var/lib/nameplated/handover/*
holds "drop-ins are made from the plant file" nameplated units --write /etc/systemd/system
systemctl daemon-reload
holds "systemd has no complaint about the units" systemd-analyze verify nameplated-collect.service nameplated-publish.service nameplated.service nameplated.target
holds "the pair starts" systemctl enable --now nameplated.target
holds "collect says that it is ready" soon active nameplated-collect.service
holds "publish says that it is ready" soon active nameplated-publish.service
holds "a Modbus visit and an OPC UA child are seen in the journal" soon seen
holds "the OPC UA child lived in the sandbox" sh -c 'nameplated assets --json | grep -q unreachable && ! nameplated assets --json | grep -q "child process"'
holds "publish has folded what collect wrote" soon test -s /var/lib/nameplated/handover/watermark
for role in collect publish; do
    grep -E '^(Seccomp|NoNewPrivs|CapEff):' "/proc/$(pid_of nameplated-$role.service)/status" | tr -s '\t\n' '  '
    echo "nameplated-$role: $(systemctl show -P NRestarts nameplated-$role.service) restarts, PSS $(pss $role) KiB, ready after $(($(systemctl show -P ActiveEnterTimestampMonotonic nameplated-$role.service) - $(systemctl show -P ExecMainStartTimestampMonotonic nameplated-$role.service))) us"
done
holds "both together take no more than 45 MiB" test $(($(pss collect) + $(pss publish))) -le $((45 * 1024))
holds "collect reaches its devices" reaches collect 127.0.0.2
holds "collect cannot reach the broker" refused collect 127.0.0.4
holds "collect cannot reach a neighbour of its devices" refused collect 127.0.0.3
holds "publish reaches the broker" reaches publish 127.0.0.4
holds "publish cannot reach a device" refused publish 127.0.0.2
useradd --no-create-home --groups nameplated anna
holds "an operator sees both roles without root" sh -c 'test "$(setpriv --reuid=anna --regid=anna --init-groups nameplated status --json | grep -o "\"pid\"" | wc -l)" = 2'
holds "each role has tried a forbidden connection itself" sh -c 'setpriv --reuid=anna --regid=anna --init-groups nameplated status --json | grep -o "\"networks\",\"state\":\"ok\"" | wc -l | grep -q 2'
holds "a stranger sees nothing" sh -c '! setpriv --reuid=65534 --regid=65534 --clear-groups cat /run/nameplated/collect/status.json'
status || true

collect=$(pid_of nameplated-collect.service) publish=$(pid_of nameplated-publish.service)
printf '[[asset]]\nid = "hall-b"\naddress = "modbus-tcp://127.0.0.5:1503?unit=1"\n' >/etc/nameplated/conf.d/b.toml
chown root:nameplated /etc/nameplated/conf.d/b.toml && chmod 640 /etc/nameplated/conf.d/b.toml
holds "a new hall is out of reach at first" refused collect 127.0.0.5
holds "its addresses are written" sh -c 'nameplated units --write /etc/systemd/system >/units.log'
holds "and no restart is asked for" sh -c '! grep restart /units.log && grep "^next: systemctl daemon-reload && systemctl reload" /units.log'
holds "systemd reads them" systemctl daemon-reload
holds "the running role reaches it" reaches collect 127.0.0.5
holds "the new hall is read" systemctl reload nameplated-collect.service nameplated-publish.service
holds "and looked at" soon says '"hall-b"'
echo oops >>/etc/nameplated/conf.d/b.toml
holds "a broken hall is read" systemctl reload nameplated-collect.service nameplated-publish.service
holds "and refused, with file and line" soon says 'plant file refused, the old one holds: /etc/nameplated/conf.d/b.toml:4'
holds "systemd shows why" sh -c 'systemctl show -P StatusText nameplated-collect.service | grep -q "plant file refused"'
holds "both roles run on" active nameplated-collect.service
rm /etc/nameplated/conf.d/b.toml
holds "the mended plant is read" systemctl reload nameplated-collect.service nameplated-publish.service
holds "and nobody is troubled any more" soon silent_on 'plant file refused'
nameplated units --write /etc/systemd/system >/units.log && systemctl daemon-reload
holds "the hall that is gone is out of reach again" refused collect 127.0.0.5
holds "nothing was restarted for it" test "$collect $publish" = "$(pid_of nameplated-collect.service) $(pid_of nameplated-publish.service)"

mkdir -p /etc/systemd/system/nameplated-collect.service.d
printf '[Service]\nWatchdogSec=3s\nTimeoutAbortSec=2s\n' >/etc/systemd/system/nameplated-collect.service.d/90-test.conf
systemctl daemon-reload
holds "collect starts with a short watchdog" systemctl restart nameplated-collect.service
sleep 5
holds "and is not disturbed while it works" active nameplated-collect.service
kill -STOP "$(pid_of nameplated-collect.service)"
holds "when it hangs, it is killed" soon result_is nameplated-collect.service watchdog
holds "and waits for as long as a silent device" sh -c 'test "$(systemctl show -P SubState nameplated-collect.service)" = auto-restart'
holds "status says that it left no word" sh -c 'sleep 1; ! nameplated status'
rm /etc/systemd/system/nameplated-collect.service.d/90-test.conf
systemctl daemon-reload
holds "it comes back" systemctl restart nameplated-collect.service
holds "and leaves its devices alone at first" soon says '"due_s"'
nameplated doctor
holds "doctor has tried it too" sh -c 'nameplated doctor | grep -q "^ok  *networks"'
begin=$(date +%s%N) since=$(date +%s)
systemctl stop nameplated.target
holds "the target stops collect" soon inactive nameplated-collect.service
holds "the target stops publish" soon inactive nameplated-publish.service
echo "stopped in $((($(date +%s%N) - begin) / 1000000)) ms"
holds "nothing was killed for it" sh -c '! journalctl --no-pager -q --since "@'"$since"'" -u "nameplated-*" | grep -qE "SIGKILL|timed out|Failed"'

holds "the single process takes over the files" systemctl start nameplated.service
holds "it runs" soon active nameplated.service
holds "with the one owner" test "$(stat -c %U /var/lib/nameplated/collect/journal.db)" = nameplated-it
holds "the pair takes them back, and stops it" systemctl start nameplated.target
holds "both run" soon active nameplated-collect.service
holds "the journal is collect's again" test "$(stat -c %U /var/lib/nameplated/collect/journal.db)" = nameplated-ot
holds "publish still runs" active nameplated-publish.service
holds "the single process does not" inactive nameplated.service

printf '[Service]\nLoadCredentialEncrypted=report.key:/etc/credstore.encrypted/none\n' >/etc/systemd/system/nameplated-publish.service.d/90-test.conf
systemctl daemon-reload
systemctl restart nameplated-publish.service
holds "a sealed key that is missing ends publish with 243" test "$(systemctl show -P ExecMainStatus nameplated-publish.service)" = 243
holds "and systemd does not try again" test "$(systemctl is-active nameplated-publish.service)" = failed
holds "doctor names the file" sh -c 'nameplated doctor --json | grep -q "/etc/credstore.encrypted/none: No such file"'
rm /etc/systemd/system/nameplated-publish.service.d/90-test.conf
systemctl daemon-reload
holds "without that line it runs again" systemctl restart nameplated-publish.service

# A USB adapter without a driver is ENXIO to whoever may open it, and EPERM to whoever may not.
printf '[[asset]]\nid = "line-1"\naddress = "modbus-rtu:///dev/ttyUSB7?unit=1"\n' >/etc/nameplated/conf.d/line.toml
chown root:nameplated /etc/nameplated/conf.d/line.toml && chmod 640 /etc/nameplated/conf.d/line.toml
holds "a serial line is written" sh -c 'nameplated units --write /etc/systemd/system >/units.log 2>&1'
holds "its adapter is not there, which is noted" grep -q 'note: /dev/ttyUSB7: is not there' /units.log
holds "and a restart is asked for" grep -q '^next: .* systemctl restart' /units.log
systemctl daemon-reload
holds "collect starts without the adapter" systemctl restart nameplated-collect.service
before=$(pid_of nameplated-collect.service)
mknod -m 660 /dev/ttyUSB7 c 188 7 && mknod -m 660 /dev/ttyS7 c 4 71 && chgrp dialout /dev/ttyUSB7 /dev/ttyS7
holds "an adapter that comes later can be opened" opens /dev/ttyUSB7 ENXIO
holds "a port of another kind cannot" opens /dev/ttyS7 EPERM
rm /dev/ttyUSB7 && mknod -m 660 /dev/ttyUSB9 c 188 9 && chgrp dialout /dev/ttyUSB9 && ln -s ttyUSB9 /dev/ttyUSB7
holds "nor does another number close it" opens /dev/ttyUSB7 ENXIO
holds "and nothing was restarted for it" test "$before" = "$(pid_of nameplated-collect.service)"
rm /etc/nameplated/conf.d/line.toml
nameplated units --write /etc/systemd/system >/units.log && systemctl daemon-reload

before=$(pid_of nameplated-collect.service)
holds "an upgrade while it runs" dpkg -i /running.deb
holds "restarts collect" soon active nameplated-collect.service
holds "restarts publish" soon active nameplated-publish.service
holds "with the new program" test "$(pid_of nameplated-collect.service)" != "$before"

echo 'id = "oops' >>/etc/nameplated/plant.toml
holds "an upgrade with a broken plant file ends well" sh -c 'dpkg -i /running.deb >/upgrade.log 2>&1'
holds "the package is configured" sh -c 'dpkg -s nameplated | grep -q "^Status: install ok installed$"'
holds "one line names each role that does not run, and what to do" sh -c \
    'test "$(grep -c "^nameplated: nameplated-[a-z]*.service does not run now; .* .systemctl restart" /upgrade.log)" = 2'
holds "a broken plant file ends the role with 78" test "$(systemctl show -P ExecMainStatus nameplated-collect.service)" = 78
holds "and systemd does not try again" test "$(systemctl is-active nameplated-collect.service)" = failed
holds "the journal names file and line" sh -c 'journalctl --no-pager -q -u nameplated-collect | grep -q "plant.toml:1[0-9]"'
sed -i '$d' /etc/nameplated/plant.toml
systemctl reset-failed
holds "mended, both start again" systemctl start nameplated.target
holds "and runs" soon active nameplated-collect.service
echo "all steps held"
