"""`docs/kinds.md`: every kind of report and every field of it, in the words of the structures themselves.

    python -m devtools.kinds [--check]

Decides what a reader without the source needs to know of a field: its form, its bounds, its unit, its meaning. Never invents a word:
meaning and unit are in the docstring of each structure, and a field without one is a mistake that a test finds.
"""

import inspect
import re
import sys
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any

import msgspec
from msgspec import inspect as forms

from config.explain import keys
from devtools.page import main, table
from evidence.bounds import Hex, Instant
from evidence.claims import END, MAX_INTEGER, Claims, Epoch, Hash
from evidence.kinds import KINDS

PAGE = "docs/kinds.md"
_PATTERNS = {
    forms.type_info(form).pattern: said  # type: ignore[attr-defined]  # each of these is text with a pattern
    for form, said in ((Hex, "hex"), (Instant, "RFC 3339, UTC"), (Epoch, "UUID"), (Hash, "SHA-256, base64url"))
}
_PLAIN: Mapping[type[forms.Type], str] = {forms.BoolType: "true or false", forms.NoneType: "null"}
_VALUE = re.compile(r'^    \w+ = "(?P<value>[^"]+)"(?:  # (?P<said>.+))?$', re.MULTILINE)


def page() -> str:
    """Return the page."""
    intro = (
        "# Kinds of reports\n\nWhat the body of a report can be. [The report format](report-format.md) says how it is signed and chained;"
        " JSON Schemas with the same bounds are in `evidence/schemas/`. A kind never changes once it is out: a new version gets a new name."
        " Every field is there unless a default stands beside it; no other field may be. Units are part of the name: `_s` seconds,"
        " `_ms` milliseconds, `_bytes`, `_at` a moment.\n\nThis page is made from `evidence/` by `make golden`."
    )
    return "\n\n".join([intro, claims(), *(kind(name) for name in KINDS), *parts(), *map(values, _enums())]) + "\n"


def claims() -> str:
    """What stands around every body."""
    return f"## Claims\n\nWhat every report states about itself, around its body.\n\n{fields(Claims)}"


def kind(name: str) -> str:
    """One kind: what it is for, and its fields."""
    return f"## {name}\n\n{_sentence(KINDS[name])}\n\n{fields(KINDS[name])}"


def parts() -> Iterator[str]:
    """Structures that stand inside the kinds."""
    for form in _inner(forms.StructType):
        if form not in KINDS.values():
            yield f"## {form.__name__}\n\n{_sentence(form)}\n\n{fields(form)}"


def fields(form: type[msgspec.Struct]) -> str:
    """A table of the fields of a structure."""
    said = keys(form)
    rows = [
        (f"`{each.name}`", _form(forms.type_info(each.type)) + _default(each), _outside(said[each.name]))
        for each in msgspec.structs.fields(form)
    ]
    return table(("Field", "Form", "Meaning"), rows)


def values(form: type[Enum]) -> str:
    """The values of an enumeration, with what the source says beside each."""
    found = _VALUE.findall(inspect.getsource(form))
    lines = [f"- `{value}`" + (f": {said}" if said else "") for value, said in found]
    return f"## {form.__name__}\n\n{_sentence(form)}\n\n" + "\n".join(lines)


def _form(found: forms.Type) -> str:
    """Say a form in words; what it is made of is linked."""
    match found:
        case forms.StructType(cls=form) | forms.EnumType(cls=form):
            return f"[{form.__name__}](#{form.__name__.lower()})"
        case forms.UnionType(types=options):
            return " or ".join(_form(each) for each in options)
        case forms.ListType(item_type=item, max_length=most):
            return f"list{_up_to(most)} of {_form(item)}"
        case forms.DictType(key_type=key, value_type=value, max_length=most):
            return f"object{_up_to(most)} of {_form(key)} to {_form(value)}"
        case _:
            return _scalar(found)


def _scalar(found: forms.Type) -> str:
    match found:
        case forms.StrType():
            return _text(found)
        case forms.LiteralType(values=only):
            return " or ".join(f"`{each}`" for each in only)
        case forms.IntType():
            return f"integer, 0 to {'2^53 - 1' if found.le == MAX_INTEGER else found.le}"
        case forms.FloatType():
            return "number, 0 or more" if found.ge == 0 else "number"
        case _:
            return _PLAIN.get(type(found), "any JSON")


def _text(found: forms.StrType) -> str:
    said = _PATTERNS.get(found.pattern)
    if said:
        return said
    most = f", at most {found.max_length} characters" if found.max_length else ""
    return f"`{found.pattern.removesuffix(END)}$`" if found.pattern else f"text{most}"


def _up_to(most: int | None) -> str:
    return f" (at most {most})" if most else ""


def _default(found: msgspec.structs.FieldInfo) -> str:
    if found.required:
        return ""
    value = found.default if found.default is not msgspec.NODEFAULT else found.default_factory()
    return f"; default `{msgspec.json.encode(value).decode()}`"


def _enums() -> list[type[Enum]]:
    """Return every enumeration, in the order in which a reader meets it."""
    return _inner(forms.EnumType)


def _inner(what: type[forms.StructType] | type[forms.EnumType]) -> list[Any]:
    """Return every structure or enumeration that the claims and the kinds are made of, in the order in which a reader meets it."""
    found: dict[type, None] = {}
    for form in (Claims, *KINDS.values()):
        found.update((each.cls, None) for each in _below(forms.type_info(form)) if isinstance(each, what))
    return [form for form in found if form is not Claims]


def _below(found: Any) -> Iterator[forms.Type]:
    """Yield a form and everything it is made of."""
    yield found
    match found:
        case forms.StructType(fields=inner):
            below = [each.type for each in inner]
        case forms.ListType(item_type=item):
            below = [item]
        case forms.DictType(value_type=value):
            below = [value]
        case forms.UnionType(types=options):
            below = list(options)
        case _:
            below = []
    for each in below:
        yield from _below(each)


def _sentence(form: type) -> str:
    """Return what a docstring says before its attributes, without the name of its kind."""
    said = (inspect.getdoc(form) or "").partition("\n\n")[0].replace("\n", " ")
    said = re.sub(r"^`[^`]*`: ", "", said)
    return said[:1].upper() + said[1:]


def _outside(said: str) -> str:
    """Return an explanation in the words of JSON instead of Python."""
    return re.sub(r"\bNone\b", "null", said)


if __name__ == "__main__":
    sys.exit(main(PAGE, page(), sys.argv[1:]))
