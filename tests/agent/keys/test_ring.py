"""Which key file signs: every row of the table, and a crash between the record and the renaming."""

from pathlib import Path

import pytest

from agent.keys.ring import key_file, next_file, open_ring, prepare, take_over
from config.load import load
from evidence.errors import KeyExistsError, KeyInvalidError, KeyMissingError
from evidence.keys import create_key, load_signer
from tests.plants import PLANT


@pytest.fixture
def key(tmp_path: Path) -> Path:
    create_key(tmp_path / "report.key")
    return tmp_path / "report.key"


def test_a_lone_key_signs_whether_it_is_expected_or_not_known_yet(key: Path) -> None:
    kid = load_signer(key).kid
    for expected in (None, kid):
        ring = open_ring(key, expected)
        assert (ring.signer.kid, ring.heir) == (kid, None)


def test_a_prepared_key_takes_over_from_the_one_that_signs(key: Path) -> None:
    heir = prepare(key)
    ring = open_ring(key, load_signer(key).kid)
    assert ring.heir is not None and (ring.signer.kid, ring.heir.kid) == (load_signer(key).kid, heir.kid)


def test_a_crash_after_the_record_and_before_the_renaming_is_finished(key: Path) -> None:
    old, heir = load_signer(key), prepare(key)
    ring = open_ring(key, heir.kid)
    assert (ring.signer.kid, ring.heir) == (heir.kid, None)
    assert load_signer(key).kid == heir.kid and not next_file(key).exists()
    assert load_signer(key.with_name(f"report.key.old-{old.kid[:8]}")).kid == old.kid


def test_a_directory_that_cannot_be_written_leaves_the_names_and_signs_all_the_same(key: Path, tmp_path: Path) -> None:
    heir = prepare(key)
    (tmp_path / f"report.key.old-{load_signer(key).kid[:8]}").mkdir()
    (tmp_path / f"report.key.old-{load_signer(key).kid[:8]}" / "full").touch()  # a rename onto it fails, for root too
    assert open_ring(key, heir.kid).signer.kid == heir.kid
    assert next_file(key).exists() and open_ring(key, heir.kid).signer.kid == heir.kid


def test_a_key_that_somebody_put_there_by_hand_signs_nothing(key: Path) -> None:
    with pytest.raises(KeyInvalidError, match="Put that one back"):
        open_ring(key, "A" * 43)


def test_a_key_is_prepared_once_and_only_beside_another(key: Path, tmp_path: Path) -> None:
    prepare(key)
    with pytest.raises(KeyExistsError):
        prepare(key)
    with pytest.raises(KeyMissingError):
        prepare(tmp_path / "none.key")


def test_no_private_key_is_ever_deleted(key: Path, tmp_path: Path) -> None:
    kids = {load_signer(key).kid, prepare(key).kid}
    take_over(key, load_signer(key).kid)
    assert {load_signer(path).kid for path in tmp_path.iterdir()} == kids


def test_the_configured_key_comes_first_then_the_credential_then_the_default(plant: Path, tmp_path: Path) -> None:
    (tmp_path / "credentials").mkdir()
    given = {"CREDENTIALS_DIRECTORY": str(tmp_path / "credentials")}
    default = tmp_path / "state" / "publish" / "report.key"
    assert [key_file(load(plant), environment) for environment in ({}, given)] == [default, default]
    create_key(tmp_path / "credentials" / "report.key")
    assert key_file(load(plant), given) == tmp_path / "credentials" / "report.key"
    plant.write_text(PLANT + '\n[signing]\nkey_file = "/etc/nameplated/report.key"\n')
    assert key_file(load(plant), given) == Path("/etc/nameplated/report.key")


def test_a_credential_is_handed_over_without_being_renamed(tmp_path: Path) -> None:
    old, heir = create_key(tmp_path / "report.key"), create_key(tmp_path / "report.key.next")
    (tmp_path / f"report.key.old-{old.kid[:8]}").mkdir()
    (tmp_path / f"report.key.old-{old.kid[:8]}" / "full").touch()  # as if the directory could not be written, for root too
    assert open_ring(tmp_path / "report.key", old.kid).heir == heir
    assert open_ring(tmp_path / "report.key", heir.kid).signer == heir
    (tmp_path / "report.key.next").replace(tmp_path / "report.key")  # the operator exchanged the credentials
    assert open_ring(tmp_path / "report.key", heir.kid).signer == heir


@pytest.fixture
def plant(tmp_path: Path) -> Path:
    path = tmp_path / "plant.toml"
    path.write_text(PLANT)
    return path
