"""The vectors of the page: current, opened by us, by joserfc, and by jose in JavaScript, which all see the same bytes."""

import json
import shutil
import subprocess

import msgspec
import pytest
from joserfc import jws
from joserfc.jwk import OKPKey

from devtools.vectors import AUDIENCE, EPOCH, ISSUER, PAGE, Vector, page, signer, vectors
from evidence.chain import Head, Step, follow
from evidence.claims import Claims
from evidence.envelope import RECEIPT, REQUEST, Receipt, Request, unseal
from evidence.keys import public_from_jwk
from evidence.kinds import KeyRotate, decode_body
from evidence.rotation import successor
from evidence.strict import decode_base64url
from tests.architecture.sources import ROOT

VECTORS = vectors()
MODULES = ROOT / ".peers" / "node" / "node_modules"
IDS = [vector.title for vector in VECTORS]


def payload(vector: Vector) -> bytes:
    return decode_base64url(vector.envelope.token.split(b".")[1])


def test_the_page_shows_the_vectors_of_this_version() -> None:
    assert page() in PAGE.read_text(encoding="utf-8"), "run python -m devtools.vectors"


def test_we_accept_the_chain_and_follow_its_handover() -> None:
    head, key = None, public_from_jwk(signer("gateway").public_jwk)
    for vector in VECTORS[:4]:
        find = {key.kid: key}.get
        claims, envelope, kid = unseal(vector.envelope.token, find)
        assert follow(head, claims, envelope.digest, None) is (Step.ACCEPT if head else Step.NEW_EPOCH)
        head = Head(claims.epoch, claims.seq, envelope.digest)
        match decode_body(claims):
            case KeyRotate() as body:
                key = successor(claims, body, kid)
    assert key.kid == signer("gateway, next").kid


def test_receipt_and_request_say_what_the_page_says() -> None:
    key = public_from_jwk(signer("receiver").public_jwk)
    receipt = unseal(VECTORS[4].envelope.token, lambda _: key, typ=RECEIPT, as_type=Receipt).claims
    request = unseal(VECTORS[5].envelope.token, lambda _: key, typ=REQUEST, as_type=Request).claims
    assert (receipt.epoch, receipt.upto, receipt.iss, receipt.aud) == (EPOCH, 3, AUDIENCE, ISSUER)
    assert request.span and (request.span.from_seq, request.span.to_seq) == (1, 2)


@pytest.mark.parametrize("vector", VECTORS, ids=IDS)
def test_joserfc_sees_the_same_payload(vector: Vector) -> None:
    jwk = {name: value for name, value in signer(vector.signed_by).public_jwk.items() if name != "kid"}
    opened = jws.deserialize_compact(vector.envelope.token, OKPKey.import_key(jwk), algorithms=["Ed25519"])
    assert opened.payload == payload(vector)


def test_jose_in_javascript_sees_the_same_payloads_and_refuses_each_with_one_bit_changed() -> None:
    node = shutil.which("node")
    if node is None or not (MODULES / "jose").exists():
        pytest.skip("node with the package jose is not installed: `make peers` does that")
    program = MODULES.parent / "jose_verify.mjs"
    shutil.copy(ROOT / "tests" / "peers" / "node" / "jose_verify.mjs", program)
    lines = []
    for vector in VECTORS:
        token, jwk = vector.envelope.token, signer(vector.signed_by).public_jwk
        flipped = token[:-20] + bytes([token[-20] ^ 1 if token[-20] not in b"/@[`{-_" else ord("A")]) + token[-19:]
        lines += [{"token": each.decode("latin-1"), "jwk": jwk} for each in (token, flipped)]
    asked = "\n".join(json.dumps(line) for line in lines) + "\n"
    done = subprocess.run([node, program], input=asked, capture_output=True, text=True, check=True, timeout=50)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [answer["payload"].encode() for answer in answers[::2]] == [payload(vector) for vector in VECTORS]
    assert all("error" in answer for answer in answers[1::2])
    assert all(set(answer["header"]) == {"alg", "typ", "kid"} for answer in answers[::2])


def test_the_payload_of_a_report_is_its_claims() -> None:
    assert msgspec.json.decode(payload(VECTORS[1]), type=Claims).seq == 1
