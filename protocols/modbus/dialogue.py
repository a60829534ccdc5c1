"""The shape that every Modbus conversation has here: a generator of requests that is sent answers.

Decides nothing; it names what the dialogues share. Never opens a socket, reads a clock or logs.

A dialogue yields request PDUs, is sent response PDUs (empty: no answer came), and returns what it learned. A connection, a
recording, a fuzzer and a test drive it alike.

Source: MODBUS Application Protocol Specification V1.1b3, sections 4.1 (PDU) and 7 (exception responses).
"""

from collections.abc import Callable, Generator
from enum import IntEnum, StrEnum
from typing import TypeAlias, TypeVar

Result = TypeVar("Result")
Dialogue: TypeAlias = Generator[bytes, bytes, Result]

EXCEPTION_FLAG = 0x80
ENCAPSULATED, DEVICE_IDENTIFICATION = 0x2B, 0x0E  # function code, MEI type


class Refusal(IntEnum):
    """Exception codes that decide what may be asked next."""

    ILLEGAL_FUNCTION = 0x01
    ILLEGAL_ADDRESS = 0x02
    ILLEGAL_VALUE = 0x03
    GATEWAY_PATH_UNAVAILABLE = 0x0A
    GATEWAY_TARGET_SILENT = 0x0B


class Remark(StrEnum):
    """How a device deviated from the specification. Evidence, not an error."""

    TRUNCATED = "an object ended before its length said"
    MISCOUNTED = "the number of objects was not the number announced"
    LOOPED = "more was announced, but nothing new came"
    OVERSIZED = "more objects than this reader keeps"
    UNKNOWN_CONFORMITY = "the conformity level was none of the standard's"
    UNRELATED = "the answer was to another question"
    SILENT = "no answer came"
    STALE = "an answer came that nobody was waiting for"
    FOREIGN_UNIT = "the answer bore another unit id"
    UNNUMBERED = "the answer bore transaction id 0"


def refusal(answer: bytes, function: int) -> int | None:
    """Return the exception code if this answer is an exception to this function, else None.

    Some devices repeat the MEI type before the code (`ab 0e 01`): two bytes or three, the code is the last.

    >>> refusal(bytes.fromhex("ab01"), 0x2B), refusal(bytes.fromhex("ab0e01"), 0x2B)
    (1, 1)
    """
    if not answer or answer[0] != function | EXCEPTION_FLAG:
        return None
    repeats_mei_type = len(answer) == 3 and function == ENCAPSULATED and answer[1] == DEVICE_IDENTIFICATION
    return answer[-1] if len(answer) == 2 or repeats_mei_type else None


def hold(dialogue: Dialogue[Result], exchange: Callable[[bytes], bytes]) -> Result:
    """Drive a dialogue to its end over a blocking exchange: the shape of every driver."""
    try:
        request = next(dialogue)
        while True:
            request = dialogue.send(exchange(request))
    except StopIteration as end:
        result: Result = end.value
        return result
