"""What a person does about certificates: sees ours, carries it, compares theirs, trusts one, and never by accident."""

import argparse
import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from agent.pki import command
from protocols.opcua import acceptance, trust
from protocols.opcua.certificates import make_certificate, thumbprint, to_der
from protocols.opcua.own import next_identity, own_identity
from tests.plants import PLANT

PROTECTED = """
[[asset]]
id = "mixer"
address = "opc.tcp://10.0.0.1:4840"
security = "sign"
[[asset]]
id = "open"
address = "opc.tcp://10.0.0.2:4840"
"""
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
NOW = datetime.now(UTC)


def certificate(uri: str) -> bytes:
    return to_der(make_certificate(KEY, uri, "plc", NOW, timedelta(days=30), server=True))


def run(pki: Path, *words: str) -> int:
    parser = argparse.ArgumentParser()
    command.add_parser(parser.add_subparsers())
    options = parser.parse_args(["opcua", *words, "--pki-dir", str(pki)])
    return int(options.command(options))


def test_own_certificate_is_made_shown_and_exported_in_both_forms(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path, "cert", "show", "--json") == 0
    shown = json.loads(capsys.readouterr().out)
    for name, load in (("us.der", x509.load_der_x509_certificate), ("us.pem", x509.load_pem_x509_certificate)):
        assert run(tmp_path, "cert", "export", str(tmp_path / name)) == 0
        exported = load((tmp_path / name).read_bytes())
        assert thumbprint(to_der(exported)) == shown["thumbprint_sha256"]
    assert b"PRIVATE" not in (tmp_path / "us.pem").read_bytes()


def test_renewal_is_begun_shown_exported_and_finished_once_every_server_has_accepted_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = own_identity(tmp_path, NOW)
    for port in (1, 2):
        acceptance.note(tmp_path, "h", port, old)
    assert run(tmp_path, "cert", "renew") == 0
    assert "0 of 2 servers have accepted" in capsys.readouterr().out
    new = next_identity(tmp_path)
    assert new is not None
    run(tmp_path, "cert", "export", str(tmp_path / "us.der"))
    assert "the next certificate" in capsys.readouterr().out
    assert (tmp_path / "us.der").read_bytes() == to_der(new.certificate)

    acceptance.note(tmp_path, "h", 1, new)
    assert run(tmp_path, "cert", "finish") == 1
    assert "not yet accepted by h:2." in capsys.readouterr().err
    acceptance.note(tmp_path, "h", 2, new)
    run(tmp_path, "cert", "show")
    assert "cert finish" in capsys.readouterr().out
    run(tmp_path, "cert", "show", "--json")
    shown = json.loads(capsys.readouterr().out)
    assert shown["next"]["application_uri"] == shown["application_uri"] and all(shown["accepted_since"].values())
    assert run(tmp_path, "cert", "finish") == 0
    assert "previous.der" in capsys.readouterr().out
    assert own_identity(tmp_path, NOW).certificate == new.certificate


def test_renewal_is_finished_without_a_server_only_on_request(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for port in range(1, 9):
        acceptance.note(tmp_path, "h", port, own_identity(tmp_path, NOW))
    run(tmp_path, "cert", "renew")
    assert run(tmp_path, "cert", "finish") == 1
    assert "h:5 and 3 more" in capsys.readouterr().err
    assert run(tmp_path, "cert", "finish", "--anyway") == 0
    assert "No server needs it" not in capsys.readouterr().out
    assert run(tmp_path, "cert", "finish") == 64
    assert "cert renew" in capsys.readouterr().err


def test_servers_of_a_plant_are_those_that_want_protection(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plant = tmp_path / "plant.toml"
    plant.write_text(PLANT.replace('"state"', f'"{tmp_path}/state"') + PROTECTED)
    pki = tmp_path / "state" / "collect" / "opcua"
    acceptance.note(pki, "h", 1, own_identity(pki, NOW))
    parser = argparse.ArgumentParser()
    command.add_parser(parser.add_subparsers())
    for words, figures in ((["renew"], "0 of 1 servers"), (["show"], "10.0.0.1:4840  not yet")):
        options = parser.parse_args(["opcua", "cert", *words, "--config", str(plant)])
        assert options.command(options) == 0
        assert figures in capsys.readouterr().out


def test_waiting_certificate_is_listed_with_both_thumbprints_and_accepted_by_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    der = certificate("urn:plc")
    trust.keep_pending(tmp_path, "10.0.0.1", 4840, der)
    run(tmp_path, "trust", "list")
    page = capsys.readouterr().out
    assert thumbprint(der) in page and "SHA-1" in page and "10.0.0.1_4840" in page
    spelled = ":".join(thumbprint(der).upper()[start : start + 2] for start in range(0, 32, 2))
    assert run(tmp_path, "trust", "accept", spelled) == 0
    assert trust.pinned(tmp_path, "10.0.0.1", 4840, NOW) is not None
    run(tmp_path, "trust", "list", "--json")
    assert json.loads(capsys.readouterr().out.splitlines()[-1]) == []


@pytest.mark.parametrize("words", ["", "abc", "0" * 16, "z" * 16, "../../etc", "0" * 65])
def test_word_that_names_no_certificate_trusts_none(tmp_path: Path, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    trust.keep_pending(tmp_path, "h", 1, certificate("urn:plc"))
    assert run(tmp_path, "trust", "accept", words) == 64
    assert "thumbprint" in capsys.readouterr().err
    assert not (tmp_path / "trusted").exists()


def test_one_certificate_at_two_endpoints_is_accepted_for_one_and_recognised_at_the_other(tmp_path: Path) -> None:
    der = certificate("urn:plc")
    for port in (1, 2):
        trust.keep_pending(tmp_path, "h", port, der)
    assert run(tmp_path, "trust", "accept", thumbprint(der)) == 0
    assert [trust.why_untrusted(tmp_path, "h", port, der, NOW) for port in (1, 2)] == ["", ""]


def test_damaged_folder_is_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "own").write_text("in the way")
    assert run(tmp_path, "cert", "show") == 74
    assert "own" in capsys.readouterr().err


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_folder_of_another_user_is_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "pki"
    folder.mkdir()
    os.chown(folder, 65534, 65534)
    with pytest.raises(PermissionError, match="another user"):
        run(folder, "cert", "show")
    assert list(folder.iterdir()) == []
