"""The walk of somebody who knows PLCs and not Python: a list of sixty devices, a plant file, and a line that runs with them.

Everything here is what a person would type, in processes of its own.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from openpyxl import Workbook

NAMEPLATED = (sys.executable, "-I", "-m", "agent")
ISMS = (sys.executable, "-I", "-m", "isms")
FLAGS = ("--plant", "werk-ulm", "--gateway", "gw-1", "--broker", "mqtts://isms.example")
HEADINGS = ("Gerätename", "IP-Adresse", "Port", "Unit-ID", "Protokoll", "Gerätetyp", "Standort", "Kritikalität", "Inventarnr.")


def devices() -> list[tuple[object, ...]]:
    """Sixty devices: presses at addresses of their own, meters behind one gateway, a mixer that speaks OPC UA."""
    presses = [
        (f"Presse {n:02d} SPS", f"10.20.0.{n}", 502, 1, "Modbus TCP", "SPS", "Halle 3", "hoch", f"INV-{n}") for n in range(1, 41)
    ]
    meters = [
        (f"Zähler {n:02d}", "10.20.1.1", 4001, n, "Modbus RTU over TCP", "Zähler", "NSHV", "niedrig", "") for n in range(1, 20)
    ]
    return [*presses, *meters, ("Rührwerk", "10.20.2.1", 4840, "", "OPC UA", "SPS", "Straße 1", "mittel", "INV-99")]


@pytest.fixture
def workbook(tmp_path: Path) -> Path:
    book = Workbook()
    assert book.active is not None
    for row in [["Geräteliste Werk Ulm"], [], HEADINGS, *devices()]:
        book.active.append(list(row))
    path = tmp_path / "geraete.xlsx"
    book.save(path)
    return path


@pytest.fixture
def windows_csv(tmp_path: Path) -> Path:
    path = tmp_path / "geraete.csv"
    path.write_bytes("\r\n".join(";".join(map(str, row)) for row in [HEADINGS, *devices()]).encode("cp1252"))
    return path


def run(*words: str | Path, code: int = 0) -> str:
    ended = subprocess.run(words, capture_output=True, text=True, check=False)
    assert ended.returncode == code, ended.stderr
    return ended.stdout


def test_a_workbook_and_a_windows_csv_become_the_same_plant_file(workbook: Path, windows_csv: Path, tmp_path: Path) -> None:
    one, two = tmp_path / "one.toml", tmp_path / "two.toml"
    shown = run(*NAMEPLATED, "config", "init", one, "--from", workbook, *FLAGS)
    run(*NAMEPLATED, "config", "init", two, "--from", windows_csv, *FLAGS)
    assert one.read_text() == two.read_text()
    assert "60 assets" in shown and "Not used" not in shown
    assert "zaehler-07" in (table := run(*NAMEPLATED, "check", one, "--plan")) and "42 hosts" in table


@pytest.mark.timeout(240)
def test_sixty_rows_of_a_sheet_are_sixty_assets_of_the_receiver(workbook: Path, tmp_path: Path) -> None:
    plant, kept = tmp_path / "plant.toml", tmp_path / "kept"
    run(*NAMEPLATED, "config", "init", plant, "--from", workbook, *FLAGS)
    words = ("--plant", plant, "--keep", kept, "--seconds", "180", "--broker", "embedded", "--json")
    told = json.loads(run(*NAMEPLATED, "demo", *words))
    assert (len(told["assets"]), told["missing"]) == (60, [])
    held = json.loads(run(*ISMS, "assets", "--state", kept / "isms", "--json"))["assets"]
    rows = {asset["asset_id"]: asset for asset in held}
    assert rows.keys() == set(told["assets"])
    assert (rows["presse-07-sps"]["register_id"], rows["presse-07-sps"]["location"]) == ("INV-7", "Halle 3")
    assert rows["ruehrwerk"]["address"].startswith("opc.tcp://127.0.")
    table = run(*NAMEPLATED, "config", "export", "--config", kept / "plant.toml")
    assert table.count("Stand-in") == 60


def test_a_plant_file_that_cannot_be_used_starts_nothing(tmp_path: Path) -> None:
    ended = subprocess.run([*NAMEPLATED, "demo", "--plant", tmp_path / "none.toml"], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (78, "")
    assert "cannot be read" in ended.stderr


def test_more_hosts_than_there_is_room_for_are_one_sentence(tmp_path: Path) -> None:
    head = '[plant]\nid = "p"\n[gateway]\nid = "g"\n[broker]\nurl = "mqtts://b"\n'
    assets = [f'[[asset]]\nid = "a{n}"\naddress = "modbus-tcp://10.0.{n // 250}.{n % 250 + 1}"\n' for n in range(501)]
    (tmp_path / "plant.toml").write_text(head + "".join(assets))
    words = [*NAMEPLATED, "demo", "--plant", tmp_path / "plant.toml", "--broker", "embedded"]
    ended = subprocess.run(words, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert "501 hosts are more than a rehearsal has room for" in ended.stderr
