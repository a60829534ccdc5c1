"""`record` against a simulated device: a file that replays, or a reason, and never half of it."""

import argparse
import asyncio
import json
from pathlib import Path

import pytest

from agent import site
from agent.demo.modbus_device import Manner, ModbusDevice, Unit
from agent.record.command import add_parser
from agent.service import Exit
from protocols.profile import SHIPPED
from tests.simulators.adapter import Adapter

PM710 = Unit(server_id=b"\xfa\xffPM710PowerMeter")
ACME = Unit(objects={0: b"ACME", 1: b"P7", 2: b"2.1", 6: b"Ulm, hall 3"})


async def recorded(unit: Unit, file: Path, *words: str) -> int:
    async with ModbusDevice({1: unit}) as device:
        return await asyncio.to_thread(run, f"modbus-tcp://127.0.0.1:{device.port}?unit=1", "-o", str(file), *words)


def run(*words: str) -> int:
    parser = argparse.ArgumentParser()
    add_parser(parser.add_subparsers())
    options = parser.parse_args(["record", *words])
    return int(options.command(options))


async def test_a_device_is_written_down_without_what_is_the_plants_own(tmp_path: Path) -> None:
    file = tmp_path / "acme.json"
    assert await recorded(ACME, file) == Exit.OK
    text = file.read_text()
    assert json.loads(text)["nameplate"]["manufacturer_name"] == "ACME"
    assert b"Ulm".hex() not in text and "127.0.0.1" not in text


async def test_a_profile_is_written_down_with_its_exchange(tmp_path: Path) -> None:
    file = tmp_path / "pm710.json"
    assert await recorded(PM710, file, "--profile", "schneider-pm710") == Exit.OK
    assert json.loads(file.read_text())["exchanges"][0][0] == "11"


async def test_a_device_without_a_nameplate_is_no_recording(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "none.json"
    assert await recorded(Unit(manner=Manner.NO_IDENTIFICATION), file) == Exit.FAILED
    assert not file.exists() and "nothing to record" in capsys.readouterr().err


async def test_a_file_that_is_there_is_not_overwritten(tmp_path: Path) -> None:
    file = tmp_path / "acme.json"
    file.write_text("precious")
    with pytest.raises(FileExistsError):
        await recorded(ACME, file)
    assert file.read_text() == "precious"


def test_what_cannot_be_recorded_is_refused_before_anything_is_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("opc.tcp://127.0.0.1:4840", "-o", str(tmp_path / "x.json")) == Exit.FAILED
    assert "only Modbus" in capsys.readouterr().err and not list(tmp_path.iterdir())


async def test_a_device_on_a_serial_line_is_written_down(tmp_path: Path) -> None:
    file, port = tmp_path / "wago.json", tmp_path / "usb-adapter"
    with Adapter(port, Unit(holding={0x2010: 5, 0x2011: 750, 0x2012: 881, 0x2013: 1, 0x2014: 4})):
        words = (f"modbus-rtu://{port}?parity=N&unit=1", "-o", str(file), "--profile", "wago-750", "--accept-risk")
        assert await asyncio.to_thread(run, *words) == Exit.OK
    made = json.loads(file.read_text())
    assert made["transport"] == "modbus-rtu" and made["nameplate"]["order_code_of_manufacturer"] == "750-881"
    assert str(port) not in file.read_text()


async def test_a_profile_of_the_sites_own_can_be_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = (SHIPPED / "schneider-pm710.toml").read_text().replace('"schneider-pm710"', '"own-meter"')
    (tmp_path / "own-meter.toml").write_text(own)
    monkeypatch.setattr(site, "SITE_PROFILES", tmp_path)
    site.profiles.cache_clear()
    try:
        assert await recorded(PM710, tmp_path / "own.json", "--profile", "own-meter") == Exit.OK
    finally:
        site.profiles.cache_clear()
    assert json.loads((tmp_path / "own.json").read_text())["profile"] == "own-meter"
