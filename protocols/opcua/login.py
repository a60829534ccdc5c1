"""Who we are to a server: nobody, a user with a password, or a user with a certificate.

Decides whether a secret may be sent, and in which form. Never sends one that someone on the wire, or a server whose certificate
is not trusted, could read: a password leaves only over a protected channel, and encrypted for the server unless the channel
encrypts everything. Never logs in with less than the plant file says: no silent fall-back to nobody.

Source: OPC 10000-4 sections 7.40 (user identity tokens) and 7.41 (user token policy), 5.7.3 (ActivateSession).
"""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from asyncua import ua
from asyncua.crypto import security_policies
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from protocols.contract import Ask, Security
from protocols.errors import RefusedError, UntrustedError
from protocols.opcua.certificates import UNREADABLE, parse, to_der
from protocols.opcua.plan import usable_policies
from protocols.opcua.posture import Offer, Token

POLICY_URI = "http://opcfoundation.org/UA/SecurityPolicy#"
MAX_SECRET_BYTES = 16 * 1024
OTHERS = 0o007  # of a file's mode: what everyone on the machine may do with it

_sign: Any = security_policies.sign_asymmetric  # neither has types
_encrypt: Any = security_policies.encrypt_asymmetric

ANONYMOUS, USERNAME, CERTIFICATE = "anonymous", "username", "certificate"
LINES = {USERNAME: "username_file", CERTIFICATE: "user_certificate_file and user_key_file"}  # of a plant file
NAMELESS = Token(kind=ANONYMOUS, policy="None", policy_id="anonymous")  # of a server that does not list the way we came in


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Who to log in as.

    Attributes:
        kind: "anonymous", "username" or "certificate": the words of `posture.Token`.
        source: The file that says so, for a sentence to a person.
    """

    kind: str = ANONYMOUS
    source: str = ""
    name: str = ""
    password: str = field(default="", repr=False)
    certificate: bytes = b""
    key: rsa.RSAPrivateKey | None = field(default=None, repr=False)


def load_user(ask: Ask) -> User:
    """Read what the plant file points to.

    Raises:
        UntrustedError: A file cannot be read, is open to everyone, or does not hold what it should.
    """
    if ask.username_file:
        return _with_password(Path(ask.username_file))
    if bool(ask.user_certificate_file) != bool(ask.user_key_file):
        raise UntrustedError("a user certificate and its key belong together: user_certificate_file and user_key_file")
    if ask.user_certificate_file:
        return _with_certificate(Path(ask.user_certificate_file), Path(ask.user_key_file))
    return User()


def choose(offer: Offer | None, user: User, ask: Ask) -> Token:
    """The server's way in that this user takes.

    Raises:
        RefusedError: It has none, or none that would not give the secret away.
    """
    ways_in = (NAMELESS,) if offer is None else offer.tokens
    fitting = [token for token in ways_in if token.kind == user.kind]
    if not fitting:
        raise RefusedError(_locked_out(user, {token.kind for token in ways_in}, ask))
    safe = [token for token in fitting if _is_safe(token, user, ask)]
    if not safe:
        raise RefusedError(f"{who(user)} was not sent: over this channel, it could be read or used by others")
    return safe[0]


def identity(user: User, token: Token, server: bytes, nonce: bytes) -> tuple[ua.UserIdentityToken, ua.SignatureData]:
    """What is said in ActivateSession.

    Args:
        user: Who to log in as.
        token: The way in, from `choose`.
        server: The server's certificate, DER, or nothing on an unprotected channel.
        nonce: The server's last nonce.

    Raises:
        UntrustedError: The server's certificate cannot encrypt a secret.
    """
    match user.kind:
        case "username":
            secret, algorithm = _encrypted(user.password.encode(), token.policy, server, nonce)
            said = ua.UserNameIdentityToken(
                PolicyId=token.policy_id, UserName=user.name, Password=secret, EncryptionAlgorithm=algorithm
            )
            return said, ua.SignatureData()
        case "certificate":
            signature, algorithm = _sign(user.key, server + nonce, POLICY_URI + token.policy)
            known = ua.X509IdentityToken(PolicyId=token.policy_id, CertificateData=user.certificate)
            return known, ua.SignatureData(Algorithm=algorithm, Signature=signature)
        case _:
            return ua.AnonymousIdentityToken(PolicyId=token.policy_id), ua.SignatureData()


def _locked_out(user: User, kinds: set[str], ask: Ask) -> str:
    """The server has no way in for this user: which ones it has, and the lines to set."""
    if not kinds:
        return f'the server lets nobody in over security = "{ask.security.value}"; over another one it may'
    lines = [line for kind, line in LINES.items() if kind in kinds]
    hint = f"; set {' or '.join(lines)} for this asset" if user.kind == ANONYMOUS and lines else ""
    return f"the server does not let {who(user)} in; it lets in: {', '.join(sorted(kinds))}{hint}"


def _is_safe(token: Token, user: User, ask: Ask) -> bool:
    """Whether this way in keeps the secret between us and the server whose certificate is trusted."""
    if user.kind == ANONYMOUS:
        return True
    if ask.security is Security.NONE:
        return False
    bare = user.kind == USERNAME and ask.security is Security.SIGN_AND_ENCRYPT and token.policy == "None"
    return bare or token.policy in usable_policies(ask)


def _encrypted(password: bytes, policy: str, server: bytes, nonce: bytes) -> tuple[bytes, str | None]:
    """The password as a policy wants it: for the server alone and for this session alone, or bare inside an encrypted channel."""
    if policy == "None":
        return password, None
    certificate = parse(server)
    if certificate is None or not isinstance(certificate.public_key(), rsa.RSAPublicKey):
        raise UntrustedError("the server's certificate has no RSA key to encrypt a password for")
    plain = (len(password) + len(nonce)).to_bytes(4, "little") + password + nonce
    secret, algorithm = _encrypt(certificate.public_key(), plain, POLICY_URI + policy)
    return secret, algorithm


def _with_password(file: Path) -> User:
    line = _secret(file).decode("utf-8", "replace").strip("\r\n")
    name, colon, password = line.partition(":")
    if not name or not colon or "\n" in line:
        raise UntrustedError(f"{file} must hold one line, user:password")
    return User(kind=USERNAME, source=str(file), name=name, password=password)


def _with_certificate(certificate_file: Path, key_file: Path) -> User:
    certificate: x509.Certificate | None = parse(_content(certificate_file)[0])
    try:
        key = serialization.load_pem_private_key(_secret(key_file), None, unsafe_skip_rsa_key_validation=True)
    except UNREADABLE as error:
        raise UntrustedError(f"{key_file} is no PEM key without a passphrase") from error
    if certificate is None or not isinstance(key, rsa.RSAPrivateKey) or key.public_key() != certificate.public_key():
        raise UntrustedError(f"{certificate_file} is no certificate, or {key_file} is not its RSA key")
    return User(kind=CERTIFICATE, source=str(certificate_file), certificate=to_der(certificate), key=key)


def _secret(file: Path) -> bytes:
    """The content of a file that only we may read."""
    data, mode = _content(file)
    if mode & OTHERS:
        raise UntrustedError(f"{file} can be read by everyone on this machine: chmod o-rwx it, and change the secret")
    return data


def _content(file: Path) -> tuple[bytes, int]:
    """What is in a file, and its mode."""
    try:
        with file.open("rb") as opened:
            return opened.read(MAX_SECRET_BYTES), os.fstat(opened.fileno()).st_mode
    except OSError as error:
        raise UntrustedError(f"{file} cannot be read: {error.strerror}") from error


def who(user: User) -> str:
    """A user as a person recognises it; never the name or the secret."""
    match user.kind:
        case "username":
            return f"the user of {user.source}"
        case "certificate":
            return f"the certificate {user.source}"
        case _:
            return "anyone without a user name or certificate"
