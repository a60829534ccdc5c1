"""Making a recording unrecognisable: serial numbers, names that users give, and everything that no rule needs.

Decides which bytes of an answer are the plant's own. Must leave the answers such that the same dialogue recognises the same
kind of device, and must fail rather than let a serial number through.

What is kept is what a nameplate rule reads, less the serial number. Registers of a block that no rule uses become zero; objects
of a device identification that users may write, or that this program does not know, become Xs.
"""

from collections.abc import Iterator, Sequence

from agent.record.recording import Exchange, ReplayError, replay
from protocols.contract import Answer, Fact, Field, Outcome
from protocols.modbus.identification import FUNCTION as IDENTIFICATION
from protocols.modbus.server_id import FUNCTION as SERVER_ID
from protocols.profile_form import Profile

SECRET_FIELDS = frozenset({Field.SERIAL_NUMBER})
LAST_PUBLIC_OBJECT = 0x05  # 0x06 is the application's name, and users write it; beyond, makers keep anything
MIN_SECRET_BYTES = 3  # shorter ones occur by chance all over an answer

# What stands in for the bytes of a number. Several, because a profile's proof may be how many digits it has.
DISGUISES = (b"\x11", b"\x01\0", b"\x80\0", b"\0\x0f\x42\x40", b"\0\x01\x86\xa0", b"\0\x98\x96\x80", b"\x42\x40\0\x0f")


class RedactionError(Exception):
    """A device's serial number cannot be taken out without losing the device."""


def redact(exchanges: Sequence[Exchange], profile: Profile | None) -> tuple[list[Exchange], list[str]]:
    """Return exchanges that any device of the same kind could have had, and what was made unrecognisable.

    Raises:
        RedactionError: Nothing that stands in for a serial number is recognised like it.
        ReplayError: The exchanges are not those of one dialogue.
    """
    named, _ = replay(exchanges, profile)
    kept = [(request, _blanked(bytes.fromhex(request), bytes.fromhex(answer), profile).hex()) for request, answer in exchanges]
    redacted = [] if kept == list(exchanges) else ["what no rule reads, and names that users give"]
    for fact in _secrets(named):
        _require_found(fact, exchanges)
        if _stands_in(fact, kept):  # else an equal one has been disguised already
            kept = _disguised(kept, profile, named, fact)
        redacted.append(f"{fact.field} ({fact.source})")
    return kept, redacted


def _require_found(fact: Fact, exchanges: Sequence[Exchange]) -> None:
    """Refuse a secret that could not be found again, and would slip through."""
    if len(_bytes_of(fact)) < MIN_SECRET_BYTES or not _stands_in(fact, exchanges):
        raise RedactionError(
            f"{fact.source}: the {fact.field} cannot be found in the answers as one piece of {MIN_SECRET_BYTES} bytes or more"
        )


def _stands_in(fact: Fact, exchanges: Sequence[Exchange]) -> bool:
    return any(_bytes_of(fact) in bytes.fromhex(answer) for _, answer in exchanges)


def _secrets(answer: Answer) -> Iterator[Fact]:
    facts = [*answer.facts, *(fact for child in answer.children for fact in child.facts)]
    yield from (fact for fact in facts if fact.field in SECRET_FIELDS)


def _disguised(exchanges: list[Exchange], profile: Profile | None, named: Answer, fact: Fact) -> list[Exchange]:
    """Replace a secret wherever it stands, by the first disguise under which the device is still recognised."""
    secret = _bytes_of(fact)
    for disguise in _disguises(secret):
        changed = [(request, bytes.fromhex(answer).replace(secret, disguise).hex()) for request, answer in exchanges]
        if disguise != secret and changed != exchanges and _recognised(changed, profile, named):
            return changed
    raise RedactionError(f"{fact.source}: no disguise of the {fact.field} is recognised like it")


def _bytes_of(fact: Fact) -> bytes:
    """Return the bytes that hold the secret: its text where that stands in the answer, else all bytes of the value."""
    raw, text = bytes.fromhex(fact.raw), fact.value.encode()
    return text if text in raw else raw


def _disguises(secret: bytes) -> Iterator[bytes]:
    if all(0x20 <= byte < 0x7F or byte == 0 for byte in secret):
        yield bytes(map(_letter, secret))
        yield secret[:1] + bytes(map(_letter, secret[1:]))  # a maker's own first letter may be what it is recognised by
    for pattern in DISGUISES:
        yield (pattern * len(secret))[: len(secret)] if len(pattern) == 1 else pattern[: len(secret)].ljust(len(secret), b"\0")


def _letter(byte: int) -> int:
    """Return a character of the same class."""
    if chr(byte).isdigit():
        return ord("0")
    if chr(byte).isalpha():
        return ord("X") if chr(byte).isupper() else ord("a")
    return byte


def _recognised(exchanges: Sequence[Exchange], profile: Profile | None, named: Answer) -> bool:
    """Tell whether the same device still comes out: the same questions, fields and places."""
    try:
        again, asked = replay(exchanges, profile)
    except ReplayError:
        return False
    same = [fact.source for fact in again.facts] == [fact.source for fact in named.facts]
    return asked == len(exchanges) and same and again.outcome == named.outcome and again.outcome is Outcome.IDENTIFIED


def _blanked(request: bytes, answer: bytes, profile: Profile | None) -> bytes:
    """Take out what no rule reads, and what users write."""
    if len(answer) < 2 or answer[0] != request[0]:
        return answer
    if request[0] == IDENTIFICATION:
        public = profile is not None and profile.identification is not None and profile.identification.devices_from is not None
        return answer if public else _without_private_objects(answer)
    if profile is None or profile.chain is not None:
        return answer
    if request[0] == SERVER_ID:
        return _kept(answer, {at for span in (*profile.matches, *profile.fields) for at in _server_id_bytes(span.at, span.size)})
    return _kept(answer, _register_bytes(request, profile))


def _kept(answer: bytes, places: set[int]) -> bytes:
    """Keep function code, byte count and some of the bytes behind them."""
    return answer[:2] + bytes(byte if at in places else 0 for at, byte in enumerate(answer[2:]))


def _server_id_bytes(at: int | None, size: int) -> range:
    return range(0) if at is None else range(at, at + (size or 255))


def _register_bytes(request: bytes, profile: Profile) -> set[int]:
    """Return the bytes of a read's answer that belong to a rule, whichever base the read was sent to."""
    first = int.from_bytes(request[1:3], "big")
    used = {register for span in (*profile.matches, *profile.fields) for register in span.registers}
    places = {2 * (base + register - first) for base in profile.bases for register in used}
    return {place + half for place in places for half in (0, 1)}


def _without_private_objects(answer: bytes) -> bytes:
    """Disguise objects that users may write and those that this program does not know."""
    kept, rest = answer[:7], answer[7:]
    while len(rest) >= 2:
        object_id, value = rest[0], rest[2 : 2 + rest[1]]
        kept += rest[:2] + (value if object_id <= LAST_PUBLIC_OBJECT else b"X" * len(value))
        rest = rest[2 + rest[1] :]
    return kept + rest
