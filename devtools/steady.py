r"""What a program says anew each time it runs: keys, moments, spans of time, sizes of what is random.

Decides whether two pages differ in more than that. Two keys that differ stay two keys, so a page that confuses them is another page.
Pure.
"""

import re
from collections.abc import Callable

_KINDS = {
    "key": r"(?<![\w-])[A-Za-z0-9_-]{43}(?![\w-])",
    "words": r"\b(?:[a-z]{5}-){7}[a-z]{5}\b",
    "chain": r"\b[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}\b",
    "print": r"\b(?:[0-9a-f]{64}|[0-9a-f]{40}|[0-9a-f]{16})\b",
    "end of a chain": r"(?<=  )[0-9a-f]{8}(?=  )",
}
_FIGURES = {
    "MOMENT": r"\b(?:20\d\d-)?\d\d-\d\d[T ]\d\d:\d[\d:.…Z]*",
    "DAY": r"\b20\d\d-\d\d-\d\d\b",
    "SPAN": r"\b\d+(?:\.\d+)? m?s\b",
    "SIZE": r"\b\d+ bytes\b|\b\d+ MiB\b",
    "COUNTS ": r"(?:\b\d+\b {2,}){3,}",
    " ": r" {2,}",
}


def steadied(text: str) -> str:
    """Return a text with a name for every figure that is another one each time.

    >>> steadied("2026-11-22 23:19  last look took 12 ms")
    'MOMENT last look took SPAN'
    """
    for kind, pattern in _KINDS.items():
        text = re.sub(pattern, _numbered(kind), text)
    for name, pattern in _FIGURES.items():
        text = re.sub(pattern, name, text)
    return text


def _numbered(kind: str) -> Callable[[re.Match[str]], str]:
    """Return what names each text of a kind by the place at which it was first met."""
    met: dict[str, str] = {}
    return lambda found: met.setdefault(found[0], f"{kind} {len(met)}")
