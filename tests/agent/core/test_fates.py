"""What a reason code means for its envelope, and the page that repeats it."""

from pathlib import Path

import pytest

from agent.core.fates import Fate, answer, endings, fates

PAGE = Path(__file__).parents[3] / "docs" / "delivery.md"


@pytest.mark.parametrize(
    ("reason_code", "expected"),
    [(0x00, Fate.ACCEPTED), (0x10, Fate.KEPT), (0x80, Fate.SUSPECT), (0x83, Fate.SUSPECT), (0x87, Fate.KEPT), (0x90, Fate.KEPT),
     (0x91, Fate.KEPT), (0x95, Fate.SUSPECT), (0x97, Fate.KEPT), (0x99, Fate.SUSPECT), (0xAB, Fate.SUSPECT)],
)  # fmt: skip
def test_every_reason_code_of_a_puback_has_a_fate(reason_code: int, expected: Fate) -> None:
    assert answer(reason_code).fate is expected


def test_the_page_shows_the_tables_of_this_version() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert fates() in page and endings() in page
