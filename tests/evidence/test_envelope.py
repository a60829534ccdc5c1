"""Envelopes: what was signed opens, and nothing else does, whatever the bytes."""

import json
import random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import OKPKey

from evidence.envelope import (
    MAX_TOKEN_BYTES,
    RECEIPT,
    REQUEST,
    Claims,
    Receipt,
    Request,
    Stream,
    expect,
    hash_text,
    seal,
    unseal,
)
from evidence.errors import EvidenceError, ForeignError, ForgedError, MalformedEnvelopeError, UnknownKeyError
from evidence.strict import decode_base64url, encode_base64url
from tests.effort import examples
from tests.evidence.samples import AUDIENCE, EPOCH, Gateway, asset, event, signer

GATEWAY = Gateway()
FIND = GATEWAY.trust.find
TOKEN = GATEWAY.report(asset()).token
HEADER, PAYLOAD, SIGNATURE = TOKEN.split(b".")
RECEIPT_CLAIMS = Receipt(
    v=1, iss=AUDIENCE, aud=GATEWAY.iss, stream=Stream.EVIDENCE, epoch=EPOCH, upto=3, head=hash_text(bytes(32)), iat=1_795_000_000
)


def signed(header: bytes, payload: bytes) -> bytes:
    """A token with a genuine signature over any header and payload."""
    signing_input = encode_base64url(header).encode() + b"." + encode_base64url(payload).encode()
    return signing_input + b"." + encode_base64url(signer().sign(signing_input)).encode()


def header(**members: object) -> bytes:
    return json.dumps({"alg": "Ed25519", "typ": "nameplated-report+jwt", "kid": signer().kid} | members).encode()


def test_what_was_sealed_opens_and_says_the_same() -> None:
    claims = GATEWAY.claims(asset())
    opened, envelope, kid = unseal(seal(claims, signer()).token, FIND)
    assert msgspec.json.encode(opened) == msgspec.json.encode(claims)
    assert (envelope, kid) == (seal(claims, signer()), signer().kid)


@pytest.mark.parametrize("levels", [300, 900, 980, 3_000, 90_000])
@pytest.mark.parametrize(("typ", "form"), [("nameplated-report+jwt", Claims), (RECEIPT, Receipt), (REQUEST, Request)])
def test_payload_that_is_nested_without_end_is_refused_although_its_signature_holds(levels: int, typ: str, form: type) -> None:
    deep = b'{"unknown":' + b"[" * levels + b"]" * levels + b"}"
    with pytest.raises(MalformedEnvelopeError):
        unseal(signed(header(typ=typ), deep), FIND, typ=typ, as_type=form)


def test_signing_again_gives_the_same_bytes() -> None:
    claims = GATEWAY.claims(event())
    assert seal(claims, signer()) == seal(claims, signer())


def test_an_independent_jose_library_verifies_our_token() -> None:
    key = OKPKey.import_key({"kty": "OKP", "crv": "Ed25519", "x": GATEWAY.public.jwk["x"]})
    foreign = jws.deserialize_compact(TOKEN, key, algorithms=["Ed25519"])
    assert foreign.payload == decode_base64url(PAYLOAD)
    assert foreign.headers() == {"alg": "Ed25519", "typ": "nameplated-report+jwt", "kid": signer().kid}


def test_we_verify_a_token_of_an_independent_jose_library() -> None:
    key = OKPKey.import_key({"kty": "OKP", "crv": "Ed25519", "x": GATEWAY.public.jwk["x"], "d": encode_base64url(GATEWAY.seed)})
    foreign = jws.serialize_compact(json.loads(header()), decode_base64url(PAYLOAD), key, algorithms=["Ed25519"])
    assert unseal(foreign.encode(), FIND).claims.type == "asset/1"


def test_twenty_thousand_random_mutations_are_all_refused() -> None:
    chance = random.Random(7)
    refused = 0
    for _ in range(20_000):
        token = bytearray(TOKEN)
        for _ in range(chance.randint(1, 3)):
            place = chance.randrange(len(token))
            match chance.randrange(4):
                case 0:
                    token[place] ^= 1 << chance.randrange(8)
                case 1:
                    del token[place]
                case 2:
                    token.insert(place, chance.randrange(256))
                case _:
                    token[place : place + 1] = chance.randbytes(1)
        if bytes(token) == TOKEN:
            continue
        with pytest.raises(EvidenceError):
            unseal(bytes(token), FIND)
        refused += 1
    assert refused > 19_000


@pytest.mark.parametrize("place", range(len(SIGNATURE)))
def test_every_character_of_the_signature_matters(place: int) -> None:
    for other in (b"A", b"B", b"_"):
        changed = SIGNATURE[:place] + other + SIGNATURE[place + 1 :]
        if changed != SIGNATURE:
            with pytest.raises((ForgedError, MalformedEnvelopeError)):
                unseal(HEADER + b"." + PAYLOAD + b"." + changed, FIND)


@settings(max_examples=examples(100))
@given(st.one_of(st.binary(max_size=300), st.text(alphabet="abcXYZ019-_.={}", max_size=300).map(str.encode)))
def test_any_bytes_are_refused_by_name(token: bytes) -> None:
    with pytest.raises(EvidenceError):
        unseal(token, FIND)


@settings(max_examples=examples(100))
@given(
    st.one_of(
        st.binary(max_size=200),
        st.recursive(st.none() | st.integers() | st.text(), st.lists).map(lambda v: json.dumps(v).encode()),
    )
)
def test_any_genuinely_signed_payload_is_claims_or_refused_by_name(payload: bytes) -> None:
    with pytest.raises(EvidenceError):
        unseal(signed(header(), payload), FIND)


@pytest.mark.parametrize(
    "members",
    [
        {"alg": "none"},
        {"alg": "HS256"},
        {"alg": "EdDSA"},
        {"alg": "ed25519"},
        {"typ": "JWT"},
        {"typ": "nameplated-receipt+jwt"},
        {"typ": None},
        {"jwk": GATEWAY.public.jwk},
        {"jku": "https://evil.example/keys"},
        {"crit": ["b64"], "b64": False},
        {"x5c": []},
        {"zip": "DEF"},
        {"kid": "short"},
        {"kid": ["a"]},
    ],
)
def test_a_header_that_says_anything_else_is_refused_although_its_signature_holds(members: dict[str, object]) -> None:
    with pytest.raises(MalformedEnvelopeError):
        unseal(signed(header(**members), decode_base64url(PAYLOAD)), FIND)


def test_a_token_without_signature_is_refused() -> None:
    unsigned = encode_base64url(header(alg="none")).encode() + b"." + PAYLOAD + b"."
    with pytest.raises(MalformedEnvelopeError):
        unseal(unsigned, FIND)


def test_the_public_key_is_no_password_for_a_symmetric_signature() -> None:
    import hashlib
    import hmac

    signing_input = encode_base64url(header(alg="HS256")).encode() + b"." + PAYLOAD
    mac = hmac.digest(decode_base64url(GATEWAY.public.jwk["x"].encode()), signing_input, hashlib.sha256)
    with pytest.raises(MalformedEnvelopeError):
        unseal(signing_input + b"." + encode_base64url(mac).encode(), FIND)


def test_a_header_member_that_occurs_twice_is_refused() -> None:
    twice = header()[:-1] + b',"alg":"Ed25519"}'
    with pytest.raises(MalformedEnvelopeError, match="twice"):
        unseal(signed(twice, decode_base64url(PAYLOAD)), FIND)


@pytest.mark.parametrize(("old", "new"), [(b'{"v":1', b'{"v":1,"v":1'), (b'"source":', b'"value":"other","source":')])
def test_a_name_that_occurs_twice_at_any_depth_is_refused(old: bytes, new: bytes) -> None:
    with pytest.raises(MalformedEnvelopeError, match="twice"):
        unseal(signed(header(), decode_base64url(PAYLOAD).replace(old, new, 1)), FIND)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"v":1', b'"v":2'),
        (b'"v":1', b'"v":1,"extra":1'),
        (b'"v":1', b'"v":"1"'),
        (b'"seq":0', b'"seq":-1'),
        (b'"seq":0', b'"seq":9007199254740992'),
        (b'"seq":0', b'"seq":0.0'),
        (b'"seq":0', b'"seq":NaN'),
        (b'"stream":"evidence"', b'"stream":"other"'),
        (b"urn:nameplated:werk-ulm", b"urn:nameplated:WERK"),
        (b'"clk":"sync"', b'"clk":"\\ud800"'),
        (b'"boot":"b00t"', b'"boot":"' + b"b" * 65 + b'"'),
        (b'"boot":"b00t"', b'"boot":"\xff"'),
        (b'"prev":null', b'"prev":"x\\n"'),
    ],
)
def test_signed_claims_that_break_their_form_are_refused(old: bytes, new: bytes) -> None:
    payload = msgspec.json.encode(Gateway().claims(asset()))
    assert old in payload
    with pytest.raises(MalformedEnvelopeError):
        unseal(signed(header(), payload.replace(old, new, 1)), FIND)


def test_nesting_without_end_is_refused() -> None:
    deep = decode_base64url(PAYLOAD).replace(b'"posture":null', b'"posture":' + b"[" * 50_000 + b"]" * 50_000)
    with pytest.raises(MalformedEnvelopeError):
        unseal(signed(header(), deep), FIND)


@pytest.mark.parametrize(
    "token", [TOKEN + b"=", TOKEN + b"\n", b" " + TOKEN, TOKEN.replace(b".", b"=.", 1), TOKEN + b".x", HEADER]
)
def test_another_spelling_of_the_same_token_is_refused(token: bytes) -> None:
    with pytest.raises(MalformedEnvelopeError):
        unseal(token, FIND)


def test_spare_bits_at_the_end_of_the_signature_are_refused() -> None:
    alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    spare = alphabet[alphabet.index(SIGNATURE[-1]) | 1 : (alphabet.index(SIGNATURE[-1]) | 1) + 1]
    assert spare != SIGNATURE[-1:]
    with pytest.raises(MalformedEnvelopeError, match="canonical"):
        unseal(TOKEN[:-1] + spare, FIND)


def test_a_key_that_nobody_trusts_opens_nothing() -> None:
    with pytest.raises(UnknownKeyError):
        unseal(TOKEN, lambda _kid: None)


def test_a_signature_of_another_key_is_forged() -> None:
    stranger = Gateway(seed=bytes(32)).public
    with pytest.raises(ForgedError):
        unseal(TOKEN, lambda _kid: stranger)


def test_a_token_larger_than_any_report_is_not_looked_at() -> None:
    with pytest.raises(MalformedEnvelopeError, match="bytes"):
        unseal(b"a" * (MAX_TOKEN_BYTES + 1), FIND)


def test_a_payload_beyond_its_bound_is_never_signed() -> None:
    claims = GATEWAY.claims(event("x" * 1000))
    with pytest.raises(MalformedEnvelopeError, match="more than 500"):
        seal(claims, signer(), max_payload_bytes=500)


def test_claims_that_we_would_refuse_are_never_signed() -> None:
    broken = msgspec.structs.replace(GATEWAY.claims(event()), iss="press-07-plc")
    with pytest.raises(MalformedEnvelopeError):
        seal(broken, signer())


def test_a_body_with_two_meanings_is_never_signed() -> None:
    two_faced = msgspec.structs.replace(GATEWAY.claims(event()), body=msgspec.Raw(b'{"name":"a","name":"b"}'))
    with pytest.raises(MalformedEnvelopeError, match="twice"):
        seal(two_faced, signer())


def test_a_receipt_opens_as_a_receipt_and_as_nothing_else() -> None:
    token = seal(RECEIPT_CLAIMS, signer(), typ=RECEIPT).token
    assert unseal(token, FIND, typ=RECEIPT, as_type=Receipt).claims == RECEIPT_CLAIMS
    with pytest.raises(MalformedEnvelopeError):
        unseal(token, FIND)
    with pytest.raises(MalformedEnvelopeError):
        unseal(token, FIND, typ=REQUEST, as_type=Receipt)


def test_an_envelope_for_or_from_somebody_else_is_foreign() -> None:
    claims: Claims = unseal(TOKEN, FIND).claims
    expect(claims, issuer=GATEWAY.iss, audience=AUDIENCE)
    with pytest.raises(ForeignError):
        expect(claims, issuer=GATEWAY.iss, audience="urn:isms:other")
    with pytest.raises(ForeignError):
        expect(claims, issuer="urn:nameplated:werk-ulm:gw-other", audience=AUDIENCE)
