"""Which word was probably meant.

Decides it by likeness alone. Never changes a word: whoever made the mistake is asked.
"""

from collections.abc import Iterable


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that is most like this one, or None if none is.

    >>> nearest("colect", ("collect", "publish")), nearest("x", ("collect", "publish"))
    ('collect', None)
    """
    import difflib  # noqa: PLC0415  # 0.2 MiB that a gateway without a mistake in its plant file never needs

    return next(iter(difflib.get_close_matches(word[:64], list(known), n=1)), None)
