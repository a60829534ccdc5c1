"""What is wrong with a plant file, said so that its author can mend it.

Decides how a problem reads. Never shows the value of a key that it does not know, because it may be a secret.

    ConfigError    the operator: the plant file cannot be used. Stop with exit code 78; every problem is listed at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing to mend.

    Attributes:
        place: Where in the document: `collect.visit_s`, `asset[3].address` (the third `[[asset]]`), or empty for the whole file.
        what: What is wrong, without a closing full stop.
        suggestion: What to do, as a sentence, or empty.
        line: Line in the file, from 1, or None where only the document is known.
        column: Column in that line, from 1, or None: where the value begins, as editors count.
        file: Which file, or None: the plant file itself.
    """

    place: str
    what: str
    suggestion: str = ""
    line: int | None = None
    column: int | None = None
    file: Path | None = None

    def __str__(self) -> str:
        where = f"{self.place}: " if self.place else ""
        return f"{where}{self.what}." + (f" {self.suggestion}" if self.suggestion else "")


class ConfigError(Exception):
    """A plant file cannot be used.

    Attributes:
        problems: Everything that is wrong, in the order of the file; at least one.
        path: The file, or what else the problem is with, as it was named.
    """

    def __init__(self, problems: Sequence[Problem], path: Path | str) -> None:
        super().__init__(problems, path)
        self.problems = list(problems)
        self.path = path

    def __str__(self) -> str:
        return "\n".join(f"{problem.file or self.path}{_at(problem)}: {problem}" for problem in self.problems)


def _at(problem: Problem) -> str:
    return "".join(f":{number}" for number in (problem.line, problem.column) if number is not None)
