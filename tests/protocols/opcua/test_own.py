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


def test_key_is_readable_by_its_owner_alone_before_and_after_a_renewal(tmp_path: Path) -> None:
    own.own_identity(tmp_path, NOW)
    own.renew(tmp_path, NOW)
    for name in ("nameplated.key", "previous.key"):
        assert stat.S_IMODE((tmp_path / "own" / name).stat().st_mode) == 0o600


def test_renewal_keeps_the_application_uri_and_the_old_certificate(tmp_path: Path) -> None:
    old = own.own_identity(tmp_path, NOW)
    new = own.renew(tmp_path, NOW + timedelta(days=1700))
    assert new.application_uri == old.application_uri
    assert new.certificate.public_key() != old.certificate.public_key()
    assert (tmp_path / "own" / "previous.der").read_bytes() == to_der(old.certificate)
    assert own.own_identity(tmp_path, NOW).certificate == new.certificate


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
    with pytest.raises(UntrustedError, match="cannot be made or read"):
        own.own_identity(tmp_path, NOW)
