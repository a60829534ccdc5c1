"""The belief about an asset keeps the last nameplate while a device is away, and counts every look."""

from agent.core.asset import after_look
from tests.agent.core.looks import look


def test_failed_look_keeps_what_was_known() -> None:
    seen = look()
    state = after_look(after_look(None, seen), look("silent", at_s=60))
    assert state.known is not None and state.known.nameplate == seen.nameplate
    assert (state.last_seen_at, state.last_asked_at) == (seen.observed_at, state.observation.observed_at)


def test_asset_that_was_never_identified_was_never_seen() -> None:
    state = after_look(None, look("unreachable"))
    assert state.known is None and state.last_seen_at is None


def test_every_look_is_counted() -> None:
    state = after_look(after_look(None, look()), look("silent", at_s=60))
    assert (state.ledger.looks, state.ledger.connections, state.ledger.requests) == (2, 2, {"43/14": 2})
