"""The files that `[broker]` names: what they hold, or which setting and which file cannot be used.

Decides what the broker is asked to prove. The one place that opens them, for publish before it connects and before it follows another
plant file, and for `doctor`; none of the libraries below says which file it missed. Never connects, and never tells what a file holds.

    CredentialError    the operator: a file is missing, may not be read, or is not what its setting is for
"""

import ssl
import stat
from pathlib import Path
from typing import Protocol


class Files(Protocol):
    """What a connection to the broker needs of `[broker]`; each is a path, or None."""

    @property
    def ca_file(self) -> Path | None:
        """Who may vouch for the broker, or None for the system's authorities."""

    @property
    def certificate_file(self) -> Path | None:
        """Our certificate, or None."""

    @property
    def key_file(self) -> Path | None:
        """Its key, or None."""

    @property
    def username_file(self) -> Path | None:
        """One line `user:password`, or None."""


class CredentialError(Exception):
    """One file of `[broker]` cannot be used.

    Attributes:
        setting: Which it is, as `broker.ca_file`.
        path: Where it should be.
        why: What is wrong, without a full stop.
    """

    def __init__(self, setting: str, path: Path, why: str) -> None:
        super().__init__(setting, path, why)
        self.setting, self.path, self.why = setting, path, why

    def __str__(self) -> str:
        return f"{self.setting}: {self.path} {self.why}"


def check(files: Files, *, tls: bool) -> None:
    """Open everything that a connection would open.

    Raises:
        CredentialError: One of the files cannot be used.
    """
    if tls:
        context(files)
    if files.username_file:
        login(files.username_file)


def context(files: Files) -> ssl.SSLContext:
    """TLS 1.2 or later; the broker must be vouched for. Files are read anew for each connection, so they can be replaced.

    Raises:
        CredentialError: One of the files cannot be used.
    """
    for name, path in (("ca_file", files.ca_file), ("certificate_file", files.certificate_file), ("key_file", files.key_file)):
        if path:
            _opened(f"broker.{name}", path)
    try:
        made = ssl.create_default_context(cafile=files.ca_file)
    except OSError as error:  # of which ssl's is one
        raise CredentialError(
            "broker.ca_file", files.ca_file or Path(), f"holds no certificate that can be used: {error}"
        ) from error
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    if files.certificate_file:
        try:
            made.load_cert_chain(files.certificate_file, files.key_file)
        except OSError as error:
            why = f"and broker.key_file, {files.key_file}, are no certificate with its key: {error}"
            raise CredentialError("broker.certificate_file", files.certificate_file, why) from error
    return made


def login(path: Path) -> tuple[str, str]:
    """Return user and password of a file with one line, `user:password`.

    Raises:
        CredentialError: It cannot be read.
    """
    try:
        user, _, password = _opened("broker.username_file", path).decode().strip().partition(":")
    except UnicodeDecodeError as error:
        raise CredentialError("broker.username_file", path, "is not UTF-8 text") from error
    return user, password


def _opened(setting: str, path: Path) -> bytes:
    """Read a file. What is none, such as a pipe, is not waited for."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise CredentialError(setting, path, "is not a file")
        return path.read_bytes()
    except OSError as error:
        raise CredentialError(setting, path, f"cannot be read: {error.strerror}") from error
