"""One event a line: a fixed name and fields, for a journal that people and machines read.

Decides the form of log lines. Never formats a foreign string unquoted: what a device or a broker said appears as a Python
literal, so it cannot break a line, forge an event or drive a terminal. Never repeats itself: equal lines in a row of minutes
are counted, because a storm in the log wears out flash and hides what matters.

    endpoint.silent asset='press-07-plc' wait_s=900
    broker.unavailable why='127.0.0.1:8883: Connection refused' repeated=58
"""

import logging
import time


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
    handler = logging.StreamHandler()
    handler.setFormatter(_Formatter())
    handler.addFilter(_Calm())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("nameplated").setLevel(level)
    logging.getLogger("pymodbus").setLevel(logging.CRITICAL)  # dumps its history at ERROR when a device answers oddly


class Repeats:
    """Tells which lines are worth writing, given what was written lately."""

    def __init__(self, *, quiet_s: float = 60.0, most: int = 256) -> None:
        """Take how long an equal line is left out, and how many different lines are remembered."""
        self._quiet_s = quiet_s
        self._most = most
        self._left_out: dict[str, tuple[float, int]] = {}

    def admit(self, text: str, now_s: float) -> str | None:
        """Return the line to write, with the number of those that were left out before it, or None.

        >>> repeats = Repeats()
        >>> [repeats.admit("broker.lost", now_s) for now_s in (0, 1, 2, 61)]
        ['broker.lost', None, None, 'broker.lost repeated=2']
        """
        written_s, count = self._left_out.pop(text, (-self._quiet_s, 0))
        if now_s - written_s < self._quiet_s:
            self._left_out[text] = written_s, count + 1
            return None
        self._left_out[text] = now_s, 0
        if len(self._left_out) > self._most:
            del self._left_out[next(iter(self._left_out))]
        return f"{text} repeated={count}" if count else text


class _Calm(logging.Filter):
    """Puts `Repeats` between the program and the journal."""

    def __init__(self) -> None:
        super().__init__()
        self._repeats = Repeats()

    def filter(self, record: logging.LogRecord) -> bool:
        """Let a line pass, perhaps with a count, or leave it out."""
        text = self._repeats.admit(record.getMessage(), time.monotonic())
        record.msg, record.args = text or "", ()
        return text is not None


class _Formatter(logging.Formatter):
    """`<6>event field=value`: the number is the syslog priority that journald takes off again."""

    def format(self, record: logging.LogRecord) -> str:
        """Write one record as one line."""
        text = record.getMessage()
        if record.exc_info:
            text = f"{text} error={record.exc_info[1]!r}"
        return f"<{_PRIORITY.get(record.levelno, 6)}>{text}"


_PRIORITY = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4, logging.ERROR: 3, logging.CRITICAL: 2}


def _quoted(value: object) -> str:
    return repr(str(value)) if isinstance(value, str) else str(value)
