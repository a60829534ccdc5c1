"""The daily manifest: due by time that has surely passed, and in parts that fit an envelope."""

from collections.abc import Iterable
from typing import Any

import msgspec

from agent.core.asset import after_look
from agent.core.moment import ClockState, Moment
from agent.publish.manifest import (
    BYTES_A_PART,
    EVERY_S,
    FIRST_AFTER_S,
    LINES_A_PART,
    Told,
    bytes_a_part,
    is_due,
    manifest,
    resumed,
)
from agent.publish.survey import Survey, survey
from buffer.record import State
from evidence import kinds
from tests.agent.core.looks import look, moment

NEVER = Told(moment=moment())
TWO = 500
"""Bytes of a report that has room for two assets of a short name, and not for three."""

NAMES = [f"asset-{number:05}" for number in range(7)]


def surveyed(assets: Iterable[tuple[str, Any]]) -> Survey:
    return survey(State(kind="asset", subject=name, at="", body=msgspec.json.encode(asset)) for name, asset in assets)


def plant(count: int, **fields: object) -> Survey:
    names = [f"asset-{number:05}" for number in range(count)]
    return surveyed((name, after_look(None, look(asset_id=name, **fields))) for name in names)


def test_first_manifest_comes_soon_and_the_next_a_day_later() -> None:
    assert not is_due(Told(moment=moment()), moment(FIRST_AFTER_S - 1))
    assert is_due(Told(moment=moment()), moment(FIRST_AFTER_S))
    assert not is_due(Told(moment=moment(), manifests=1), moment(EVERY_S - 1))
    assert is_due(Told(moment=moment(), manifests=1), moment(EVERY_S))


def test_clock_that_stands_before_the_last_manifest_after_a_boot_lets_nobody_wait_for_years() -> None:
    told = Told(moment=Moment(at_s=2e9, up_s=5.0, boot="before", clock=ClockState.SYNC), manifests=3)
    now = Moment(at_s=20.0, up_s=1.0, boot="after", clock=ClockState.UNSYNC)
    assert resumed(told, now) == Told(moment=now)
    assert resumed(None, now) == Told(moment=now)


def test_manifest_of_this_boot_and_one_that_is_surely_past_are_believed() -> None:
    told = Told(moment=Moment(at_s=2e9, up_s=5.0, boot="boot", clock=ClockState.SYNC), manifests=3)
    for now in (
        Moment(at_s=20.0, up_s=9.0, boot="boot", clock=ClockState.UNSYNC),
        Moment(at_s=2e9 + 1, up_s=1.0, boot="after", clock=ClockState.SYNC),
    ):
        assert resumed(told, now) is told


def test_clock_jump_makes_no_manifest() -> None:
    assert not is_due(Told(moment=moment(), manifests=1), moment(60, at_s=4_000_000_000))


def test_plant_without_a_look_has_no_manifest() -> None:
    assert manifest(plant(0), moment(), NEVER) == []


def test_asset_that_fell_silent_keeps_its_last_seen_and_its_firmware() -> None:
    state = after_look(after_look(None, look()), look("silent", at_s=60))
    inventory = manifest(surveyed([("press-07", state)]), moment(61), NEVER)[0].drafts[0].body
    assert isinstance(inventory, kinds.Inventory)
    [entry] = inventory.assets
    assert (entry.outcome, entry.firmware_version) == ("silent", "2.1")
    assert entry.last_seen_at is not None and entry.last_asked_at is not None and entry.last_seen_at < entry.last_asked_at


def test_large_plant_is_told_in_parts_that_together_are_everything() -> None:
    drafts = [draft for part in manifest(plant(2 * LINES_A_PART + 1), moment(), NEVER) for draft in part.drafts]
    inventories = [draft.body for draft in drafts if isinstance(draft.body, kinds.Inventory)]
    ledgers = [draft.body for draft in drafts if isinstance(draft.body, kinds.Ledger)]
    assert [(each.part, each.parts) for each in inventories] == [(1, 3), (2, 3), (3, 3)]
    assert sum(len(each.assets) for each in inventories) == sum(len(each.assets) for each in ledgers) == 2 * LINES_A_PART + 1


def test_interrupted_manifest_goes_on_behind_the_asset_that_it_came_to_and_ends_whole() -> None:
    first, second, _ = manifest(plant(5), moment(), NEVER, room_bytes=TWO)
    assert (second.told.part, second.told.after, second.told.manifests) == (2, "asset-00003", 0)
    later = surveyed((name, after_look(None, look(asset_id=name))) for name in NAMES if name != "asset-00001")
    [third, fourth] = manifest(later, moment(60), second.told, room_bytes=TWO)
    inventories = [part.drafts[0].body for part in (first, second, third, fourth)]
    assert [inventory.part for inventory in inventories] == [1, 2, 3, 4]
    assert [line.asset_id[-1] for inventory in inventories for line in inventory.assets] == list("0123456")
    assert fourth.told == Told(moment=moment(60), manifests=1)


def test_manifest_of_which_the_rest_is_gone_is_whole() -> None:
    [_, second, _] = manifest(plant(5), moment(), NEVER, room_bytes=TWO)
    [rest] = manifest(plant(4), moment(60), second.told, room_bytes=TWO)
    assert rest.drafts == () and rest.told == Told(moment=moment(60), manifests=1)


def test_a_part_is_only_so_large_that_its_outbox_can_make_room_for_it() -> None:
    assert bytes_a_part(64 * 1024) * 3 <= 64 * 1024 // 8
    assert bytes_a_part(1 << 40) == BYTES_A_PART


def test_longer_lines_than_expected_make_more_parts_and_none_that_no_envelope_takes() -> None:
    long = surveyed((f"a{number}", after_look(None, look(address="\x01" * 1024))) for number in range(2 * LINES_A_PART))
    drafts = [draft for part in manifest(long, moment(), NEVER) for draft in part.drafts]
    assert len(drafts) == 40
    assert all(len(msgspec.json.encode(draft.body)) < BYTES_A_PART + 1000 for draft in drafts)
    lines = [line.asset_id for draft in drafts if isinstance(draft.body, kinds.Inventory) for line in draft.body.assets]
    assert lines == sorted(long.inventory)
