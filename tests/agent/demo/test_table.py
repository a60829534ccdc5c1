"""The screen: what the gateway knows becomes a row, and what changed becomes a sentence, told once."""

from dataclasses import replace

import pytest

from agent.core.asset import AssetState, Known
from agent.core.ledger import Totals
from agent.core.moment import ClockState, Moment
from agent.core.observation import FieldValue, Observation
from agent.demo.table import Lines, Row, View, news, row

AT = "2026-11-22T20:00:00.000Z"
NOW = Moment(at_s=0, up_s=0, boot="b", clock=ClockState.SYNC)
PRESS = Row(asset_id="press-07-plc", manufacturer="ACME", product="P7", firmware="2.1", requests=3, state="identified")


def state(outcome: str, **fields: str) -> AssetState:
    nameplate = {name: FieldValue(value=value, source="s", raw="") for name, value in fields.items()}
    look = Observation(asset_id="a", address="x", observed_at=AT, moment=NOW, outcome=outcome)
    known = Known(observed_at=AT, nameplate=nameplate, software_components=[]) if fields else None
    totals = Totals(since=AT, looks=2, requests={"43/14": 2, "3": 1})
    return AssetState(observation=look, known=known, last_asked_at=AT, last_seen_at=None, ledger=totals)


def view(*news: str) -> View:
    return View(at_s=12, seconds=60, headline="the broker is killed", rows=(PRESS,), news=news)


def test_asset_that_nobody_asked_has_an_empty_row() -> None:
    assert row("a", None) == Row(asset_id="a", state="not asked yet")


def test_row_keeps_the_last_nameplate_while_a_device_is_away() -> None:
    line = row("a", state("unreachable", manufacturer_name="ACME", firmware_version="2.1"))
    assert (line.manufacturer, line.firmware, line.requests, line.state) == ("ACME", "2.1", 3, "unreachable")


def test_order_code_stands_in_for_a_missing_product_name() -> None:
    assert row("a", state("identified", order_code_of_manufacturer="750-881")).product == "750-881"


def test_one_more_request_is_no_news() -> None:
    assert news([PRESS], [replace(PRESS, requests=4)]) == []


@pytest.mark.parametrize(
    ("after", "said"),
    [
        (replace(PRESS, firmware="2.2"), "press-07-plc tells firmware 2.2, was 2.1"),
        (replace(PRESS, state="unreachable"), "press-07-plc is unreachable"),
    ],
)
def test_difference_is_told_in_one_sentence(after: Row, said: str) -> None:
    assert news([PRESS], [after]) == [said]


def test_first_nameplate_is_told_in_full() -> None:
    assert news([Row(asset_id="press-07-plc")], [PRESS]) == ["press-07-plc is identified: ACME P7 2.1"]


def test_plain_lines_tell_each_piece_of_news_once(capsys: pytest.CaptureFixture[str]) -> None:
    screen = Lines()
    screen.show(view("one"))
    screen.show(view("one", "two"))
    assert capsys.readouterr().out == "one\ntwo\n"
