"""Two screens are the same if only keys, moments and spans of time are others; never if anything else is."""

import pytest

from devtools.steady import steadied

KEY, OTHER = "A" * 43, "b" * 43


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (f"key id: {KEY}", f"key id: {OTHER}"),
        (
            "in words: votar-basut-kofam-sofod-batoh-kazab-vugih-dojot",
            "in words: rudup-tasuv-nitud-zuduh-zubab-hipip-judas-hodir",
        ),
        ("identified  2026-11-22 23:33:…", "identified  2026-11-23 01:02:…"),
        ("last record\n11-22 23:36", "last record\n12-01 00:00"),
        ("66 bytes in, 2 ms", "66 bytes in, 1171 ms"),
        ("online  sound  5     6        2        11-22 23:36", "online  sound  12  13  0  11-22 23:37"),
    ],
)
def test_what_is_another_figure_each_time_does_not_count(before: str, after: str) -> None:
    assert steadied(before) == steadied(after)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("asked 1 x 43/14", "asked 2 x 43/14"),
        ("firmware 2.1", "firmware 2.2"),
        (f"{KEY} {KEY}", f"{KEY} {OTHER}"),
        ("4 assets, ready to run.", "5 assets, ready to run."),
        ("That makes about 48 requests a day", "That makes about 49 requests a day"),
    ],
)
def test_everything_else_counts(before: str, after: str) -> None:
    assert steadied(before) != steadied(after)
