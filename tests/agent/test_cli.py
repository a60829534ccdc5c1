"""The command line as a person meets it: a sentence and an exit code for everything that can go wrong."""

import json
import socket
from pathlib import Path

import pytest

from agent.cli import main
from agent.core.asset import after_look
from agent.publish.fold import Author
from buffer.journal import Journal
from buffer.record import State
from evidence.keys import create_key
from tests.agent.core.looks import look
from tests.faults.gateway import Place
from tests.plants import PLANT

RISKY = (
    PLANT
    + """
profile = "wago-750"
accept_risk = true
"""
)


@pytest.fixture(autouse=True)
def _own_logging(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.log.to_stderr", lambda _level: None)


@pytest.fixture
def plant(tmp_path: Path) -> Path:
    path = tmp_path / "plant.toml"
    path.write_text(RISKY)
    return path


def test_every_command_has_help_with_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    for command in (
        "demo",
        "run",
        "collect",
        "publish",
        "check",
        "probe",
        "assets",
        "key init",
        "key show",
        "profiles list",
        "profiles show",
    ):
        assert main([*command.split(), "--help"]) == 0
        shown = capsys.readouterr().out
        assert f"nameplated {command}" in shown and "example" in shown


def test_wrong_words_are_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["frobnicate"]) == 64
    assert "invalid choice" in capsys.readouterr().err


def test_good_plant_file_is_ready_to_run(plant: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(plant)]) == 0
    assert "1 asset" in capsys.readouterr().out


def test_profile_that_does_not_exist_is_named_with_a_suggestion(plant: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plant.write_text(RISKY.replace("wago-750", "wago-75"))
    assert main(["check", str(plant)]) == 78
    assert "asset[1].profile" in (shown := capsys.readouterr().err) and "wago-750" in shown


@pytest.mark.parametrize("role", ["run", "collect", "publish"])
def test_broken_plant_file_starts_nothing(role: str, plant: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plant.write_text(RISKY.replace("werk-ulm", "Werk Ulm").replace('url = "', 'uri = "'))
    assert main([role, "--config", str(plant)]) == 78
    shown = capsys.readouterr().err
    assert "plant.id" in shown and "broker" in shown
    assert not (plant.parent / "state").exists()


def test_missing_plant_file_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["collect", "--config", str(tmp_path / "none.toml")]) == 78
    assert "cannot be read" in capsys.readouterr().err


def test_publish_without_a_key_refuses_and_signs_nothing(plant: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["publish", "--config", str(plant)]) == 78
    shown = capsys.readouterr().err
    assert shown.count("\n") == 1 and "key init" in shown and "Nothing was signed" in shown


def test_publish_refuses_a_key_that_others_can_read(plant: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["key", "init", "--config", str(plant)]) == 0
    (plant.parent / "state/publish/report.key").chmod(0o644)
    capsys.readouterr()
    assert main(["publish", "--config", str(plant)]) == 77
    shown = capsys.readouterr().err
    assert shown.count("\n") == 1 and "chmod 600" in shown


def test_publish_refuses_a_key_file_that_somebody_exchanged_by_hand(plant: Path, capsys: pytest.CaptureFixture[str]) -> None:
    key, expected_kid = plant.parent / "state/publish/report.key", published_once(plant)
    key.unlink()
    exchanged = create_key(key)
    assert main(["publish", "--config", str(plant)]) == 78
    shown = capsys.readouterr().err
    assert shown.count("\n") == 1 and "exchanged" in shown and "key rotate" in shown and "Nothing was signed" in shown
    assert expected_kid in shown and exchanged.kid in shown


def published_once(plant: Path) -> str:
    """Begin the chain of a gateway, as the first start of publish does; return the key that signed it."""
    from agent.publish.signers import expected

    key = plant.parent / "state/publish/report.key"
    key.parent.mkdir(parents=True)
    author = Author(issuer="urn:nameplated:werk-ulm:gw-1", audience="urn:isms:central", signer=create_key(key))
    with Place(plant.parent / "state").spool(author) as spool:
        assert expected(spool.outbox) == author.signer.kid
    return author.signer.kid


def test_a_key_that_systemd_hands_over_is_used_before_the_file(
    plant: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["key", "init", "--config", str(plant)]) == 0
    (credentials := plant.parent / "credentials").mkdir()
    handed = create_key(credentials / "report.key")
    capsys.readouterr()
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(credentials))
    assert main(["key", "show", "--config", str(plant), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == handed.public_jwk


def test_key_is_made_once_and_shown_as_jwk(plant: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["key", "init", "--config", str(plant), "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert main(["key", "show", "--config", str(plant), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == made
    assert main(["key", "init", "--config", str(plant)]) == 74
    assert "exists already" in capsys.readouterr().err


def test_key_that_is_not_there_is_one_sentence(plant: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["key", "show", "--config", str(plant)]) == 78
    assert "key init" in capsys.readouterr().err


def test_probe_of_an_address_where_nobody_answers_ends_with_1(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["probe", "modbus-tcp://127.0.0.1:1", "--json"]) == 1
    answer = json.loads(capsys.readouterr().out)
    assert answer["outcome"] == "unreachable"
    assert {"nameplate", "posture", "ledger", "detail", "remarks"} <= answer.keys()


def test_probe_of_nonsense_says_how_an_address_looks(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["probe", "10.20.0.7"]) == 78
    assert "modbus-tcp://" in capsys.readouterr().err


def test_assets_shows_what_collect_has_left(plant: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import msgspec

    with Journal.open(plant.parent / "state/collect/journal.db", max_bytes=1024 * 1024) as journal:
        seen = look()
        journal.append(
            [], [State(kind="asset", subject="press-07", at=seen.observed_at, body=msgspec.json.encode(after_look(None, seen)))]
        )
    assert main(["assets", "--config", str(plant)]) == 0
    assert "ACME" in capsys.readouterr().out
    assert main(["assets", "--config", str(plant), "--json"]) == 0
    (asset,) = json.loads(capsys.readouterr().out)["assets"]
    assert (asset["asset_id"], asset["outcome"]) == ("press-07", "identified")


def test_assets_before_the_first_run_is_one_sentence(plant: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["assets", "--config", str(plant)]) == 74
    assert capsys.readouterr().err.count("\n") == 1


def test_profiles_are_listed_and_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["profiles", "list", "--json"]) == 0
    assert "wago-750" in {profile["name"] for profile in json.loads(capsys.readouterr().out)}
    assert main(["profiles", "list"]) == 0
    assert main(["profiles", "show", "wago-750"]) == 0
    assert "0x20" in capsys.readouterr().out
    assert main(["profiles", "show", "../../secret"]) == 64


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("wago-75O", "Did you mean 'wago-750'?"),
        ("WAGO", "Did you mean 'wago-750' or 'wago-879'?"),
        ("xyzzy", "`nameplated profiles list` shows all there are."),
        ("", "`nameplated profiles list` shows all there are."),
    ],
)
def test_a_name_that_is_no_profile_brings_the_near_ones_to_mind(
    name: str, meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["profiles", "show", name]) == 64
    assert meant in capsys.readouterr().err


@pytest.mark.parametrize("command", [["probe"], ["record", "-o", "never.json"]], ids=["probe", "record"])
@pytest.mark.parametrize(
    ("profile", "why"),
    [
        ("wago-75O", "Did you mean 'wago-750'?"),
        ("wago-750", "repeat this with --accept-risk"),
        ("vacon-100 --accept-risk", "never asked"),
    ],
)
def test_a_device_that_must_not_be_asked_is_not_asked(
    command: list[str], profile: str, why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as device:
        device.bind(("127.0.0.1", 0))
        device.listen()
        device.setblocking(False)
        address = f"modbus-tcp://127.0.0.1:{device.getsockname()[1]}?unit=1"
        assert main([*command, address, "--profile", *profile.split()]) == 78
        with pytest.raises(BlockingIOError):
            device.accept()
    assert why in capsys.readouterr().err and not Path("never.json").exists()


def test_a_risk_that_was_accepted_is_taken(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["probe", "modbus-tcp://127.0.0.1:1?unit=1", "--profile", "wago-750", "--accept-risk"]) == 1
    assert "unreachable" in capsys.readouterr().out


def test_profile_with_side_effects_is_refused_until_somebody_accepts_them(
    plant: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plant.write_text(RISKY.replace("accept_risk = true\n", ""))
    assert main(["collect", "--config", str(plant)]) == 78
    assert "accept_risk" in capsys.readouterr().err


def test_maintenance_window_in_a_time_zone_that_does_not_exist_is_named(plant: Path, capsys: pytest.CaptureFixture[str]) -> None:
    window = '[[collect.maintenance]]\ndays = "mon-fri"\nfrom = "06:00"\nto = "14:00"\ntimezone = "Europe/Atlantis"\n'
    plant.write_text(window + RISKY)
    assert main(["check", str(plant)]) == 78
    assert "Europe/Atlantis" in capsys.readouterr().err


def test_profile_of_a_site_is_checked_before_it_is_used(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "writes.toml").write_text('id = "writes"\nversion = 1\n')
    assert main(["profiles", "check", str(tmp_path)]) == 1
    assert "writes.toml" in capsys.readouterr().out


def test_a_folder_without_profiles_is_said_to_be_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["profiles", "check", str(tmp_path)]) == 1
    assert "no profiles there" in capsys.readouterr().err
