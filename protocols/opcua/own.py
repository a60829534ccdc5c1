"""Our own application instance certificate: made on first use, renewed by a person, carried to servers.

Decides when it must be renewed. Never shows the key and never replaces a certificate by itself: every server that trusts the
old one would refuse us until someone has been there.

    own/nameplated.der  own/nameplated.key      the certificate and its key
    own/next.der        own/next.key            while a renewal is under way: those that follow; servers may trust either
    own/previous.der    own/previous.key        those before the last renewal, to go back to

A certificate of the plant's own authority may be put in their place; its SAN URI becomes our application URI.

Source: OPC 10000-6 section 6.2.2 (application instance certificate).
"""

import re
import secrets
import socket
from contextlib import suppress
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
NEXT = "next"
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
    if not all(file.exists() for file in _files(pki, NAME)):
        _make(pki, NAME, f"urn:nameplated:{secrets.token_hex(8)}", now)
    return _load(pki, NAME)


def next_identity(pki: Path) -> Own | None:
    """The certificate and key that follow, while a renewal is under way.

    Raises:
        UntrustedError: They cannot be read.
    """
    certificate_file, _ = _files(pki, NEXT)
    return _load(pki, NEXT) if certificate_file.exists() else None


def renew(pki: Path, now: datetime) -> Own:
    """Begin a renewal: a new key and certificate with the same application URI, beside the ones in use. Those stay as they are.

    Begun twice, it is still the same renewal: what was carried to servers stays good.

    Raises:
        UntrustedError: There is nothing to renew that can be read, or the folder cannot be written.
    """
    following = next_identity(pki)
    if following is not None:
        return following
    _make(pki, NEXT, own_identity(pki, now).application_uri, now)
    return _load(pki, NEXT)


def finish(pki: Path, now: datetime) -> Own | None:
    """End a renewal: what follows takes the place of what was in use, which is kept as `previous`. None if none is under way.

    Cut short, it can be done again: what follows goes away last.

    Raises:
        UntrustedError: What follows cannot be read, or the folder cannot be written.
    """
    if next_identity(pki) is None:
        return None
    try:
        with suppress(UntrustedError):  # a pair that does not fit is half of what follows already: `previous` is put away
            own_identity(pki, now)
            _copy(pki, NAME, PREVIOUS)
        _copy(pki, NEXT, NAME)
        for file in _files(pki, NEXT):
            file.unlink()
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


def _load(pki: Path, name: str) -> Own:
    certificate_file, key_file = _files(pki, name)
    try:
        # Our own key, mode 0600: its arithmetic need not be proven anew at each visit (27 ms, 10 times that on a small board).
        key = serialization.load_pem_private_key(key_file.read_bytes(), None, unsafe_skip_rsa_key_validation=True)
        certificate = parse(certificate_file.read_bytes())
    except (OSError, *UNREADABLE) as error:
        raise UntrustedError(f"our own certificate {certificate_file} cannot be read: {error}") from error
    if certificate is None or not isinstance(key, rsa.RSAPrivateKey) or key.public_key() != certificate.public_key():
        raise UntrustedError(f"our own {certificate_file} is no certificate, or {key_file.name} is not its RSA key")
    return Own(certificate=certificate, key=key, application_uri=application_uri(certificate), path=certificate_file)


def _make(pki: Path, name: str, uri: str, now: datetime) -> None:
    """The key first: a certificate without its key would be carried to servers in vain."""
    certificate_file, key_file = _files(pki, name)
    key = rsa.generate_private_key(public_exponent=65537, key_size=BITS)
    certificate = make_certificate(key, uri, NAME, now, LIFE, hosts=_host_names())
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    try:
        certificate_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_whole(key_file, key.private_bytes(encoding, form, serialization.NoEncryption()), mode=0o600)
        write_whole(certificate_file, to_der(certificate), mode=0o644)
    except OSError as error:
        raise UntrustedError(f"our own certificate {certificate_file} cannot be made: {error.strerror}") from error


def _copy(pki: Path, source: str, target: str) -> None:
    """The key first, as when they were made."""
    for file, place, mode in zip(reversed(_files(pki, source)), reversed(_files(pki, target)), (0o600, 0o644), strict=True):
        write_whole(place, file.read_bytes(), mode=mode)


def _host_names() -> list[str]:
    """The machine's name, if it may stand in a certificate."""
    name = socket.gethostname()
    return [name] if re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,61}[A-Za-z0-9])?", name) else []
