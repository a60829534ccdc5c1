"""Modbus device identification (function code 43, MEI type 14) as a dialogue without I/O.

Decides which request comes next and what the answers mean. Never opens a socket, reads a clock or logs, and never raises
for anything that a device sends: whatever arrives becomes objects and remarks.

    >>> from protocols.modbus.dialogue import hold
    >>> device = {bytes.fromhex("2b0e0200"): bytes.fromhex("2b0e0282000003 000441434d45 01025037 0203322e31")}
    >>> hold(identify(), device.__getitem__).objects
    {0: b'ACME', 1: b'P7', 2: b'2.1'}

Source: MODBUS Application Protocol Specification V1.1b3, section 6.21.
"""

from collections.abc import Collection, Generator
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

from protocols.modbus.dialogue import Dialogue, Refusal, Remark, refusal

FUNCTION = 0x2B
MEI_TYPE = 0x0E
BASIC_OBJECTS = (0x00, 0x01, 0x02)  # vendor name, product code, major and minor revision: mandatory

CONFORMITY_LEVELS = frozenset({0x01, 0x02, 0x03, 0x81, 0x82, 0x83})

MAX_OBJECTS = 64
MAX_VALUE_BYTES = 4096  # of all objects together: a device's whole identity, with room

# "I have no such stream" or "no such object": the only refusals after which another form of the question makes sense.
# Illegal function means that there is nothing to read; everything else (busy, gateway, failure) means: not now.
ASK_DIFFERENTLY = frozenset({Refusal.ILLEGAL_ADDRESS, Refusal.ILLEGAL_VALUE})


class Access(IntEnum):
    """What a request asks for: the specification's *Read Device ID code*."""

    BASIC_FROM_ZERO = 0  # not of the specification: what a few devices call the basic stream (ABB drives). For profiles only
    BASIC = 1  # a stream of objects 0x00 to 0x02
    REGULAR = 2  # a stream up to 0x06; most devices send the basic ones with it
    EXTENDED = 3  # a stream up to 0xFF
    INDIVIDUAL = 4  # one object


class Learned(StrEnum):
    """What one visit may tell the next, so that it asks less."""

    BASIC_ONLY = "basic-only"  # refuses the regular stream, answers the basic one
    INDIVIDUAL_ONLY = "individual-only"  # refuses both streams, answers object by object
    NO_IDENTIFICATION = "no-identification"  # does not know the function code


@dataclass(frozen=True, slots=True)
class Identification:
    """What a device said of itself.

    Attributes:
        objects: Object id (0x00 to 0xFF) to value as received, in the order received.
        conformity: The device's conformity level byte (0x01 to 0x03, 0x81 to 0x83), or None if it never told.
        refusal: The last exception code, or None. `ILLEGAL_FUNCTION` means that this device has no identification to read.
        remarks: Deviations seen on the way.
        learned: What the next visit need not try again.
        requests: How many requests it took.
    """

    objects: dict[int, bytes]
    conformity: int | None
    refusal: int | None
    remarks: frozenset[Remark]
    learned: frozenset[Learned]
    requests: int


def identify(learned: Collection[str] = (), *, max_requests: int = 6) -> Dialogue[Identification]:
    """Read a device's identification with as few requests as it allows.

    One request does for most devices: the regular stream carries the basic objects. What is still missing is asked for as the
    basic stream, then object by object, until it is there, the device says that it has none, or the budget is spent.

    Args:
        learned: What an earlier visit learned; words that are not of `Learned` are passed over.
        max_requests: Budget, 1 or more. Politeness: a device is never asked more often than this in one visit.
    """
    found = _Found(max_requests)
    for access in _streams(learned):
        if found.worth_asking_on:
            yield from _stream(access, found)
    for object_id in BASIC_OBJECTS:
        if found.worth_asking_on and object_id not in found.objects:
            yield from _ask(Access.INDIVIDUAL, object_id, found)
    return found.result(_lessons(found, skipped=set(_streams(())) - set(_streams(learned))))


def follow(access: int, first: int = 0x00, objects: Collection[int] = (), *, max_requests: int = 6) -> Dialogue[Identification]:
    """Read a device's identification in one form only: for a profile that knows what its devices answer.

    Args:
        access: A stream's Read Device ID code, or 4.
        first: Object id that the stream begins with.
        objects: Object ids to ask for one by one, for access 4.
        max_requests: Budget, 1 or more.
    """
    found = _Found(max_requests)
    if access != Access.INDIVIDUAL:
        yield from _stream(Access(access), found, first)
    for object_id in objects:
        if found.welcome:
            yield from _ask(Access.INDIVIDUAL, object_id, found)
    return found.result(_lessons(found, skipped=set()) & {Learned.NO_IDENTIFICATION})


def _streams(learned: Collection[str]) -> tuple[Access, ...]:
    """Return the streams worth trying, the most telling first."""
    if Learned.INDIVIDUAL_ONLY in learned:
        return ()
    if Learned.BASIC_ONLY in learned:
        return (Access.BASIC,)
    return (Access.REGULAR, Access.BASIC)


@dataclass(slots=True)
class _Found:
    """What the dialogue knows so far, and what it may still spend."""

    max_requests: int
    requests: int = 0
    objects: dict[int, bytes] = field(default_factory=dict)
    conformity: int | None = None
    refusal: int | None = None
    refused: set[Access] = field(default_factory=set)
    answered: set[Access] = field(default_factory=set)
    remarks: set[Remark] = field(default_factory=set)

    @property
    def welcome(self) -> bool:
        """Nothing that the device did makes another question useless or unwelcome."""
        unwilling = self.refusal is not None and self.refusal not in ASK_DIFFERENTLY
        return not unwilling and self.remarks.isdisjoint({Remark.SILENT, Remark.UNRELATED})

    @property
    def worth_asking_on(self) -> bool:
        """Basics are missing, and another question is welcome."""
        return self.welcome and any(object_id not in self.objects for object_id in BASIC_OBJECTS)

    def result(self, learned: frozenset[Learned]) -> Identification:
        """Freeze what is known."""
        remarks = frozenset(self.remarks)
        return Identification(self.objects, self.conformity, self.refusal, remarks, learned, self.requests)

    def keep(self, object_id: int, value: bytes) -> None:
        """Keep a value unless its object is known already or the bounds are reached: the first word counts."""
        if object_id in self.objects:
            return
        if len(self.objects) >= MAX_OBJECTS or len(value) + sum(map(len, self.objects.values())) > MAX_VALUE_BYTES:
            self.remarks.add(Remark.OVERSIZED)
            return
        self.objects[object_id] = value


def _stream(access: Access, found: _Found, first: int = 0x00) -> Generator[bytes, bytes, None]:
    """Follow one stream to its end. A device that announces more and goes back, or sends nothing new, ends it too."""
    next_id: int | None = first
    while next_id is not None:
        asked, known = next_id, len(found.objects)
        next_id = yield from _ask(access, asked, found)
        if next_id is not None and (next_id <= asked or len(found.objects) == known):
            found.remarks.add(Remark.LOOPED)
            return


def _ask(access: Access, object_id: int, found: _Found) -> Generator[bytes, bytes, int | None]:
    """Spend one request; return the object id to continue at, or None when there is nothing more."""
    if found.requests >= found.max_requests:
        return None
    found.requests += 1
    answer = yield bytes((FUNCTION, MEI_TYPE, access, object_id))
    if not answer:
        found.remarks.add(Remark.SILENT)
        return None
    if (code := refusal(answer, FUNCTION)) is not None:
        found.refusal = code
        found.refused.add(access)
        return None
    if len(answer) < 7 or answer[:2] != bytes((FUNCTION, MEI_TYPE)):
        found.remarks.add(Remark.UNRELATED)
        return None
    _access, found.conformity, more_follows, next_id, announced = answer[2:7]
    found.answered.add(access)
    if found.conformity not in CONFORMITY_LEVELS:
        found.remarks.add(Remark.UNKNOWN_CONFORMITY)
    _take_objects(answer[7:], announced, found)
    return next_id if more_follows else None  # 0xFF by the book; any other truth is taken for it


def _take_objects(rest: bytes, announced: int, found: _Found) -> None:
    """Keep every whole object; devices miscount, so the bytes decide where the list ends."""
    received = 0
    while rest:
        size = rest[1] if len(rest) > 1 else 1  # a lone byte at the end is an object, too, that ended early
        value = rest[2 : 2 + size]
        if len(value) < size:
            found.remarks.add(Remark.TRUNCATED)
            break
        found.keep(rest[0], value)
        rest = rest[2 + size :]
        received += 1
    if received != announced:
        found.remarks.add(Remark.MISCOUNTED)


def _lessons(found: _Found, *, skipped: set[Access]) -> frozenset[Learned]:
    """Say what need not be tried again. Only a device that answered some other way has taught anything lasting."""
    if found.refusal == Refusal.ILLEGAL_FUNCTION and not found.objects:
        return frozenset({Learned.NO_IDENTIFICATION})
    useless = found.refused | skipped
    if {Access.REGULAR, Access.BASIC} <= useless and Access.INDIVIDUAL in found.answered:
        return frozenset({Learned.INDIVIDUAL_ONLY})
    if Access.REGULAR in useless and Access.BASIC in found.answered:
        return frozenset({Learned.BASIC_ONLY})
    return frozenset()
