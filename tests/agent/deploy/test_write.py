"""Drop-ins are shown as systemd shows them, and written whole or not at all."""

from pathlib import Path

import pytest

from agent.deploy.dropin import DropIn
from agent.deploy.write import run, shown, write

PLANT = """
[plant]
id = "werk"
[gateway]
id = "gw"
[broker]
url = "mqtt://127.0.0.4:1883"
[[asset]]
id = "press-07"
address = "modbus-tcp://127.0.0.1"
"""
FILES = (DropIn("a.service", "[Service]\n# a\n"), DropIn("b.service", "[Service]\n# b\n"))


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "plant.toml"
    path.write_text(PLANT)
    return path


def test_files_are_shown_below_their_names() -> None:
    assert shown(FILES).splitlines()[0] == "# /etc/systemd/system/a.service.d/10-plant.conf"
    assert "# b\n" in shown(FILES)


def test_written_files_are_readable_by_systemd_and_leave_nothing_else(tmp_path: Path) -> None:
    (first, _) = write(FILES, tmp_path)
    assert first.read_text() == "[Service]\n# a\n"
    assert first.stat().st_mode & 0o777 == 0o644
    assert [path.name for path in first.parent.iterdir()] == ["10-plant.conf"]


def test_writing_again_replaces_what_stood_there(tmp_path: Path) -> None:
    write(FILES, tmp_path)
    (first,) = write([DropIn("a.service", "new")], tmp_path)
    assert first.read_text() == "new"


def test_what_cannot_be_written_leaves_the_old_file(tmp_path: Path) -> None:
    (first, _) = write(FILES, tmp_path)
    (first.parent / "10-plant.new").mkdir()
    with pytest.raises(OSError, match=r"10-plant\.new"):
        write([DropIn("a.service", "new")], tmp_path)
    assert first.read_text() == "[Service]\n# a\n"


def test_command_prints_all_three_units(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(config, None) == 0
    out, err = capsys.readouterr()
    assert out.count("[Service]") == 3
    assert err == ""


def test_command_writes_and_says_what_comes_next(config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(config, tmp_path / "units") == 0
    assert "next: systemctl daemon-reload" in capsys.readouterr().out
    assert "IPAddressAllow=127.0.0.1" in (tmp_path / "units/nameplated-collect.service.d/10-plant.conf").read_text()


def test_another_address_asks_for_no_restart(config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(config, tmp_path / "units")
    assert "restart nameplated.target" in capsys.readouterr().out
    config.write_text(PLANT.replace("127.0.0.1", "127.0.0.2"))
    run(config, tmp_path / "units")
    assert capsys.readouterr().out.endswith("daemon-reload && systemctl reload nameplated-collect nameplated-publish\n")


def test_another_state_directory_is_made_before_the_units_start(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config.write_text(PLANT.replace("[broker]", 'state_dir = "/srv/evidence"\n[broker]'))
    run(config, tmp_path / "units")
    out = capsys.readouterr().out
    assert "next: install -d -o nameplated-ot -g nameplated -m 750 /srv/evidence/collect\n" in out
    assert out.index("install -d") < out.index("systemctl")


def test_notes_go_to_standard_error(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config.write_text(PLANT.replace("[broker]", 'state_dir = "/run/user/1000"\n[broker]'))
    run(config, None)
    assert "note: /run/user/1000: the units do not see" in capsys.readouterr().err
