"""The trust folder: which server certificates are pinned, which wait for a person, and our own.

Decides whether a certificate is trusted: only if exactly this one lies in `trusted/`. Never accepts silently, never moves a
file from `pending/` to `trusted/`; a person does, after comparing the thumbprint.

    own/      our certificate and key, made on first use
    trusted/  <host>_<port>-*.der (or .pem, .crt): the servers' certificates
    pending/  <host>_<port>-<first 16 of the thumbprint>.der: seen, not trusted

Source: OPC 10000-6 section 6.2.2 (application instance certificate), OPC 10000-4 section 6.1.3 (its use).
"""

import os
import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from protocols.contract import Certificate
from protocols.errors import UntrustedError
from protocols.text import clean_text

MAX_CERTIFICATE_BYTES = 16 * 1024
MAX_PENDING = 4  # for one endpoint: a server with a new certificate at every visit must not fill the flash
OWN_BITS = 2048
OWN_LIFE = timedelta(days=5 * 365)
OWN_NAME = "nameplated"
SUFFIXES = frozenset({".der", ".pem", ".crt", ".cer"})

# What cryptography raises for bytes that are no sound certificate; most of them are no ValueError.
UNREADABLE = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Own:
    """Our application instance certificate.

    Attributes:
        application_uri: The one in the certificate; sessions must say the same.
        path: Where the certificate is, to be carried to servers.
    """

    certificate: x509.Certificate
    key: rsa.RSAPrivateKey
    application_uri: str
    path: Path


def pinned(pki: Path, host: str, port: int) -> x509.Certificate | None:
    """The trusted certificate for this endpoint; the youngest if there are several; None if there is none.

    Raises:
        UntrustedError: A file cannot be read.
    """
    files = sorted((pki / "trusted").glob(f"{_stem(host, port)}-*"))
    found = [certificate for file in files if (certificate := _load(file)) is not None]
    return max(found, key=lambda certificate: certificate.not_valid_before_utc, default=None)


def lies_in_trusted(pki: Path, der: bytes) -> bool:
    """Whether exactly this certificate is in `trusted/`, under whatever name."""
    loaded = (_load(file) for file in sorted((pki / "trusted").glob("*")))
    return any(certificate is not None and to_der(certificate) == der for certificate in loaded)


def keep_pending(pki: Path, host: str, port: int, der: bytes) -> Path:
    """Lay a certificate down for a person to look at; the oldest of the same endpoint make room.

    Raises:
        UntrustedError: The folder cannot be written.
    """
    folder = pki / "pending"
    file = folder / f"{pending_stem(host, port, der)}.der"
    try:
        folder.mkdir(mode=0o750, parents=True, exist_ok=True)
        others = sorted(folder.glob(f"{_stem(host, port)}-*.der"), key=lambda other: other.stat().st_mtime)
        for other in [other for other in others if other != file][: -(MAX_PENDING - 1)]:
            other.unlink(missing_ok=True)
        _write(file, der, mode=0o640)
    except OSError as error:
        raise UntrustedError(
            f"the server's certificate is not trusted, and {folder} cannot be written: {error.strerror}"
        ) from error
    return file


def own_identity(pki: Path, now: datetime) -> Own:
    """Our certificate and key, made if they are not there yet.

    Raises:
        UntrustedError: The folder cannot be written, or what is in it cannot be read.
    """
    certificate_file, key_file = pki / "own" / f"{OWN_NAME}.der", pki / "own" / f"{OWN_NAME}.key"
    try:
        if not (certificate_file.exists() and key_file.exists()):
            _make_own(certificate_file, key_file, now)
        # Our own key, mode 0600: its arithmetic need not be proven anew at each visit (27 ms, 10 times that on a small board).
        key = serialization.load_pem_private_key(key_file.read_bytes(), None, unsafe_skip_rsa_key_validation=True)
        certificate = x509.load_der_x509_certificate(certificate_file.read_bytes())
        uri = application_uri(certificate)
    except (OSError, *UNREADABLE) as error:
        raise UntrustedError(f"our own certificate in {pki / 'own'} cannot be made or read: {error}") from error
    if not isinstance(key, rsa.RSAPrivateKey):
        raise UntrustedError(f"{key_file} is not an RSA key")
    return Own(certificate=certificate, key=key, application_uri=uri, path=certificate_file)


def describe(der: bytes) -> Certificate | None:
    """What a server's certificate says of itself; None if it cannot be read."""
    try:
        certificate = x509.load_der_x509_certificate(der)
        return Certificate(
            thumbprint_sha256=certificate.fingerprint(hashes.SHA256()).hex(),
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


def first_of_chain(blob: bytes | None) -> bytes:
    """The first certificate of a chain of DER certificates, or nothing if there is no whole one of sane size."""
    if blob is None or blob[:2] != b"\x30\x82" or len(blob) < 4:  # a SEQUENCE of 256 to 65,535 bytes: every real certificate
        return b""
    size = 4 + int.from_bytes(blob[2:4], "big")
    return bytes(blob[:size]) if size <= min(len(blob), MAX_CERTIFICATE_BYTES) else b""


def application_uri(certificate: x509.Certificate) -> str:
    """The application URI of a certificate, or empty."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ""
    return next(iter(names.get_values_for_type(x509.UniformResourceIdentifier)), "")


def to_der(certificate: x509.Certificate) -> bytes:
    """The certificate's bytes."""
    return certificate.public_bytes(serialization.Encoding.DER)


def pending_stem(host: str, port: int, der: bytes) -> str:
    """The name, without its ending, that makes a file in `trusted/` count for this endpoint."""
    digest = hashes.Hash(hashes.SHA256())
    digest.update(der)
    return f"{_stem(host, port)}-{digest.finalize().hex()[:16]}"


def _stem(host: str, port: int) -> str:
    """Hosts come from the plant file, and still never form a path or a pattern."""
    return f"{re.sub(r'[^A-Za-z0-9.-]', '_', host)}_{port}"


def _load(file: Path) -> x509.Certificate | None:
    try:
        if file.suffix not in SUFFIXES or not file.is_file() or file.stat().st_size > MAX_CERTIFICATE_BYTES:
            return None
        data = file.read_bytes()
    except OSError as error:
        raise UntrustedError(f"{file} cannot be read: {error.strerror}") from error
    try:
        return x509.load_pem_x509_certificate(data) if data.startswith(b"-----BEGIN") else x509.load_der_x509_certificate(data)
    except UNREADABLE:
        return None


def _signature_hash(certificate: x509.Certificate) -> str:
    algorithm = certificate.signature_hash_algorithm
    return "" if algorithm is None else algorithm.name


def _make_own(certificate_file: Path, key_file: Path, now: datetime) -> None:
    """The key first: a certificate without its key would be carried to servers in vain."""
    certificate_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    key = rsa.generate_private_key(public_exponent=65537, key_size=OWN_BITS)
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    _write(key_file, key.private_bytes(encoding, form, serialization.NoEncryption()), mode=0o600)
    certificate = make_certificate(key, f"urn:nameplated:{secrets.token_hex(8)}", OWN_NAME, now, OWN_LIFE)
    _write(certificate_file, to_der(certificate), mode=0o644)


def make_certificate(key: rsa.RSAPrivateKey, uri: str, name: str, now: datetime, life: timedelta) -> x509.Certificate:
    """A self-signed application instance certificate, as OPC 10000-6 wants it (a self-signed one may sign: itself).

    Args:
        key: Its key.
        uri: Application URI.
        name: Common name.
        now: The present, in UTC.
        life: How long it is valid; it begins a day early, for devices whose clock is behind.
    """
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    usage = x509.KeyUsage(
        digital_signature=True, content_commitment=True, key_encipherment=True, data_encipherment=True, key_cert_sign=True,
        key_agreement=False, crl_sign=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    purposes = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH])
    return (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + life)
        .add_extension(x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(purposes, critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )


def _write(file: Path, data: bytes, mode: int) -> None:
    """Whole or not at all, and with its mode from the first byte on."""
    part = file.with_name(file.name + ".part")
    part.unlink(missing_ok=True)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as out:
        out.write(data)
        out.flush()
        os.fsync(out.fileno())
    part.replace(file)
