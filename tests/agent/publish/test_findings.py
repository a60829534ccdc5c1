"""What publish needs is looked at while it runs: secrets that became everybody's, certificates that run out."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from agent.publish.findings import findings
from config.load import load
from config.model import Plant
from tests.plants import PLANT
from tests.secured import authority

NOW_S = datetime(2026, 1, 1, tzinfo=UTC).timestamp()


@pytest.fixture
def plant(tmp_path: Path) -> Plant:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    authority(tmp_path, "gw", FROM="20250102030405Z", UNTIL="20510607080910Z")
    file = tmp_path / "plant.toml"
    file.write_text(PLANT)
    for name, source in (("ca.crt", "gw.crt"), ("gw.key", "gw.key"), ("login", "gw.key"), ("report.key", "gw.key")):
        (tmp_path / name).write_bytes((tmp_path / source).read_bytes())
        (tmp_path / name).chmod(0o600)
    read = load(file)
    broker = msgspec.structs.replace(
        read.broker,
        ca_file=tmp_path / "ca.crt",
        certificate_file=tmp_path / "gw.crt",
        key_file=tmp_path / "gw.key",
        username_file=tmp_path / "login",
    )
    signing = msgspec.structs.replace(read.signing, key_file=tmp_path / "report.key")
    return msgspec.structs.replace(read, broker=broker, signing=signing)


def amiss(plant: Plant, at_s: float = NOW_S) -> dict[str, str]:
    return {one.name: one.detail for one in findings(plant, at_s, {}) if one.state in ("warn", "bad") and one.remedy}


def test_files_that_are_as_they_should_be_are_named_and_nothing_is_amiss(plant: Plant) -> None:
    names = [one.name for one in findings(plant, NOW_S, {})]
    assert names == ["report-key", "broker-key", "broker-login", "broker-ca", "broker-certificate"]
    assert amiss(plant) == {}


def test_a_secret_that_others_may_read_or_that_is_gone_is_found(plant: Plant, tmp_path: Path) -> None:
    (tmp_path / "report.key").chmod(0o644)
    (tmp_path / "login").unlink()
    assert list(amiss(plant)) == ["report-key", "broker-login"]


def test_a_certificate_that_runs_out_is_found_before_and_after_it_does(plant: Plant) -> None:
    soon, over = (datetime(2051, month, 1, tzinfo=UTC).timestamp() for month in (6, 7))
    assert "expires on 2051-06-07" in amiss(plant, soon)["broker-certificate"]
    assert "it expired on 2051-06-07" in amiss(plant, over)["broker-certificate"]


def test_a_file_that_is_no_certificate_is_found(plant: Plant, tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_text("nothing")
    (tmp_path / "gw.crt").unlink()
    assert list(amiss(plant)) == ["broker-ca", "broker-certificate"]


def test_a_key_that_systemd_hands_over_is_nobody_else_s(plant: Plant, tmp_path: Path) -> None:
    handed = msgspec.structs.replace(plant, signing=msgspec.structs.replace(plant.signing, key_file=None))
    assert (
        findings(handed, NOW_S, {"CREDENTIALS_DIRECTORY": str(tmp_path)})[0].detail
        == "handed over by systemd to this service alone"
    )
