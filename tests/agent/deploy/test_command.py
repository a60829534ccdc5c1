"""The command `units` as words."""

import argparse
from pathlib import Path

import pytest

from agent.deploy.command import add_parser, main


def parsed(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_parser(parser.add_subparsers())
    return parser.parse_args(["units", *words])


def test_without_a_directory_it_prints() -> None:
    assert parsed().write is None
    assert parsed().config == Path("/etc/nameplated/plant.toml")
    assert parsed().command is main


def test_help_shows_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parsed("--help")
    assert "sudo nameplated units --write" in capsys.readouterr().out
