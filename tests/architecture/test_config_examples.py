"""What we show people works: shipped plant files, and every plant file that a page quotes."""

import re
import tomllib
from pathlib import Path

import msgspec
import pytest

from config.advice import warnings
from config.load import load
from config.model import Asset, CollectSection, Plant, SpoolSection
from config.parse import parse
from tests.architecture.sources import ROOT, project_files

PLANTS = ROOT / "config" / "plants"
COMMENTED_KEY = re.compile(r"^# (?=\[|[a-z_]+ = )", re.MULTILINE)
QUOTED = [
    (page, block)
    for page in project_files()
    if page.endswith(".md")
    for block in re.findall(r"```toml\n(.*?)```", (ROOT / page).read_text(encoding="utf-8"), re.DOTALL)
]


REST_OF_A_PLANT = '[plant]\nid = "a"\n[gateway]\nid = "b"\n[broker]\nurl = "mqtts://isms.example"\n'


def with_everything() -> Plant:
    """The first example with every commented key taken in."""
    text = COMMENTED_KEY.sub("", (PLANTS / "small-modbus.toml").read_text(encoding="utf-8"))
    plant, problems = parse(tomllib.loads(text), base=Path("/etc/nameplated"))
    assert plant is not None, [str(problem) for problem in problems]
    return plant


def test_the_first_example_shows_every_setting() -> None:
    text = (PLANTS / "small-modbus.toml").read_text(encoding="utf-8")
    sections = [info.type for info in msgspec.structs.fields(Plant) if isinstance(info.type, type)]
    settings = {info.name for section in sections for info in msgspec.structs.fields(section)} - {"id"}
    assert {
        name for name in settings if not re.search(rf"^(?:# )?(?:{name} = |\[\[collect\.{name}\]\])", text, re.MULTILINE)
    } <= {"key_file"}


def test_what_the_first_example_comments_out_is_the_default() -> None:
    plant = with_everything()
    assert msgspec.structs.replace(plant.collect, maintenance=()) == CollectSection()  # a window is no default
    assert plant.spool == SpoolSection()
    assert plant.gateway.state_dir == Path("/var/lib/nameplated")
    assert plant.broker.topic_prefix == ""


def test_the_mixed_example_deserves_no_warning() -> None:
    assert warnings(load(PLANTS / "mixed.toml")) == []


def test_the_examples_together_show_every_key_of_an_asset() -> None:
    text = "".join(file.read_text(encoding="utf-8") for file in PLANTS.glob("*.toml"))
    assert [info.name for info in msgspec.structs.fields(Asset) if f"\n{info.name} = " not in text] == []


@pytest.mark.parametrize(("page", "block"), QUOTED, ids=[page for page, _ in QUOTED])
def test_every_plant_file_that_a_page_quotes_can_be_used(page: str, block: str) -> None:
    whole = block if "[plant]" in block else REST_OF_A_PLANT + block  # a page may quote the part that it speaks of
    plant, problems = parse(tomllib.loads(whole), base=ROOT)
    assert plant is not None, f"{page}: {[str(problem) for problem in problems]}"
