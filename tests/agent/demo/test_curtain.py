"""The curtain: it falls when the gateway knows the plant as the script left it, and not before."""

import pytest

from agent.demo.curtain import noticed, until
from agent.demo.scene import CAST
from agent.demo.script import script
from agent.demo.table import Row

CUES = script(60)
AFTER = {"press-07-plc": "2.2", "tank-coupler": "10.8(04)"}


def rows(**different: str) -> tuple[Row, ...]:
    return tuple(
        Row(
            asset_id=part.asset_id,
            state=different.get("state", part.outcome) if part.asset_id == "conveyor-3-io" else part.outcome,
            firmware=different.get("firmware", AFTER[part.asset_id]) if part.asset_id in AFTER else "1.0",
        )
        for part in CAST
    )


def test_plant_as_the_script_left_it_is_noticed() -> None:
    assert noticed(rows(), CUES)


def test_device_that_has_not_returned_is_waited_for() -> None:
    assert not noticed(rows(state="unreachable"), CUES)


def test_firmware_that_nobody_has_read_yet_is_waited_for() -> None:
    assert not noticed(rows(firmware="2.1"), CUES)


@pytest.mark.parametrize(("answers", "came"), [([False, True], True), ([False] * 99, False)])
async def test_waiting_ends_with_what_was_waited_for_or_with_the_time(answers: list[bool], came: bool) -> None:
    left = iter(answers)
    assert await until(lambda: next(left), timeout_s=0.3) is came


async def test_moment_that_does_not_last_is_not_enough() -> None:
    flicker = iter([True, False] * 1000)
    assert not await until(lambda: next(flicker), timeout_s=0.3, lasting_s=0.1)
