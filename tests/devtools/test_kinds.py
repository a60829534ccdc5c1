"""The page of kinds is what the structures say, and leaves out no kind and no field."""

import msgspec
import pytest

from config.explain import keys
from devtools.kinds import PAGE, page
from evidence.claims import Claims
from evidence.kinds import KINDS
from tests.architecture.sources import ROOT

TEXT = page()


def test_the_page_is_current() -> None:
    assert (ROOT / PAGE).read_text("utf-8") == TEXT, "run: make golden"


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_has_its_section_with_every_field(name: str) -> None:
    section = TEXT.partition(f"\n## {name}\n")[2].partition("\n## ")[0]
    fields = {field.name for field in msgspec.structs.fields(KINDS[name])}
    assert fields and all(f"\n| `{field}` | " in section for field in fields)


@pytest.mark.parametrize("form", [Claims, *KINDS.values()])
def test_nothing_is_explained_that_is_not_there(form: type[msgspec.Struct]) -> None:
    assert keys(form).keys() == {field.name for field in msgspec.structs.fields(form)}


def test_every_link_of_the_page_leads_to_one_of_its_sections() -> None:
    import re

    sections = {heading.lower() for heading in re.findall(r"^## (.+)$", TEXT, re.MULTILINE)}
    assert set(re.findall(r"\]\(#([^)]+)\)", TEXT)) <= sections


def test_the_report_format_and_the_glossary_know_every_kind() -> None:
    said = (ROOT / "docs" / "report-format.md").read_text("utf-8")
    assert [name for name in KINDS if f"`{name}`" not in said] == []
