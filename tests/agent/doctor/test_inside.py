"""What a role finds out about its own unit: from inside, with one harmless attempt at its start, and again while it runs."""

import os
from pathlib import Path

import msgspec
import pytest

from agent.core.moment import ClockState
from agent.core.vitals import Found
from agent.deploy.dropin import DropIn
from agent.doctor.egress import Attempt
from agent.doctor.finding import Finding, State
from agent.doctor.inside import clock, look_again, look_around, told
from tests.agent.core.looks import moment

UNIT = {"INVOCATION_ID": "1", "NOTIFY_SOCKET": "/run/systemd/notify"}


@pytest.fixture
def kernel(tmp_path: Path) -> Path:
    """What the kernel shows to a process of a unit that is limited to 128 MiB."""
    group = tmp_path / "system.slice" / "nameplated-publish.service"
    group.mkdir(parents=True)
    (group / "memory.max").write_text("134217728\n")
    (tmp_path / "cgroup.controllers").write_text("cpu memory pids\n")
    (tmp_path / "own").write_text("0::/system.slice/nameplated-publish.service\n")
    return tmp_path


def states(kernel: Path, attempt: Attempt = Attempt.REFUSED) -> dict[str, str]:
    found = look_around(environment=UNIT, attempt=lambda: attempt, cgroups=kernel, own_group=kernel / "own")
    return {one.name: one.state for one in found}


def test_a_unit_whose_promises_are_kept_finds_nothing_amiss(kernel: Path) -> None:
    assert states(kernel) == {"networks": "ok", "memory-limit": "ok"}


def test_a_kernel_that_lets_a_forbidden_connection_through_is_found_out(kernel: Path) -> None:
    assert states(kernel, Attempt.SENT)["networks"] == "bad"


def test_a_limit_that_means_nothing_is_found_out(kernel: Path) -> None:
    (kernel / "cgroup.controllers").write_text("cpu pids\n")
    assert states(kernel)["memory-limit"] == "bad"
    (kernel / "cgroup.controllers").write_text("memory\n")
    (kernel / "system.slice" / "nameplated-publish.service" / "memory.max").write_text("max\n")
    assert states(kernel)["memory-limit"] == "warn"


@pytest.mark.parametrize("environment", [{}, {"INVOCATION_ID": "1"}, {"NOTIFY_SOCKET": "x"}])
def test_a_role_that_systemd_did_not_start_tries_nothing(environment: dict[str, str]) -> None:
    def attempt() -> Attempt:
        raise AssertionError("nothing is to be tried")

    found = look_around(environment=environment, attempt=attempt)
    assert [(one.name, one.state) for one in found] == [("networks", "warn")]
    assert found[0].remedy


def test_this_process_can_look_for_real() -> None:
    assert {one.name for one in look_around(environment=UNIT)} == {"networks", "memory-limit"}


def test_a_clock_that_nobody_confirmed_is_said_until_somebody_does() -> None:
    moments = [
        msgspec.structs.replace(moment(), clock=state) for state in (ClockState.UNSYNC, ClockState.SYNC, ClockState.HOLDOVER)
    ]
    states = [clock(now, made_s=0.0).state for now in moments]
    assert states == ["warn", "ok", "ok"]


def test_a_clock_before_this_program_was_made_is_wrong_whoever_confirms_it() -> None:
    found = clock(msgspec.structs.replace(moment(), clock=ClockState.SYNC), made_s=moment().at_s + 1)
    assert found.state == "bad"
    assert "is before this program was made" in found.detail and found.remedy


def around(kernel: Path, plant_file: Path | None = None, environment: dict[str, str] = UNIT) -> dict[str, str]:
    found = look_again(kernel, plant_file, environment=environment, own_group=kernel / "own", unit_dir=kernel / "units")
    return {one.name: one.state for one in found}


def test_an_address_list_that_is_older_than_the_plant_file_is_said(kernel: Path) -> None:
    plant, drop_in = kernel / "plant.toml", kernel / "units" / DropIn("nameplated-publish.service", "").place
    plant.touch()
    assert around(kernel, plant)["units"] == "bad"
    drop_in.parent.mkdir(parents=True)
    drop_in.touch()
    assert around(kernel, plant)["units"] == "ok"
    hall = kernel / "conf.d" / "20-hall-b.toml"
    hall.parent.mkdir()
    hall.touch()
    os.utime(hall, (2e9 * 2, 2e9 * 2))
    assert around(kernel, plant)["units"] == "warn"
    assert "units" not in around(kernel, plant, environment={})
    (kernel / "own").write_text("0::/\n")  # no unit that could have one
    assert "units" not in around(kernel, plant)


def test_the_volume_of_a_role_is_judged_and_one_that_is_not_there_is_not(kernel: Path) -> None:
    assert around(kernel) == {"volume": "ok"}
    assert around(kernel / "nowhere") == {}


def test_what_is_told_stays_within_bounds() -> None:
    many = [Finding(f"f{number}", State.BAD, "x" * 5000, "y" * 5000) for number in range(99)]
    found = told(many)
    assert (len(found), len(found[0].detail), len(found[0].remedy)) == (16, 512, 512)
    assert msgspec.json.decode(msgspec.json.encode(found), type=list[Found]) == found
