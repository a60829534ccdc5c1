"""What a Modbus device's answers amount to: facts of a nameplate, or the reason why there are none.

Decides the outcome of a look and the sentence that explains it. Never believes an object that a user may write (object 0x06,
the application's name), never returns an empty value, and never calls a device anonymous that did not answer for itself.

Source: MODBUS Application Protocol Specification V1.1b3, sections 6.21 and 7; IDTA 02006-3 for the names of the fields.
"""

from collections.abc import Collection

from protocols.contract import CUT_SHORT, Answer, Fact, Field, Outcome
from protocols.errors import ReadError
from protocols.modbus.dialogue import Refusal, Remark
from protocols.modbus.identification import Identification
from protocols.modbus.meaning import facts as facts_of_profile
from protocols.modbus.readout import Readout
from protocols.profile_form import Profile
from protocols.text import clean

FIELD_OF_OBJECT = {
    0x00: Field.MANUFACTURER_NAME,
    0x01: Field.ORDER_CODE_OF_MANUFACTURER,
    0x02: Field.FIRMWARE_VERSION,
    0x04: Field.MANUFACTURER_PRODUCT_DESIGNATION,
    0x05: Field.MANUFACTURER_PRODUCT_TYPE,
}
MAX_DETAIL_CHARS = 200
NONSENSE = frozenset({Remark.UNRELATED, Remark.TRUNCATED})


def from_identification(found: Identification, failure: ReadError | None) -> Answer:
    """Return what device identification amounts to; ledger and remarks of the wire are for the caller to add."""
    read = [(field, object_id, found.objects.get(object_id, b"")) for object_id, field in FIELD_OF_OBJECT.items()]
    facts = tuple(
        Fact(field=field, value=text, source=f"43/14 object 0x{object_id:02X}", raw=raw.hex())
        for field, object_id, raw in read
        if (text := clean(raw))
    )
    outcome, detail = (
        _identified(facts, failure)
        if facts
        else _nameless(
            found.refusal,
            found.remarks,
            failure,
            hint="It answers, and has no device identification: name a register profile for it.",
        )
    )
    return Answer(
        outcome=outcome, detail=detail, facts=facts, remarks=_seen(found.remarks, failure, facts), learned=_sorted(found.learned)
    )


def from_profile(profile: Profile, readout: Readout, failure: ReadError | None) -> Answer:
    """Return what a profile read; ledger and remarks of the wire are for the caller to add."""
    facts = facts_of_profile(profile, readout.seen) if readout.matched else ()
    outcome, detail = (
        _identified(facts, failure)
        if facts
        else _nameless(
            readout.refusal,
            readout.remarks,
            failure,
            hint=f"It answers, and is not what profile {profile.id} describes: check the profile's name and the address.",
        )
    )
    return Answer(
        outcome=outcome,
        detail=detail,
        facts=facts,
        children=readout.children if facts else (),
        remarks=_seen(readout.remarks, failure, facts),
        learned=readout.learned,
    )


def _identified(facts: tuple[Fact, ...], failure: ReadError | None) -> tuple[Outcome, str]:
    says = ", ".join(fact.value for fact in facts)
    return Outcome.IDENTIFIED, f"It says of itself: {says[:MAX_DETAIL_CHARS]}." + (
        f" Then it failed: {failure}" if failure else ""
    )


def _nameless(code: int | None, remarks: Collection[Remark], failure: ReadError | None, *, hint: str) -> tuple[Outcome, str]:
    """Return why there is no nameplate: the connection's fault, nonsense, a refusal, or simply none."""
    if failure is not None:
        return failure.outcome, str(failure)
    if not NONSENSE.isdisjoint(remarks):
        return Outcome.MALFORMED, f"It answered what its standard does not allow: {'; '.join(_sorted(remarks))}."
    match code:
        case None | Refusal.ILLEGAL_FUNCTION | Refusal.ILLEGAL_ADDRESS | Refusal.ILLEGAL_VALUE:
            return Outcome.ANONYMOUS, hint
        case Refusal.GATEWAY_PATH_UNAVAILABLE:
            return Outcome.REFUSED, "The gateway has no path to this unit id (exception 10): check the address."
        case Refusal.GATEWAY_TARGET_SILENT:
            return Outcome.SILENT, "The gateway answers, the device behind it does not (exception 11): check the bus."
        case _:
            return Outcome.REFUSED, f"It refused to answer now (exception {code})."


def _seen(remarks: Collection[Remark], failure: ReadError | None, facts: tuple[Fact, ...]) -> tuple[str, ...]:
    """Say that a nameplate was cut short. Where the line failed, it knows better why no answer came: perhaps to no question."""
    if failure is None:
        return _sorted(remarks)
    return _sorted({*remarks, *([CUT_SHORT] if facts else [])} - {Remark.SILENT})


def _sorted(words: Collection[str]) -> tuple[str, ...]:
    return tuple(sorted(str(word) for word in words))
