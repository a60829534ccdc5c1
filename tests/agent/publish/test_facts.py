"""What is known of the plant for the report of health, and that what could not be used is said once, not every minute."""

import logging
from pathlib import Path

import pytest

from agent.publish.facts import EVERY_S, Facts
from agent.publish.survey import survey
from buffer.record import LeftOut, State
from tests.agent.core.looks import moment
from tests.agent.publish.test_survey import asset


def test_states_are_read_again_after_a_minute(tmp_path: Path) -> None:
    facts = Facts(tmp_path / "journal.db")
    assert facts.are_due(moment())
    facts.take(survey([asset()]), moment())
    assert not facts.are_due(moment(EVERY_S - 1)) and facts.are_due(moment(EVERY_S))
    assert (facts.outcomes, [line.asset_id for line in facts.endpoints]) == ({"identified": 1}, ["a"])


def test_what_could_not_be_used_is_logged_once_however_much_it_is_and_again_when_it_is_another(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    facts = Facts(tmp_path / "journal.db")
    bad = [State(kind="asset", subject=f"a\n{number}", at="", body=b"{") for number in range(500)]
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            facts.take(survey([*bad, LeftOut(reason="too many states")]), moment())
        assert [record.getMessage().split()[:2] for record in caplog.records] == [
            ["state.unreadable", "count=500"],
            ["state.left-out", "why='too"],
        ]
        facts.take(survey(bad[:1]), moment())
        assert "count=1 " in caplog.text and len(caplog.records) == 3
    assert facts.left_out == ""
