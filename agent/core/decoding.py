"""What another process wrote down, read back: the one way in which bytes of a journal or of a role's word become a document. Pure.

Decides whether bytes are a document of one form. Whatever is wrong with them has one outcome, `UnreadableError`: a reader has one
thing to catch, and no bytes end it. Never repairs, and never lets the depth of the reader's own stack decide what is read.
"""

from collections.abc import Mapping
from typing import Final, TypeVar

import msgspec

DEEPEST: Final = 64
"""Levels of lists and objects. Ours have ten. Beyond some hundred, whether a document can be read depends on who reads it."""

_NO_BRACKETS: Final = bytes(set(range(256)) - set(b"[]{}"))
_ALIKE: Final = bytes.maketrans(b"{}", b"[]")

_Form = TypeVar("_Form")


class UnreadableError(ValueError):
    """These bytes are no document of the form that was asked for. Says why in one sentence; quotes what it found."""


def decoded(body: bytes, form: type[_Form]) -> _Form:
    """Read a document strictly.

    Args:
        body: Any bytes.
        form: What they must be.

    Raises:
        UnreadableError: They are not, or are nested deeper than `DEEPEST`.

    >>> decoded(b"[1]", list[int])
    [1]
    """
    try:
        document = msgspec.json.decode(body, type=form)
    except RecursionError:
        raise UnreadableError(f"nested deeper than {DEEPEST} levels") from None
    except (msgspec.MsgspecError, ValueError) as problem:  # a UnicodeDecodeError is a ValueError
        raise UnreadableError(str(problem)) from None
    if nesting(body) > DEEPEST:
        raise UnreadableError(f"nested deeper than {DEEPEST} levels")
    return document


def read_all(bodies: Mapping[str, bytes], form: type[_Form]) -> dict[str, _Form]:
    """Read many documents of one form, by name; one that is unreadable is left out.

    >>> read_all({"a": b"1", "b": b"x"}, int)
    {'a': 1}
    """
    found: dict[str, _Form] = {}
    for name, body in bodies.items():
        try:
            found[name] = decoded(body, form)
        except UnreadableError:
            continue
    return found


def nesting(body: bytes) -> int:
    """Return how deep a well-formed document is nested; for one with few brackets, how deep at the most; never more than `DEEPEST` + 1.

    >>> nesting(b'{"a": [1, "[[["]}'), nesting(b"[" * 99 + b"]" * 99), nesting(b"[" + b"[]," * 69 + b"[]]")
    (5, 65, 2)
    """
    opened = body.count(b"[") + body.count(b"{")
    if opened <= DEEPEST:
        return opened
    # Quotation marks that are text go first, then all text: every second part of what the others divide.
    parts = body.replace(rb"\\", b"").replace(rb"\"", b"").split(b'"')[::2]
    brackets = b"".join(parts).translate(_ALIKE, _NO_BRACKETS)
    depth = 0
    while brackets and depth <= DEEPEST:  # the innermost level goes with each step; a stranger's document has to cost little
        brackets = brackets.replace(b"[]", b"")
        depth += 1
    return depth
