"""Trust: given and taken by hand, kept whole, and believed as a whole or not at all."""

import json
from pathlib import Path

import pytest

from evidence.errors import KeyExistsError, TrustInvalidError, UnknownKeyError
from evidence.trust import Registry, TrustState, load_trust, save_trust
from tests.evidence.samples import Gateway

GATEWAY = Gateway()
KID = GATEWAY.public.kid


def test_nobody_is_trusted_at_first(tmp_path: Path) -> None:
    assert load_trust(tmp_path / "trust.json").find(KID) is None


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    save_trust(tmp_path / "trust.json", GATEWAY.trust)
    loaded = load_trust(tmp_path / "trust.json")
    assert loaded.entries == GATEWAY.trust.entries
    assert loaded.find(KID) and loaded.issuer_of(KID) == GATEWAY.iss
    assert [path.name for path in tmp_path.iterdir()] == ["trust.json"]


def test_a_revoked_key_speaks_no_more_but_still_explains_what_it_signed() -> None:
    revoked = GATEWAY.trust.without_key(KID)
    assert revoked.find(KID) is None and revoked.find_any(KID) and revoked.issuer_of(KID) == GATEWAY.iss
    assert revoked.entries[KID].state is TrustState.REVOKED


def test_trusting_the_same_key_again_changes_nothing() -> None:
    assert GATEWAY.trust.with_key(GATEWAY.public, GATEWAY.iss).entries == GATEWAY.trust.entries


def test_a_key_speaks_for_one_gateway_and_never_comes_back() -> None:
    with pytest.raises(KeyExistsError):
        GATEWAY.trust.with_key(GATEWAY.public, "urn:nameplated:werk-ulm:gw-other")
    with pytest.raises(KeyExistsError):
        GATEWAY.trust.without_key(KID).with_key(GATEWAY.public, GATEWAY.iss)


def test_a_key_that_was_never_trusted_cannot_be_revoked() -> None:
    with pytest.raises(UnknownKeyError):
        Registry().without_key(KID)


def entry(**members: object) -> dict[str, object]:
    return {"jwk": GATEWAY.public.jwk, "iss": GATEWAY.iss, "state": "trusted"} | members


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b'{"v":1,"keys":{},"keys":{}}',
        json.dumps({"v": 2, "keys": {}}).encode(),
        json.dumps({"v": 1, "keys": {}, "more": 1}).encode(),
        json.dumps({"v": 1, "keys": {KID: entry(iss="me")}}).encode(),
        json.dumps({"v": 1, "keys": {KID: entry(state="perhaps")}}).encode(),
        json.dumps({"v": 1, "keys": {KID: entry(jwk={"kty": "oct", "k": "secret"})}}).encode(),
        json.dumps({"v": 1, "keys": {"another-name": entry()}}).encode(),
        json.dumps({"v": 1, "keys": {KID: entry(), "x": 1}}).encode(),
    ],
)
def test_a_file_with_one_thing_wrong_is_not_believed_at_all(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "trust.json"
    path.write_bytes(content)
    with pytest.raises(TrustInvalidError, match=r"trust\.json"):
        load_trust(path)


def test_a_file_that_cannot_be_read_is_not_taken_for_an_empty_one(tmp_path: Path) -> None:
    with pytest.raises(TrustInvalidError):
        load_trust(tmp_path)
