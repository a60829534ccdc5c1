"""Our own application instance certificate: made on first use, renewed by a person, carried to servers.

Decides when it must be renewed. Never shows the key and never replaces a certificate by itself: every server that trusts the
old one would refuse us until someone has been there.

    own/nameplated.der  own/nameplated.key      the certificate and its key
    own/previous.der    own/previous.key        those before the last renewal, to go back to

A certificate of the plant's own authority may be put in their place; its SAN URI becomes our application URI.

Source: OPC 10000-6 section 6.2.2 (application instance certificate).
"""

import re
import secrets
import socket
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from protocols.errors import UntrustedError
from protocols.opcua.certificates import UNREADABLE, application_uri, make_certificate, parse, to_der
from protocols.opcua.trust import write_whole

BITS = 2048
LIFE = timedelta(days=5 * 365)
RENEW_BEFORE = timedelta(days=90)
NAME = "nameplated"
PREVIOUS = "previous"


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


def own_identity(pki: Path, now: datetime) -> Own:
    """Our certificate and key, made if they are not there yet.

    Raises:
        UntrustedError: The folder cannot be written, or what is in it cannot be read.
    """
    certificate_file, key_file = _files(pki, NAME)
    try:
        if not (certificate_file.exists() and key_file.exists()):
            _make(pki, f"urn:nameplated:{secrets.token_hex(8)}", now)
        # Our own key, mode 0600: its arithmetic need not be proven anew at each visit (27 ms, 10 times that on a small board).
        key = serialization.load_pem_private_key(key_file.read_bytes(), None, unsafe_skip_rsa_key_validation=True)
        certificate = parse(certificate_file.read_bytes())
    except (OSError, *UNREADABLE) as error:
        raise UntrustedError(f"our own certificate in {pki / 'own'} cannot be made or read: {error}") from error
    if certificate is None or not isinstance(key, rsa.RSAPrivateKey) or key.public_key() != certificate.public_key():
        raise UntrustedError(f"our own certificate in {pki / 'own'} is none, or {key_file.name} is not its RSA key")
    return Own(certificate=certificate, key=key, application_uri=application_uri(certificate), path=certificate_file)


def renew(pki: Path, now: datetime) -> Own:
    """Make a new key and certificate with the same application URI; the old ones stay beside them as `previous`.

    Raises:
        UntrustedError: There is nothing to renew that can be read, or the folder cannot be written.
    """
    old = own_identity(pki, now)
    try:
        for file, kept in zip(_files(pki, NAME), _files(pki, PREVIOUS), strict=True):
            write_whole(kept, file.read_bytes(), mode=0o600)
        _make(pki, old.application_uri, now)
    except OSError as error:
        raise UntrustedError(f"{pki / 'own'} cannot be written: {error.strerror}") from error
    return own_identity(pki, now)


def own_remarks(certificate: x509.Certificate, now: datetime) -> frozenset[str]:
    """What a report should say about our certificate; nothing while it has long to live."""
    if now > certificate.not_valid_after_utc:
        return frozenset({"own-certificate-expired"})
    soon = now > certificate.not_valid_after_utc - RENEW_BEFORE
    return frozenset({"own-certificate-expires-soon"} if soon else ())


def _files(pki: Path, name: str) -> tuple[Path, Path]:
    """Certificate and key."""
    return pki / "own" / f"{name}.der", pki / "own" / f"{name}.key"


def _make(pki: Path, uri: str, now: datetime) -> None:
    """The key first: a certificate without its key would be carried to servers in vain."""
    certificate_file, key_file = _files(pki, NAME)
    certificate_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    key = rsa.generate_private_key(public_exponent=65537, key_size=BITS)
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    write_whole(key_file, key.private_bytes(encoding, form, serialization.NoEncryption()), mode=0o600)
    write_whole(certificate_file, to_der(make_certificate(key, uri, NAME, now, LIFE, hosts=_host_names())), mode=0o644)


def _host_names() -> list[str]:
    """The machine's name, if it may stand in a certificate."""
    name = socket.gethostname()
    return [name] if re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,61}[A-Za-z0-9])?", name) else []
