"""The JSON Schemas of everything that is signed, for those who write another implementation.

Decides nothing: the forms are the structures in `claims`, `kinds` and `requests`, and the files in `schemas/` are made from them. Must
never be edited by hand; `python -m evidence.forms` writes them, and a test compares.

Source: JSON Schema 2020-12.
"""

from collections.abc import Iterator
from inspect import cleandoc
from pathlib import Path
from typing import Any, Final

import msgspec

from evidence.claims import END, Claims, Receipt
from evidence.kinds import KINDS
from evidence.requests import Request, Response

DIRECTORY: Final = Path(__file__).with_name("schemas")
_ENVELOPES: Final = {"claims": Claims, "receipt": Receipt, "request": Request, "response": Response}


def schemas() -> Iterator[tuple[str, bytes]]:
    """Yield the name and the content of each file."""
    for name, form in {**KINDS, **_ENVELOPES}.items():
        schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": name} | _plain(msgspec.json.schema(form))
        yield f"{name.replace('/', '-')}.json", msgspec.json.format(msgspec.json.encode(schema), indent=2) + b"\n"


def write(directory: Path = DIRECTORY) -> None:
    """Write all of them."""
    directory.mkdir(exist_ok=True)
    for name, content in schemas():
        (directory / name).write_bytes(content)


def _plain(schema: Any) -> Any:
    """Return a schema whose patterns every reader of ECMA 262 reads alike: there, `$` is the end and nothing else."""
    match schema:
        case dict():
            return {key: cleandoc(value) if key == "description" else _plain(value) for key, value in schema.items()}
        case list():
            return [_plain(value) for value in schema]
        case str():
            return schema.replace(END, "$")
        case _:
            return schema


if __name__ == "__main__":
    write()
