"""What the help of every command looks like: as wide as the terminal, with an example that keeps its lines."""

import argparse
from collections.abc import Iterator

import pytest

from agent.cli import _parser as command_line
from agent.commands import add


def shown(columns: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("COLUMNS", columns)
    commands = argparse.ArgumentParser(prog="nameplated").add_subparsers()
    made = add(commands, "look", "look at one device", "nameplated look " + "a" * 70)
    made.add_argument("--long", help="word " * 30)
    return made.format_help()


@pytest.mark.parametrize("columns", [60, 100])
def test_help_is_as_wide_as_the_terminal(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    longest = max(len(line) for line in shown(str(columns), monkeypatch).splitlines() if "word" in line)
    assert columns - 8 < longest < columns


@pytest.mark.parametrize("columns", ["", "0", "-1", "wide", "\u0661"])
def test_help_without_a_terminal_has_a_width_all_the_same(columns: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "word word" in shown(columns, monkeypatch)


def test_an_example_is_never_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    assert f"example:\n  nameplated look {'a' * 70}" in shown("60", monkeypatch)


def parsers(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """The command line and everything below it."""
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                yield from parsers(below)


def test_every_example_fits_a_terminal_of_eighty_columns() -> None:
    lines = [line for parser in parsers(command_line([])) for line in (parser.epilog or "").splitlines()]
    assert len(lines) > 20
    assert [line for line in lines if len(line) >= 80] == []
