"""The commands: exit codes that scripts can rely on, tables that fit a terminal, and no device that can drive it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from evidence.kinds import Body
from evidence.trust import load_trust, save_trust
from isms.cli import main
from isms.intake import Intake
from isms.inventory import Books
from isms.state import State
from tests.evidence.samples import AT, AUDIENCE, Gateway, asset, change, event, start

ISSUER = "urn:nameplated:werk-ulm:gw-halle3"


@pytest.fixture
def state(tmp_path: Path) -> State:
    """A receiver that holds one short chain of one gateway."""
    return holding(tmp_path, start(), asset(), change(), asset("press-08-plc", firmware="2.2\x1b[2J"))


def holding(tmp_path: Path, *bodies: Body) -> State:
    """A receiver that holds one chain with these reports, and has refused something."""
    state, gateway = State(tmp_path / "isms"), Gateway()
    state.create_key()
    save_trust(state.trust, gateway.trust)
    for body in bodies:
        gateway.report(body)
    with Books.open(state.database) as books:
        desk = Intake(books, prefix="", audience=AUDIENCE)
        for envelope in gateway.sent:
            desk.take(gateway.topic(), envelope.token, trust=gateway.trust, at=AT)
        desk.take(gateway.topic(), b"junk", trust=gateway.trust, at=AT)
        desk.commit()
    return state


def write(path: Path, tokens: list[bytes]) -> Path:
    path.write_bytes(b"\n".join(tokens) + b"\n")
    return path


def test_a_key_is_made_once_and_shown_to_the_gateways(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    directory = str(tmp_path / "new")
    assert main(["key", "init", "--state", directory]) == 0
    assert main(["key", "init", "--state", directory]) == 78
    capsys.readouterr()
    assert main(["key", "show", "--state", directory, "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown == json.loads(State(tmp_path / "new").public_key.read_text())
    assert set(shown) == {"kty", "crv", "x", "kid"}


def test_trust_is_given_listed_and_taken_by_hand(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    directory, gateway = tmp_path / "isms", Gateway()
    directory.mkdir()
    jwk = tmp_path / "gw.jwk"
    jwk.write_text(json.dumps(gateway.public.jwk))
    state = ["--state", str(directory)]
    assert main(["trust", "add", str(jwk), *state, "--issuer", ISSUER]) == 0
    assert load_trust(directory / "trust.json").find(gateway.public.kid)
    assert main(["trust", "revoke", gateway.public.kid, *state]) == 0
    assert load_trust(directory / "trust.json").find(gateway.public.kid) is None
    assert main(["trust", "add", str(jwk), *state, "--issuer", ISSUER]) == 78
    assert main(["trust", "revoke", "nobody", *state]) == 78
    capsys.readouterr()
    assert main(["trust", "list", *state]) == 0
    assert "revoked" in capsys.readouterr().out


def test_what_an_auditor_takes_away_is_all_that_he_needs(
    state: State, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["records", "--state", str(state.directory)]) == 0
    (taken := tmp_path / "records.txt").write_text(capsys.readouterr().out)
    assert main(["verify", str(taken), "--trust", str(state.trust)]) == 0
    assert taken.read_text().count("\n") == 4


def test_a_reader_that_has_seen_enough_is_no_error_and_a_terminal_without_unicode_neither(state: State) -> None:
    command = [sys.executable, "-I", "-m", "isms", "assets", "--state", str(state.directory)]
    shown = subprocess.run(command, env={"PYTHONIOENCODING": "ascii", "LC_ALL": "C"}, capture_output=True, check=True, timeout=30)
    assert b"press-07-plc" in shown.stdout
    with subprocess.Popen(["sh", "-c", '"$@" | true', "sh", *command], stderr=subprocess.PIPE) as process:
        assert process.communicate(timeout=30)[1] == b""


@pytest.mark.parametrize("what", ["assets", "gateways"])
def test_tables_fit_a_hundred_columns_and_obey_no_device(state: State, what: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([what, "--state", str(state.directory)]) == 0
    shown = capsys.readouterr().out
    assert "werk-ulm/gw-halle3" in shown
    assert all(len(line) <= 100 for line in shown.splitlines())
    assert all(character.isprintable() or character == "\n" for character in shown)


def test_assets_as_json_carry_nameplate_and_changes(state: State, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["assets", "--state", str(state.directory), "--json"]) == 0
    first, second = json.loads(capsys.readouterr().out)["assets"]
    assert (first["iss"], first["asset_id"], len(first["changes"])) == (ISSUER, "press-07-plc", 1)
    assert second["nameplate"]["firmware_version"]["value"] == "2.2\x1b[2J"


@pytest.mark.parametrize(("form", "begins"), [("csv", "plant;gateway;asset_id;"), ("cyclonedx", "{"), ("json", "{")])
def test_assets_go_out_in_forms_that_other_programs_read(
    state: State, form: str, begins: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["assets", "--state", str(state.directory), "--format", form]
    assert main(words) == 0
    shown = capsys.readouterr().out
    assert shown.startswith(begins) and "press-07-plc" in shown and "\x1b" not in shown
    assert main([*words, "--to", str(tmp_path / "out")]) == 0
    assert "press-07-plc" in (tmp_path / "out").read_text("utf-8-sig" if form == "csv" else "utf-8")
    assert main([*words, "--to", str(tmp_path / "out")]) == 64
    assert "is there already" in capsys.readouterr().err


def test_gateways_as_json_carry_chain_and_refusals(state: State, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["gateways", "--state", str(state.directory), "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    [gateway] = shown["gateways"]
    assert (gateway["seq"], gateway["records"], gateway["state"]) == (3, 4, "sound")
    assert shown["refused"] == {"malformed": 1}


@pytest.mark.parametrize("what", ["assets", "gateways"])
def test_a_receiver_that_holds_nothing_yet_says_so(tmp_path: Path, what: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([what, "--state", str(tmp_path)]) == 0
    assert f"no {what} yet" in capsys.readouterr().out


def test_the_books_of_a_receiver_verify(state: State, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(state.database), "--state", str(state.directory)]) == 0
    shown = capsys.readouterr().out
    assert shown.splitlines()[-1] == "all good" and all(len(line) <= 100 for line in shown.splitlines())


def test_a_file_of_tokens_verifies_and_a_tampered_one_does_not(
    state: State, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tokens = [envelope.token for envelope in Gateway().chain(5)]
    trust = ["--trust", str(state.trust)]
    assert main(["verify", str(write(tmp_path / "good.txt", tokens)), *trust]) == 0
    assert main(["verify", str(write(tmp_path / "removed.txt", tokens[:2] + tokens[3:])), *trust]) == 1
    assert main(["verify", str(write(tmp_path / "altered.txt", [*tokens[:4], tokens[4][:-6] + b"AAAAAA"])), *trust]) == 1
    assert main(["verify", str(write(tmp_path / "swapped.txt", [tokens[0], tokens[2], tokens[1], *tokens[3:]])), *trust]) == 1
    clone = Gateway()
    clone.chain(3)
    clone.report(event("clone"))
    assert main(["verify", str(write(tmp_path / "cloned.txt", [*tokens, clone.sent[3].token])), *trust]) == 1
    assert "NOT GOOD" in capsys.readouterr().out


def test_a_chain_may_be_spread_over_several_files(state: State, tmp_path: Path) -> None:
    tokens = [envelope.token for envelope in Gateway().chain(5)]
    files = [str(write(tmp_path / "1.txt", tokens[:3])), str(write(tmp_path / "2.txt", tokens[3:]))]
    assert main(["verify", *files, "--state", str(state.directory)]) == 0


def test_a_line_larger_than_any_token_is_refused_in_bounded_memory(state: State, tmp_path: Path) -> None:
    file = write(tmp_path / "huge.txt", [b"x" * 1_000_000])
    assert main(["verify", str(file), "--state", str(state.directory)]) == 1


def test_verify_as_json_names_every_finding(state: State, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tokens = [envelope.token for envelope in Gateway().chain(5)]
    main(["verify", str(write(tmp_path / "removed.txt", tokens[:2] + tokens[3:])), "--state", str(state.directory), "--json"])
    shown = json.loads(capsys.readouterr().out)
    assert shown["all_good"] is False and shown["chains"][0]["missing"] == 1


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ([], 64),
        (["nonsense"], 64),
        (["receive", "--state", "x", "--broker", "http://broker"], 64),
        (["receive", "--state", "x", "--broker", "mqtt://broker:99999"], 64),
        (["receive", "--state", "x", "--broker", "mqtt://broker", "--topic-prefix", "a/#"], 64),
        (["receive", "--state", "x", "--broker", "mqtt://broker", "--id", "Not An Id"], 64),
        (["trust", "add", "x.jwk", "--state", "x", "--issuer", "me"], 64),
        (["receive", "--state", "/nowhere/at/all", "--broker", "mqtt://127.0.0.1:1"], 78),
        (["verify", "/nowhere", "--state", "/nowhere"], 78),
        (["--help"], 0),
    ],
)
def test_exit_codes_say_who_is_to_blame(arguments: list[str], code: int) -> None:
    assert main(arguments) == code


def test_a_private_key_that_others_can_read_is_not_used(state: State) -> None:
    state.private_key.chmod(0o644)
    assert main(["receive", "--state", str(state.directory), "--broker", "mqtt://127.0.0.1:1"]) == 77


def test_a_file_that_is_no_database_of_ours_is_an_error_and_stays_as_it_is(state: State) -> None:
    state.database.write_bytes(b"not a database at all" * 100)
    assert main(["assets", "--state", str(state.directory)]) == 74
    assert state.database.read_bytes().startswith(b"not a database")


@pytest.mark.parametrize(
    "command", [["receive"], ["key", "init"], ["key", "show"], ["trust", "add"], ["trust", "list"], ["verify"], ["assets"]]
)
def test_help_shows_an_example(command: list[str]) -> None:
    shown = subprocess.run(
        [sys.executable, "-I", "-m", "isms", *command, "--help"], check=True, capture_output=True, text=True
    ).stdout
    assert "example: nameplated-isms " + " ".join(command) in " ".join(shown.split())
