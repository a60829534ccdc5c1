"""A filter that works is told from one that does not, and nothing leaves the machine for it."""

import socket
import subprocess
import sys
from ipaddress import ip_address
from pathlib import Path

import pytest

from agent.doctor.egress import FORBIDDEN, Attempt, attempt, attempt_in_a_unit, check, judge
from agent.doctor.finding import State
from tests.agent.doctor.cgroup_filter import cgroup2, refusing_group

INSIDE = """
import os, sys
with open(sys.argv[1], "w") as procs:
    procs.write(str(os.getpid()))
from agent.doctor.egress import attempt
print(attempt())
"""


def test_forbidden_address_is_this_machine_itself() -> None:
    assert ip_address(FORBIDDEN[0]).is_loopback


def test_where_no_filter_is_the_datagram_arrives() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.settimeout(2)
        assert attempt(listener.getsockname()) is Attempt.SENT
        assert listener.recv(10) == b""


def test_filter_of_a_group_refuses_at_once() -> None:
    top = cgroup2()
    if top is None:
        pytest.skip("no cgroup v2 here")
    try:
        with refusing_group(top) as group:
            command = [sys.executable, "-I", "-c", INSIDE, str(group / "cgroup.procs")]
            done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=20)
    except OSError as error:
        pytest.skip(f"cannot load a filter here: {error}")
    assert done.stdout.strip() == Attempt.REFUSED


def test_broadcast_that_is_not_allowed_is_no_filter() -> None:
    assert attempt(("127.255.255.255", 9)) is Attempt.UNCLEAR


def test_only_root_under_systemd_can_make_a_unit_to_try_it_in(tmp_path: Path) -> None:
    assert attempt_in_a_unit(is_root=False, booted=tmp_path) is Attempt.NOT_MADE
    assert attempt_in_a_unit(is_root=True, booted=tmp_path / "none") is Attempt.NOT_MADE


def test_unit_that_cannot_be_made_is_unclear(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert attempt_in_a_unit(is_root=True, booted=tmp_path) is Attempt.UNCLEAR


def test_what_a_unit_says_is_what_was_tried_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runner = tmp_path / "systemd-run"
    runner.write_text("#!/bin/sh\nprintf refused\n")
    runner.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert attempt_in_a_unit(is_root=True, booted=tmp_path) is Attempt.REFUSED


@pytest.mark.parametrize(
    ("outcome", "state"),
    [
        (Attempt.REFUSED, State.OK),
        (Attempt.SENT, State.BAD),
        (Attempt.UNCLEAR, State.UNKNOWN),
        (Attempt.NOT_MADE, State.UNKNOWN),
    ],
)
def test_each_outcome_has_its_state_and_all_but_the_good_one_a_remedy(outcome: Attempt, state: State) -> None:
    finding = judge(outcome)
    assert finding.state is state
    assert bool(finding.remedy) == (state is not State.OK)


def test_check_judges_the_attempt_it_was_given() -> None:
    assert check(lambda: Attempt.SENT).state is State.BAD
