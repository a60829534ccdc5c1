"""Who we are to a server: a secret leaves only where nobody else can read it, and never for less than the plant file says."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from asyncua import ua
from asyncua.crypto import uacrypto
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from protocols.contract import Ask, Endpoint, Security, Transport
from protocols.errors import RefusedError, UntrustedError
from protocols.opcua import login
from protocols.opcua.certificates import make_certificate, to_der
from protocols.opcua.login import User, choose, identity, load_user
from protocols.opcua.posture import Offer, Token

NOW = datetime(2026, 11, 22, tzinfo=UTC)
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
SERVER = to_der(make_certificate(KEY, "urn:server", "server", NOW, timedelta(days=9), server=True))
ENCRYPT, SIGN, NONE = Security.SIGN_AND_ENCRYPT, Security.SIGN, Security.NONE
USER = User(kind="username", source="/run/user", name="op", password="geheim")
CARD = User(kind="certificate", source="/run/user.der")


def ask(security: Security = ENCRYPT, **more: object) -> Ask:
    return Ask(endpoint=Endpoint(transport=Transport.OPC_UA, host="h", port=1), security=security, **more)


def offer(*tokens: Token, mode: Security = ENCRYPT) -> Offer:
    return Offer(url="", policy="Basic256Sha256", mode=mode.value, tokens=tokens, certificate=b"")


def way(kind: str, policy: str = "Basic256Sha256") -> Token:
    return Token(kind=kind, policy=policy, policy_id=f"{kind}-{policy}")


@pytest.mark.parametrize(
    ("security", "policy", "sent"),
    [
        (ENCRYPT, "None", True),
        (ENCRYPT, "Basic256Sha256", True),
        (SIGN, "Basic256Sha256", True),
        (SIGN, "None", False),
        (NONE, "Basic256Sha256", False),
        (NONE, "None", False),
        (ENCRYPT, "Basic256", False),
        (ENCRYPT, "Quantum", False),
    ],
)
def test_password_is_sent_only_where_nobody_else_can_read_it(security: Security, policy: str, sent: bool) -> None:
    offered = offer(way("username", policy), mode=security)
    if sent:
        assert choose(offered, USER, ask(security)).policy == policy
    else:
        with pytest.raises(RefusedError, match="/run/user was not sent"):
            choose(offered, USER, ask(security))


def test_password_goes_the_safe_way_where_there_are_two() -> None:
    offered = offer(way("username", "None"), way("username", "Aes256_Sha256_RsaPss"), mode=SIGN)
    assert choose(offered, USER, ask(SIGN)).policy == "Aes256_Sha256_RsaPss"


def test_deprecated_policy_protects_a_password_only_if_the_plant_file_says_so() -> None:
    offered = offer(way("username", "Basic256"), mode=SIGN)
    assert choose(offered, USER, ask(SIGN, deprecated_policies=True)).policy == "Basic256"


def test_certificate_proves_nothing_over_an_unprotected_channel() -> None:
    with pytest.raises(RefusedError):
        choose(offer(way("certificate"), mode=NONE), CARD, ask(NONE))


def test_user_never_falls_back_to_nobody_and_nobody_is_never_more() -> None:
    with pytest.raises(RefusedError, match="lets in: anonymous"):
        choose(offer(way("anonymous")), USER, ask())
    with pytest.raises(RefusedError, match="lets in: certificate, username"):
        choose(offer(way("username"), way("certificate")), User(), ask())


def test_locked_door_names_the_lines_that_open_it() -> None:
    with pytest.raises(RefusedError, match="set username_file or user_certificate_file and user_key_file for this asset"):
        choose(offer(way("username"), way("certificate")), User(), ask())
    with pytest.raises(RefusedError, match='lets nobody in over security = "sign"'):
        choose(offer(mode=SIGN), User(), ask(SIGN))


def test_user_certificate_without_its_key_is_named_before_anything_is_asked() -> None:
    for half in ("user_certificate_file", "user_key_file"):
        with pytest.raises(UntrustedError, match="belong together"):
            load_user(ask(**{half: "/etc/some.file"}))


def test_server_that_lists_no_endpoint_is_tried_as_nobody_alone() -> None:
    assert choose(None, User(), ask()).policy_id == "anonymous"
    with pytest.raises(RefusedError):
        choose(None, USER, ask())


@pytest.mark.parametrize("policy", ["Basic256Sha256", "Aes128_Sha256_RsaOaep", "Aes256_Sha256_RsaPss"])
def test_password_is_encrypted_for_this_server_and_this_session(policy: str) -> None:
    said, signature = identity(USER, way("username", policy), SERVER, b"nonce-of-session")
    assert isinstance(said, ua.UserNameIdentityToken) and b"geheim" not in said.Password
    decrypt = uacrypto.decrypt_rsa_oaep_sha256 if policy.startswith("Aes256") else uacrypto.decrypt_rsa_oaep
    assert decrypt(KEY, said.Password) == (22).to_bytes(4, "little") + b"geheim" + b"nonce-of-session"
    assert said.UserName == "op" and signature == ua.SignatureData()


def test_server_whose_key_cannot_encrypt_gets_no_password() -> None:
    with pytest.raises(UntrustedError):
        identity(USER, way("username"), b"no certificate", b"")


def secret(folder: Path, content: str, mode: int = 0o600) -> Path:
    file = folder / "user"
    file.write_text(content)
    file.chmod(mode)
    return file


def test_password_may_hold_colons_and_blanks(tmp_path: Path) -> None:
    user = load_user(ask(username_file=str(secret(tmp_path, "op: ge:heim \n"))))
    assert (user.kind, user.name, user.password) == ("username", "op", " ge:heim ")
    assert "heim" not in repr(user)


@pytest.mark.parametrize("content", ["", "op", ":geheim", "op:a\nop:b\n"])
def test_file_that_is_no_user_is_named_and_its_content_is_not_shown(tmp_path: Path, content: str) -> None:
    with pytest.raises(UntrustedError, match=r"one line, user:password$") as caught:
        load_user(ask(username_file=str(secret(tmp_path, content))))
    assert "geheim" not in str(caught.value)


def test_secret_that_everyone_can_read_is_not_used(tmp_path: Path) -> None:
    with pytest.raises(UntrustedError, match="chmod"):
        load_user(ask(username_file=str(secret(tmp_path, "op:geheim", mode=0o644))))
    with pytest.raises(UntrustedError, match="cannot be read"):
        load_user(ask(username_file=str(tmp_path / "none")))


def certificate_files(folder: Path, key: rsa.RSAPrivateKey) -> dict[str, str]:
    (folder / "user.der").write_bytes(SERVER)
    form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / "user.key").write_bytes(key.private_bytes(serialization.Encoding.PEM, *form))
    (folder / "user.key").chmod(0o600)
    return {"user_certificate_file": str(folder / "user.der"), "user_key_file": str(folder / "user.key")}


def test_certificate_of_a_user_signs_the_servers_challenge(tmp_path: Path) -> None:
    user = load_user(ask(**certificate_files(tmp_path, KEY)))
    said, signature = identity(user, way("certificate"), b"server", b"nonce")
    assert isinstance(said, ua.X509IdentityToken) and said.CertificateData == SERVER
    uacrypto.verify_sha256(uacrypto.x509_from_der(SERVER), b"servernonce", signature.Signature)


def test_key_of_another_certificate_or_none_is_named(tmp_path: Path) -> None:
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    files = certificate_files(tmp_path, other)
    with pytest.raises(UntrustedError, match="is not its RSA key"):
        load_user(ask(**files))
    (tmp_path / "user.key").write_text("garbage")
    with pytest.raises(UntrustedError, match="no PEM key"):
        load_user(ask(**files))


def test_user_is_shown_by_file_and_never_by_name() -> None:
    assert "op" not in login.who(USER).split() and "/run/user" in login.who(USER)
