"""The commands of the keys: what a person sees, and that no private key is among it."""

import argparse
import json
import os
from pathlib import Path

import pytest

from agent.keys.command import add_parser
from agent.keys.ring import next_file
from evidence.keys import load_signer, thumbprint
from evidence.words import words
from tests.plants import PLANT


@pytest.fixture
def plant(tmp_path: Path) -> Path:
    (tmp_path / "plant.toml").write_text(PLANT)
    return tmp_path / "plant.toml"


def run(plant: Path, *arguments: str) -> int:
    parser = argparse.ArgumentParser()
    add_parser(parser.add_subparsers())
    options = parser.parse_args(["key", *arguments, "--config", str(plant)])
    return int(options.command(options))


def key_file(plant: Path) -> Path:
    from config.load import load

    return load(plant).report_key_file


def test_a_key_is_made_once_and_shown_with_its_words(plant: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(plant, "init") == 0
    assert run(plant, "init") == 74
    assert run(plant, "show", "--qr") == 0
    shown = capsys.readouterr().out
    kid = load_signer(key_file(plant)).kid
    assert kid in shown and words(kid) in shown and "█" in shown
    assert "PRIVATE" not in shown and '"d"' not in shown


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a key for another user")
def test_a_key_that_root_makes_belongs_to_the_owner_of_its_folder(plant: Path) -> None:
    folder = key_file(plant).parent
    folder.mkdir(parents=True)
    os.chown(folder, 65534, 65534)
    assert run(plant, "init") == run(plant, "rotate") == 0
    for file in (key_file(plant), next_file(key_file(plant))):
        assert (file.stat().st_uid, file.stat().st_mode & 0o777) == (65534, 0o600)


def test_the_public_key_as_json_is_what_the_receiver_takes(plant: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(plant, "init")
    capsys.readouterr()
    assert run(plant, "show", "--json") == 0
    jwk = json.loads(capsys.readouterr().out)
    assert set(jwk) == {"kty", "crv", "x", "kid"} and jwk["kid"] == thumbprint(jwk)


def test_rotating_prepares_the_next_key_and_leaves_the_present_one(plant: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(plant, "rotate") == 78
    run(plant, "init")
    before = key_file(plant).read_bytes()
    assert run(plant, "rotate") == 0
    assert run(plant, "rotate") == 74
    assert key_file(plant).read_bytes() == before
    capsys.readouterr()
    assert run(plant, "show", "--next") == 0
    assert load_signer(next_file(key_file(plant))).kid in capsys.readouterr().out


def test_a_key_that_others_can_read_is_not_shown(plant: Path) -> None:
    run(plant, "init")
    key_file(plant).chmod(0o644)
    assert run(plant, "show") == 77
