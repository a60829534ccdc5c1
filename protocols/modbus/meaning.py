"""What a device's answers mean under a profile: whether it is the right device, and what its nameplate says.

Decides over answers that are already here. Must never believe a value before every match rule holds, never return an empty
one, and never raise for what a device sent.

Source: `protocols.profile_form`; IDTA 02006-3 for the names of the fields.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from protocols.contract import Child, Fact, Field
from protocols.encoding import decode
from protocols.profile_form import Match, Profile, Span

MAX_CHILDREN = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What one device's answers held.

    Attributes:
        registers: Address, counted from the base, to the two bytes received.
        objects: Object id, counted from the base, to its value.
        server_id: The data of a report server id.
        base: Where the map begins at this device.
    """

    registers: Mapping[int, bytes] = field(default_factory=dict)
    objects: Mapping[int, bytes] = field(default_factory=dict)
    server_id: bytes = b""
    base: int = 0

    def raw(self, span: Span) -> bytes | None:
        """Return the bytes of a place, or None if they are not there as a whole."""
        if span.object is not None:
            return self.objects.get(span.object)
        if span.at is not None:
            part = self.server_id[span.at : span.at + span.size if span.size else None]
            return part if part and len(part) >= span.size else None
        parts = [self.registers.get(register) for register in span.registers]
        return None if None in parts else b"".join(part for part in parts if part is not None)


def matches(profile: Profile, seen: Seen) -> bool:
    """Tell whether every match rule of the profile holds."""
    return all(holds(match, seen) for match in profile.matches)


def holds(match: Match, seen: Seen) -> bool:
    """Tell whether one match rule holds."""
    said = value(match, seen)
    if not said:
        return False
    if match.shape:
        return re.fullmatch(match.shape, said) is not None
    return said in match.one_of or said == match.equals or bool(match.starts_with and said.startswith(match.starts_with))


def value(span: Span, seen: Seen) -> str:
    """Return what a place says as clean text, empty if its bytes are not there.

    >>> value(Span(addr=10, regs=2, format="{0}.{1:02d}"), Seen(registers={10: bytes((0, 1)), 11: bytes((0, 4))}))
    '1.04'
    """
    raw = seen.raw(span)
    return "" if raw is None else decode(raw, span)


def facts(profile: Profile, seen: Seen) -> tuple[Fact, ...]:
    """Return the nameplate that the answers hold. Only for a device that matched."""
    return tuple(_facts(profile, seen))


def listed_devices(profile: Profile, seen: Seen) -> tuple[Child, ...]:
    """Return the devices that a list of devices names beside the one that answers."""
    stream = profile.identification
    if stream is None or stream.devices_from is None:
        return ()
    others = sorted(object_id for object_id in seen.objects if object_id > stream.devices_from)
    found = []
    for object_id in others[:MAX_CHILDREN]:
        behind = Seen(objects={stream.devices_from: seen.objects[object_id]}, base=object_id - stream.devices_from)
        if matches(profile, behind):
            found.append(Child(key=f"object 0x{object_id:02X}", facts=facts(profile, behind)))
    return tuple(found)


def _facts(profile: Profile, seen: Seen) -> Iterator[Fact]:
    proof = profile.matches[0]
    said: list[tuple[Field, str, Span]] = [(Field.MANUFACTURER_NAME, profile.vendor, proof)] if profile.vendor else []
    said += [(rule.name, value(rule, seen), rule) for rule in profile.fields]
    for name, text, span in said:
        if text and (raw := seen.raw(span)) is not None:
            source = _source(profile, seen.base, span)
            yield Fact(field=name, value=text, source=source, raw=raw.hex(), profile=profile.label, confidence=profile.confidence)


def _source(profile: Profile, base: int, span: Span) -> str:
    """Name the request and the place in its answer, as it was on the wire."""
    if span.object is not None:
        return f"43/14 object 0x{base + span.object:02X}"
    if span.at is not None:
        return f"FC17 byte {span.at}" + (f"+{span.size - 1}" if span.size > 1 else "")
    first = span.registers[0]
    function = next(read.fc for read in profile.reads if first in read.registers)
    return f"FC{function} 0x{base + first:04X}" + (f"+{span.regs - 1}" if span.regs > 1 else "")
