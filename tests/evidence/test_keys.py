"""Keys: made once, kept private, and refused when they are anything else than what they should be."""

import json
import os
import signal
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from evidence.errors import KeyExistsError, KeyExposedError, KeyInvalidError, KeyMissingError
from evidence.keys import create_key, load_public, load_signer, public_from_jwk, thumbprint
from evidence.strict import encode_base64url
from tests.evidence.samples import RFC_8037_SEED

X = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"  # RFC 8037 A.2
KID = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"  # RFC 8037 A.3
JWK = {"kty": "OKP", "crv": "Ed25519", "x": X}


def pem(key: Ed25519PrivateKey | ec.EllipticCurvePrivateKey, password: bytes | None = None) -> bytes:
    protection = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, protection)


def key_file(path: Path, content: bytes, mode: int = 0o600) -> Path:
    path.write_bytes(content)
    path.chmod(mode)
    return path


def test_the_key_of_rfc_8037_has_the_thumbprint_and_the_signature_printed_there(tmp_path: Path) -> None:
    signer = load_signer(key_file(tmp_path / "key", pem(Ed25519PrivateKey.from_private_bytes(RFC_8037_SEED))))
    assert signer.public_jwk == {**JWK, "kid": KID} and signer.kid == KID == thumbprint(JWK)
    message = b"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc"  # RFC 8037 A.4
    signature = "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
    assert encode_base64url(signer.sign(message)) == signature
    assert public_from_jwk(JWK).verify(signer.sign(message), message)


def test_a_new_key_is_private_and_loads_again(tmp_path: Path) -> None:
    created = create_key(tmp_path / "key")
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    assert load_signer(tmp_path / "key").kid == created.kid


def test_two_new_keys_differ(tmp_path: Path) -> None:
    assert create_key(tmp_path / "1").kid != create_key(tmp_path / "2").kid


def test_a_key_is_never_overwritten(tmp_path: Path) -> None:
    create_key(tmp_path / "key")
    before = (tmp_path / "key").read_bytes()
    with pytest.raises(KeyExistsError):
        create_key(tmp_path / "key")
    assert (tmp_path / "key").read_bytes() == before


@pytest.mark.parametrize("call", ["fdopen", "fsync", "link"])
def test_a_power_cut_while_a_key_is_made_leaves_no_half_key_and_the_next_try_works(call: str, tmp_path: Path) -> None:
    program = f"""
import os, signal, sys
from pathlib import Path
from evidence.keys import create_key
os.{call} = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
create_key(Path(sys.argv[1]))
"""
    ended = subprocess.run([sys.executable, "-c", program, str(tmp_path / "key")], check=False)
    assert ended.returncode == -signal.SIGKILL
    assert not (tmp_path / "key").exists()
    assert create_key(tmp_path / "key").kid == load_signer(tmp_path / "key").kid


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o620])
def test_a_key_that_others_could_touch_signs_nothing(tmp_path: Path, mode: int) -> None:
    create_key(tmp_path / "key")
    (tmp_path / "key").chmod(mode)
    with pytest.raises(KeyExposedError, match="chmod 600"):
        load_signer(tmp_path / "key")


def acl(*entries: tuple[int, int, int]) -> bytes:
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


OWNER, USER, GROUP_OF_FILE, GROUP, MASK, OTHERS = 0x01, 0x02, 0x04, 0x08, 0x10, 0x20
NOBODY = 0xFFFFFFFF


def with_acl(path: Path, *entries: tuple[int, int, int]) -> Path:
    try:
        os.setxattr(path, "system.posix_acl_access", acl((OWNER, 6, NOBODY), *entries, (OTHERS, 0, NOBODY)))
    except OSError:
        pytest.skip("this file system keeps no access lists")
    return path


def test_a_key_that_an_access_list_gives_to_this_user_alone_is_used(tmp_path: Path) -> None:
    create_key(tmp_path / "key")
    path = with_acl(tmp_path / "key", (USER, 4, os.geteuid()), (GROUP_OF_FILE, 0, NOBODY), (MASK, 4, NOBODY))
    assert path.stat().st_mode & 0o070  # what the mode shows is the mask of the list
    assert load_signer(path).kid


@pytest.mark.parametrize("entry", [(USER, 4, 12345), (GROUP, 4, 12345)])
def test_a_key_that_an_access_list_gives_to_somebody_else_signs_nothing(tmp_path: Path, entry: tuple[int, int, int]) -> None:
    create_key(tmp_path / "key")
    named = [entry, (GROUP_OF_FILE, 0, NOBODY)] if entry[0] == USER else [(GROUP_OF_FILE, 0, NOBODY), entry]
    with pytest.raises(KeyExposedError):
        load_signer(with_acl(tmp_path / "key", *named, (MASK, 4, NOBODY)))


def test_a_missing_key_names_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(KeyMissingError, match="key init"):
        load_signer(tmp_path / "key")
    with pytest.raises(KeyMissingError):
        create_key(tmp_path / "nowhere" / "key")
    with pytest.raises(KeyMissingError):
        load_public(tmp_path)


@pytest.mark.parametrize(
    "content",
    [b"", b"garbage", b"x" * 5000, pem(ec.generate_private_key(ec.SECP256R1())), pem(Ed25519PrivateKey.generate(), b"secret")],
)
def test_a_file_that_holds_another_thing_is_named(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(KeyInvalidError):
        load_signer(key_file(tmp_path / "key", content))


def test_a_public_key_loads_with_and_without_its_name(tmp_path: Path) -> None:
    for jwk in (JWK, JWK | {"kid": KID}):
        loaded = load_public(key_file(tmp_path / "jwk", json.dumps(jwk).encode(), 0o644))
        assert (loaded.kid, loaded.jwk) == (KID, JWK | {"kid": KID})


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"\xff",
        b"{" * 3000,
        json.dumps(JWK | {"d": X}).encode(),
        json.dumps(JWK | {"alg": "none"}).encode(),
        json.dumps(JWK | {"kty": "RSA"}).encode(),
        json.dumps(JWK | {"crv": "X25519"}).encode(),
        json.dumps(JWK | {"x": X + "="}).encode(),
        json.dumps(JWK | {"x": X[:-2]}).encode(),
        json.dumps(JWK | {"x": 7}).encode(),
        json.dumps(JWK | {"x": "ü"}).encode(),
        json.dumps(JWK | {"kid": "other"}).encode(),
        json.dumps({"kty": "OKP", "crv": "Ed25519"}).encode(),
        b'{"kty":"OKP","crv":"Ed25519","x":"a","x":"' + X.encode() + b'"}',
    ],
)
def test_a_public_key_that_is_anything_else_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(KeyInvalidError):
        load_public(key_file(tmp_path / "jwk", content))


def test_a_private_key_in_place_of_a_public_one_is_said_to_be_lost() -> None:
    with pytest.raises(KeyInvalidError, match="treat this key as lost"):
        public_from_jwk(JWK | {"d": X})


def test_a_signature_of_the_wrong_length_is_no_signature() -> None:
    assert not public_from_jwk(JWK).verify(b"", b"message")
    assert not public_from_jwk(JWK).verify(bytes(64), b"message")
