"""A device's nameplate as a profile describes it: a dialogue without I/O.

Decides what is asked in which of the three ways a profile may ask, and when to stop. Must never ask on once the device has
proved to be another one, and never believe anything of it then.

Source: MODBUS Application Protocol Specification V1.1b3, sections 6.3, 6.4, 6.13 and 6.21.
"""

import re
from collections.abc import Collection, Generator
from dataclasses import dataclass

from protocols.contract import Child
from protocols.modbus.chain import walk
from protocols.modbus.dialogue import Dialogue, Remark
from protocols.modbus.identification import follow
from protocols.modbus.meaning import Seen, holds, listed_devices, matches
from protocols.modbus.registers import Asking, ask
from protocols.modbus.server_id import report_server_id
from protocols.profile_form import Match, Profile, Stream

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
    seen, matched = Seen(), False
    for base in _bases(profile, learned):
        seen = yield from _at(base, profile, asking)
        matched = matches(profile, seen)
        if matched or asking.over:
            break
    children: tuple[Child, ...] = ()
    here = f"base={seen.base}"
    lessons: tuple[str, ...] = (here,) if matched and len(profile.bases) > 1 else ()
    if matched and profile.chain is not None:
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


def _bases(profile: Profile, learned: Collection[str]) -> tuple[int, ...]:
    """Return where the map may begin, the place where it was last time first."""
    known = {int(found[1]) for word in learned if (found := _BASE.fullmatch(word))}
    return tuple(sorted(profile.bases, key=lambda base: base not in known))


def _at(base: int, profile: Profile, asking: Asking) -> Generator[bytes, bytes, Seen]:
    """Read the map at one base, as long as the device may still be the right one."""
    registers: dict[int, bytes] = {}
    asked: set[int] = set()
    for read in profile.reads:
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
