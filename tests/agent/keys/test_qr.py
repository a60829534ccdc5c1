"""The QR code: a foreign reader reads it, and its fixed parts are those of the standard."""

import shutil
import subprocess
from pathlib import Path

import pytest

from agent.keys.qr import MOST_CHARACTERS, SIZE, drawn, symbol

KID = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


def image(rows: list[list[bool]], scale: int = 6, quiet: int = 4) -> bytes:
    side = (SIZE + 2 * quiet) * scale
    pixels = bytearray(b"\xff" * side * side)
    for y in range(side):
        for x in range(side):
            row, column = y // scale - quiet, x // scale - quiet
            if 0 <= row < SIZE and 0 <= column < SIZE and rows[row][column]:
                pixels[y * side + x] = 0
    return b"P5 %d %d 255\n" % (side, side) + bytes(pixels)


@pytest.mark.parametrize("text", [KID, "A", "https://isms.example/" + "x" * (MOST_CHARACTERS - 21)])
def test_a_foreign_reader_reads_it(text: str, tmp_path: Path) -> None:
    reader = shutil.which("zbarimg")
    if reader is None:
        pytest.skip("the Debian package zbar-tools is not installed")
    (tmp_path / "code.pgm").write_bytes(image(symbol(text)))
    read = subprocess.run([reader, "--quiet", "--nodbus", "--raw", tmp_path / "code.pgm"], capture_output=True, check=True)
    assert read.stdout.decode().strip() == text


def test_three_corners_are_finders_and_the_fourth_is_not() -> None:
    finder = ["#######", "#     #", "# ### #", "# ### #", "# ### #", "#     #", "#######"]
    rows = ["".join("#" if dark else " " for dark in row) for row in symbol(KID)]
    assert [row[:7] for row in rows[:7]] == [row[-7:] for row in rows[:7]] == [row[:7] for row in rows[-7:]] == finder
    assert [row[-7:] for row in rows[-7:]] != finder


def test_a_text_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="78"):
        symbol("x" * (MOST_CHARACTERS + 1))


def test_it_fits_a_terminal_of_eighty_columns_and_twenty_four_lines() -> None:
    lines = drawn(KID).splitlines()
    assert len(lines) <= 24 and {len(line) for line in lines} == {SIZE + 4}
