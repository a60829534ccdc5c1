"""Drop-ins that are missing or old are told from those of the plant file."""

from pathlib import Path

from agent.deploy.dropin import Lookup, drop_ins
from agent.deploy.write import write
from agent.doctor.finding import State
from agent.doctor.units import check, credentials, installed
from tests.agent.deploy.plants import plant

WANTED = drop_ins(plant("modbus-tcp://127.0.0.1"), Lookup({}))
CHANGED = drop_ins(plant("modbus-tcp://127.0.0.2"), Lookup({}))


def test_drop_ins_of_this_plant_file_are_well(tmp_path: Path) -> None:
    write(WANTED, tmp_path)
    assert check(WANTED, installed(WANTED, tmp_path)).state is State.OK


def test_plant_file_that_changed_since_is_bad_and_the_units_are_named(tmp_path: Path) -> None:
    write(WANTED, tmp_path)
    finding = check(CHANGED, installed(CHANGED, tmp_path))
    assert finding.state is State.BAD
    assert "nameplated-collect.service" in finding.detail and "nameplated-publish.service" not in finding.detail


def test_missing_drop_in_is_bad_and_has_a_remedy(tmp_path: Path) -> None:
    write(WANTED[1:], tmp_path)
    finding = check(WANTED, installed(WANTED, tmp_path))
    assert finding.state is State.BAD and "nameplated-collect.service" in finding.detail and "nameplated units" in finding.remedy


def test_bytes_that_are_no_text_are_another_file(tmp_path: Path) -> None:
    (path, *_) = write(WANTED, tmp_path)
    path.write_bytes(b"\xff\xfe")
    assert check(WANTED, installed(WANTED, tmp_path)).state is State.BAD


def drop_in(folder: Path, name: str, text: str) -> None:
    place = folder / "nameplated-publish.service.d"
    place.mkdir(exist_ok=True)
    (place / name).write_text(f"[Service]\n{text}\n")


def test_credentials_are_found_where_a_drop_in_names_them(tmp_path: Path) -> None:
    assert credentials("nameplated-publish.service", tmp_path) == {}
    drop_in(tmp_path, "a.conf", "LoadCredentialEncrypted=report.key:/etc/sealed/report.key\n#LoadCredential=no:/x")
    drop_in(tmp_path, "b.conf", "LoadCredential=broker.key:/etc/broker.key\nLoadCredential=searched")
    found = credentials("nameplated-publish.service", tmp_path)
    assert found == {"report.key": Path("/etc/sealed/report.key"), "broker.key": Path("/etc/broker.key")}
    assert credentials("nameplated.service", tmp_path) == {}


def test_credentials_that_a_later_drop_in_takes_back_are_none(tmp_path: Path) -> None:
    drop_in(tmp_path, "a.conf", "LoadCredential=report.key:/etc/report.key")
    drop_in(tmp_path, "b.conf", "LoadCredential=")
    assert credentials("nameplated-publish.service", tmp_path) == {}
