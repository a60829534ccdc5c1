"""How bytes of a device become text: the encodings that nameplates are kept in.

Decides what a value says, and whether a rule for reading it could fail. Never raises for what a device sends: bytes that are
no value under their rule become empty text. What a rule may say is checked once, before any device is asked (`problems`).

Source: MODBUS Application Protocol Specification V1.1b3, section 4.2 (high byte first); everything else here is what makers of
devices do beside it. The documents stand in the profiles.
"""

import re
import string
import struct
from collections.abc import Callable, Iterator
from enum import StrEnum
from math import isfinite

import msgspec

from protocols.text import clean, clean_text

PLACEHOLDER = re.compile(r"(0|[1-9]\d?)")
PLACEHOLDER_FORM = re.compile(r"c|(0?[1-9])?[dxX]?")  # nothing that could fail or grow: a character, or a number with a width
DIVISORS = (1, 10, 100, 1000)
NOT_IMPLEMENTED = b"\xff"  # how many devices fill text that they do not have


class Kind(StrEnum):
    """What bytes are read as."""

    TEXT = "text"  # two characters a register; a NUL ends it
    SPARSE = "text-sparse"  # one character a register, in its low byte
    UTF16 = "utf-16"  # one UTF-16 unit a register
    NUMBER = "number"  # one whole number without a sign
    FLOAT = "float"  # one IEEE 754 number of two or four registers
    BCD = "bcd"  # each half byte a decimal digit
    HEX = "hex"  # the bytes themselves, as hex
    WORDS = "words"  # each register a number for the format: {0} is the first
    BYTES = "bytes"  # each byte a number for the format: {0} is the first
    NIBBLES = "nibbles"  # each half byte a number for the format: {0} is the high half of the first byte


FORMATTED = frozenset({Kind.WORDS, Kind.BYTES, Kind.NIBBLES})
OF_ANY_SIZE = frozenset({Kind.TEXT, Kind.HEX})  # what an answer without a fixed size can be read as


class Order(StrEnum):
    """In which order the four bytes of two registers come; `abcd` is the standard's."""

    ABCD = "abcd"
    BADC = "badc"  # the low byte of each register first
    CDAB = "cdab"  # the low register first
    DCBA = "dcba"  # both


class Encoding(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How bytes become a value.

    Attributes:
        kind: What they are read as.
        order: In which order they come.
        format: For `words`, `bytes` and `nibbles`: how the numbers become text; `{2}.{0:02d}`, `{0:c}`. Decimal with dots if absent.
        divisor: For `number`: 10, 100 or 1000 if it counts tenths, hundredths or thousandths.
        absent: Bytes, as hex, that say "there is none".
        part: For `text` of the form `1=…;2=…`: the name of the part that is meant.
        names: What codes stand for. A code that is not in it stays a code: it is evidence, too.
    """

    kind: Kind = Kind.WORDS
    order: Order = Order.ABCD
    format: str = ""
    divisor: int = 1
    absent: tuple[str, ...] = ()
    part: str = ""
    names: dict[str, str] = {}


def decode(raw: bytes, encoding: Encoding) -> str:
    """Return what bytes say under an encoding, as clean text; empty if they say nothing.

    >>> decode(bytes.fromhex("00010004"), Encoding(format="{0}.{1:02d}"))
    '1.04'
    >>> decode(bytes.fromhex("27d9"), Encoding(kind=Kind.NUMBER, divisor=100))
    '102.01'
    """
    if not raw or raw.hex() in encoding.absent:
        return ""
    text = _read(in_order(raw, encoding.order), encoding)
    return encoding.names.get(text, text)


def in_order(raw: bytes, order: Order) -> bytes:
    """Put bytes into the standard's order.

    >>> in_order(b"BADC", Order.BADC)
    b'ABCD'
    """
    registers = [raw[at : at + 2] for at in range(0, len(raw), 2)]
    match order:
        case Order.ABCD:
            return raw
        case Order.BADC:
            return b"".join(register[::-1] for register in registers)
        case Order.CDAB:
            return b"".join(reversed(registers))
        case Order.DCBA:
            return raw[::-1]


def problems(encoding: Encoding, size: int | None) -> Iterator[str]:
    """Yield every reason why a value of this many bytes could not be read so.

    Args:
        encoding: Well formed, otherwise unknown.
        size: Bytes; None where only the answer will tell.
    """
    if size is None:
        if encoding.kind not in OF_ANY_SIZE:
            yield f"{encoding.kind} needs a value of a known size"
    else:
        yield from _problems_of_size(encoding, size)
    if encoding.divisor not in DIVISORS or (encoding.divisor > 1 and encoding.kind is not Kind.NUMBER):
        yield "divisor is 10, 100 or 1000, and for a number"
    if encoding.part and encoding.kind is not Kind.TEXT:
        yield "part is for text"
    if encoding.format:
        yield from _problems_of_format(encoding, size)


def _read(raw: bytes, encoding: Encoding) -> str:
    read: dict[Kind, Callable[[], str]] = {
        Kind.TEXT: lambda: _part(_text(raw), encoding.part),
        Kind.SPARSE: lambda: _text(raw[1::2]),
        Kind.UTF16: lambda: clean_text(raw.decode("utf-16-be", "ignore").partition("\0")[0]),
        Kind.NUMBER: lambda: _number(int.from_bytes(raw, "big"), encoding.divisor),
        Kind.FLOAT: lambda: _float(raw),
        Kind.BCD: lambda: clean_text(raw.hex()) if raw.hex().isdecimal() else "",
        Kind.HEX: lambda: clean_text(raw.hex()),
    }
    return read[encoding.kind]() if encoding.kind in read else _formatted(encoding, _numbers(raw, encoding.kind))


def _text(raw: bytes) -> str:
    """Text of a fixed size: blanks, NUL or 0xFF fill it up, in front as well as behind."""
    return clean(raw.rstrip(NOT_IMPLEMENTED).lstrip(b"\0").partition(b"\0")[0])


def _part(text: str, name: str) -> str:
    """Return one part of `1=…;2=…`, or all of it."""
    if not name:
        return text
    parts = (part.partition("=") for part in text.split(";"))
    return next((said.strip() for key, _, said in parts if key.strip() == name), "")


def _number(number: int, divisor: int) -> str:
    whole, rest = divmod(number, divisor)
    return f"{whole}.{rest:0{len(str(divisor)) - 1}d}" if divisor > 1 else str(whole)


def _float(raw: bytes) -> str:
    try:
        (number,) = struct.unpack({4: ">f", 8: ">d"}[len(raw)], raw)
    except KeyError:
        return ""
    return f"{number:.6g}" if isfinite(number) else ""


def _numbers(raw: bytes, kind: Kind) -> list[int]:
    match kind:
        case Kind.WORDS:
            return [int.from_bytes(raw[at : at + 2], "big") for at in range(0, len(raw), 2)]
        case Kind.NIBBLES:
            return [half for byte in raw for half in (byte >> 4, byte & 0x0F)]
        case _:
            return list(raw)


def _formatted(encoding: Encoding, numbers: list[int]) -> str:
    text = encoding.format.format(*numbers) if encoding.format else ".".join(map(str, numbers))
    return clean(text.encode("utf-8", "replace"))


def _problems_of_size(encoding: Encoding, size: int) -> Iterator[str]:
    if encoding.kind is Kind.NUMBER and size not in (1, 2, 4, 6, 8):
        yield "a number has 1, 2, 4, 6 or 8 bytes"
    if encoding.kind is Kind.FLOAT and size not in (4, 8):
        yield "a float has 4 or 8 bytes"
    if encoding.order is not Order.ABCD and size % 2:
        yield f"order {encoding.order} is for whole registers"
    for marker in encoding.absent:
        if not re.fullmatch(r"(?:[0-9a-f]{2})+", marker) or len(marker) != 2 * size:
            yield f"absent: {marker!r} is not {size} bytes as lower-case hex"


def _problems_of_format(encoding: Encoding, size: int | None) -> Iterator[str]:
    """Allow only placeholders that every possible value can fill."""
    if encoding.kind not in FORMATTED or size is None:
        yield f"format: {encoding.kind} has none"
        return
    numbers = {Kind.WORDS: size // 2, Kind.BYTES: size, Kind.NIBBLES: 2 * size}[encoding.kind]
    try:
        parts = list(string.Formatter().parse(encoding.format))
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
