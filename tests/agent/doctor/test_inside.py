"""What a role finds out about its own unit: from inside, at its start, with one harmless attempt."""

from pathlib import Path

import pytest

from agent.core.moment import ClockState
from agent.doctor.egress import Attempt
from agent.doctor.inside import look_around

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


def states(kernel: Path, attempt: Attempt = Attempt.REFUSED, clock: ClockState = ClockState.SYNC) -> dict[str, str]:
    found = look_around(clock, environment=UNIT, attempt=lambda: attempt, cgroups=kernel, own_group=kernel / "own")
    return {one.name: one.state for one in found}


def test_a_unit_whose_promises_are_kept_finds_nothing_amiss(kernel: Path) -> None:
    assert states(kernel) == {"networks": "ok", "memory-limit": "ok", "clock": "ok"}


def test_a_kernel_that_lets_a_forbidden_connection_through_is_found_out(kernel: Path) -> None:
    assert states(kernel, Attempt.SENT)["networks"] == "bad"


def test_a_limit_that_means_nothing_is_found_out(kernel: Path) -> None:
    (kernel / "cgroup.controllers").write_text("cpu pids\n")
    assert states(kernel)["memory-limit"] == "bad"
    (kernel / "cgroup.controllers").write_text("memory\n")
    (kernel / "system.slice" / "nameplated-publish.service" / "memory.max").write_text("max\n")
    assert states(kernel)["memory-limit"] == "warn"


def test_a_clock_that_nobody_confirmed_is_said(kernel: Path) -> None:
    assert states(kernel, clock=ClockState.UNSYNC)["clock"] == "warn"
    assert states(kernel, clock=ClockState.HOLDOVER)["clock"] == "ok"


@pytest.mark.parametrize("environment", [{}, {"INVOCATION_ID": "1"}, {"NOTIFY_SOCKET": "x"}])
def test_a_role_that_systemd_did_not_start_tries_nothing(environment: dict[str, str]) -> None:
    def attempt() -> Attempt:
        raise AssertionError("nothing is to be tried")

    found = look_around(ClockState.SYNC, environment=environment, attempt=attempt)
    assert [(one.name, one.state) for one in found] == [("networks", "warn"), ("clock", "ok")]
    assert found[0].remedy


def test_this_process_can_look_for_real() -> None:
    assert {one.name for one in look_around(ClockState.SYNC, environment=UNIT)} == {"networks", "memory-limit", "clock"}
