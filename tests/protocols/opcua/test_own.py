"""Our own certificate: made once, renewed by a person under the same name, and its key for its owner's eyes alone."""

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from protocols.errors import UntrustedError
from protocols.opcua import own
from protocols.opcua.certificates import application_uri, describe, to_der

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def test_certificate_is_made_once_and_says_what_the_standard_wants(tmp_path: Path) -> None:
    first, second = own.own_identity(tmp_path, NOW), own.own_identity(tmp_path, NOW + timedelta(days=1))
    assert first.certificate == second.certificate
    assert first.application_uri == application_uri(first.certificate)
    assert first.application_uri.startswith("urn:nameplated:")
    described = describe(to_der(first.certificate))
    assert described is not None
    assert (described.key_bits, described.signature_hash, described.self_signed) == (2048, "sha256", True)
    usage = first.certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    assert usage.digital_signature and usage.content_commitment and usage.key_encipherment and usage.data_encipherment
    assert usage.key_cert_sign  # OPC 10000-6: a self-signed certificate signs one, itself


def test_key_is_readable_by_its_owner_alone_at_each_step_of_a_renewal(tmp_path: Path) -> None:
    own.own_identity(tmp_path, NOW)
    own.renew(tmp_path, NOW)
    names = {file.name for file in (tmp_path / "own").glob("*.key")}
    own.finish(tmp_path, NOW)
    names |= {file.name for file in (tmp_path / "own").glob("*.key")}
    assert names == {"nameplated.key", "next.key", "previous.key"}
    for file in (tmp_path / "own").glob("*.key"):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_renewal_leaves_the_one_in_use_until_it_is_finished(tmp_path: Path) -> None:
    old = own.own_identity(tmp_path, NOW)
    new = own.renew(tmp_path, NOW + timedelta(days=1700))
    assert new.application_uri == old.application_uri
    assert new.certificate.public_key() != old.certificate.public_key()
    assert own.own_identity(tmp_path, NOW).certificate == old.certificate
    following = own.next_identity(tmp_path)
    assert following is not None and following.certificate == new.certificate

    finished = own.finish(tmp_path, NOW)
    assert finished is not None and finished.certificate == new.certificate and finished.path == old.path
    assert own.next_identity(tmp_path) is None
    assert (tmp_path / "own" / "previous.der").read_bytes() == to_der(old.certificate)


def test_renewal_begun_twice_is_one_renewal(tmp_path: Path) -> None:
    assert own.renew(tmp_path, NOW).certificate == own.renew(tmp_path, NOW + timedelta(days=1)).certificate


def test_renewal_that_was_never_begun_is_not_finished(tmp_path: Path) -> None:
    assert own.finish(tmp_path, NOW) is None and not (tmp_path / "own").exists()


def test_finish_that_was_cut_short_is_done_again_and_loses_neither_certificate(tmp_path: Path) -> None:
    old, new = own.own_identity(tmp_path, NOW), own.renew(tmp_path, NOW)
    folder = tmp_path / "own"
    for kind in ("key", "der"):
        (folder / f"previous.{kind}").write_bytes((folder / f"nameplated.{kind}").read_bytes())
    (folder / "nameplated.key").write_bytes((folder / "next.key").read_bytes())  # and then the power went
    finished = own.finish(tmp_path, NOW)
    assert finished is not None and finished.certificate == new.certificate
    assert (folder / "previous.der").read_bytes() == to_der(old.certificate)


@pytest.mark.parametrize(
    ("days", "remarks"),
    [(0, set()), (1734, set()), (1736, {"own-certificate-expires-soon"}), (1826, {"own-certificate-expired"})],
)
def test_report_tells_ninety_days_before_the_certificate_expires(tmp_path: Path, days: int, remarks: set[str]) -> None:
    ours = own.own_identity(tmp_path, NOW)
    assert own.own_remarks(ours.certificate, NOW + timedelta(days=days)) == remarks


def test_certificate_of_the_plants_own_authority_is_taken_in_pem_too(tmp_path: Path) -> None:
    ours = own.own_identity(tmp_path, NOW)
    ours.path.write_bytes(ours.certificate.public_bytes(serialization.Encoding.PEM))
    assert own.own_identity(tmp_path, NOW).certificate == ours.certificate


@pytest.mark.parametrize("damage", ["garbage", "another key", "no certificate"])
def test_damaged_identity_is_named(tmp_path: Path, damage: str) -> None:
    ours = own.own_identity(tmp_path, NOW)
    other = own.own_identity(tmp_path / "other", NOW)
    match damage:
        case "garbage":
            (tmp_path / "own" / "nameplated.key").write_bytes(b"garbage")
        case "another key":
            (other.path.with_suffix(".key")).rename(ours.path.with_suffix(".key"))
        case _:
            ours.path.write_bytes(b"garbage")
    with pytest.raises(UntrustedError, match="own"):
        own.own_identity(tmp_path, NOW)


def test_folder_that_cannot_be_made_is_the_operators_to_mend(tmp_path: Path) -> None:
    (tmp_path / "own").write_text("a file in the way")
    with pytest.raises(UntrustedError, match="cannot be made"):
        own.own_identity(tmp_path, NOW)
