"""Whether a profile may be used: read-only, exact, within one visit, and unable to be believed by the wrong device.

Decides over well-formed profiles only, as a pure function. Must never let a profile pass that has no match rule (documents of
one vendor differ by one register between product lines), that asks for more than a visit may, or that reads an address whose
reading is known to have an effect.

Source: MODBUS Application Protocol Specification V1.1b3, sections 6.3, 6.4 and 6.21; for the reserved addresses: WAGO 750-841
manual, p. 119 and p. 163 to 173; Turck TBEN-L manual, p. 62.
"""

import re
from collections.abc import Iterator
from itertools import chain, combinations

from protocols.contract import Confidence, Field
from protocols.encoding import problems as problems_of_encoding
from protocols.profile_form import Chain, ConnectRisk, Match, Profile, Read, Span, Stream

READ_FUNCTIONS = (3, 4)
MAX_REGISTERS = 125  # of one request
MAX_READS = 6  # of one visit: as many as the politest limits allow
LAST_REGISTER = 0xFFFF
MAX_SERVER_ID_BYTES = 251

RESERVED = {
    0x1027: "reading it starts an internal bus cycle (WAGO 750)",
    **dict.fromkeys(range(0x2040, 0x2044), "they restart and reset (WAGO 750)"),
    **dict.fromkeys(range(0x113C, 0x1141), "they change the Modbus parameters (Turck)"),
}

ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")

# Literals, one class, one bounded repetition: what can be checked in one pass over any text, however hostile.
SHAPE = re.compile(r"[A-Za-z0-9 /_-]*\[[A-Za-z0-9 ./_-]+\]\{[1-9][0-9]?,[1-9][0-9]{0,2}\}")


def risk_problem(profile: Profile, *, accepted: bool) -> str | None:
    """Return why a device of this family may not be asked, or None if it may.

    Args:
        profile: The profile that a plant file names for an asset.
        accepted: Whether the plant file accepts the risk for this asset.
    """
    match profile.connect_risk:
        case ConnectRisk.DENY:
            return f"profile {profile.id} is never asked: {profile.caution}"
        case ConnectRisk.OPT_IN if not accepted:
            return f"profile {profile.id} has side effects that must be accepted: {profile.caution}"
        case _:
            return None


def unusual(profile: Profile, *, unit: int, port: int) -> str | None:
    """Return what a person should look at twice in an address, or None: a note, and no reason to refuse.

    Args:
        profile: The profile that a plant file names for an asset.
        unit: Unit id of the asset's address, 0 to 255.
        port: TCP port of the address; 0 on a serial line.
    """
    if unit != profile.unit:
        return f"{profile.id} usually answers to unit id {profile.unit}, and the address has {unit}"
    if port not in (0, profile.port):
        return f"{profile.id} usually listens on port {profile.port}, and the address has {port}"
    return None


def problems(profile: Profile) -> Iterator[str]:
    """Yield every reason why a well-formed profile must not be used."""
    if not ID.fullmatch(profile.id):
        yield "id is 1 to 64 of a-z, 0-9, '.', '_' and '-'"
    if not profile.doc:
        yield "doc must name the document that it was made from"
    if profile.connect_risk is not ConnectRisk.NORMAL and not profile.caution:
        yield "a connect_risk needs a caution"
    if not (0 <= profile.unit <= 255 and 1 <= profile.port <= 65_535):
        yield "unit is 0 to 255, port 1 to 65535"
    if profile.connect_risk is ConnectRisk.DENY:
        yield from _problems_of_denial(profile)
    else:
        yield from _problems_of_content(profile)


def _problems_of_denial(profile: Profile) -> Iterator[str]:
    if profile.reads or profile.identification or profile.server_id or profile.fields:
        yield "a device that is never asked has nothing to read"


def _problems_of_content(profile: Profile) -> Iterator[str]:
    if not profile.matches:
        yield "no match rule: the wrong device would be believed"
    if not profile.fields:
        yield "no fields"
    if bool(profile.vendor) == any(rule.name is Field.MANUFACTURER_NAME for rule in profile.fields):
        yield "the manufacturer comes from either vendor or a field"
    if len({rule.name for rule in profile.fields}) != len(profile.fields):
        yield "a field has two rules"
    if profile.confidence is Confidence.HIGH and profile.matches and all(match.shape for match in profile.matches):
        yield "a shape alone proves too little for high confidence"
    if [bool(profile.reads), profile.identification is not None, profile.server_id].count(True) != 1:
        yield "exactly one of [[read]], [identification] and server_id = true"
    yield from _problems_of_reads(profile)
    if profile.pieces:
        yield from _problems_of_pieces(profile)
    if profile.identification:
        yield from _problems_of_stream(profile.identification)
    if profile.chain:
        yield from _problems_of_chain(profile.chain, profile)
    yield from _problems_of_spans(profile)


def _problems_of_reads(profile: Profile) -> Iterator[str]:
    reads, bases = profile.reads, profile.bases
    if len(reads) + len(bases) - 1 > MAX_READS:
        yield f"{len(reads)} reads at {len(bases)} bases; a visit has 1 to {MAX_READS} requests"
    if not bases or len(set(bases)) != len(bases) or not all(0 <= base <= LAST_REGISTER for base in bases):
        yield "bases are different registers, one at least"
    for read in (*reads, *profile.pieces):
        yield from _problems_of_read(read, bases)
    for one, other in chain(combinations(reads, 2), combinations(profile.pieces, 2)):
        if one.addr < other.addr + other.count and other.addr < one.addr + one.count:
            yield f"reads {one.addr} and {other.addr} overlap: a register would have two values"


def _problems_of_read(read: Read, bases: tuple[int, ...]) -> Iterator[str]:
    if read.fc not in READ_FUNCTIONS:
        yield f"read {read.addr}: function code {read.fc} is not a read of registers (3 or 4)"
    if not 1 <= read.count <= MAX_REGISTERS:
        yield f"read {read.addr}: {read.count} registers; 1 to {MAX_REGISTERS} fit into one request"
    for base in bases:
        if not 0 <= base + read.addr <= LAST_REGISTER + 1 - read.count:
            yield f"read {read.addr}: outside of registers 0 to {LAST_REGISTER}"
        elif hit := next((base + at for at in read.registers[:MAX_REGISTERS] if base + at in RESERVED), None):
            yield f"read {read.addr}: register 0x{hit:04X} is never read, {RESERVED[hit]}"


def _problems_of_pieces(profile: Profile) -> Iterator[str]:
    """Pieces are what the one read holds, cut where no value is."""
    pieces, whole = profile.pieces, profile.reads[0] if len(profile.reads) == 1 else None
    if whole is None or any(piece.fc != whole.fc or not _within(piece.registers, whole.registers) for piece in pieces):
        yield "pieces: parts of one read, by its function code"
    if len(pieces) + 1 > MAX_READS:
        yield f"pieces: {len(pieces)} after the read; a visit has {MAX_READS} requests"
    if not all(_within(match.registers, pieces[0].registers) for match in profile.matches):
        yield "pieces: the first one holds every match"
    if not all(any(_within(rule.registers, piece.registers) for piece in pieces) for rule in profile.fields):
        yield "pieces: each field stands in one piece"


def _within(inner: range, outer: range) -> bool:
    return inner.start in outer and inner.stop - 1 in outer


def _problems_of_stream(stream: Stream) -> Iterator[str]:
    object_ids = (stream.first, *stream.objects, *(() if stream.devices_from is None else (stream.devices_from,)))
    if stream.access not in range(5):
        yield f"identification: access {stream.access} is none of 0 to 4"
    if not all(0 <= object_id <= 0xFF for object_id in object_ids):
        yield "identification: an object id is 0 to 255"
    if (stream.access == 4) != bool(stream.objects) or len(stream.objects) > MAX_READS:
        yield f"identification: access 4, and no other, names 1 to {MAX_READS} objects"


def _problems_of_chain(chain: Chain, profile: Profile) -> Iterator[str]:
    fields = [register for rule in profile.fields for register in rule.registers]
    if len(profile.reads) != 1 or chain.start not in profile.reads[0].registers:
        yield "chain: needs one read, with the first block's id in it"
    elif fields and min(fields) < chain.start + 2:
        yield "chain: the fields come after the block's id and length"
    if not (0 <= chain.model <= LAST_REGISTER and chain.model != chain.end):
        yield "chain: model is an id, and not the one that ends the chain"


def _problems_of_spans(profile: Profile) -> Iterator[str]:
    known = {register for read in profile.reads for register in read.registers[:MAX_REGISTERS]}
    spans: list[tuple[str, Span]] = [(f"match {match.place}", match) for match in profile.matches]
    spans += [(f"field {rule.name}", rule) for rule in profile.fields]
    for where, span in spans:
        found = list(_problems_of_place(span, profile, known))
        yield from (f"{where}: {problem}" for problem in found or problems_of_encoding(span, span.size_bytes))
    for match in profile.matches:
        yield from _problems_of_match(match)


def _problems_of_place(span: Span, profile: Profile, known: set[int]) -> Iterator[str]:
    """A value comes from where this profile looks."""
    if [span.addr is not None, span.object is not None, span.at is not None].count(True) != 1:
        yield "exactly one of addr, object and at"
    elif span.addr is not None:
        if not 1 <= span.regs <= MAX_REGISTERS or not known.issuperset(span.registers):
            yield f"registers {span.addr} and on are not read"
    elif span.object is not None:
        if profile.identification is None or not 0 <= span.object <= 0xFF:
            yield "object belongs to [identification], and is 0 to 255"
    elif not profile.server_id or not 0 <= (span.at or 0) + span.size <= MAX_SERVER_ID_BYTES or min(span.at or 0, span.size) < 0:
        yield f"at and size belong to server_id, and stay within {MAX_SERVER_ID_BYTES} bytes"


def _problems_of_match(match: Match) -> Iterator[str]:
    ways = (match.equals, match.starts_with, match.one_of, match.shape)
    if len([way for way in ways if way]) != 1:
        yield f"match {match.place}: exactly one of equals, starts_with, one_of and shape"
    if "" in match.one_of:
        yield f"match {match.place}: one_of with nothing in it"
    if match.shape and not SHAPE.fullmatch(match.shape):
        yield f"match {match.place}: shape is text, one [class] and one {{least,most}}"
