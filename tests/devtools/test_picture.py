"""A screen becomes a picture that says the same, in any font and without any network."""

import re

from devtools.picture import COLUMNS, picture
from devtools.selfcontained import loads

SCREEN = "\x1b[1mhead\x1b[0m & <tail>\n\x1b[32mok\x1b[39m  plain\n\x1b[2mdim\nstill dim\x1b[0m\n\n"


def drawn(svg: str) -> list[str]:
    return re.findall(r"<text .*</text>", svg)


def test_text_is_escaped_and_spaces_stay() -> None:
    head, row, *_ = drawn(picture(SCREEN))
    assert "&amp;\xa0&lt;tail&gt;" in head and "\xa0\xa0plain" in row


def test_a_style_lasts_until_it_is_ended_also_over_lines() -> None:
    head, row, dim, still = drawn(picture(SCREEN))
    assert 'font-weight="bold"' in head and "#7ee0a1" in row and 'opacity="0.65"' in dim and 'opacity="0.65"' in still


def test_each_line_is_as_wide_as_its_characters() -> None:
    widths = [float(width) for width in re.findall(r'textLength="([\d.]+)"', picture("x" * 10 + "\n" + "x" * COLUMNS))]
    assert widths == [84.0, 84.0 * COLUMNS / 10]


def test_it_loads_nothing() -> None:
    assert loads(picture(SCREEN)) == []
