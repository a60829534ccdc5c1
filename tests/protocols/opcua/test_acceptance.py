"""Which of our certificates a server is shown while a renewal is under way, and what is remembered of it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.opcua import acceptance
from protocols.opcua.own import Own, own_identity, renew

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[Own, Own]:
    pki = tmp_path_factory.mktemp("pki")
    return own_identity(pki, NOW), renew(pki, NOW)


def test_without_a_renewal_there_is_one_to_show(both: tuple[Own, Own]) -> None:
    own, _ = both
    assert acceptance.shown(own, None, accepted=False, learned=[acceptance.refusal(NOW)], now=NOW) == (own,)


def test_next_one_is_shown_first_and_alone_once_it_was_accepted(both: tuple[Own, Own]) -> None:
    own, following = both
    assert acceptance.shown(own, following, accepted=False, learned=[], now=NOW) == (following, own)
    assert acceptance.shown(own, following, accepted=True, learned=[acceptance.refusal(NOW)], now=NOW) == (following,)


@pytest.mark.parametrize(("hours", "shown"), [(0, 1), (6, 1), (23, 1), (24, 2), (-1, 2)])
def test_server_that_refused_the_next_one_is_shown_it_again_after_a_day(both: tuple[Own, Own], hours: int, shown: int) -> None:
    own, following = both
    learned = [acceptance.refusal(NOW), "policy=Basic256Sha256"]
    found = acceptance.shown(own, following, accepted=False, learned=learned, now=NOW + timedelta(hours=hours))
    assert len(found) == shown and found[-1] is own


@given(st.lists(st.text() | st.text().map(acceptance.REFUSED.__add__)))
def test_word_that_says_no_time_counts_for_nothing(words: list[str]) -> None:
    assert set(acceptance.fresh_refusals(words, NOW)) <= set(words)


@pytest.mark.parametrize("text", ["", "yesterday", "2026-11-22T11:00:00", "9" * 5000])
def test_refusal_without_a_time_and_a_zone_is_not_fresh(text: str) -> None:
    assert acceptance.fresh_refusals([acceptance.REFUSED + text], NOW) == ()


def test_acceptance_is_remembered_for_one_server_and_one_certificate(tmp_path: Path, both: tuple[Own, Own]) -> None:
    own, following = both
    for host, port in (("plc-7", 4840), ("fe80::1", 4841)):
        acceptance.note(tmp_path, host, port, following)
        since = acceptance.accepts(tmp_path, host, port, following)
        assert since is not None and acceptance.accepts(tmp_path, host, port, own) is None
    assert acceptance.accepts(tmp_path, "plc-7", 4841, following) is None
    assert ("plc-7", 4840) in acceptance.endpoints(tmp_path) and len(acceptance.endpoints(tmp_path)) == 2

    acceptance.note(tmp_path, "plc-7", 4840, following)
    acceptance.forget(tmp_path, "plc-7", 4840, following)
    acceptance.forget(tmp_path, "plc-7", 4840, following)
    assert acceptance.accepts(tmp_path, "plc-7", 4840, following) is None


def test_note_that_cannot_be_written_costs_no_visit(tmp_path: Path, both: tuple[Own, Own]) -> None:
    (tmp_path / "accepted").write_text("a file in the way")
    acceptance.note(tmp_path, "h", 1, both[0])
    acceptance.forget(tmp_path, "h", 1, both[0])
    assert acceptance.accepts(tmp_path, "h", 1, both[0]) is None and acceptance.endpoints(tmp_path) == ()
