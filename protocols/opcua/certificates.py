"""Application instance certificates: what one says of itself, and whether an authority vouches for it. Pure.

Decides whether a certificate is sound and by whom it was issued. Never opens a file, never reads a clock (`now` is an
argument), and never trusts: what a person trusts lies in the trust folder (`protocols.opcua.trust`).

Source: OPC 10000-6 section 6.2 (application instance certificates), RFC 5280 sections 4 (certificates) and 5 (revocation lists).
"""

import ipaddress
from collections.abc import Iterable
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from protocols.contract import Certificate
from protocols.opcua.posture import BROKEN_HASHES
from protocols.text import clean_text

MAX_CERTIFICATE_BYTES = 16 * 1024

# What cryptography raises for bytes that are no sound certificate; most of them are no ValueError.
UNREADABLE = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)


def parse(data: bytes) -> x509.Certificate | None:
    """A certificate in DER or PEM, or None if it is none."""
    try:
        return x509.load_pem_x509_certificate(data) if data.startswith(b"-----BEGIN") else x509.load_der_x509_certificate(data)
    except UNREADABLE:
        return None


def parse_revocations(data: bytes) -> x509.CertificateRevocationList | None:
    """A revocation list in DER or PEM, or None if it is none."""
    try:
        return x509.load_pem_x509_crl(data) if data.startswith(b"-----BEGIN") else x509.load_der_x509_crl(data)
    except UNREADABLE:
        return None


def to_der(certificate: x509.Certificate) -> bytes:
    """The certificate's bytes."""
    return certificate.public_bytes(serialization.Encoding.DER)


def thumbprint(der: bytes) -> str:
    """SHA-256 of a certificate's bytes, as a person compares it: 64 hexadecimal digits."""
    digest = hashes.Hash(hashes.SHA256())
    digest.update(der)
    return digest.finalize().hex()


def first_of_chain(blob: bytes | None) -> bytes:
    """The first certificate of a chain of DER certificates, or nothing if there is no whole one of sane size."""
    if blob is None or blob[:2] != b"\x30\x82" or len(blob) < 4:  # a SEQUENCE of 256 to 65,535 bytes: every real certificate
        return b""
    size = 4 + int.from_bytes(blob[2:4], "big")
    return bytes(blob[:size]) if size <= min(len(blob), MAX_CERTIFICATE_BYTES) else b""


def describe(der: bytes) -> Certificate | None:
    """What a certificate says of itself; None if it cannot be read."""
    try:
        certificate = x509.load_der_x509_certificate(der)
        return Certificate(
            thumbprint_sha256=thumbprint(der),
            subject=clean_text(certificate.subject.rfc4514_string()),
            application_uri=clean_text(application_uri(certificate)),
            not_before=certificate.not_valid_before_utc.isoformat(),
            not_after=certificate.not_valid_after_utc.isoformat(),
            key_bits=int(getattr(certificate.public_key(), "key_size", 0)),
            signature_hash=_signature_hash(certificate),
            self_signed=certificate.issuer == certificate.subject,
        )
    except UNREADABLE:
        return None


def application_uri(certificate: x509.Certificate) -> str:
    """The application URI of a certificate, or empty."""
    names = _alternative_names(certificate)
    return next(iter(names.get_values_for_type(x509.UniformResourceIdentifier)), "") if names else ""


def objection(
    certificate: x509.Certificate,
    authorities: Iterable[x509.Certificate],
    revocations: Iterable[x509.CertificateRevocationList],
    *,
    host: str,
    now: datetime,
) -> str:
    """Say why no authority vouches for this certificate at this host, or nothing if one does.

    The authority must have issued the certificate itself: where there are several levels, the lowest is the one to trust. An
    authority issues for a whole plant, so its word counts only for a certificate that names the host.

    Args:
        certificate: A server's.
        authorities: Trusted certificates of authorities.
        revocations: Revocation lists, of any authority; those that it did not sign are ignored.
        host: The configured host name or address.
        now: The present, in UTC.
    """
    try:
        authority = next((one for one in authorities if _issued(one, certificate, now)), None)
        if authority is None:
            return "no trusted authority has issued it"
        if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
            return "it is not valid at this time"
        if _signature_hash(certificate) in BROKEN_HASHES:
            return "its signature rests on a broken hash"
        if any(_revokes(one, authority, certificate) for one in revocations):
            return "its authority has revoked it"
        return "" if _names(certificate, host) else f"it does not name the host {host}"
    except UNREADABLE:
        return "it cannot be read"


def make_certificate(
    key: rsa.RSAPrivateKey,
    uri: str,
    name: str,
    now: datetime,
    life: timedelta,
    *,
    hosts: Iterable[str] = (),
    server: bool = False,
) -> x509.Certificate:
    """A self-signed application instance certificate, as OPC 10000-6 wants it (a self-signed one may sign: itself).

    Args:
        key: Its key.
        uri: Application URI.
        name: Common name.
        now: The present, in UTC.
        life: How long it is valid; it begins a day early, for devices whose clock is behind.
        hosts: Names or addresses of the machine that it is for.
        server: For a server; otherwise for a client, which may not pose as one.
    """
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    usage = x509.KeyUsage(
        digital_signature=True, content_commitment=True, key_encipherment=True, data_encipherment=True, key_cert_sign=True,
        key_agreement=False, crl_sign=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    purpose = ExtendedKeyUsageOID.SERVER_AUTH if server else ExtendedKeyUsageOID.CLIENT_AUTH
    names = [x509.UniformResourceIdentifier(uri), *(_general_name(host) for host in hosts)]
    return (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + life)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )


def _issued(authority: x509.Certificate, certificate: x509.Certificate, now: datetime) -> bool:
    """Whether this is an authority that may issue, and did."""
    if not authority.not_valid_before_utc <= now <= authority.not_valid_after_utc or not _may_issue(authority):
        return False
    try:
        certificate.verify_directly_issued_by(authority)
    except (InvalidSignature, *UNREADABLE):
        return False
    return True


def _may_issue(authority: x509.Certificate) -> bool:
    try:
        return bool(authority.extensions.get_extension_for_class(x509.BasicConstraints).value.ca)
    except x509.ExtensionNotFound:
        return False


def _revokes(one: x509.CertificateRevocationList, authority: x509.Certificate, certificate: x509.Certificate) -> bool:
    """Whether this list is the authority's and holds the certificate. One that is out of date still says what it says."""
    if one.issuer != authority.subject or not one.is_signature_valid(authority.public_key()):  # type: ignore[arg-type]  # others raise
        return False
    return one.get_revoked_certificate_by_serial_number(certificate.serial_number) is not None


def _names(certificate: x509.Certificate, host: str) -> bool:
    names = _alternative_names(certificate)
    if names is None:
        return False
    try:
        return ipaddress.ip_address(host) in names.get_values_for_type(x509.IPAddress)
    except ValueError:
        return host.lower() in {name.lower() for name in names.get_values_for_type(x509.DNSName)}


def _alternative_names(certificate: x509.Certificate) -> x509.SubjectAlternativeName | None:
    try:
        return certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return None


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _signature_hash(certificate: x509.Certificate) -> str:
    algorithm = certificate.signature_hash_algorithm
    return "" if algorithm is None else algorithm.name
