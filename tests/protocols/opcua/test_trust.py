"""The trust folder: exactly what a person put into `trusted/` is trusted, and nothing gets there by itself."""

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import UntrustedError
from protocols.opcua import trust

NOW = datetime(2026, 11, 22, tzinfo=UTC)
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def certificate(uri: str = "urn:example:plc", now: datetime = NOW) -> x509.Certificate:
    return trust.make_certificate(KEY, uri, "plc", now, timedelta(days=30))


def put(folder: Path, name: str, data: bytes) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)


@pytest.mark.parametrize("encoding", [serialization.Encoding.DER, serialization.Encoding.PEM])
def test_pinned_certificate_is_found_by_host_and_port(tmp_path: Path, encoding: serialization.Encoding) -> None:
    ours = certificate()
    put(tmp_path / "trusted", "10.0.0.1_4840-mine.der", ours.public_bytes(encoding))
    assert trust.pinned(tmp_path, "10.0.0.1", 4840) == ours
    assert trust.pinned(tmp_path, "10.0.0.1", 4841) is None
    assert trust.pinned(tmp_path, "10.0.0.11", 4840) is None


def test_youngest_of_several_pinned_certificates_counts(tmp_path: Path) -> None:
    old, young = certificate(now=NOW - timedelta(days=9)), certificate()
    put(tmp_path / "trusted", "h_1-a.der", trust.to_der(young))
    put(tmp_path / "trusted", "h_1-b.der", trust.to_der(old))
    assert trust.pinned(tmp_path, "h", 1) == young


def test_damaged_and_foreign_files_are_no_trust(tmp_path: Path) -> None:
    put(tmp_path / "trusted", "h_1-a.der", b"garbage")
    put(tmp_path / "trusted", "h_1-b.der", trust.to_der(certificate()) + b"x" * trust.MAX_CERTIFICATE_BYTES)
    put(tmp_path / "trusted", "h_1-c.txt", trust.to_der(certificate()))
    assert trust.pinned(tmp_path, "h", 1) is None


def test_host_forms_neither_a_path_nor_a_pattern(tmp_path: Path) -> None:
    put(tmp_path / "trusted", "h_1-a.der", trust.to_der(certificate()))
    assert trust.pinned(tmp_path, "*", 1) is None
    kept = trust.keep_pending(tmp_path, "../../etc/[fe80::1]", 1, trust.to_der(certificate()))
    assert kept.parent == tmp_path / "pending"


def test_moving_the_pending_file_is_all_it_takes_to_trust(tmp_path: Path) -> None:
    ours = certificate()
    kept = trust.keep_pending(tmp_path, "h", 4840, trust.to_der(ours))
    assert trust.pinned(tmp_path, "h", 4840) is None
    (tmp_path / "trusted").mkdir()
    kept.rename(tmp_path / "trusted" / kept.name)
    assert trust.pinned(tmp_path, "h", 4840) == ours


def test_server_with_ever_new_certificates_fills_no_more_than_four_files(tmp_path: Path) -> None:
    ders = [trust.to_der(certificate(f"urn:{number}")) for number in range(7)]
    for der in ders:
        last = trust.keep_pending(tmp_path, "h", 1, der)
    other = trust.keep_pending(tmp_path, "h", 2, ders[0])
    assert len(list((tmp_path / "pending").iterdir())) == trust.MAX_PENDING + 1
    assert last.exists() and other.exists()


def test_pending_folder_that_cannot_be_made_is_the_operators_to_mend(tmp_path: Path) -> None:
    (tmp_path / "pending").write_text("a file in the way")
    with pytest.raises(UntrustedError, match="cannot be written"):
        trust.keep_pending(tmp_path, "h", 1, trust.to_der(certificate()))


def test_own_certificate_is_made_once_and_says_what_the_standard_wants(tmp_path: Path) -> None:
    first, second = trust.own_identity(tmp_path, NOW), trust.own_identity(tmp_path, NOW + timedelta(days=1))
    assert first.certificate == second.certificate
    assert first.application_uri == trust.application_uri(first.certificate)
    assert first.application_uri.startswith("urn:nameplated:")
    described = trust.describe(trust.to_der(first.certificate))
    assert described is not None
    assert (described.key_bits, described.signature_hash, described.self_signed) == (2048, "sha256", True)
    usage = first.certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    assert usage.digital_signature and usage.content_commitment and usage.key_encipherment and usage.data_encipherment


def test_own_key_is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    trust.own_identity(tmp_path, NOW)
    assert stat.S_IMODE((tmp_path / "own" / "nameplated.key").stat().st_mode) == 0o600


def test_damaged_own_key_is_named(tmp_path: Path) -> None:
    trust.own_identity(tmp_path, NOW)
    (tmp_path / "own" / "nameplated.key").write_bytes(b"garbage")
    with pytest.raises(UntrustedError, match="own"):
        trust.own_identity(tmp_path, NOW)


def test_first_certificate_of_a_chain_is_cut_out() -> None:
    leaf, issuer = trust.to_der(certificate("urn:leaf")), trust.to_der(certificate("urn:issuer"))
    assert trust.first_of_chain(leaf + issuer) == leaf
    assert trust.first_of_chain(leaf[:-1]) == b""
    assert trust.first_of_chain(None) == b""


def test_certificate_with_a_curve_is_described_too() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    der = trust.to_der(trust.make_certificate(key, "urn:curve", "plc", NOW, timedelta(days=1)))  # type: ignore[arg-type]  # on purpose
    described = trust.describe(der)
    assert described is not None and described.key_bits == 256


def test_certificate_of_an_unknown_version_is_none() -> None:
    der = bytearray(trust.to_der(certificate_once()))
    der[der.index(b"\xa0\x03\x02\x01\x02") + 4] = 106
    assert trust.describe(bytes(der)) is None


@pytest.mark.filterwarnings(
    "ignore::cryptography.utils.CryptographyDeprecationWarning"
)  # a damaged serial number may be negative
@given(st.binary(max_size=200), st.integers(min_value=0, max_value=700), st.integers(min_value=0, max_value=255))
def test_any_bytes_are_described_or_are_none(garbage: bytes, position: int, byte: int) -> None:
    trust.describe(garbage)
    der = bytearray(trust.to_der(certificate_once()))
    der[position % len(der)] = byte
    trust.describe(bytes(der))
    trust.first_of_chain(garbage)


_ONCE: list[x509.Certificate] = []


def certificate_once() -> x509.Certificate:
    if not _ONCE:
        _ONCE.append(certificate())
    return _ONCE[0]
