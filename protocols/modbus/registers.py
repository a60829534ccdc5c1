"""A device's nameplate out of its registers, as a register profile describes it: a dialogue without I/O, and its meaning.

Decides what is asked, when to stop, and what the registers say. Must never believe a register before the profile's match
rules hold, never accept an answer that is not exactly as long as the question, and never raise for what a device sends.

Source: MODBUS Application Protocol Specification V1.1b3, sections 6.3 and 6.4.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from protocols.contract import Fact, Field
from protocols.modbus.dialogue import Dialogue, Refusal, Remark, refusal
from protocols.profile import Kind, Match, Profile, Read, Span
from protocols.text import clean

NO_SUCH_REGISTER = frozenset({Refusal.ILLEGAL_ADDRESS, Refusal.ILLEGAL_VALUE})
NOT_IMPLEMENTED = b"\xff"  # how many devices fill text registers that they do not have

Registers = Mapping[int, bytes]  # address -> two bytes


@dataclass(frozen=True, slots=True)
class Readout:
    """What a device's registers held.

    Attributes:
        registers: Address to the two bytes received.
        matched: Whether every match rule of the profile holds.
        refusal: The last exception code, or None.
        remarks: Deviations seen on the way.
        requests: How many requests it took.
    """

    registers: Registers
    matched: bool
    refusal: int | None
    remarks: frozenset[Remark]
    requests: int


@dataclass(slots=True)
class _Found:
    registers: dict[int, bytes] = field(default_factory=dict)
    refusal: int | None = None
    remarks: set[Remark] = field(default_factory=set)
    requests: int = 0


def read_out(profile: Profile, *, max_requests: int = 6) -> Dialogue[Readout]:
    """Read what a profile describes, and stop as soon as the device proves to be another one.

    A register that the device does not have is left out; any other refusal, silence or wrong answer ends the dialogue.

    Args:
        profile: A sound profile; its reads are sent as they stand.
        max_requests: Budget, 1 or more.
    """
    found = _Found()
    for read in profile.reads[:max_requests]:
        found.requests += 1
        request = bytes((read.fc,)) + read.addr.to_bytes(2, "big") + read.count.to_bytes(2, "big")
        _take(read, (yield request), found)
        refused = found.refusal is not None and found.refusal not in NO_SUCH_REGISTER
        if refused or found.remarks or not all(_may_hold(match, profile, found) for match in profile.matches):
            break
    matched = all(_holds(match, found.registers) for match in profile.matches)
    return Readout(found.registers, matched, found.refusal, frozenset(found.remarks), found.requests)


def facts(profile: Profile, readout: Readout) -> tuple[Fact, ...]:
    """Return the nameplate that the registers hold; empty unless the profile matched."""
    if not readout.matched:
        return ()
    proof = profile.matches[0]
    vendor = (_fact(profile, Field.MANUFACTURER_NAME, profile.vendor, proof, readout.registers),)
    read = (_fact(profile, rule.name, value(rule, readout.registers), rule, readout.registers) for rule in profile.fields)
    return tuple(fact for fact in (*vendor, *read) if fact is not None)


def value(span: Span, registers: Registers) -> str:
    """Return what registers say as clean text, empty if one of them is missing.

    >>> value(Span(addr=10, regs=2, format="{0}.{1:02d}"), {10: bytes((0, 1)), 11: bytes((0, 4))})
    '1.04'
    """
    raw = _raw(span, registers)
    if raw is None:
        return ""
    match span.kind:
        case Kind.TEXT:
            return clean(raw.rstrip(NOT_IMPLEMENTED))
        case Kind.TEXT_SWAPPED:
            swapped = b"".join(raw[at : at + 2][::-1] for at in range(0, len(raw), 2))
            return clean(swapped.rstrip(NOT_IMPLEMENTED))
        case Kind.U32:
            return str(int.from_bytes(raw, "big"))
        case Kind.WORDS:
            return _formatted(span, [int.from_bytes(raw[at : at + 2], "big") for at in range(0, len(raw), 2)])
        case Kind.BYTES:
            return _formatted(span, list(raw))


def _formatted(span: Span, numbers: list[int]) -> str:
    text = span.format.format(*numbers) if span.format else ".".join(map(str, numbers))
    return clean(text.encode("utf-8", "replace"))


def _raw(span: Span, registers: Registers) -> bytes | None:
    """Return the bytes of a span, or None if a register of it was not read."""
    parts = [registers.get(register) for register in span.registers]
    return None if None in parts else b"".join(part for part in parts if part is not None)


def _take(read: Read, answer: bytes, found: _Found) -> None:
    """Keep an answer's registers if it is exactly the answer to this read; remark on anything else."""
    if not answer:
        found.remarks.add(Remark.SILENT)
    elif (code := refusal(answer, read.fc)) is not None:
        found.refusal = code
    elif answer[:2] != bytes((read.fc, 2 * read.count)) or len(answer) != 2 + 2 * read.count:
        found.remarks.add(Remark.UNRELATED)
    else:
        found.registers.update({register: answer[2 + 2 * at : 4 + 2 * at] for at, register in enumerate(read.registers)})


def _may_hold(match: Match, profile: Profile, found: _Found) -> bool:
    """Tell whether a match rule holds or can still come to hold: its registers were not asked for yet."""
    asked = {register for read in profile.reads[: found.requests] for register in read.registers}
    return _holds(match, found.registers) or not asked.issuperset(match.registers)


def _holds(match: Match, registers: Registers) -> bool:
    said = value(match, registers)
    return said == match.equals if match.equals else said.startswith(match.starts_with) and bool(said)


def _fact(profile: Profile, name: Field, text: str, span: Span, registers: Registers) -> Fact | None:
    """Return a fact with its evidence, or None for a value that is empty."""
    raw = _raw(span, registers)
    if not text or raw is None:
        return None
    function = next(read.fc for read in profile.reads if span.addr in read.registers)
    source = f"FC{function} 0x{span.addr:04X}" + (f"+{span.regs - 1}" if span.regs > 1 else "")
    return Fact(field=name, value=text, source=source, raw=raw.hex(), profile=profile.label, confidence=profile.confidence)
