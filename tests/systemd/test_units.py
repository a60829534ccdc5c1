"""The units as systemd reads them: no complaint, little exposure, and the promises that the rest of the project builds on."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from agent.deploy.dropin import COLLECT, PUBLISH, SINGLE, Lookup, drop_ins
from agent.ending import FINAL, Exit
from config.model import CollectSection, Plant
from tests.agent.deploy.plants import plant

SYSTEMD = Path(__file__).parents[2] / "systemd"
SERVICES = (COLLECT, PUBLISH, SINGLE)
CLOCK = "nameplated-clock.service"
NO_CREDENTIALS = 243  # systemd.exec(5), EXIT_CREDENTIALS: whoever holds the key may be handed it sealed
INTERPRETER = "/opt/nameplated/venv/bin/python"

needs_analyze = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd-analyze here")
needs_sysusers = pytest.mark.skipif(shutil.which("systemd-sysusers") is None, reason="there is no systemd-sysusers here")

NETWORK = plant("modbus-tcp://127.0.0.1", "opc.tcp://192.0.2.1", broker="mqtts://192.0.2.2")
SERIAL = plant("modbus-tcp://192.0.2.1", "modbus-rtu:///dev/null?unit=1", broker="mqtts://192.0.2.2")
LINES_ALONE = plant("modbus-rtu:///dev/null?unit=1", broker="mqtts://192.0.2.2")


def text(unit: str) -> str:
    return (SYSTEMD / unit).read_text(encoding="utf-8")


def values(unit: str, name: str) -> list[str]:
    return re.findall(rf"^{name}=(.*)$", text(unit), re.MULTILINE)


def deployed(folder: Path, of: Plant) -> list[Path]:
    """The units with their drop-ins, and with an interpreter that this machine has."""
    extra = {drop_in.unit: drop_in.text for drop_in in drop_ins(of, Lookup({}))}
    for source in (*SYSTEMD.glob("*.service"), *SYSTEMD.glob("*.target"), *SYSTEMD.glob("*.timer")):
        whole = source.read_text(encoding="utf-8") + "\n" + extra.get(source.name, "")
        (folder / source.name).write_text(whole.replace(INTERPRETER, sys.executable))
    return sorted(folder.iterdir())


@needs_analyze
@pytest.mark.parametrize("of", [NETWORK, SERIAL, LINES_ALONE], ids=["network", "serial", "lines-alone"])
def test_systemd_has_no_complaint(tmp_path: Path, of: Plant) -> None:
    command = ["systemd-analyze", "verify", "--man=no", *map(str, deployed(tmp_path, of))]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    complaints = [line for line in result.stderr.splitlines() if "nameplated" in line]
    assert (result.returncode, complaints) == (0, [])


@needs_analyze
@pytest.mark.parametrize(
    ("unit", "of", "tenths"),
    [
        (COLLECT, NETWORK, 10),
        (COLLECT, SERIAL, 12),
        (COLLECT, LINES_ALONE, 4),
        (PUBLISH, NETWORK, 10),
        (SINGLE, SERIAL, 12),
        (CLOCK, NETWORK, 10),
    ],
    ids=["collect", "collect-serial", "collect-lines-alone", "publish", "single", "clock"],
)
def test_exposure_is_at_most(tmp_path: Path, unit: str, of: Plant, tenths: int) -> None:
    deployed(tmp_path, of)
    command = ["systemd-analyze", "security", "--offline=true", f"--threshold={tenths}", "--no-pager", str(tmp_path / unit)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout.splitlines()[-1]
    assert "Overall exposure level" in result.stdout


RELAXATIONS = (
    "ProcSubset=all",
    "RestrictAddressFamilies=",
    "ExecPaths=",
    "OOMPolicy=continue",
    "Group=",
    "PrivateDevices=no",
    "SupplementaryGroups=",
    "DeviceAllow=",
    "IPAddressAllow=",
    "ReadWritePaths=",
    "SystemCallFilter=adjtimex",
)


def unexplained(text: str) -> list[str]:
    """Relaxations without a reason above them; those of one kind, or of one reason, may follow one another."""
    found, explained = list[str](), False
    for line in text.splitlines():
        relaxes = line.startswith(RELAXATIONS)
        explained = line.startswith("#") or (relaxes and explained)
        if relaxes and not explained:
            found.append(line)
    return found


@pytest.mark.parametrize("unit", [*SERVICES, CLOCK])
def test_every_relaxation_has_its_reason_above_it(unit: str) -> None:
    assert unexplained(text(unit)) == []
    assert len([line for line in text(unit).splitlines() if line.startswith(RELAXATIONS)]) >= 3


ELSEWHERE = plant("modbus-rtu:///dev/serial/by-id/usb-A?unit=1", "modbus-tcp://192.0.2.1", gateway='state_dir = "/srv/evidence"')


@pytest.mark.parametrize("of", [NETWORK, SERIAL, LINES_ALONE, ELSEWHERE], ids=["network", "serial", "lines-alone", "elsewhere"])
def test_every_relaxation_of_a_drop_in_has_its_reason_above_it(of: Plant) -> None:
    texts = {drop_in.unit: drop_in.text for drop_in in drop_ins(of, Lookup({}))}
    assert {unit: unexplained(text) for unit, text in texts.items()} == {unit: [] for unit in SERVICES}
    assert any(line.startswith(RELAXATIONS) for line in texts[COLLECT].splitlines())


@pytest.mark.parametrize("unit", SERVICES)
def test_unit_without_a_drop_in_reaches_nothing_and_listens_nowhere(unit: str) -> None:
    assert values(unit, "IPAddressDeny") == ["any"]
    assert values(unit, "IPAddressAllow") == []
    assert values(unit, "SocketBindDeny") == ["any"]


@pytest.mark.parametrize("unit", SERVICES)
def test_what_a_restart_cannot_mend_is_not_restarted(unit: str) -> None:
    (codes,) = values(unit, "RestartPreventExitStatus")
    credentials = set[int]() if unit == COLLECT else {NO_CREDENTIALS}
    assert {Exit.USAGE, Exit.PROTOCOL, Exit.PERMISSION, Exit.CONFIG} == FINAL
    assert {int(code) for code in codes.split()} == FINAL | credentials


@pytest.mark.parametrize("unit", [COLLECT, SINGLE])
def test_crash_is_restarted_no_sooner_than_a_silent_device_is_asked_again(unit: str) -> None:
    (pause,) = values(unit, "RestartSec")
    assert int(pause.removesuffix("min")) * 60 >= CollectSection().backoff_first_s
    assert int(values(unit, "StartLimitBurst")[0]) <= 20


@pytest.mark.parametrize("unit", SERVICES)
def test_a_unit_that_hangs_is_noticed_and_one_that_reads_its_plant_file_again_is_not_restarted(unit: str) -> None:
    assert values(unit, "WatchdogSec") == ["2min"]
    assert values(unit, "ExecReload") == ["/bin/sh -c 'kill -HUP $MAINPID'"]


@pytest.mark.parametrize(("unit", "roles"), [(COLLECT, {"collect"}), (PUBLISH, {"publish"}), (SINGLE, {"collect", "publish"})])
def test_each_role_leaves_its_word_in_memory_and_it_stays_after_its_end(unit: str, roles: set[str]) -> None:
    assert set(values(unit, "RuntimeDirectory")[0].split()) == {f"nameplated/{role}" for role in roles}
    assert values(unit, "RuntimeDirectoryPreserve") == ["yes"]


def test_who_looks_at_the_clock_has_no_network_and_cannot_set_it() -> None:
    assert values(CLOCK, "PrivateNetwork") == ["yes"]
    assert values(CLOCK, "CapabilityBoundingSet") == [""]
    assert all("nameplated-clock.timer" in values(unit, "Wants")[0] for unit in SERVICES)


def test_the_two_roles_are_two_users_of_one_group() -> None:
    users = {unit: values(unit, "User") for unit in (COLLECT, PUBLISH)}
    assert users == {COLLECT: ["nameplated-ot"], PUBLISH: ["nameplated-it"]}
    assert {values(unit, "Group")[0] for unit in SERVICES} == {"nameplated"}


def test_collect_cannot_see_where_the_key_lies() -> None:
    assert "-/var/lib/nameplated/publish" in values(COLLECT, "InaccessiblePaths")


def test_each_role_writes_its_own_folders_alone() -> None:
    assert values(COLLECT, "StateDirectory") == ["nameplated/collect"]
    assert values(PUBLISH, "StateDirectory") == ["nameplated/publish nameplated/handover"]
    assert {values(unit, "ProtectSystem")[0] for unit in SERVICES} == {"strict"}


def test_single_process_and_pair_exclude_each_other() -> None:
    assert set(values(SINGLE, "Conflicts")[0].split()) == {"nameplated.target", COLLECT, PUBLISH}
    assert values(COLLECT, "Conflicts") == values(PUBLISH, "Conflicts") == values("nameplated.target", "Conflicts") == [SINGLE]


@needs_sysusers
def test_users_can_be_made_by_systemd(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    command = ["systemd-sysusers", f"--root={tmp_path}", "--dry-run", str(SYSTEMD / "nameplated.sysusers")]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    for name in ("nameplated-ot", "nameplated-it"):
        assert f"user '{name}'" in result.stderr
