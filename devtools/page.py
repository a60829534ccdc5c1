"""A generated page: written with no argument, compared with `--check`.

Decides whether a committed page is what its generator says today. Never edits anything but its own page.
"""

import argparse
import difflib
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]


def main(name: str, text: str, arguments: Sequence[str]) -> int:
    """Write a page, or tell whether it is current; return the exit code.

    Args:
        name: The page, relative to the root of the project.
        text: What it says.
        arguments: Of the command line.
    """
    parser = argparse.ArgumentParser(description=f"writes {name}")
    parser.add_argument("--check", action="store_true", help="write nothing; fail if the page is not current")
    page = ROOT / name
    if not parser.parse_args(arguments).check:
        page.write_text(text, "utf-8")
        return 0
    found = page.read_text("utf-8") if page.exists() else ""
    sys.stderr.writelines(difflib.unified_diff(found.splitlines(True), text.splitlines(True), name, "as generated", n=1))
    return int(found != text)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    r"""Lay out a table in Markdown.

    >>> print(table(("a", "b"), [("1", "x|y")]))
    | a | b |
    |---|---|
    | 1 | x\|y |
    """
    lines = [head, ["---"] * len(head), *rows]
    shown = ["| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines]
    shown[1] = shown[1].replace(" ", "")
    return "\n".join(shown)
