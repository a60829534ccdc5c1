"""One event a line: a fixed name and fields, for a journal that people and machines read.

Decides the form of log lines. Never formats a foreign string unquoted: what a device or a broker said appears as a Python
literal, so it cannot break a line, forge an event or drive a terminal.

    endpoint.silent asset='press-07-plc' wait_s=900
"""

import logging


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
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("nameplated").setLevel(level)
    logging.getLogger("pymodbus").setLevel(logging.CRITICAL)  # dumps its history at ERROR when a device answers oddly


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
