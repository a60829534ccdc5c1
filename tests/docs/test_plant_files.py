"""Every piece of a plant file on a page is one that the program takes: whole files as they are, parts of one with the rest added."""

import tomllib
from pathlib import Path

import pytest

from config.parse import parse
from devtools.blocks import blocks
from devtools.page import ROOT
from tests.architecture.sources import project_files

REST = {
    "plant": {"id": "werk-ulm"},
    "gateway": {"id": "gw-halle3"},
    "broker": {"url": "mqtts://isms.example"},
    "asset": [{"id": "press-07-plc", "address": "modbus-tcp://10.20.0.7"}],
}
PIECES = [
    (name, block)
    for name in project_files()
    if name.endswith(".md")
    for block in blocks((ROOT / name).read_text("utf-8"))
    if block.language == "toml"
]


@pytest.mark.parametrize(("text"), [block.text for _, block in PIECES], ids=[f"{name}:{block.line}" for name, block in PIECES])
def test_a_piece_of_a_plant_file_is_one_that_the_program_takes(text: str) -> None:
    document = tomllib.loads(text)
    _plant, problems = parse(REST | document, base=Path("/etc/nameplated"))
    assert problems == []


def test_the_search_finds_the_pieces() -> None:
    assert {"README.md", "docs/modbus.md", "docs/serial.md", "docs/opcua.md"} <= {name for name, _ in PIECES}
