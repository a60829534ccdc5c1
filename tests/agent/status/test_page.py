"""The page of `status` fits a narrow terminal, puts last what needs a look, and never lets a device drive the terminal."""

import msgspec
import pytest

from agent.core.status import AssetLine, CollectWord, Word
from agent.core.vitals import Found, Vitals
from agent.status.page import page, span
from tests.agent.core.looks import moment
from tests.agent.core.test_status import COLLECT, PUBLISH, vitals, word


def shown(columns: int = 100, found: tuple[str, ...] = (), **words: Word | None) -> str:
    return page({"collect": word("collect"), "publish": word("publish"), **words}, found, moment(), columns=columns)


def assets(*lines: AssetLine, count: int = 0, paused: str = "") -> Word:
    return word(work=CollectWord(assets=list(lines), count=count or len(lines), paused=paused))


@pytest.mark.parametrize("columns", [60, 100])
def test_every_line_fits(columns: int) -> None:
    long = AssetLine(asset_id="a" * 64, outcome="identified", last_seen_at="2026-11-22T22:01:03Z", due_s=1e6, failures=12)
    found = [Found(name="networks", state="warn", detail="not started by systemd " * 5, remedy="start the units " * 5)]
    text = shown(columns, ("something to look at " * 9,), collect=word(work=assets(long).work, vitals=vitals(found=found)))
    assert max(map(len, text.splitlines())) <= columns


def test_a_problem_comes_last_where_it_does_not_scroll_away_and_without_one_all_is_well() -> None:
    assert shown().endswith("\n\nall is well")
    assert shown(found=("publish does not run", "collect does not run")).endswith(
        "\n\n! publish does not run\n! collect does not run"
    )


def test_it_says_what_each_role_does_and_how_far_delivery_is() -> None:
    text = shown(publish=word("publish", work=msgspec.structs.replace(PUBLISH, waiting=3, waiting_bytes=4096, receipt_upto=2)))
    for fact in ("collect   runs for", "isms:8883: connected since", "3 reports wait, 4 KiB", "e at 3, receipt up to 2, head h"):
        assert fact in text


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (AssetLine(asset_id="x", due_s=moment().up_s + 11_520), "in 3 h 12 min"),
        (AssetLine(asset_id="x", due_s=0.0), "now"),
        (AssetLine(asset_id="x", due_s=0.0, visiting=True), "is being asked"),
        (AssetLine(asset_id="x", due_s=0.0, outcome="refused", failures=3, quarantined=True), "refused, quarantined"),
        (AssetLine(asset_id="x", due_s=0.0, outcome="silent", failures=2), "silent x2"),
        (AssetLine(asset_id="x", due_s=0.0), "never"),
    ],
)
def test_a_line_for_each_asset_says_how_it_stands(line: AssetLine, said: str) -> None:
    assert said in shown(collect=assets(line)).splitlines()[-3]


def test_in_a_maintenance_window_the_next_visit_is_after_it() -> None:
    text = shown(collect=assets(AssetLine(asset_id="x", due_s=0.0), paused="mon-fri 06:00-18:00"))
    assert "after the window" in text
    assert "nothing is asked now: mon-fri 06:00-18:00" in text


def test_what_did_not_fit_is_counted() -> None:
    assert "… and 9 more" in shown(collect=assets(COLLECT.assets[0], count=10))


def test_what_both_roles_found_is_said_once() -> None:
    same = Vitals(at=moment().text, found=[Found(name="clock", state="warn", detail="not confirmed")])
    text = shown(collect=word(vitals=same), publish=word("publish", vitals=same))
    assert text.count("not confirmed") == 1
    assert "(collect, publish)" in text
    assert text.endswith("\n\nall is well, but for the finding above")


def test_a_role_that_ended_says_when_and_why() -> None:
    assert f"ended {moment().text}: no key" in shown(publish=word("publish", ended="no key", work=None))


def test_control_characters_do_not_reach_the_terminal() -> None:
    text = shown(found=("\x1b[2Jgone",), publish=word("publish", work=msgspec.structs.replace(PUBLISH, broker="\x1b]0;x\x07b")))
    assert "\x1b" not in text and "\x07" not in text


def test_half_an_hour_is_not_half_an_hour_and_no_seconds() -> None:
    assert [span(seconds) for seconds in (-5, 59, 60, 86_400)] == ["0 s", "59 s", "1 min", "1 d 0 h"]
