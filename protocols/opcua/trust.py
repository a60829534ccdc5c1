"""The trust folder: which server certificates a person trusts, and which ones wait for a person.

Decides whether a certificate is trusted: exactly this one lies in `trusted/`, or an authority in `trusted/ca/` has issued it
for this host. Never accepts silently: what is trusted, a person put there.

    trusted/      certificates of servers; <host>_<port>-*.der (or .pem, .crt, .cer) is pinned to that endpoint
    trusted/ca/   certificates of authorities and, if there are any, their revocation lists (.crl)
    pending/      <host>_<port>-<first 16 of the thumbprint>.der: seen, not trusted
    recognised/   the same names: certificates that endpoints showed and that were trusted under another name or by an authority.
                  Lying here trusts nothing; it only saves asking the server for its certificate each time.

Source: OPC 10000-4 section 6.1.3 (certificates and their use), OPC 10000-12 section 7.8 (trust lists).
"""

import os
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from cryptography import x509

from protocols.errors import UntrustedError
from protocols.opcua.certificates import MAX_CERTIFICATE_BYTES, objection, parse, parse_revocations, thumbprint, to_der

MAX_PENDING = 4  # for one endpoint: a server with a new certificate at every visit must not fill the flash
MAX_REVOCATIONS_BYTES = 1024 * 1024
SUFFIXES = frozenset({".der", ".pem", ".crt", ".cer"})


class Pending(NamedTuple):
    """A certificate that waits for a person."""

    file: Path
    thumbprint: str
    certificate: x509.Certificate


def pinned(pki: Path, host: str, port: int, now: datetime) -> x509.Certificate | None:
    """The trusted certificate of this endpoint; the youngest if there are several; None if there is none.

    Raises:
        UntrustedError: A file cannot be read.
    """
    named = list(_load_all(pki / "trusted", f"{stem(host, port)}-*"))
    seen = _load_all(pki / "recognised", f"{stem(host, port)}-*")
    found = named + [one for one in seen if not why_untrusted(pki, host, port, to_der(one), now)]
    return max(found, key=lambda certificate: certificate.not_valid_before_utc, default=None)


def why_untrusted(pki: Path, host: str, port: int, der: bytes, now: datetime) -> str:
    """Say why a certificate is not trusted for this endpoint, or nothing if it is.

    An endpoint with a certificate of its own in `trusted/` is pinned: no authority can replace that one.

    Raises:
        UntrustedError: A file cannot be read.
    """
    certificate = parse(der)
    if certificate is None:
        return "it cannot be read"
    if any(to_der(one) == der for one in _load_all(pki / "trusted", "*")):
        return ""
    if any(_load_all(pki / "trusted", f"{stem(host, port)}-*")):
        return "it is not the pinned one"
    authorities = list(_load_all(pki / "trusted" / "ca", "*"))
    if not authorities:
        return "nobody has accepted it yet"
    return objection(certificate, authorities, _revocations(pki / "trusted" / "ca"), host=host, now=now)


def recognise(pki: Path, host: str, port: int, der: bytes) -> None:
    """Remember that this endpoint shows this certificate; the one it showed before is forgotten.

    Raises:
        UntrustedError: The folder cannot be written.
    """
    _lay_down(pki / "recognised", host, port, der, keep_others=0)


def keep_pending(pki: Path, host: str, port: int, der: bytes) -> Path:
    """Lay a certificate down for a person to look at; the oldest of the same endpoint make room.

    Raises:
        UntrustedError: The folder cannot be written.
    """
    return _lay_down(pki / "pending", host, port, der, keep_others=MAX_PENDING - 1)


def waiting(pki: Path) -> list[Pending]:
    """Every certificate that waits for a person, by file name.

    Raises:
        UntrustedError: A file cannot be read.
    """
    folder = pki / "pending"
    loaded = ((file, _load(file)) for file in sorted(folder.glob("*")))
    return [Pending(file, thumbprint(to_der(found)), found) for file, found in loaded if found is not None]


def accept(pki: Path, pending: Pending) -> Path:
    """Trust a certificate: a person has compared its thumbprint.

    Raises:
        OSError: The folder cannot be written.
    """
    folder = pki / "trusted"
    folder.mkdir(mode=0o750, parents=True, exist_ok=True)
    return pending.file.rename(folder / pending.file.name)


def stem(host: str, port: int) -> str:
    """How file names begin that belong to an endpoint. Hosts come from the plant file, and still never form a path or a pattern."""
    return f"{re.sub(r'[^A-Za-z0-9.-]', '_', host)}_{port}"


def write_whole(file: Path, data: bytes, mode: int) -> None:
    """Write a file whole or not at all, and with its mode from the first byte on.

    Raises:
        OSError: It cannot be written.
    """
    part = file.with_name(file.name + ".part")
    part.unlink(missing_ok=True)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as out:
        out.write(data)
        out.flush()
        os.fsync(out.fileno())
    part.replace(file)


def _lay_down(folder: Path, host: str, port: int, der: bytes, *, keep_others: int) -> Path:
    """Write a certificate under its endpoint's name unless it lies there, and keep only the newest others."""
    file = folder / f"{stem(host, port)}-{thumbprint(der)[:16]}.der"
    try:
        folder.mkdir(mode=0o750, parents=True, exist_ok=True)
        others = [other for other in folder.glob(f"{stem(host, port)}-*.der") if other != file]
        others.sort(key=lambda other: other.stat().st_mtime, reverse=True)
        for other in others[keep_others:]:
            other.unlink(missing_ok=True)
        if not file.exists():
            write_whole(file, der, mode=0o640)
    except OSError as error:
        raise UntrustedError(
            f"the server's certificate is not trusted yet, and {folder} cannot be written: {error.strerror}"
        ) from error
    return file


def _load_all(folder: Path, pattern: str) -> Iterator[x509.Certificate]:
    loaded = (_load(file) for file in sorted(folder.glob(pattern)))
    return (certificate for certificate in loaded if certificate is not None)


def _load(file: Path) -> x509.Certificate | None:
    return parse(_read(file, MAX_CERTIFICATE_BYTES)) if file.suffix in SUFFIXES else None


def _revocations(folder: Path) -> list[x509.CertificateRevocationList]:
    loaded = (parse_revocations(_read(file, MAX_REVOCATIONS_BYTES)) for file in sorted(folder.glob("*.crl")))
    return [found for found in loaded if found is not None]


def _read(file: Path, most: int) -> bytes:
    """A file's content; nothing if it is no file or too large for what it should be."""
    try:
        return file.read_bytes() if file.is_file() and file.stat().st_size <= most else b""
    except OSError as error:
        raise UntrustedError(f"{file} cannot be read: {error.strerror}") from error
