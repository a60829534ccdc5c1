"""Register profiles: where a device without device identification keeps its nameplate. Maps are data, not code.

Decides whether a profile is sound: read-only, exact, and unable to be believed by the wrong device. Must never accept a
profile without a match rule (documents of one vendor differ by one register between product lines), nor one that reads
more than a visit may. Reads files in one function only, `bundled`.

Source: MODBUS Application Protocol Specification V1.1b3, sections 6.3 and 6.4; each profile names its own document.
"""

import re
import string
import tomllib
from collections.abc import Iterator, Mapping
from enum import StrEnum
from functools import cache
from importlib import resources
from itertools import combinations
from types import MappingProxyType

import msgspec

from protocols.contract import Confidence, Field

READ_FUNCTIONS = (3, 4)
MAX_REGISTERS = 125  # of one request
MAX_READS = 6  # of one visit: as many as the politest limits allow
PLACEHOLDER = re.compile(r"(0|[1-9]\d?)")
PLACEHOLDER_FORM = re.compile(r"c|(0?[1-9])?[dxX]?")  # nothing that could fail or grow: a character, or a number with a width


class ProfileError(Exception):
    """A register profile cannot be used.

    Attributes:
        problems: One sentence each.
    """

    def __init__(self, name: str, problems: tuple[str, ...]) -> None:
        super().__init__(f"profile {name!r}: " + "; ".join(problems))
        self.problems = problems


class ConnectRisk(StrEnum):
    """What a mere connection may do to such a device."""

    NORMAL = "normal"
    OPT_IN = "opt-in"  # side effects are known: only because an operator named this profile for this asset


class Kind(StrEnum):
    """How registers are read as a value."""

    TEXT = "text"  # two characters a register, the high byte first
    TEXT_SWAPPED = "text-swapped"  # two characters a register, the low byte first
    U32 = "u32"  # two registers, the high word first
    WORDS = "words"  # each register a number for the format: {0} is the first
    BYTES = "bytes"  # each byte a number for the format: {0} is the high byte of the first register


class Read(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One request, exactly as it is sent: no read is ever merged, split or widened.

    Attributes:
        fc: Function code, 3 or 4.
        addr: First register, 0-based PDU address, never a 4xxxx reference.
        count: Registers, 1 to 125.
    """

    fc: int
    addr: int
    count: int

    @property
    def registers(self) -> range:
        """The addresses that it reads."""
        return range(self.addr, self.addr + self.count)


class Span(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Registers and how they become a value. They may come from several reads.

    Attributes:
        addr: First register, 0-based PDU address.
        regs: How many.
        kind: How they are read.
        format: For `words` and `bytes`: how the numbers become text; `{2}.{0:02d}`, `{0:c}`. Decimal with dots if absent.
    """

    addr: int
    regs: int = 1
    kind: Kind = Kind.WORDS
    format: str = ""

    @property
    def registers(self) -> range:
        """The addresses that it needs."""
        return range(self.addr, self.addr + self.regs)


class Match(Span, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the value must be before anything else of the answer is believed: exactly one of the two.

    Attributes:
        equals: The whole value, as text.
        starts_with: How the value begins.
    """

    equals: str = ""
    starts_with: str = ""


class FieldRule(Span, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One field of the nameplate.

    Attributes:
        name: Which field.
    """

    name: Field


class Profile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How to read one family of devices.

    Attributes:
        id: Its name in a plant file; the name of its file.
        version: Raised with every change of meaning; part of the evidence.
        vendor: Manufacturer, where a match proves it; empty where the device says it in a field.
        devices: Which devices it is for, for a person.
        doc: The document that it was made from.
        confidence: How far its document may be believed.
        connect_risk: What a mere connection may do.
        caution: What an operator must know first; required unless the risk is normal.
        reads: Requests in the order sent; those that matches need come first.
        matches: All must hold before any field is believed.
        fields: What is read from the answers.
    """

    id: str
    version: int
    vendor: str = ""
    devices: str
    doc: str
    confidence: Confidence
    connect_risk: ConnectRisk = ConnectRisk.NORMAL
    caution: str = ""
    reads: tuple[Read, ...] = msgspec.field(name="read")
    matches: tuple[Match, ...] = msgspec.field(name="match", default=())
    fields: tuple[FieldRule, ...] = msgspec.field(name="field", default=())

    @property
    def label(self) -> str:
        """`id@version`, as evidence names it."""
        return f"{self.id}@{self.version}"


def parse(name: str, text: str) -> Profile:
    """Return the profile that a TOML document describes.

    Raises:
        ProfileError: It cannot be used; all problems of its content are listed at once.
    """
    try:
        profile = msgspec.convert(tomllib.loads(text), Profile)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise ProfileError(name, (str(error),)) from error
    if found := tuple(problems(profile)):
        raise ProfileError(name, found)
    return profile


@cache
def bundled() -> Mapping[str, Profile]:
    """Return the profiles that come with the program, by id.

    Raises:
        ProfileError: A shipped profile cannot be used: the installation is damaged.
    """
    files = sorted(resources.files("protocols").joinpath("profiles").iterdir(), key=lambda file: file.name)
    found = (parse(file.name, file.read_text("utf-8")) for file in files if file.name.endswith(".toml"))
    return MappingProxyType({profile.id: profile for profile in found})


def problems(profile: Profile) -> Iterator[str]:
    """Yield every reason why a well-formed profile must not be used."""
    if not profile.matches:
        yield "no match rule: the wrong device would be believed"
    if not profile.fields:
        yield "no fields"
    if not profile.doc:
        yield "doc must name the document that it was made from"
    if bool(profile.vendor) == any(rule.name is Field.MANUFACTURER_NAME for rule in profile.fields):
        yield "the manufacturer comes from either vendor or a field"
    if profile.connect_risk is not ConnectRisk.NORMAL and not profile.caution:
        yield "a connect_risk needs a caution"
    if len({rule.name for rule in profile.fields}) != len(profile.fields):
        yield "a field has two rules"
    yield from _problems_of_reads(profile.reads)
    known = {register for read in profile.reads for register in read.registers[:MAX_REGISTERS]}
    for place, span in _spans(profile):
        yield from (f"{place}: {problem}" for problem in _problems_of_span(span, known))
    for match in profile.matches:
        if bool(match.equals) == bool(match.starts_with):
            yield f"match {match.addr}: exactly one of equals and starts_with"


def _spans(profile: Profile) -> Iterator[tuple[str, Span]]:
    yield from ((f"match {match.addr}", match) for match in profile.matches)
    yield from ((f"field {rule.name}", rule) for rule in profile.fields)


def _problems_of_reads(reads: tuple[Read, ...]) -> Iterator[str]:
    if not 1 <= len(reads) <= MAX_READS:
        yield f"{len(reads)} reads; a visit has 1 to {MAX_READS}"
    for read in reads:
        if read.fc not in READ_FUNCTIONS:
            yield f"read {read.addr}: function code {read.fc} is not a read of registers (3 or 4)"
        if not 1 <= read.count <= MAX_REGISTERS:
            yield f"read {read.addr}: {read.count} registers; 1 to {MAX_REGISTERS} fit into one request"
        if not 0 <= read.addr <= 0x10000 - read.count:
            yield f"read {read.addr}: outside of registers 0 to 65535"
    for one, other in combinations(reads, 2):
        if one.addr < other.addr + other.count and other.addr < one.addr + one.count:
            yield f"reads {one.addr} and {other.addr} overlap: a register would have two values"


def _problems_of_span(span: Span, known: set[int]) -> Iterator[str]:
    if not 1 <= span.regs <= MAX_REGISTERS or not known.issuperset(span.registers):
        yield f"registers {span.addr} and on are not read"
    if span.kind is Kind.U32 and span.regs != 2:
        yield "u32 needs regs = 2"
    if span.format:
        yield from _problems_of_format(span)


def _problems_of_format(span: Span) -> Iterator[str]:
    """Allow only placeholders that every possible value of these registers can fill."""
    numbers = {Kind.WORDS: span.regs, Kind.BYTES: 2 * span.regs}.get(span.kind)
    if numbers is None:
        yield f"format: {span.kind} has none"
        return
    try:
        parts = list(string.Formatter().parse(span.format))
    except ValueError as error:
        yield f"format: {error}"
        return
    for _literal, index, form, conversion in parts:
        if index is None:
            continue
        if not PLACEHOLDER.fullmatch(index) or int(index) >= numbers or conversion:
            yield f"format: no number {{{index}}} here"
        if not PLACEHOLDER_FORM.fullmatch(form or ""):
            yield f"format: {form!r} is none of c, d, x, X with a width"
