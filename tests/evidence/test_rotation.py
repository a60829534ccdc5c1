"""A handover counts for one place of one chain, and only if both keys were there."""

import msgspec
import pytest

from evidence.errors import EvidenceError
from evidence.kinds import KeyRotate
from evidence.rotation import offer, statement, successor
from tests.evidence.samples import EPOCH, Gateway, signer

OLD, NEW = signer(), signer(b"\x07" * 32)
GATEWAY = Gateway()


def offered(**changes: object) -> KeyRotate:
    place = {"iss": GATEWAY.iss, "epoch": EPOCH, "seq": 0, "old_kid": OLD.kid} | changes
    return offer(NEW, **place)


def heir(body: KeyRotate) -> str:
    return successor(GATEWAY.claims(body), body, OLD.kid).kid


def test_the_new_key_signs_from_the_next_record_on() -> None:
    assert heir(offered()) == NEW.kid


@pytest.mark.parametrize(
    "changes",
    [
        {"seq": 1},
        {"iss": "urn:nameplated:werk-ulm:gw-other"},
        {"epoch": "01890a5d-ac96-774b-bcce-ffffffffffff"},
        {"old_kid": "A" * 43},
    ],
)
def test_a_handover_that_was_made_for_another_place_counts_nowhere_else(changes: dict[str, object]) -> None:
    with pytest.raises(EvidenceError, match="did not sign"):
        heir(offered(**changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"proof": ""},
        {"proof": "A" * 86},
        {"proof": "ü"},
        {"new_jwk": {}},
        {"new_jwk": OLD.public_jwk},
        {"new_jwk": NEW.public_jwk | {"d": "A" * 43}},
        {"new_jwk": signer(b"\x08" * 32).public_jwk},
    ],
)
def test_a_handover_without_a_true_new_key_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(EvidenceError):
        heir(msgspec.structs.replace(offered(), **changes))


def test_what_the_new_key_signs_can_never_be_a_token() -> None:
    said = statement(iss=GATEWAY.iss, epoch=EPOCH, seq=0, old_kid=OLD.kid, new_kid=NEW.kid)
    assert b"\n" in said and b"." not in said.splitlines()[3]
