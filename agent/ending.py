"""Why a role ended: an exit code, one sentence for each thing to mend, and whether another attempt may do better.

Decides all of that from the error alone. Never prints, never logs, and never starts anything again.

Exit codes are those of sysexits.h: 64 usage, 70 our bug, 74 input or output, 76 protocol, 77 permission, 78 configuration.
"""

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import IntEnum

from agent.log import innermost
from buffer.errors import SpoolError, SpoolNewerError
from config.errors import ConfigError

MOST_TOLD = 20
"""Problems of one ending; `nameplated check` has the rest."""

MOST_LETTERS = 1024

_NOT_PERMITTED = "Run as the service's user, or check owner and mode."


class Exit(IntEnum):
    """Why a process ended, for systemd and scripts."""

    OK = 0
    FAILED = 1  # a check that was asked for did not hold
    USAGE = 64
    SOFTWARE = 70
    IO = 74
    PROTOCOL = 76  # the read-only guard refused a request of our own
    PERMISSION = 77
    CONFIG = 78


FINAL = frozenset({Exit.USAGE, Exit.PROTOCOL, Exit.PERMISSION, Exit.CONFIG})
"""What another attempt does not mend: a person has to. The units say the same in `RestartPreventExitStatus=`."""


class EndedError(Exception):
    """A role ended for a reason that only its own parts can name.

    Attributes:
        code: The exit code that this reason has.
    """

    def __init__(self, sentence: str, code: Exit) -> None:
        super().__init__(sentence)
        self.code = code


@dataclass(frozen=True, slots=True)
class Ending:
    """Why a role ended.

    Attributes:
        code: For the process.
        why: One line for each problem, at most `MOST_TOLD`.
        where: Of a bug: the innermost calls, the last one last; else empty.
    """

    code: Exit
    why: tuple[str, ...]
    where: str = ""

    @property
    def is_final(self) -> bool:
        """Whether another attempt would end in the same way until a person does something."""
        return self.code in FINAL

    @property
    def sentence(self) -> str:
        """All of it in one line."""
        more = f" (and {len(self.why) - 1} more)" if len(self.why) > 1 else ""
        return self.why[0] + more + (f", at {self.where.rpartition(' > ')[2]}" if self.where else "")


def ending(error: BaseException) -> Ending:
    r"""Say why a role ended, and what its process should say of it.

    >>> ending(OSError(5, "Input/output error")).code
    <Exit.IO: 74>
    >>> ending(ValueError("no\nkey")).why
    ('ValueError: no key',)
    """
    first = next(leaves(error))
    match first:
        case EndedError():
            return Ending(first.code, _lines(str(first)))
        case ConfigError() | SpoolNewerError():
            return Ending(Exit.CONFIG, _lines(str(first)))
        case PermissionError():
            place = f"{first.filename}: permission denied" if first.filename else str(first)
            return Ending(Exit.PERMISSION, (f"{place}. {_NOT_PERMITTED}",))
        case SpoolError() | OSError():
            return Ending(Exit.IO, (_line(str(first)) or type(first).__name__,))
        case _:
            return Ending(Exit.SOFTWARE, (_line(f"{type(first).__name__}: {first}"),), innermost(first))


def leaves(error: BaseException) -> Iterator[BaseException]:
    """Return what was raised inside nested task groups: one task failed, the others were cancelled for it."""
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from leaves(inner)
    else:
        yield error


@contextmanager
def ends(kinds: Mapping[type[Exception], Exit], *, more: str = ".") -> Generator[None, None, None]:
    """Give errors that only a role's own parts know the exit code that they stand for; the first kind that fits counts.

    Args:
        kinds: The errors, the narrowest first.
        more: What a person has to know beside, as it follows the error's own sentence.

    Raises:
        EndedError: One of them was raised.
    """
    try:
        yield
    except Exception as error:
        named = ((leaf, code) for kind, code in kinds.items() for leaf in leaves(error) if isinstance(leaf, kind))
        for leaf, code in named:
            raise EndedError(str(leaf).rstrip(".") + more, code) from error
        raise


def worst(errors: Sequence[Exception]) -> Exception:
    """Return, of the errors that ended all roles, the one that the process ends with: what forbids another attempt goes first.

    >>> worst([EndedError("no key", Exit.CONFIG), EndedError("guard", Exit.PROTOCOL), OSError("disk")])
    EndedError('guard')
    """
    return min(errors, key=_rank)


def _rank(error: Exception) -> int:
    code = ending(error).code
    return 0 if code is Exit.PROTOCOL else 1 if code in FINAL else 2


def _lines(text: str) -> tuple[str, ...]:
    lines = [_line(part) for part in text.splitlines() if part.strip()] or ["no reason was given"]
    left = len(lines) - MOST_TOLD
    return (*lines[:MOST_TOLD], f"and {left} more") if left > 0 else tuple(lines)


def _line(text: str) -> str:
    return " ".join(text.split())[:MOST_LETTERS]
