"""Whatever lies on disk becomes rows of text or one sentence."""

import io
import sys
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config import spreadsheet
from config.errors import ConfigError
from config.spreadsheet import MAX_BYTES, MAX_CELL, MAX_ROWS, MAX_UNPACKED_BYTES, SEPARATORS, decoded, read_tables

XLSX = Path(__file__).parents[1] / "cases" / "spreadsheets" / "workbook_with_a_cover_and_merged_cells" / "devices.xlsx"


def refusal(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        read_tables(path)
    return str(caught.value)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "devices.csv"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_text_is_read_as_programs_write_it(encoding: str) -> None:
    assert decoded("Gerät;Straße".encode(encoding)) == "Gerät;Straße"


@pytest.mark.parametrize("content", [b"\x00\x01", b"a\x00b", b"\x81\x8d", b"\xff\xfe\x00"])
def test_bytes_that_are_no_text_are_none(content: bytes) -> None:
    assert decoded(content) is None


@given(st.binary(max_size=200))
def test_any_bytes_are_text_or_none(content: bytes) -> None:
    text = decoded(content)
    assert text is None or "\x00" not in text


def test_a_text_is_cut_at_every_separator(file: Path) -> None:
    file.write_text('a;"b;c"\n\n1,2;3')
    readings = dict(zip(SEPARATORS, read_tables(file), strict=True))
    assert readings[";"] == [["a", "b;c"], [], ["1,2", "3"]]
    assert readings[","] == [['a;"b;c"'], [], ["1", "2;3"]]


def test_cells_and_rows_are_bounded(file: Path) -> None:
    file.write_text("x" * 5000 + ";" * 500)
    first = read_tables(file)[0]
    assert (len(first[0]), len(first[0][0])) == (spreadsheet.MAX_COLUMNS, MAX_CELL)
    assert "more than 20000 rows" in refusal(file, b"a;b\n" * (MAX_ROWS + 1))


def test_a_cell_without_end_is_no_table_at_this_separator(file: Path) -> None:
    file.write_text('"' + "x" * 200_000)
    assert read_tables(file) == [[]] * len(SEPARATORS)


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "before 2007"),
        (b"\x89PNG\x00\x00", "neither a text nor a spreadsheet"),
        (b"a" * (MAX_BYTES + 1), "larger than"),
    ],
)
def test_what_is_no_list_is_one_sentence(file: Path, content: bytes, word: str) -> None:
    assert word in refusal(file, content)


def test_a_missing_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        read_tables(tmp_path / "none.csv")


def repacked(**changed: bytes) -> bytes:
    """The workbook of the cases with some of its parts changed."""
    packed = io.BytesIO()
    with zipfile.ZipFile(XLSX) as old, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, changed.get(Path(name).stem, old.read(name)))
    return packed.getvalue()


def sheet(cells: str) -> bytes:
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    return f'<worksheet xmlns="{main}"><sheetData>{cells}</sheetData></worksheet>'.encode()


def text_cell(place: str, text: str) -> str:
    return f'<c r="{place}" t="inlineStr"><is><t>{text}</t></is></c>'


def test_without_the_extra_an_xlsx_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(ConfigError, match="openpyxl is not installed"):
        read_tables(XLSX)


def test_a_workbook_is_its_visible_sheets() -> None:
    pytest.importorskip("openpyxl")
    cover, devices = read_tables(XLSX)
    assert cover[0][0] == "Geräteliste"
    assert devices[3][:5] == ["Presse 7", "10.20.0.7", "502", "1", "Modbus TCP"]
    assert not [row for row in devices if "alt" in row]


def test_a_cell_at_the_end_of_the_world_costs_no_memory(file: Path) -> None:
    pytest.importorskip("openpyxl")
    far = f'<row r="1">{text_cell("A1", "Name")}</row><row r="1048576">{text_cell("XFD1048576", "x")}</row>'
    file.write_bytes(repacked(sheet1=sheet(far)))
    table = read_tables(file)[0]
    assert (len(table), table[0][0]) == (MAX_ROWS, "Name")


def laughs() -> bytes:
    entities = "<!ENTITY a0 'ha'>" + "".join(f"<!ENTITY a{n} '{f'&a{n - 1};' * 10}'>" for n in range(1, 10))
    return f"<!DOCTYPE x [{entities}]>".encode() + sheet(f'<row r="1">{text_cell("A1", "&a9;")}</row>')


@pytest.mark.parametrize("part", [laughs(), b"<", b"", b"<a/>" * 9, sheet('<row r="x"><c r="?" t="s"><v>99</v></c></row>')])
def test_a_sheet_that_is_made_to_hurt_is_one_sentence(file: Path, part: bytes) -> None:
    pytest.importorskip("openpyxl")
    assert "is not an XLSX file that can be read" in refusal(file, repacked(sheet1=part))


def test_an_archive_that_unpacks_without_end_is_not_unpacked(file: Path) -> None:
    pytest.importorskip("openpyxl")
    assert "unpacks to more than" in refusal(file, repacked(sheet1=b" " * (MAX_UNPACKED_BYTES + 1)))


def test_an_archive_that_lies_about_its_size_is_one_sentence(file: Path) -> None:
    pytest.importorskip("openpyxl")
    content = bytearray(repacked(sheet1=sheet("<row/>" * 100_000)))
    entry = content.rfind(b"xl/worksheets/sheet1.xml") - 46
    content[entry + 24 : entry + 28] = (10).to_bytes(4, "little")
    assert "is not an XLSX file that can be read" in refusal(file, bytes(content))


@pytest.mark.parametrize("content", [b"PK\x03\x04", b"PK\x03\x04" + b"x" * 100])
def test_an_archive_that_is_none_is_one_sentence(file: Path, content: bytes) -> None:
    pytest.importorskip("openpyxl")
    assert "is not an XLSX file that can be read" in refusal(file, content)
