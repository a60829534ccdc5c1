"""One event a line: a fixed name and fields, for a journal that people and machines read.

Decides the form of log lines. Never formats a foreign string unquoted: what a device or a broker said appears as a Python
literal, so it cannot break a line, forge an event or drive a terminal. Never repeats itself: equal lines in a row of minutes
are counted, because a storm in the log wears out flash and hides what matters. The count is written when the storm is over, and at the
end of the program.

    endpoint.silent asset='press-07-plc' wait_s=900
    broker.unavailable why='127.0.0.1:8883: Connection refused' repeated=58
"""

import logging
import re
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

MOST_LETTERS = 4096
MOST_FRAMES = 6

_COUNTER = re.compile(r"(?<= )(failures|records|dropped|again_s|wait_s)=[0-9.]+(?= |$)")
"""What grows from one line of a storm to the next. Numbers that say which, such as `seq`, are no counters."""


def logger(name: str) -> logging.Logger:
    """Return the logger of a part of the program."""
    return logging.getLogger(f"nameplated.{name}")


def line(event: str, **fields: object) -> str:
    r"""Write an event with its fields.

    >>> line("endpoint.silent", asset="a\nb", wait_s=900)
    "endpoint.silent asset='a\\nb' wait_s=900"
    """
    return " ".join([event, *(f"{name}={_quoted(value)}" for name, value in fields.items())])


def to_stderr(level: int = logging.INFO) -> None:
    """Send log lines to standard error, where systemd and people find them; the priority prefix is journald's."""
    root = logging.getLogger()
    root.handlers = [_Calm()]
    root.setLevel(logging.WARNING)
    logging.getLogger("nameplated").setLevel(level)
    logging.getLogger("pymodbus").setLevel(logging.CRITICAL)  # dumps its history at ERROR when a device answers oddly


@dataclass(slots=True)
class _Written:
    """One line and those like it.

    Attributes:
        at_s: When it was written last.
        left_out: How many were left out since.
        last: The last of those, word for word.
        level: Of the last one.
    """

    at_s: float
    left_out: int
    last: str
    level: int


class Repeats:
    """Tells which lines are worth writing, given what was written lately. Lines that differ in a counter alone are equal."""

    def __init__(self, *, quiet_s: float = 60.0, most: int = 256) -> None:
        """Take how long an equal line is left out, and how many different lines are remembered."""
        self._quiet_s = quiet_s
        self._most = most
        self._written: dict[str, _Written] = {}
        self._forgotten: list[_Written] = []

    @property
    def left_out(self) -> int:
        """How many lines were left out and not counted in any line yet."""
        return sum(each.left_out for each in (*self._written.values(), *self._forgotten))

    def admit(self, text: str, now_s: float, level: int = logging.INFO) -> str | None:
        """Return the line to write, with the number of those that were left out before it, or None.

        >>> repeats = Repeats()
        >>> [repeats.admit(f"broker.lost failures={number}", now_s) for number, now_s in enumerate((0, 1, 2, 61))]
        ['broker.lost failures=0', None, None, 'broker.lost failures=3 repeated=2']
        """
        key = _COUNTER.sub(r"\1=", text)
        before = self._written.pop(key, None)
        if before is not None and now_s - before.at_s < self._quiet_s:
            self._written[key] = _Written(before.at_s, before.left_out + 1, text, level)
            return None
        self._written[key] = _Written(now_s, 0, text, level)
        if len(self._written) > self._most:
            self._forgotten.append(self._written.pop(next(iter(self._written))))
            self._forgotten = [each for each in self._forgotten if each.left_out][-self._most :]
        return _counted(text, before.left_out) if before else text

    def settled(self, now_s: float, *, all_of_them: bool = False) -> list[tuple[int, str]]:
        """Return the last line of each storm that is over, with its count and its level; each count is told once.

        Args:
            now_s: As for `admit`.
            all_of_them: Also those that may go on, because nobody will be here to tell.

        >>> repeats = Repeats()
        >>> [repeats.admit("broker.lost", now_s) for now_s in (0, 1, 2)]
        ['broker.lost', None, None]
        >>> repeats.settled(59), repeats.settled(60)
        ([], [(20, 'broker.lost repeated=2')])
        """
        over = [*self._forgotten]
        for key, each in list(self._written.items()):
            if each.left_out and (all_of_them or now_s - each.at_s >= self._quiet_s):
                over.append(each)
                self._written[key] = _Written(now_s, 0, each.last, each.level)
        self._forgotten = []
        return [(each.level, _counted(each.last, each.left_out)) for each in over]


def _counted(text: str, left_out: int) -> str:
    return f"{text} repeated={left_out}" if left_out else text


class _Calm(logging.StreamHandler[TextIO]):
    """Puts `Repeats` between the program and the journal."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(_Formatter())
        self._repeats = Repeats()

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line, perhaps with a count, or leave it out."""
        text = self._repeats.admit(_one_line(record), time.monotonic(), record.levelno)
        if text is not None:
            self._write(record.levelno, text)

    def settle(self, *, all_of_them: bool = False) -> None:
        """Write the counts of storms that are over."""
        for level, text in self._repeats.settled(time.monotonic(), all_of_them=all_of_them):
            self._write(level, text)

    def _write(self, level: int, text: str) -> None:
        super().emit(logging.LogRecord("nameplated", level, "", 0, text, (), None))


class _Formatter(logging.Formatter):
    """`<6>event field=value`: the number is the syslog priority that journald takes off again."""

    def format(self, record: logging.LogRecord) -> str:
        """Write one record as one line."""
        return f"<{_PRIORITY.get(record.levelno, 6)}>{record.getMessage()}"


def settle(*, at_the_end: bool = False) -> None:
    """Write the counts of storms that are over; at the end of the program, of all: nobody else would ever tell them."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, _Calm):
            handler.settle(all_of_them=at_the_end)


def _one_line(record: logging.LogRecord) -> str:
    """Return a record as one bounded line, whoever wrote it: a library knows nothing of our form, and some write several lines."""
    text = record.getMessage()
    if not record.name.startswith("nameplated"):
        text = line("library.said", name=record.name, text=text)
    if record.exc_info and record.exc_info[1]:
        error = record.exc_info[1]
        text = f"{text} error={error!r} where={innermost(error)!r}"
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text[:MOST_LETTERS])


def innermost(error: BaseException) -> str:
    """Return where an error was raised, as file and line of the innermost calls, the last one last; empty if nobody raised it."""
    frames = traceback.extract_tb(error.__traceback__)[-MOST_FRAMES:]
    return " > ".join(f"{'/'.join(Path(frame.filename).parts[-2:])}:{frame.lineno}" for frame in frames)


_PRIORITY = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4, logging.ERROR: 3, logging.CRITICAL: 2}


def _quoted(value: object) -> str:
    return repr(str(value)) if isinstance(value, str) else str(value)
