"""The committed schemas are those of this version, and say what the structures enforce."""

import json

import msgspec
import pytest

from evidence.claims import Claims
from evidence.forms import DIRECTORY, schemas
from evidence.kinds import KINDS
from tests.evidence.samples import Gateway, asset

FILES = dict(schemas())


@pytest.mark.parametrize("name", sorted(FILES))
def test_the_committed_schema_is_current(name: str) -> None:
    assert (DIRECTORY / name).read_bytes() == FILES[name], "run python -m evidence.forms"


def test_there_is_a_schema_for_every_kind_and_for_nothing_else() -> None:
    envelopes = {"claims.json", "receipt.json", "request.json", "response.json"}
    assert {path.name for path in DIRECTORY.iterdir()} == {f"{name.replace('/', '-')}.json" for name in KINDS} | envelopes


def test_a_schema_names_every_member_of_its_structure_and_admits_no_other() -> None:
    for name, kind in KINDS.items():
        schema = json.loads(FILES[f"{name.replace('/', '-')}.json"])
        form = schema["$defs"][kind.__name__]
        assert set(form["properties"]) == set(kind.__struct_fields__)
        assert form["additionalProperties"] is False


def test_what_is_sent_has_the_members_that_the_schema_requires() -> None:
    claims = msgspec.json.decode(msgspec.json.encode(Gateway().claims(asset())))
    form = json.loads(FILES["claims.json"])["$defs"][Claims.__name__]
    assert set(form["required"]) <= set(claims) <= set(form["properties"])


def test_patterns_end_with_a_plain_dollar_that_every_reader_knows() -> None:
    assert not [name for name, content in FILES.items() if b"(?!" in content]
