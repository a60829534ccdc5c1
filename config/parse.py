"""A TOML document becomes a plant, or the complete list of what is wrong with it.

Decides whether a plant file can be used. Never touches a file or a name server, and never stops at the first problem: an
operator who mends a file over a slow link wants one round. The model is the only source of keys, types and ranges: this walk
asks it and knows none by itself.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args, get_origin

import msgspec
from msgspec import Meta, Struct

from config.address import Address, AddressError
from config.errors import Problem
from config.model import Plant
from config.near import nearest
from config.rules import Values, broken_rules

_SECRETS = frozenset({"password", "passwd", "secret", "token", "user", "username", "key", "private_key"})
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]{1,64}")
_MAX_SHOWN = 60  # characters of a wrong value that a problem repeats

_Model = TypeVar("_Model", bound=Struct)


def parse(document: dict[str, Any], *, base: Path) -> tuple[Plant | None, list[Problem]]:
    """Turn a TOML document into a plant.

    Args:
        document: What `tomllib` returned.
        base: Directory that relative paths start from: the plant file's own.

    Returns:
        The plant and no problems, or None and at least one problem.
    """
    walk = _Walk(base)
    values = walk.table(Plant, document, "")
    problems = walk.problems + broken_rules(values)
    return (None, problems) if problems else (_build(Plant, values), [])


def _build(model: type[_Model], values: Values) -> _Model:
    """Return the structure of values that are all good."""
    parts: Values = {}
    for info in msgspec.structs.fields(model):
        if info.encode_name not in values:
            continue
        value, (inner, many) = values[info.encode_name], _model_of(info.type)
        if inner is not None:
            value = tuple(_build(inner, item) for item in value) if many else _build(inner, value)
        parts[info.name] = value
    return model(**parts)


def _convert(kind: Any, raw: Any, base: Path) -> Any:
    """Return the value of one key. The two types that TOML does not have are ours to read, the rest is msgspec's.

    Raises:
        AddressError: Not an address, not a path.
        msgspec.ValidationError: Of another type, or out of range.
    """
    ours = next((one for one in (kind, *get_args(kind)) if one in (Address, Path)), None)
    if ours is None:
        return msgspec.convert(raw, kind)
    if not isinstance(raw, str):
        raise AddressError(f"must be text, not {_shown(raw)}")
    return Address.parse(raw) if ours is Address else _path(raw, base)


def _path(text: str, base: Path) -> Path:
    if not text.strip() or not text.isprintable() or len(text) > 4096:
        raise AddressError(f"{_shown(text)} is not a path", "Write the path of a file, absolute or relative to this plant file.")
    return base / text


@dataclass(slots=True)
class _Walk:
    """One pass over a document beside its model, collecting problems."""

    base: Path
    problems: list[Problem] = field(default_factory=list)

    def table(self, model: type[Struct], raw: Any, place: str) -> Values:
        """Return the known keys of one table, None where a value is bad; everything wrong becomes a problem."""
        if not isinstance(raw, dict):
            self._add(place, f"must be a table, not {_shown(raw)}", f"Write [{place}] on a line of its own.")
            return {}
        fields = {info.encode_name: info for info in msgspec.structs.fields(model)}
        for key in raw:
            if key not in fields:
                self._add(_join(place, key), "unknown key", _unknown_hint(key, tuple(fields)))
        values: Values = {}
        for name, info in fields.items():
            if name in raw:
                self._value(info.type, raw[name], _join(place, name), values, name)
            elif info.required:
                self._add(_join(place, name), "is missing", _missing_hint(info.type, name, place))
        return values

    def _value(self, kind: Any, raw: Any, place: str, values: Values, name: str) -> None:
        """Put the value of one key into `values`, or None if it is bad."""
        model, many = _model_of(kind)
        if model is None:
            values[name] = self._plain(kind, raw, place)
        elif not many:
            values[name] = self.table(model, raw, place)
        elif isinstance(raw, list):
            values[name] = [self.table(model, item, f"{place}[{number}]") for number, item in enumerate(raw, 1)]
        else:
            self._add(place, f"must be a list of tables, not {_shown(raw)}", f"Write [[{place}]] with two brackets.")

    def _plain(self, kind: Any, raw: Any, place: str) -> Any:
        """Return the value of a key that holds no table, or None if it is bad."""
        try:
            return _convert(kind, raw, self.base)
        except AddressError as error:
            self._add(place, error.what, error.suggestion)
        except msgspec.ValidationError:  # its own words name a type or a pattern; the model's are for people
            self._add(place, f"{_shown(raw)} is not allowed", f"Expected: {_description(kind)}.")
        return None

    def _add(self, place: str, what: str, suggestion: str) -> None:
        self.problems.append(Problem(place=place, what=what, suggestion=suggestion))


def _model_of(kind: Any) -> tuple[type[Struct] | None, bool]:
    """Return the structure that a key holds, if it holds one, and whether it holds a list of them."""
    candidates = (kind, *get_args(kind))
    found = next((one for one in candidates if isinstance(one, type) and issubclass(one, Struct)), None)
    return found, get_origin(kind) is tuple


def _description(kind: Any) -> str:
    """Return in words what a key may hold: the model's own description, or that of its member for an optional key."""
    if get_origin(kind) is Annotated:
        return next((str(note.description) for note in kind.__metadata__ if isinstance(note, Meta)), "another value")
    return next((_description(one) for one in get_args(kind) if get_origin(one) is Annotated), "text")


def _join(place: str, key: str) -> str:
    name = key if _BARE_KEY.fullmatch(key) else _shown(key)
    return f"{place}.{name}" if place else name


def _unknown_hint(key: str, known: tuple[str, ...]) -> str:
    if meant := nearest(key.lower(), known):
        return f"Did you mean {meant!r}?"
    if key.lower() in _SECRETS:
        return "A secret is the content of a file, never a value here."
    return f"Known here: {', '.join(known)}."


def _missing_hint(kind: Any, name: str, place: str) -> str:
    model, _ = _model_of(kind)
    if model is not None:
        return f"Add a section [{name}]."
    table = f"[[{place.partition('[')[0]}]]" if place.endswith("]") else f"[{place}]"
    return f"Add {name} = … to {table}" + (f": {_description(kind)}." if get_origin(kind) is Annotated else ".")


def _shown(value: Any) -> str:
    """Return a wrong value as its author recognises it: as TOML names it, escaped and short."""
    match value:
        case bool():
            text = str(value).lower()
        case str() | int() | float():
            text = ascii(value)
        case dict():
            text = "a table"
        case _:
            text = f"a {type(value).__name__}"
    return text if len(text) <= _MAX_SHOWN else text[: _MAX_SHOWN - 1] + "…"
