"""One door for all forms; a file that is there stays as it is."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from inventory.export import ExportError, Form, export, write_new
from tests.inventory.items import FULL, UNSEEN


def exported(form: Form) -> str:
    return export(form, [FULL, UNSEEN], at=datetime(2026, 1, 1, tzinfo=UTC), serial=UUID(int=1), version="0.1.0", delimiter=",")


def test_every_form_names_every_asset() -> None:
    for form in Form:
        text = exported(form)
        assert "press-07" in text and "scale-9" in text


def test_json_is_one_object_with_the_assets() -> None:
    first, second = json.loads(exported(Form.JSON))["assets"]
    assert first["nameplate"]["firmware_version"]["raw"] == "322e32"
    assert (second["outcome"], second["last_seen_at"]) == ("not asked yet", None)


def test_without_the_library_a_sentence_says_what_to_install() -> None:
    script = """import sys; sys.modules["cyclonedx"] = None
from tests.inventory.test_export import *
assert exported(Form.CSV)
try: exported(Form.CYCLONEDX)
except ExportError as error: print(error)
"""
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "Install nameplated with its extra" in ended.stdout


@pytest.mark.parametrize(("spreadsheet", "begins"), [(True, b"\xef\xbb\xbfGer"), (False, b"Ger")])
def test_a_spreadsheet_is_told_its_encoding_and_a_program_is_not(tmp_path: Path, spreadsheet: bool, begins: bytes) -> None:
    write_new(tmp_path / "out", "Gerät\r\n", spreadsheet=spreadsheet)
    assert (tmp_path / "out").read_bytes().startswith(begins)
    assert (tmp_path / "out").read_bytes().endswith(b"\xc3\xa4t\r\n")


def test_a_file_that_is_there_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    with pytest.raises(ExportError, match="is there already"):
        write_new(tmp_path / "out", "x", spreadsheet=False)
    assert (tmp_path / "out").read_text() == "mine"
