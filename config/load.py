"""The plant file on disk becomes a plant, or one error that lists everything to mend.

The only file access of this package. Decides nothing about content (`config.parse` does), opens no other file, follows no
include, and expands no variable.
"""

import re
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

from config.errors import ConfigError, Problem
from config.locate import Spot, index, spot_of
from config.model import Plant
from config.parse import parse

MAX_BYTES = 4 * 1024 * 1024  # some 20 000 assets; more is not a plant file


def load(path: Path) -> Plant:
    """Read a plant file.

    Relative paths in it start from the directory that it lies in.

    Raises:
        ConfigError: It cannot be read or used. Lists every problem, each with its line where it has one.
    """
    text = _text(path)
    plant, problems = parse(_document(text, path), base=path.parent.absolute())
    if plant is None:
        lines = index(text)
        placed = [_placed(problem, spot_of(problem.place, lines)) for problem in problems]
        raise ConfigError(sorted(placed, key=lambda problem: problem.line or 0), path)
    return plant


def _placed(problem: Problem, spot: Spot | None) -> Problem:
    return problem if spot is None else replace(problem, line=spot.line, column=spot.column)


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise _unusable(path, f"cannot be read: {error.strerror}", "Check the path, its owner and its mode.") from error
    if len(content) > MAX_BYTES:
        raise _unusable(path, f"is larger than {MAX_BYTES} bytes", "This is not a plant file.")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        spot = Spot(content.count(b"\n", 0, error.start) + 1, error.start - content.rfind(b"\n", 0, error.start))
        raise _unusable(path, "is not UTF-8 text", "Save it as UTF-8.", spot) from error


def _document(text: str, path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except RecursionError as error:
        raise _unusable(path, "is nested too deeply", "A plant file has tables in one list, no deeper.") from error
    except tomllib.TOMLDecodeError as error:
        found = re.search(r" \(at line (\d+), column (\d+)\)", str(error))
        spot = Spot(int(found[1]), int(found[2])) if found else None
        raise _unusable(path, f"is not valid TOML: {str(error).partition(' (at ')[0]}", "", spot) from error
    except ValueError as error:  # the interpreter's own bound on the digits of a number
        raise _unusable(path, "has a number with thousands of digits", "No setting needs one.") from error


def _unusable(path: Path, what: str, suggestion: str, spot: Spot | None = None) -> ConfigError:
    return ConfigError([_placed(Problem(place="", what=what, suggestion=suggestion), spot)], path)
