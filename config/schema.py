"""The plant file's JSON Schema, for editors that complete keys and explain them.

Decides how the model looks to an editor. Never decides what is valid: `config.parse` does, and it knows rules that no schema
can say. `config/plant.schema.json` is this module's output, and a test says that it is current:

    python -m config.schema > config/plant.schema.json

Source: JSON Schema draft 7, which the TOML editors know; a plant file names its schema in a first line `#:schema PATH`.
"""

import json
import re
import sys
from pathlib import Path
from types import NoneType
from typing import Any, get_args, get_origin

import msgspec
from msgspec import Struct

from config import explain
from config.address import Address, Scheme
from config.model import Plant

Schema = dict[str, Any]

_ADDRESS: Schema = {
    "type": "string",
    "pattern": f"^(?:{'|'.join(re.escape(scheme) for scheme in Scheme)})://",
    "examples": list(explain.ADDRESSES),
}


def schema() -> Schema:
    """Return the schema of a plant file. A file of `conf.d` has none of the tables that a plant must have: it names no plant."""
    whole = _table(Plant)
    complete = {"required": [], "if": {"required": ["plant"]}, "then": {"required": whole["required"]}}
    return {"$schema": "http://json-schema.org/draft-07/schema#", "title": "A plant file of nameplated"} | whole | complete


def text() -> str:
    """Return the schema as it is committed."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def _table(section: type[Struct]) -> Schema:
    """Describe one table; an unknown key is as wrong to the editor as it is to us."""
    explained = explain.keys(section)
    fields = msgspec.structs.fields(section)
    return {
        "type": "object",
        "description": explain.summary(section),
        "properties": {info.encode_name: _key(info.type, explained.get(info.name, ""), info.default) for info in fields},
        "required": [info.encode_name for info in fields if info.required],
        "additionalProperties": False,
    }


def _key(kind: Any, explained: str, default: Any) -> Schema:
    """Describe one key: its form, what it is for, and what it may hold."""
    form = _form(kind)
    expected = form.pop("description", "") if form["type"] not in ("object", "array") else ""
    described = f"{explained} Expected: {expected}." if expected else explained
    known = {"default": default} if isinstance(default, str | int | float) else {}
    return form | {"description": described} | known


def _form(kind: Any) -> Schema:
    """Describe what a key may hold. Tables and the two types that TOML does not have are ours, the rest is msgspec's."""
    wanted = next((one for one in get_args(kind) if NoneType in get_args(kind) and one is not NoneType), kind)
    if get_origin(wanted) is tuple:
        return {"type": "array", "items": _table(get_args(wanted)[0])}
    if wanted is Address:
        return dict(_ADDRESS)
    if wanted is Path:
        return {"type": "string", "minLength": 1}
    if isinstance(wanted, type) and issubclass(wanted, Struct):
        return _table(wanted)
    form = msgspec.json.schema(wanted)
    if "pattern" in form:
        form["pattern"] = _for_editors(form["pattern"])
    return form


def _for_editors(pattern: str) -> str:
    r"""Write a pattern in the dialect of JSON Schema, where `^` and `$` are the ends of the whole text (ECMA-262).

    >>> _for_editors(r"\A[a-z]{1,32}\Z")
    '^[a-z]{1,32}$'
    """
    return pattern.replace(r"\A", "^").replace(r"\Z", "$")


if __name__ == "__main__":
    sys.stdout.write(text())
