"""The plant file on disk, and what lies in `conf.d` beside it, become a plant, or one error that lists everything to mend.

The only file access of this package. Decides nothing about content (`config.parse` does), opens no other file, follows no
include, and expands no variable.
"""

import os
import re
import stat
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from config.errors import ConfigError, Problem
from config.locate import Spot, spot_of
from config.merge import Part, clashes, lines_of, merged
from config.model import Plant
from config.parse import parse

MAX_BYTES = 4 * 1024 * 1024  # some 20 000 assets; more is not a plant file

FOLDER = "conf.d"
MAX_FILES = 256
"""Files in the folder; a hall each."""


def load(path: Path) -> Plant:
    """Read a plant file, and all `conf.d/*.toml` beside it in the order of their names.

    Relative paths in all of them start from the directory that the plant file lies in.

    Raises:
        ConfigError: It cannot be read or used. Lists every problem, each with its file and line where it has one.
    """
    parts = _parts(path)
    plant, problems = parse(merged(parts), base=path.parent.absolute())
    problems = [*clashes(parts), *problems]
    if plant is None or problems:
        raise _error(problems, parts)
    return plant


def located(problems: Sequence[Problem], path: Path) -> ConfigError:
    """Return the error that says where in the files of a plant each problem stands.

    Raises:
        ConfigError: The files cannot be read any more.
    """
    return _error(problems, _parts(path))


def _error(problems: Sequence[Problem], parts: Sequence[Part]) -> ConfigError:
    lines, order = lines_of(parts), {part.path: number for number, part in enumerate(parts)}
    main = parts[0].path
    placed = [problem if problem.line else _placed(problem, spot_of(problem.place, lines)) for problem in problems]
    if len(parts) > 1:
        placed = [replace(problem, what=_with_places(problem.what, lines)) for problem in placed]
    return ConfigError(sorted(placed, key=lambda problem: (order.get(problem.file or main, 0), problem.line or 0)), main)


def _with_places(what: str, lines: dict[str, Spot]) -> str:
    """Say beside `asset[7]` in which file that is: nobody counts over several."""

    def place(found: re.Match[str]) -> str:
        spot = lines.get(found[0])
        return f"{found[0]} ({spot.file}:{spot.line})" if spot else found[0]

    return re.sub(r"\w+\[\d+\]", place, what)


def _placed(problem: Problem, spot: Spot | None) -> Problem:
    return problem if spot is None else replace(problem, line=spot.line, column=spot.column, file=spot.file)


def _parts(path: Path) -> list[Part]:
    """Read every file; those that cannot be read are one error."""
    parts: list[Part] = []
    problems: list[Problem] = []
    for file in (path, *_beside(path)):
        try:
            text = _text(file)
            parts.append(Part(file, text, _document(text, file)))
        except ConfigError as error:
            problems += (replace(problem, file=file) for problem in error.problems)
    if problems:
        raise ConfigError(problems, path)
    return parts


def _beside(path: Path) -> Iterable[Path]:
    """Return the files of the folder beside a plant file, in the order of their names. An editor's hidden copies are none."""
    folder = path.parent / FOLDER
    try:
        found = sorted(file for file in folder.iterdir() if file.suffix == ".toml" and not file.name.startswith("."))
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise _unusable(folder, f"cannot be read: {error.strerror}", "Check its owner and its mode.") from error
    if len(found) > MAX_FILES:
        raise _unusable(folder, f"holds more than {MAX_FILES} files", "Put several halls into one file.")
    return found


def _text(path: Path) -> str:
    try:
        with open(path, "rb", opener=_at_once) as file:  # Path.open takes no opener
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise _unusable(path, "is not a file", "A pipe, a device or a folder is no plant file.")
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


def _at_once(path: str, flags: int) -> int:
    """Open without waiting for who writes into a pipe: a role that reads its plant file again has work to do."""
    return os.open(path, flags | os.O_NONBLOCK)


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
