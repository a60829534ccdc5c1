"""The pauses of roles that share a process are those of the units of their own."""

import re
from pathlib import Path

import pytest

from agent.core.again import AGAIN, Again

SYSTEMD = Path(__file__).parents[3] / "systemd"


@pytest.mark.parametrize("role", ["collect", "publish"])
def test_a_role_is_tried_as_often_as_systemd_would(role: str) -> None:
    unit = dict(re.findall(r"^(\w+)=(\w+)$", (SYSTEMD / f"nameplated-{role}.service").read_text(), re.MULTILINE))
    again = AGAIN[role]
    assert f"{again.pause_s / 60:.0f}min" == unit["RestartSec"]
    assert str(again.most) == unit.get("StartLimitBurst", "0")
    assert (again.within_s, unit["StartLimitIntervalSec"]) in {(86_400.0, "1d"), (86_400.0, "0")}


def test_the_single_process_pauses_no_shorter_than_its_more_careful_role() -> None:
    unit = (SYSTEMD / "nameplated.service").read_text()
    assert f"RestartSec={AGAIN['collect'].pause_s / 60:.0f}min" in unit
    assert f"StartLimitBurst={AGAIN['collect'].most}" in unit


def test_failures_of_yesterday_do_not_count() -> None:
    again = Again(pause_s=900.0, most=3)
    assert again.wait_s([0.0, 86_000.0, 86_500.0]) == 900.0
    assert again.wait_s([0.0, 86_000.0, 86_300.0]) is None


def test_publish_is_tried_without_an_end() -> None:
    assert AGAIN["publish"].wait_s([float(number) for number in range(10_000)]) == 60.0
