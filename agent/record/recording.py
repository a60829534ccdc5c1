"""A recording: one device's answers, and the nameplate that must come out of them for ever.

Decides the form of a recording and replays it. Never opens a connection, and never holds an address: what a recording says of a
device is what any device of its kind would say.
"""

from collections.abc import Sequence

import msgspec

from protocols.contract import Answer
from protocols.modbus.dialogue import hold
from protocols.modbus.identification import identify
from protocols.modbus.nameplate import from_identification, from_profile
from protocols.modbus.readout import read_out
from protocols.profile_form import Profile

FORM = "nameplated-recording/1"
MAX_BYTES = 1_048_576

Exchange = tuple[str, str]


class Recording(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One device, as it answered once.

    Attributes:
        form: Always `FORM`.
        recorded_on: Day, YYYY-MM-DD.
        transport: How it was asked.
        profile: Name of the profile that it was read with, or empty.
        exchanges: Request and answer PDUs as hex, in order; an empty answer is silence.
        redacted: What was made unrecognisable.
        outcome: How the look ended.
        nameplate: Field to value, after redaction.
        children: Devices behind it: their names to their nameplates.
        remarks: Deviations from the standard.
    """

    form: str = FORM
    recorded_on: str
    transport: str
    profile: str = ""
    exchanges: tuple[Exchange, ...]
    redacted: tuple[str, ...] = ()
    outcome: str
    nameplate: dict[str, str] = {}
    children: dict[str, dict[str, str]] = {}
    remarks: tuple[str, ...] = ()


class ReplayError(Exception):
    """A recording does not hold the answer to a question that is asked now."""


def replay(exchanges: Sequence[Exchange], profile: Profile | None) -> tuple[Answer, int]:
    """Hold the dialogue of today with the device of then.

    Returns:
        What it amounts to, and how many questions were asked.

    Raises:
        ReplayError: Another question is asked now than was then.
    """
    left = list(exchanges)

    def exchange(request: bytes) -> bytes:
        if not left or left[0][0] != request.hex():
            raise ReplayError(f"{request.hex()} was not asked when this was recorded")
        return bytes.fromhex(left.pop(0)[1])

    budget = max(6, len(exchanges))
    if profile is None:
        answer = from_identification(hold(identify(max_requests=budget), exchange), None)
    else:
        answer = from_profile(profile, hold(read_out(profile, max_requests=budget), exchange), None)
    return answer, len(exchanges) - len(left)


def plate(answer: Answer) -> dict[str, str]:
    """Return a nameplate by field; the first value of a field counts."""
    found: dict[str, str] = {}
    for fact in answer.facts:
        found.setdefault(fact.field.value, fact.value)
    return found


def recording(
    exchanges: Sequence[Exchange], profile: Profile | None, *, transport: str, day: str, redacted: Sequence[str]
) -> Recording:
    """Make a recording of exchanges that are redacted already: its nameplate is what their replay says.

    Raises:
        ReplayError: The exchanges are not those of one dialogue.
    """
    answer, _ = replay(exchanges, profile)
    return Recording(
        recorded_on=day,
        transport=transport,
        profile=profile.id if profile else "",
        exchanges=tuple(exchanges),
        redacted=tuple(redacted),
        outcome=answer.outcome.value,
        nameplate=plate(answer),
        children={child.key: {fact.field.value: fact.value for fact in child.facts} for child in answer.children},
        remarks=answer.remarks,
    )


def text_of(made: Recording) -> str:
    """Write a recording as JSON that a person can review line by line."""
    return msgspec.json.format(msgspec.json.encode(made), indent=2).decode() + "\n"
