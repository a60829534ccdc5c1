"""Which versions a file of the spool has had, and by which statements one becomes the next.

Decides the order: `schema/<file>/NNNN_<what for>.sql`, from 0001 without a hole, so that a new version is one more file and
nothing else. Never touches a database; `buffer.store` runs the statements, all in one transaction with the number of the version
that they lead to. A file that was published is never edited: old databases have its shape, and are known by it. Each version changes the
structure, if only by a comment in it: a version number beyond ours on a structure of ours is then known to be a flipped bit.

`buffer.salvage` reads damaged files of every version, so what it reads keeps its name: the columns of `record`, `state`,
`parcel` and `note` can be added to, and not renamed.
"""

from functools import cache
from pathlib import Path

MOST_VERSIONS = 9999
"""As many as four digits can number."""

_SCHEMAS = Path(__file__).with_name("schema")  # importlib.resources would cost a daemon 1 MiB


@cache
def scripts(schema: str, folder: Path = _SCHEMAS) -> tuple[tuple[str, ...], ...]:
    """Return the statements of each version, the first one's first. In a file, a blank line ends a statement.

    Raises:
        ValueError: A number is missing or there twice: our bug.

    >>> [len(statements) for statements in scripts("journal")]
    [5, 2]
    """
    files = sorted((folder / schema).glob("[0-9][0-9][0-9][0-9]_*.sql"))
    if [int(file.name[:4]) for file in files] != list(range(1, len(files) + 1)):
        raise ValueError(f"the versions of {schema} are not numbered from 0001 without a hole")
    return tuple(tuple(filter(_is_statement, file.read_text("utf-8").split("\n\n"))) for file in files)


def _is_statement(paragraph: str) -> bool:
    return any(line and not line.startswith("--") for line in paragraph.splitlines())
