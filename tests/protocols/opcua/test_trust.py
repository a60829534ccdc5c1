"""The trust folder: exactly what a person put into `trusted/` is trusted, and nothing gets there by itself."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from protocols.errors import UntrustedError
from protocols.opcua import trust
from protocols.opcua.certificates import make_certificate, to_der

NOW = datetime(2026, 11, 22, tzinfo=UTC)
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
WORKS = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Works CA")])


def certificate(uri: str = "urn:example:plc", now: datetime = NOW) -> x509.Certificate:
    return make_certificate(KEY, uri, "plc", now, timedelta(days=30), server=True)


def put(folder: Path, name: str, data: bytes) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)


def authority() -> x509.Certificate:
    builder = x509.CertificateBuilder(WORKS, WORKS, KEY.public_key(), 1, NOW, NOW + timedelta(days=9))
    return builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True).sign(KEY, hashes.SHA256())


def issued(host: str, serial: int = 7) -> x509.Certificate:
    plc = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "plc")])
    builder = x509.CertificateBuilder(WORKS, plc, KEY.public_key(), serial, NOW, NOW + timedelta(days=9))
    return builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False).sign(KEY, hashes.SHA256())


@pytest.mark.parametrize("encoding", [serialization.Encoding.DER, serialization.Encoding.PEM])
def test_pinned_certificate_is_found_by_host_and_port(tmp_path: Path, encoding: serialization.Encoding) -> None:
    ours = certificate()
    put(tmp_path / "trusted", "10.0.0.1_4840-mine.der", ours.public_bytes(encoding))
    assert trust.pinned(tmp_path, "10.0.0.1", 4840, NOW) == ours
    assert trust.pinned(tmp_path, "10.0.0.1", 4841, NOW) is None
    assert trust.pinned(tmp_path, "10.0.0.11", 4840, NOW) is None


def test_youngest_of_several_pinned_certificates_counts(tmp_path: Path) -> None:
    old, young = certificate(now=NOW - timedelta(days=9)), certificate()
    put(tmp_path / "trusted", "h_1-a.der", to_der(young))
    put(tmp_path / "trusted", "h_1-b.der", to_der(old))
    assert trust.pinned(tmp_path, "h", 1, NOW) == young


def test_damaged_and_foreign_files_are_no_trust(tmp_path: Path) -> None:
    put(tmp_path / "trusted", "h_1-a.der", b"garbage")
    put(tmp_path / "trusted", "h_1-b.der", to_der(certificate()) + b"x" * trust.MAX_CERTIFICATE_BYTES)
    put(tmp_path / "trusted", "h_1-c.txt", to_der(certificate()))
    assert trust.pinned(tmp_path, "h", 1, NOW) is None


def test_host_forms_neither_a_path_nor_a_pattern(tmp_path: Path) -> None:
    put(tmp_path / "trusted", "h_1-a.der", to_der(certificate()))
    assert trust.pinned(tmp_path, "*", 1, NOW) is None
    kept = trust.keep_pending(tmp_path, "../../etc/[fe80::1]", 1, to_der(certificate()))
    assert kept.parent == tmp_path / "pending"


def test_moving_the_pending_file_is_all_it_takes_to_trust(tmp_path: Path) -> None:
    ours = certificate()
    trust.keep_pending(tmp_path, "h", 4840, to_der(ours))
    assert trust.pinned(tmp_path, "h", 4840, NOW) is None
    [pending] = trust.waiting(tmp_path)
    trust.accept(tmp_path, pending)
    assert trust.pinned(tmp_path, "h", 4840, NOW) == ours
    assert trust.waiting(tmp_path) == []


def test_trusted_certificate_is_recognised_whatever_its_file_is_called_and_only_as_long_as_it_lies_there(tmp_path: Path) -> None:
    ours = certificate()
    put(tmp_path / "trusted", "mixer 2, from its web page.crt", to_der(ours))
    assert trust.pinned(tmp_path, "h", 1, NOW) is None
    assert trust.why_untrusted(tmp_path, "h", 1, to_der(ours), NOW) == ""
    trust.recognise(tmp_path, "h", 1, to_der(ours))
    assert trust.pinned(tmp_path, "h", 1, NOW) == ours
    (tmp_path / "trusted" / "mixer 2, from its web page.crt").unlink()
    assert trust.pinned(tmp_path, "h", 1, NOW) is None


def test_authority_is_trusted_for_the_hosts_that_it_names_until_its_list_says_otherwise(tmp_path: Path) -> None:
    ours = issued("h")
    put(tmp_path / "trusted" / "ca", "works.der", to_der(authority()))
    assert trust.why_untrusted(tmp_path, "h", 1, to_der(ours), NOW) == ""
    assert "does not name" in trust.why_untrusted(tmp_path, "other", 1, to_der(ours), NOW)
    trust.recognise(tmp_path, "h", 1, to_der(ours))
    assert trust.pinned(tmp_path, "h", 1, NOW) == ours
    revoked = x509.RevokedCertificateBuilder(7, NOW).build()
    builder = x509.CertificateRevocationListBuilder(WORKS, NOW, NOW).add_revoked_certificate(revoked)
    put(tmp_path / "trusted" / "ca", "works.crl", builder.sign(KEY, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    assert trust.pinned(tmp_path, "h", 1, NOW) is None


def test_authority_cannot_replace_a_pinned_certificate(tmp_path: Path) -> None:
    put(tmp_path / "trusted" / "ca", "works.der", to_der(authority()))
    put(tmp_path / "trusted", "h_1-mine.der", to_der(certificate()))
    assert trust.why_untrusted(tmp_path, "h", 1, to_der(issued("h")), NOW) == "it is not the pinned one"


def test_authority_in_the_wrong_folder_vouches_for_nobody(tmp_path: Path) -> None:
    put(tmp_path / "trusted", "works.der", to_der(authority()))
    assert "nobody has accepted it" in trust.why_untrusted(tmp_path, "h", 1, to_der(issued("h")), NOW)


def test_lying_among_the_recognised_trusts_nothing(tmp_path: Path) -> None:
    trust.recognise(tmp_path, "h", 1, to_der(certificate()))
    assert trust.pinned(tmp_path, "h", 1, NOW) is None


def test_server_with_ever_new_certificates_fills_no_more_than_four_files(tmp_path: Path) -> None:
    ders = [to_der(certificate(f"urn:{number}")) for number in range(7)]
    for der in ders:
        last = trust.keep_pending(tmp_path, "h", 1, der)
        trust.recognise(tmp_path, "h", 1, der)
    other = trust.keep_pending(tmp_path, "h", 2, ders[0])
    assert len(list((tmp_path / "pending").iterdir())) == trust.MAX_PENDING + 1
    assert last.exists() and other.exists()
    assert len(list((tmp_path / "recognised").iterdir())) == 1


def test_certificate_seen_again_is_not_written_again(tmp_path: Path) -> None:
    der = to_der(certificate())
    first = trust.keep_pending(tmp_path, "h", 1, der).stat()
    assert trust.keep_pending(tmp_path, "h", 1, der).stat().st_mtime_ns == first.st_mtime_ns


def test_pending_folder_that_cannot_be_made_is_the_operators_to_mend(tmp_path: Path) -> None:
    (tmp_path / "pending").write_text("a file in the way")
    with pytest.raises(UntrustedError, match="cannot be written"):
        trust.keep_pending(tmp_path, "h", 1, to_der(certificate()))
