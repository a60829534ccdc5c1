"""What a certificate says of itself, and whose word counts for it: never more than the standard gives."""

import ipaddress
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from protocols.opcua import certificates
from protocols.opcua.certificates import objection

NOW = datetime(2026, 11, 22, tzinfo=UTC)
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
AUTHORITY_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
DAY = timedelta(days=1)


def named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def authority(*, ca: bool = True, key: rsa.RSAPrivateKey = AUTHORITY_KEY, life: timedelta = 30 * DAY) -> x509.Certificate:
    builder = x509.CertificateBuilder(
        named("Works CA"), named("Works CA"), key.public_key(), 1, NOW - 9 * DAY, NOW - 9 * DAY + life
    )
    return builder.add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True).sign(key, hashes.SHA256())


def issued(*hosts: str, serial: int = 7, not_after: datetime = NOW + DAY, uri: str = "urn:example:plc") -> x509.Certificate:
    names = [x509.UniformResourceIdentifier(uri), *map(certificates._general_name, hosts)]
    builder = x509.CertificateBuilder(named("Works CA"), named("plc"), KEY.public_key(), serial, NOW - 2 * DAY, not_after)
    return builder.add_extension(x509.SubjectAlternativeName(names), critical=False).sign(AUTHORITY_KEY, hashes.SHA256())


def revocations(*serials: int, key: rsa.RSAPrivateKey = AUTHORITY_KEY) -> x509.CertificateRevocationList:
    builder = x509.CertificateRevocationListBuilder(named("Works CA"), NOW - 5 * DAY, NOW - DAY)
    for serial in serials:
        builder = builder.add_revoked_certificate(x509.RevokedCertificateBuilder(serial, NOW - 5 * DAY).build())
    return builder.sign(key, hashes.SHA256())


def test_authority_vouches_for_the_host_that_the_certificate_names() -> None:
    one = issued("10.0.0.1", "plc-7.works.example")
    for host in ("10.0.0.1", "PLC-7.works.example"):
        assert objection(one, [authority()], [], host=host, now=NOW) == ""
    assert "does not name the host" in objection(one, [authority()], [], host="10.0.0.2", now=NOW)
    assert "does not name the host" in objection(issued(), [authority()], [], host="plc-7", now=NOW)


@pytest.mark.parametrize(
    "others",
    [
        [],
        [authority(ca=False)],
        [authority(key=KEY)],
        [authority(life=DAY)],
    ],
    ids=["nobody", "one that may not issue", "one of the same name with another key", "one that has expired"],
)
def test_only_an_authority_that_may_issue_and_did_counts(others: list[x509.Certificate]) -> None:
    assert "no trusted authority" in objection(issued("h"), others, [], host="h", now=NOW)


def test_expired_certificate_is_vouched_for_by_nobody() -> None:
    assert "not valid" in objection(issued("h", not_after=NOW - DAY), [authority()], [], host="h", now=NOW)


def test_revoked_certificate_is_refused_by_a_list_of_its_authority_alone_even_an_old_one() -> None:
    assert "revoked" in objection(issued("h"), [authority()], [revocations(7)], host="h", now=NOW)
    assert objection(issued("h"), [authority()], [revocations(8), revocations(7, key=KEY)], host="h", now=NOW) == ""


def test_certificate_of_a_client_may_not_pose_as_a_server_and_names_its_machine() -> None:
    one = certificates.make_certificate(KEY, "urn:us", "us", NOW, DAY, hosts=["gw-1", "10.0.0.9"])
    purposes = one.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    names = one.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [purpose._name for purpose in purposes] == ["clientAuth"]
    assert names.get_values_for_type(x509.DNSName) == ["gw-1"]
    assert names.get_values_for_type(x509.IPAddress) == [ipaddress.ip_address("10.0.0.9")]
    assert certificates.application_uri(one) == "urn:us"


def test_first_certificate_of_a_chain_is_cut_out() -> None:
    leaf, issuer = certificates.to_der(issued("h")), certificates.to_der(authority())
    assert certificates.first_of_chain(leaf + issuer) == leaf
    assert certificates.first_of_chain(leaf[:-1]) == b""
    assert certificates.first_of_chain(None) == b""


def test_certificate_with_a_curve_is_described_too() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    der = certificates.to_der(certificates.make_certificate(key, "urn:curve", "plc", NOW, DAY))  # type: ignore[arg-type]  # on purpose
    described = certificates.describe(der)
    assert described is not None and described.key_bits == 256


def test_certificate_of_an_unknown_version_is_none() -> None:
    der = bytearray(DER)
    der[der.index(b"\xa0\x03\x02\x01\x02") + 4] = 106
    assert certificates.describe(bytes(der)) is None


DER = certificates.to_der(issued("10.0.0.1"))


@pytest.mark.filterwarnings(
    "ignore::cryptography.utils.CryptographyDeprecationWarning"
)  # a damaged serial number may be negative
@given(st.binary(max_size=200), st.integers(min_value=0, max_value=700), st.integers(min_value=0, max_value=255))
def test_any_bytes_are_described_and_judged_without_an_error(garbage: bytes, position: int, byte: int) -> None:
    damaged = bytearray(DER)
    damaged[position % len(damaged)] = byte
    for data in (garbage, bytes(damaged)):
        certificates.describe(data)
        certificates.first_of_chain(data)
        certificates.parse_revocations(data)
        if (certificate := certificates.parse(data)) is not None:
            objection(certificate, [authority_once()], [], host="10.0.0.1", now=NOW)


_ONCE: list[x509.Certificate] = []


def authority_once() -> x509.Certificate:
    if not _ONCE:
        _ONCE.append(authority())
    return _ONCE[0]
