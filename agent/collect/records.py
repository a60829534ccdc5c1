"""What goes into the journal, and what comes back from it: the forms of records and states.

Decides which records a look is worth: none where nothing is new. Never writes anything, never reads a clock.
"""

from collections.abc import Mapping
from typing import TypeVar

import msgspec

from agent.core.asset import AssetState
from agent.core.change import changes
from agent.core.decoding import UnreadableError, decoded
from agent.core.moment import Moment
from agent.core.observation import Event, Observation, same_content
from agent.core.silence import of_device
from agent.log import line, logger
from buffer.record import Draft, State

LONGEST_DETAIL = 1024

_log = logger("collect")

_Form = TypeVar("_Form", bound=msgspec.Struct)


def draft(kind: str, subject: str, body: msgspec.Struct, at: str) -> Draft:
    """Make a record of a document of ours."""
    return Draft(kind=kind, subject=subject, at=at, body=msgspec.json.encode(body))


def event(name: str, detail: str, now: Moment, *, subject: str = "") -> Draft:
    """Make a record of something that happened to the gateway itself, or that it decided about an asset."""
    happened = Event(name=name, at=now.text, moment=now, subject=subject, detail=detail[:LONGEST_DETAIL])
    return draft("event", "gateway", happened, now.text)


def news(before: AssetState | None, look: Observation) -> list[Draft]:
    """Return the records that a look is worth: none where nothing is new."""
    if before and same_content(before.observation, look):
        return []
    subject, at = look.asset_id, look.observed_at
    away = of_device(before, look)
    return [
        draft("observation", subject, look, at),
        *(draft("change", subject, change, at) for change in changes(before, look)),
        *([draft("silence", subject, away, at)] if away else []),
    ]


def newest(kind: str, subject: str, body: msgspec.Struct, now: Moment) -> State:
    """Make the one state that is kept of a subject."""
    return State(kind=kind, subject=subject, at=now.text, body=msgspec.json.encode(body))


def read_states(states: Mapping[str, State], form: type[_Form]) -> dict[str, _Form]:
    """Read states of an earlier run; one that cannot be read is forgotten, which costs a look and a log line."""
    found: dict[str, _Form] = {}
    for subject, state in states.items():
        try:
            found[subject] = decoded(state.body, form)
        except UnreadableError as error:
            _log.warning(line("state.unreadable", subject=subject, why=str(error)))
    return found


def read_state(states: Mapping[str, State], subject: str, form: type[_Form]) -> _Form | None:
    """Read one state of an earlier run, as `read_states` does; None if there is none that can be read."""
    return read_states({subject: states[subject]}, form).get(subject) if subject in states else None
