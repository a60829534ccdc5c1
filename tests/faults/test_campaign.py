"""A short round of the fault campaign; `make faults` runs the long one."""

import shutil
from pathlib import Path

import pytest

from tests.faults.crowd import crowd
from tests.faults.full import damage_on_a_small_volume, full_disk, may_mount
from tests.faults.kills import kills
from tests.faults.models import models
from tests.faults.outage import forgetting, outage
from tests.faults.power import power_cuts
from tests.faults.roles import roles
from tests.faults.rot import rot


def test_a_property_that_does_not_hold_ends_the_campaign_with_its_example(tmp_path: Path) -> None:
    wrong = "from hypothesis import given, strategies\n\n\n@given(strategies.integers())\ndef test_it(n: int) -> None:\n    assert n < 5"
    (tmp_path / "test_wrong.py").write_text(wrong)
    with pytest.raises(AssertionError, match=r"n=5\b"):
        models(1, 7, tmp_path, processes=0)


def test_twenty_kills_lose_nothing() -> None:
    assert kills(20, seed=1)["records"] > 0


@pytest.mark.mosquitto
def test_either_role_is_killed_while_the_other_works_and_the_isms_knows_the_plant_as_it_is() -> None:
    assert roles(4, seed=3)["records"] > 0


@pytest.mark.skipif(shutil.which("strace") is None, reason="the Debian package strace is not installed")
def test_a_thousand_power_cuts_lose_nothing() -> None:
    assert power_cuts(1_000, seed=1)["images"] >= 1_000


@pytest.mark.skipif(not may_mount(), reason="only root may mount a small file system")
def test_a_full_disk_stops_nothing_and_everything_goes_on_later() -> None:
    figures = full_disk(1_000, seed=1)
    assert figures["held in memory while full"] > 0
    assert figures["missing"] - figures["in memory when it ended"] <= figures["confessed"]


@pytest.mark.skipif(not may_mount(), reason="only root may mount a small file system")
@pytest.mark.parametrize("which", ["journal", "outbox"])
def test_a_damaged_file_on_a_volume_without_room_for_a_second_one_keeps_no_role_from_its_work(which: str) -> None:
    figures = damage_on_a_small_volume(which)
    assert figures["missing"] < figures["records"]


def test_sixty_ways_to_damage_the_files_do_not_stop_the_next_start() -> None:
    figures = rot(60, seed=1)
    assert figures["slowest ms of a processor"] < 10_000


@pytest.mark.mosquitto
def test_hours_without_a_broker_are_delivered_when_it_is_back() -> None:
    assert outage(0.1)["records"] == 145


@pytest.mark.mosquitto
def test_gateways_that_come_at_once_deliver_everything_through_a_broker_that_drops() -> None:
    assert crowd(8, 120, queue=20)["asked for again"]


@pytest.mark.mosquitto
def test_broker_that_dies_and_forgets_costs_nothing() -> None:
    forgetting(300, kills=2)
