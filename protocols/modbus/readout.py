"""A device's nameplate as a profile describes it: a dialogue without I/O.

Decides what is asked in which of the three ways a profile may ask, and when to stop. Must never ask on once the device has
proved to be another one, and never believe anything of it then.

Source: MODBUS Application Protocol Specification V1.1b3, sections 6.3, 6.4, 6.13 and 6.21.
"""

import re
from collections.abc import Collection, Generator, Iterator, Sequence
from dataclasses import dataclass

from protocols.contract import Child
from protocols.modbus.chain import walk
from protocols.modbus.dialogue import Dialogue, Remark
from protocols.modbus.identification import follow
from protocols.modbus.meaning import Seen, holds, listed_devices, matches
from protocols.modbus.registers import Asking, ask
from protocols.modbus.server_id import report_server_id
from protocols.profile_form import Match, Profile, Read, Stream

PIECES = "pieces"  # learned: this device refuses the one read, and answers it piece by piece
_BASE = re.compile(r"base=(0|[1-9][0-9]{0,4})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Readout:
    """What a device said to a profile's questions.

    Attributes:
        seen: What its answers held.
        matched: Whether every match rule of the profile holds; nothing may be believed if not.
        children: Further devices behind the same unit.
        refusal: The last exception code, or None.
        remarks: Deviations seen on the way.
        learned: What the next visit need not find out again.
        requests: How many requests it took.
    """

    seen: Seen
    matched: bool
    children: tuple[Child, ...] = ()
    refusal: int | None = None
    remarks: frozenset[Remark] = frozenset()
    learned: tuple[str, ...] = ()
    requests: int = 1


def read_out(profile: Profile, learned: Collection[str] = (), *, max_requests: int = 6) -> Dialogue[Readout]:
    """Ask what a profile asks for, and stop as soon as the device proves to be another one.

    A register that the device does not have is left out; any other refusal, silence or wrong answer ends the dialogue.

    Args:
        profile: A sound profile with something to ask; its reads are sent as they stand.
        learned: What earlier visits learned; words that mean nothing here are passed over.
        max_requests: Budget, 1 or more.
    """
    if profile.server_id:
        return _from_server_id(profile)
    if profile.identification is not None:
        return _from_identification(profile, profile.identification, max_requests)
    return _from_registers(profile, learned, Asking(max_requests))


def _from_server_id(profile: Profile) -> Dialogue[Readout]:
    said = yield from report_server_id()
    seen = Seen(server_id=said.data)
    return Readout(seen=seen, matched=matches(profile, seen), refusal=said.refusal, remarks=said.remarks)


def _from_identification(profile: Profile, stream: Stream, max_requests: int) -> Dialogue[Readout]:
    found = yield from follow(stream.access, stream.first, stream.objects, max_requests=max_requests)
    seen = Seen(objects=found.objects)
    matched = matches(profile, seen)
    return Readout(
        seen=seen,
        matched=matched,
        children=listed_devices(profile, seen) if matched else (),
        refusal=found.refusal,
        remarks=found.remarks,
        learned=tuple(sorted(found.learned)),
        requests=found.requests,
    )


def _from_registers(profile: Profile, learned: Collection[str], asking: Asking) -> Dialogue[Readout]:
    seen, reads = yield from _located(profile, learned, asking)
    matched = matches(profile, seen)
    children: tuple[Child, ...] = ()
    here, in_pieces = f"base={seen.base}", reads is profile.pieces
    lessons = _lessons(profile, here, in_pieces=in_pieces) if matched else ()
    if matched and profile.chain is not None and not in_pieces:  # further blocks would be refused as the first was
        known = learned if here in learned else ()  # a map that has moved is another one
        children, way = yield from walk(profile, profile.chain, seen, known, asking)
        lessons = (here, *way)
    return Readout(
        seen=seen,
        matched=matched,
        children=children,
        refusal=asking.refusal,
        remarks=frozenset(asking.remarks),
        learned=lessons,
        requests=asking.requests,
    )


def _located(
    profile: Profile, learned: Collection[str], asking: Asking
) -> Generator[bytes, bytes, tuple[Seen, tuple[Read, ...]]]:
    """Look for the map; return what was seen last, and by which reads."""
    seen, reads = Seen(), profile.reads
    for base, reads in _ways(profile, learned):
        if seen.registers and seen.base == base:
            continue  # it was read as a whole, and is another map
        seen = yield from _at(base, reads, profile, asking)
        if asking.over or matches(profile, seen):
            break
    return seen, reads


def _ways(profile: Profile, learned: Collection[str]) -> Iterator[tuple[int, tuple[Read, ...]]]:
    """Yield where the map may begin and how it is read there: what worked last time first, the whole before its pieces."""
    known = {int(found[1]) for word in learned if (found := _BASE.fullmatch(word))}
    for base in sorted(profile.bases, key=lambda base: base not in known):
        if PIECES not in learned or (known and base not in known):
            yield base, profile.reads
        if profile.pieces:
            yield base, profile.pieces


def _lessons(profile: Profile, here: str, *, in_pieces: bool) -> tuple[str, ...]:
    """Say what the next visit need not find out again."""
    return (*((here,) if len(profile.bases) > 1 else ()), *((PIECES,) if in_pieces else ()))


def _at(base: int, reads: Sequence[Read], profile: Profile, asking: Asking) -> Generator[bytes, bytes, Seen]:
    """Read the map at one base, as long as the device may still be the right one."""
    registers: dict[int, bytes] = {}
    asked: set[int] = set()
    for read in reads:
        if asking.over:
            break
        registers.update((yield from ask(read, base, asking)))
        asked.update(read.registers)
        if not all(_may_hold(match, Seen(registers=registers), asked) for match in profile.matches):
            break
    return Seen(registers=registers, base=base)


def _may_hold(match: Match, seen: Seen, asked: set[int]) -> bool:
    """Tell whether a match rule holds or can still come to hold: its registers were not asked for yet."""
    return holds(match, seen) or not asked.issuperset(match.registers)
