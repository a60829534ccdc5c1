"""Drop-ins that are missing or old are told from those of the plant file."""

from pathlib import Path

from agent.deploy.dropin import Lookup, drop_ins
from agent.deploy.write import write
from agent.doctor.finding import State
from agent.doctor.units import check, credential, installed
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


def test_the_sealed_report_key_is_found_where_a_drop_in_names_it(tmp_path: Path) -> None:
    folder = tmp_path / "nameplated-publish.service.d"
    folder.mkdir()
    assert credential("nameplated-publish.service", tmp_path) is None
    (folder / "override.conf").write_text("[Service]\nLoadCredentialEncrypted=report.key:/etc/credstore.encrypted/report.key\n")
    assert credential("nameplated-publish.service", tmp_path) == Path("/etc/credstore.encrypted/report.key")
    assert credential("nameplated.service", tmp_path) is None


def test_another_credential_is_not_the_report_key(tmp_path: Path) -> None:
    folder = tmp_path / "nameplated-publish.service.d"
    folder.mkdir()
    (folder / "override.conf").write_text("[Service]\nLoadCredential=broker.key:/etc/broker.key\n#LoadCredential=report.key:/x\n")
    assert credential("nameplated-publish.service", tmp_path) is None
