"""Whether a site can be read without any network: `python devtools/selfcontained.py FOLDER`.

Decides what counts as a request to elsewhere: a script, a style, a picture, a font or a frame with an address of another host. A link
that a person follows is none. Needs nothing but Python's own library: it runs beside the site's generator.
"""

import re
import sys
from html.parser import HTMLParser
from pathlib import Path

LOADS = {
    "script": ("src",),
    "img": ("src", "srcset"),
    "source": ("src", "srcset"),
    "iframe": ("src",),
    "link": ("href",),
    "object": ("data",),
    "video": ("src", "poster"),
    "audio": ("src",),
    "use": ("href", "xlink:href"),
    "image": ("href", "xlink:href"),
}
ELSEWHERE = re.compile(r"^\s*(?:https?:)?//")
STYLE = re.compile(r"""(?:url\(|@import)\s*["']?\s*((?:https?:)?//[^\s"')]+)""")


class _Page(HTMLParser):
    """Collects what a browser would fetch for one page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Look at one element."""
        wanted = LOADS.get(tag, ())
        self.found += [value for name, value in attrs if name in wanted and value and ELSEWHERE.match(value)]


def loads(page: str) -> list[str]:
    """Return the addresses elsewhere that a page of HTML, or a picture, loads.

    >>> loads('<a href="https://example.org">read</a><script src="//example.org/x.js"></script>')
    ['//example.org/x.js']
    """
    parser = _Page()
    parser.feed(page)
    return parser.found + STYLE.findall(page)


def main(folder: Path) -> int:
    """Print what the files of a site load from elsewhere; return how the check ended."""
    files = [file for file in sorted(folder.rglob("*")) if file.suffix in {".html", ".css", ".svg"}]
    found = [(file, address) for file in files for address in loads(file.read_text("utf-8"))]
    for file, address in found:
        print(f"{file}: loads {address}", file=sys.stderr)  # noqa: T201  # a command says what it found
    if not files:
        print(f"{folder}: no site", file=sys.stderr)  # noqa: T201  # a command says what it found
    return int(bool(found) or not files)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
