"""What a device said, as text that is safe to show.

Decides which characters of a foreign string a person, a terminal or a log may see. Never raises, whatever the bytes; never
guesses at meaning. The bytes themselves are kept beside the text, as hex, by whoever calls this.

Source: Unicode Standard, general categories; UAX #9 for the directional characters that can make a text read backwards.
"""

import unicodedata

MAX_CHARS = 256  # the longest Modbus object has 244 bytes; a nameplate field that needs more is not one


def clean(raw: bytes, limit: int = MAX_CHARS) -> str:
    r"""Decode what a device sent and make it safe to show.

    Devices say ASCII and mean whatever their firmware was built with: UTF-8 where it is valid, Latin-1 (which cannot fail) where
    it is not. Fixed-size fields are padded with NUL or blanks.

    Args:
        raw: As received; bounded by the caller.
        limit: Characters to keep, 1 or more.

    >>> clean(b"T\xe9l\xe9m\xe9canique\x00\x00  ")
    'Télémécanique'
    >>> clean(b"\x1b[31m 2.00r016 ")
    '[31m 2.00r016'
    """
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    return clean_text(text, limit)


def clean_text(text: str, limit: int = MAX_CHARS) -> str:
    r"""Make a foreign string safe to show: one line, no control, format or directional characters, bounded.

    Args:
        text: Any string, lone surrogates included.
        limit: Characters to keep, 1 or more.

    >>> clean_text("P7\u202e\tS ")
    'P7 S'
    """
    head = text[: 8 * limit]  # what follows could only matter behind a wall of invisible characters
    visible = "".join(" " if char.isspace() else char for char in head if char.isspace() or unicodedata.category(char)[0] != "C")
    return visible.strip()[:limit].rstrip()
