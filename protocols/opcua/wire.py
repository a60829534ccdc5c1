"""What passes between the gateway and the child process of one visit.

Decides what an answer from a child may look like: a child has talked to a hostile device, so its output is hostile as well.
Never trusts a length, a depth or a string that it has not checked.
"""

from dataclasses import dataclass
from typing import Any

import msgspec

from protocols.contract import Answer, Ask, Outcome

MAX_JOB_BYTES = 64 * 1024
MAX_ANSWER_BYTES = 1024 * 1024
MAX_ITEMS = 512  # of one list or object
MAX_NAME_CHARS = 128  # of a key
MAX_CHARS = 1024  # of one string, but for these
MAX_CHARS_OF = {"raw": 2048, "detail": 4096, "profile": MAX_NAME_CHARS}  # hex of a value's bytes; a sentence with paths in it
MAX_SERVICES = 32  # in the ledger
MAX_DEPTH = 8

EXIT_FORBIDDEN = 70  # the read-only guard fired: EX_SOFTWARE, our bug


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One visit.

    Attributes:
        ask: What to look at.
        pki_dir: The trust folder.
    """

    ask: Ask
    pki_dir: str


class BoundsError(ValueError):
    """An answer from a child is larger, deeper or stranger than any answer of ours."""


def encode_job(job: Job) -> bytes:
    """Job to one line of JSON."""
    return msgspec.json.encode(job) + b"\n"


def decode_job(data: bytes) -> Job:
    """JSON to job.

    Raises:
        msgspec.ValidationError: It is none.
    """
    return msgspec.json.decode(data, type=Job)


def encode_answer(answer: Answer) -> bytes:
    """Answer to JSON."""
    return msgspec.json.encode(answer)


def decode_answer(data: bytes) -> Answer:
    """JSON from a child to an answer.

    Raises:
        BoundsError: It is too much, or has strings that were not cleaned.
        msgspec.DecodeError: It is no JSON, or no answer.
    """
    if len(data) > MAX_ANSWER_BYTES:
        raise BoundsError("more than 1 MiB")
    try:
        content = msgspec.json.decode(data)
    except RecursionError as error:
        raise BoundsError("nested too deeply") from error
    except UnicodeDecodeError as error:  # for a name; for a text it is a DecodeError
        raise BoundsError("a name that is not UTF-8") from error
    _check(content, MAX_DEPTH)
    answer = msgspec.convert(content, Answer, strict=True)
    if (answer.outcome is Outcome.IDENTIFIED) != bool(answer.facts):
        raise BoundsError("facts that do not go with the outcome")
    if len(answer.ledger.requests) > MAX_SERVICES:
        raise BoundsError("more services than there are")
    return answer


def _check(content: Any, depth: int, max_chars: int = MAX_CHARS) -> None:
    """Walk everything once; recursion ends at the depth. What passes fits every record that is made of it."""
    if depth < 0:
        raise BoundsError("nested too deeply")
    match content:
        case str():
            if len(content) > max_chars or not content.isprintable():
                raise BoundsError("a string that is too long or not clean")
        case list() | dict() if len(content) > MAX_ITEMS:
            raise BoundsError("too many items")
        case list():
            for item in content:
                _check(item, depth - 1)
        case dict():
            for key, value in content.items():
                _check(key, depth - 1, MAX_NAME_CHARS)
                _check(value, depth - 1, MAX_CHARS_OF.get(key, MAX_CHARS))
        case int() | float() if not 0 <= content < 2**53:
            raise BoundsError("a number that counts nothing")
