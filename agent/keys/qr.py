"""A thumbprint as a QR code on a terminal, so that it can be compared with a telephone instead of by eye.

Decides one kind of symbol and no other: version 4, level L, bytes, mask 0; it holds up to 78 characters. Must never carry a private key:
it is given a text, and the command gives it a thumbprint.

Source: ISO/IEC 18004:2015, sections 7.4 to 7.9 and annexes A and C.
"""

from typing import Final

SIZE: Final = 33
MOST_CHARACTERS: Final = 78
_DATA, _CHECK = 80, 20  # code words
_FORMAT: Final = 0b111011111000100  # level L and mask 0, with its check bits and mask of annex C

Grid = list[list[bool | None]]


def symbol(text: str) -> list[list[bool]]:
    """Return the modules of a symbol, row by row; True is dark.

    Raises:
        ValueError: The text does not fit.
    """
    data = text.encode("ascii")
    if len(data) > MOST_CHARACTERS:
        raise ValueError(f"more than {MOST_CHARACTERS} characters")
    words = _words(data)
    grid = _patterns()
    bits = (bool(word >> place & 1) for word in [*words, *_check_words(words)] for place in range(7, -1, -1))
    for row, column in _path(grid):
        grid[row][column] = next(bits, False) ^ ((row + column) % 2 == 0)
    return [[bool(module) for module in row] for row in grid]


def drawn(text: str) -> str:
    """Return a symbol for a terminal, light on dark, two rows to a line, with the quiet zone that readers need."""
    quiet = 2
    light = [[True] * (SIZE + 2 * quiet) for _ in range(SIZE + 2 * quiet + 1)]
    for number, row in enumerate(symbol(text), quiet):
        light[number][quiet:-quiet] = [not dark for dark in row]
    blocks = {(True, True): "█", (True, False): "▀", (False, True): "▄", (False, False): " "}
    pairs = zip(light[::2], light[1::2], strict=True)
    return "\n".join("".join(blocks[pair] for pair in zip(upper, lower, strict=True)) for upper, lower in pairs)


def _words(data: bytes) -> list[int]:
    """Write mode, length and bytes, end with four zero bits, and fill up: the nibbles move everything by half a byte."""
    nibbles = [4, len(data) >> 4, len(data) & 15, *(half for byte in data for half in (byte >> 4, byte & 15)), 0]
    words = [high << 4 | low for high, low in zip(nibbles[::2], nibbles[1::2], strict=True)]
    filler = [0xEC, 0x11] * _DATA
    return words + filler[: _DATA - len(words)]


def _check_words(words: list[int]) -> list[int]:
    """Divide by the generator polynomial; what is left over lets a reader mend what it misread."""
    generator = [1]
    for power in range(_CHECK):
        root = _power(power)
        generator = [a ^ _times(b, root) for a, b in zip([*generator, 0], [0, *generator], strict=True)]
    rest = [*words, *([0] * _CHECK)]
    for place in range(len(words)):
        factor = rest[place]
        for offset, each in enumerate(generator):
            rest[place + offset] ^= _times(each, factor)
    return rest[-_CHECK:]


def _times(a: int, b: int) -> int:
    """Multiply in the field of 256 elements with the polynomial of the standard, 0x11D."""
    product = 0
    while b:
        product ^= a * (b & 1)
        a = a << 1 ^ (0x11D * (a >> 7))
        b >>= 1
    return product


def _power(exponent: int) -> int:
    value = 1
    for _ in range(exponent):
        value = _times(value, 2)
    return value


def _patterns() -> Grid:
    """Draw what is the same in every symbol of this kind; None is where data goes."""
    grid: Grid = [[None] * SIZE for _ in range(SIZE)]
    for top, left in ((0, 0), (0, SIZE - 7), (SIZE - 7, 0)):
        _finder(grid, top, left)
    for place in range(8, SIZE - 8):
        grid[6][place] = grid[place][6] = place % 2 == 0
    for row in range(-2, 3):
        for column in range(-2, 3):
            grid[26 + row][26 + column] = max(abs(row), abs(column)) != 1
    _format(grid)
    return grid


def _finder(grid: Grid, top: int, left: int) -> None:
    """Draw a square in a square, and the light border around it."""
    for row in range(max(0, top - 1), min(SIZE, top + 8)):
        for column in range(max(0, left - 1), min(SIZE, left + 8)):
            ring = max(abs(row - top - 3), abs(column - left - 3))
            grid[row][column] = ring in (0, 1, 3)


def _format(grid: Grid) -> None:
    """Write level and mask, twice, and the one module that is always dark."""
    bits = [bool(_FORMAT >> place & 1) for place in range(14, -1, -1)]
    around = [(8, c) for c in (0, 1, 2, 3, 4, 5, 7, 8)] + [(r, 8) for r in (7, 5, 4, 3, 2, 1, 0)]
    apart = [(SIZE - 1 - n, 8) for n in range(7)] + [(8, SIZE - 8 + n) for n in range(8)]
    for bit, one, other in zip(bits, around, apart, strict=True):
        grid[one[0]][one[1]] = grid[other[0]][other[1]] = bit
    grid[SIZE - 8][8] = True


def _path(grid: Grid) -> list[tuple[int, int]]:
    """Return where data goes, in order: pairs of columns from the right, up and down in turn, around the timing column."""
    places = []
    columns = [column for column in range(SIZE - 1, 0, -2) if column > 6] + [5, 3, 1]
    for number, right in enumerate(columns):
        rows = range(SIZE) if number % 2 else range(SIZE - 1, -1, -1)
        places += [(row, column) for row in rows for column in (right, right - 1) if grid[row][column] is None]
    return places
