"""Who signs, and with what: Ed25519 keys in files, and their public halves as JWK.

Decides whether a file may be used as a key. Must never print, copy or overwrite a private key, never use one that others can
read, and never hold more than one algorithm: a token that can choose its algorithm chooses the weakest.

A key file is PKCS #8 in PEM, as `openssl genpkey -algorithm ed25519` writes it. It has one possible form for an Ed25519 key,
so it is compared and not parsed.

Source: RFC 8032 (Ed25519), RFC 8410 section 7 (PKCS #8), RFC 8037 (OKP keys in JOSE), RFC 7638 (thumbprint), RFC 9864 (the name `Ed25519`).
"""

import binascii
import hashlib
import os
import struct
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from nacl.exceptions import BadSignatureError
from nacl.signing import SigningKey, VerifyKey

from evidence.errors import KeyExistsError, KeyExposedError, KeyInvalidError, KeyMissingError, MalformedEnvelopeError
from evidence.strict import decode_base64url, decode_json_object, encode_base64url

MAX_KEY_FILE_BYTES: Final = 4096
SIGNATURE_BYTES: Final = 64

_PKCS8: Final = bytes.fromhex("302e020100300506032b657004220420")  # everything before the 32 bytes of the key itself
_PEM_BEGIN: Final = b"-----BEGIN PRIVATE KEY-----\n"
_PEM_END: Final = b"\n-----END PRIVATE KEY-----\n"


class Signer(Protocol):
    """Whoever can sign as one key: a file today; a TPM or a token in its own process is the same three members."""

    @property
    def kid(self) -> str:
        """RFC 7638 thumbprint of the public key."""
        ...

    @property
    def public_jwk(self) -> dict[str, str]:
        """The public key, as it is handed to a receiver."""
        ...

    def sign(self, message: bytes) -> bytes:
        """Return the 64 bytes of an Ed25519 signature."""
        ...


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key that signatures are checked against.

    Attributes:
        kid: Its thumbprint: the name it is known by.
        jwk: Its members `kty`, `crv`, `x` and `kid`.
    """

    kid: str
    jwk: dict[str, str]
    _key: VerifyKey

    def verify(self, signature: bytes, message: bytes) -> bool:
        """Return whether this key signed exactly these bytes."""
        if len(signature) != SIGNATURE_BYTES:
            return False
        try:
            self._key.verify(message, signature)
        except BadSignatureError:
            return False
        return True


@dataclass(frozen=True, slots=True)
class FileSigner:
    """A private key that was read from a file and lives in this process."""

    kid: str
    public_jwk: dict[str, str]
    _key: SigningKey

    def sign(self, message: bytes) -> bytes:
        """Return the 64 bytes of an Ed25519 signature."""
        return self._key.sign(message).signature


def create_key(path: Path) -> FileSigner:
    """Make a new private key and return it once it is durable.

    It gets its name when it is complete: a power cut leaves a whole key or none, never one that publish would refuse.

    Raises:
        KeyExistsError: Something is there already.
        KeyMissingError: It cannot be written there.
    """
    key, draft = SigningKey.generate(), path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.unlink(missing_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(_PEM_BEGIN + b64encode(_PKCS8 + bytes(key)) + _PEM_END)
                file.flush()
                os.fsync(file.fileno())
            os.link(draft, path)  # unlike a rename it takes no other key's place
        finally:
            draft.unlink()
    except FileExistsError:
        raise KeyExistsError(f"{path} exists already; move it away if you really want a new key") from None
    except OSError as problem:
        raise KeyMissingError(f"{path} cannot be written: {problem.strerror}") from None
    _sync_directory(path.parent)
    return _signer(key)


def load_signer(path: Path) -> FileSigner:
    """Read a private key.

    Raises:
        KeyMissingError: No such file, or not for us to read.
        KeyExposedError: Others than its owner can read it.
        KeyInvalidError: It is no Ed25519 key in PKCS #8 PEM.
    """
    pem = _read_bounded(path, private=True)
    if not (pem.startswith(_PEM_BEGIN) and pem.endswith(_PEM_END)):
        raise KeyInvalidError(f"{path} holds no unencrypted private key in PEM; make one with `key init`")
    try:
        der = b64decode(pem[len(_PEM_BEGIN) : -len(_PEM_END)], validate=True)
    except binascii.Error:
        raise KeyInvalidError(f"{path} is damaged; make a new key with `key init`") from None
    if not der.startswith(_PKCS8) or len(der) != len(_PKCS8) + 32:
        raise KeyInvalidError(f"{path} holds another kind of key than Ed25519; make one with `key init`")
    return _signer(SigningKey(der[len(_PKCS8) :]))


def load_public(path: Path) -> PublicKey:
    """Read a public key from a JWK file.

    Raises:
        KeyMissingError: No such file, or not for us to read.
        KeyInvalidError: It is no public Ed25519 key.
    """
    try:
        return public_from_jwk(decode_json_object(_read_bounded(path, private=False)))
    except (MalformedEnvelopeError, KeyInvalidError) as problem:
        raise KeyInvalidError(f"{path} is no public key (JWK): {problem}") from None


def public_from_jwk(jwk: Mapping[str, object]) -> PublicKey:
    """Return the key that a JWK describes: `kty` OKP, `crv` Ed25519, `x`; `kid` may be there if it is the thumbprint.

    Raises:
        KeyInvalidError: Anything else, first of all a private key.
    """
    if "d" in jwk:
        raise KeyInvalidError("it holds a private key; hand over the public one and treat this key as lost")
    x = jwk.get("x")
    if not {"kty", "crv", "x"} <= jwk.keys() <= {"kty", "crv", "x", "kid"} or (jwk["kty"], jwk["crv"]) != ("OKP", "Ed25519"):
        raise KeyInvalidError('it must have exactly "kty":"OKP", "crv":"Ed25519", "x" and perhaps "kid"')
    try:
        raw = decode_base64url(x.encode("ascii")) if isinstance(x, str) else b""
        key = VerifyKey(raw)
    except (MalformedEnvelopeError, ValueError):
        raise KeyInvalidError('"x" must be 32 bytes in base64url') from None
    public = _public_jwk(key)
    if jwk.get("kid", public["kid"]) != public["kid"]:
        raise KeyInvalidError(f'"kid" is not the thumbprint of this key, {public["kid"]}')
    return PublicKey(public["kid"], public, key)


def thumbprint(jwk: Mapping[str, str]) -> str:
    """Return the RFC 7638 thumbprint of an OKP key: SHA-256 over its required members, in base64url.

    >>> thumbprint({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})
    'kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k'
    """
    required = f'{{"crv":"{jwk["crv"]}","kty":"{jwk["kty"]}","x":"{jwk["x"]}"}}'
    return encode_base64url(hashlib.sha256(required.encode("ascii")).digest())


def _signer(key: SigningKey) -> FileSigner:
    jwk = _public_jwk(key.verify_key)
    return FileSigner(jwk["kid"], jwk, key)


def _public_jwk(key: VerifyKey) -> dict[str, str]:
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": encode_base64url(bytes(key))}
    return jwk | {"kid": thumbprint(jwk)}


def _read_bounded(path: Path, *, private: bool) -> bytes:
    """Read a small regular file; one descriptor, so that what was checked is what is read."""
    try:
        with path.open("rb") as file:
            if private and _others_may_read(file.fileno()):
                raise KeyExposedError(f"{path} can be read by others; run `chmod 600 {path}` and consider a new key")
            data = file.read(MAX_KEY_FILE_BYTES + 1)
    except OSError as problem:
        raise KeyMissingError(f"{path} cannot be read: {problem.strerror}; `key init` makes a key") from None
    if len(data) > MAX_KEY_FILE_BYTES:
        raise KeyInvalidError(f"{path} is larger than any key")
    return data


def _others_may_read(descriptor: int) -> bool:
    """Return whether group or others have any right to the open file.

    systemd can hand a credential over by an access list for the one service user. The group bits of the mode are then the mask
    of that list and not a group's right, so the list itself decides.
    """
    mode = os.fstat(descriptor).st_mode
    if mode & 0o077 == 0:
        return False
    if mode & 0o007:
        return True
    try:
        acl = os.getxattr(descriptor, "system.posix_acl_access")
    except OSError:
        return True
    user, group_object, group = 0x02, 0x04, 0x08
    for tag, rights, who in struct.iter_unpack("<HHI", acl[4:]):
        if rights and (tag in (group_object, group) or (tag == user and who != os.geteuid())):
            return True
    return False


def _sync_directory(path: Path) -> None:
    """Make a new name in a directory survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
