"""Secrets are their user's alone, folders their role's, ports are ports."""

import os
import stat
from pathlib import Path

import pytest

from agent.doctor.files import Owner, Seen, folder, look_at, port, present, secret
from agent.doctor.finding import State

ME = Owner("me", os.getuid())
OTHER = Owner("nameplated-it", os.getuid() + 1)
PATH = Path("/var/lib/nameplated/publish/report.key")


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "report.key"
    path.write_text("not for anybody's output")
    path.chmod(0o600)
    return path


def forbidden(_path: Path) -> Seen:
    raise PermissionError(13, "Permission denied")


def test_secret_of_its_user_alone_is_well_and_never_shown(key: Path) -> None:
    finding = secret("report-key", key, owner=ME, missing="make it")
    assert finding.state is State.OK
    assert "not for anybody" not in finding.detail


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o601])
def test_any_right_of_others_is_bad(key: Path, mode: int) -> None:
    key.chmod(mode)
    finding = secret("report-key", key, owner=ME, missing="make it")
    assert finding.state is State.BAD and "chmod 600" in finding.remedy


def test_secret_of_the_wrong_user_is_bad(key: Path) -> None:
    finding = secret("report-key", key, owner=OTHER, missing="make it")
    assert finding.state is State.BAD and f"chown nameplated-it {key}" in finding.remedy


def test_on_a_machine_without_our_users_the_owner_does_not_count(key: Path) -> None:
    assert secret("report-key", key, owner=None, missing="make it").state is State.OK


def test_missing_secret_says_how_it_is_made(tmp_path: Path) -> None:
    finding = secret("report-key", tmp_path / "none", owner=ME, missing="make it")
    assert finding.state is State.BAD and finding.remedy == "make it"


def test_folder_in_the_place_of_a_secret_is_bad(tmp_path: Path) -> None:
    assert secret("report-key", tmp_path, owner=ME, missing="make it").state is State.BAD


def test_what_may_not_be_seen_is_unknown() -> None:
    assert secret("report-key", PATH, owner=ME, look=forbidden, missing="").state is State.UNKNOWN
    assert folder("publish-folder", PATH, owner=ME, look=forbidden, missing="make it").state is State.UNKNOWN
    assert port(PATH, look=forbidden).state is State.UNKNOWN


def test_folder_of_its_role_is_well(tmp_path: Path) -> None:
    tmp_path.chmod(0o750)
    assert folder("collect-folder", tmp_path, owner=ME, missing="make it").state is State.OK
    assert folder("collect-folder", tmp_path, owner=OTHER, missing="make it").state is State.BAD


def test_folder_that_strangers_enter_or_the_group_writes_is_a_warning(tmp_path: Path) -> None:
    for mode in (0o755, 0o770):
        tmp_path.chmod(mode)
        assert folder("collect-folder", tmp_path, owner=ME, missing="make it").state is State.WARN


def test_folder_that_is_none_or_missing_is_bad(key: Path) -> None:
    assert folder("collect-folder", key, owner=ME, missing="make it").state is State.BAD
    assert folder("collect-folder", key.parent / "none", owner=ME, missing="make it").state is State.BAD


def test_serial_port_must_be_there_and_be_one(key: Path) -> None:
    assert port(Path("/dev/null")).state is State.OK
    assert port(key).state is State.BAD
    assert port(key.parent / "ttyUSB9").state is State.BAD


def test_links_are_followed_as_the_role_would(key: Path) -> None:
    link = key.parent / "link"
    link.symlink_to(key)
    assert stat.S_ISREG(look_at(link).mode)


def test_file_that_is_no_secret_must_be_there_and_be_one(key: Path) -> None:
    assert present("device-certificate", key).state is State.OK
    assert present("device-certificate", key.parent).state is State.BAD
    assert present("device-certificate", key.parent / "none").state is State.BAD
