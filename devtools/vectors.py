"""The test vectors of docs/report-format.md, made from the code so that they cannot differ from it.

Decides which cases a second implementation must agree on. `python -m devtools.vectors` writes them between the marks of that page.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from nacl.signing import SigningKey

from evidence import kinds
from evidence.chain import Head, Link
from evidence.claims import Claims, ClockState, Receipt, Stream
from evidence.envelope import RECEIPT, REQUEST, Envelope, hash_text, seal
from evidence.keys import FileSigner, thumbprint
from evidence.requests import Request, Span
from evidence.rotation import offer
from evidence.strict import encode_base64url

PAGE = Path(__file__).parents[1] / "docs" / "report-format.md"
BEGIN, END = "<!-- vectors: made by devtools.vectors -->", "<!-- end of vectors -->"

ISSUER, AUDIENCE = "urn:nameplated:werk-ulm:gw-halle3", "urn:isms:central"
EPOCH, AT, IAT = "01890a5d-ac96-774b-bcce-b302099a8057", "2026-11-22T20:00:00.000Z", 1_795_377_600
SEEDS = {
    "gateway": bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"),  # RFC 8037, appendix A.1
    "gateway, next": bytes(range(32)),
    "receiver": bytes(range(32, 64)),
}


class Vector(NamedTuple):
    """One case: what it shows, who signed it, and the token."""

    title: str
    signed_by: str
    envelope: Envelope


def signer(name: str) -> FileSigner:
    """Return one of the keys of the vectors. Their seeds are public: they prove nothing."""
    key = SigningKey(SEEDS[name])
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": encode_base64url(bytes(key.verify_key))}
    return FileSigner(thumbprint(jwk), jwk | {"kid": thumbprint(jwk)}, key)


def vectors() -> list[Vector]:
    """Return the cases, in the order of a receiver's day."""
    chain = list(_chain())
    head = Head(EPOCH, len(chain) - 1, chain[-1].envelope.digest)
    receipt = Receipt(
        v=1, iss=AUDIENCE, aud=ISSUER, stream=Stream.EVIDENCE, epoch=EPOCH, upto=head.seq, head=hash_text(head.digest), iat=IAT
    )
    span = Span(epoch=EPOCH, from_seq=1, to_seq=2)
    request = Request(v=1, iss=AUDIENCE, aud=ISSUER, epoch=EPOCH, sess=7, n=1, iat=IAT, name="republish", span=span)
    receiver = signer("receiver")
    return [
        *chain,
        Vector("a receipt for all of it", "receiver", seal(receipt, receiver, typ=RECEIPT)),
        Vector("a request to send records 1 and 2 again", "receiver", seal(request, receiver, typ=REQUEST)),
    ]


def page() -> str:
    """Return the vectors as Markdown."""
    parts = [BEGIN, "### Keys", "Seeds are public; these keys prove nothing."]
    parts += [
        f"`{name}`: seed `{seed.hex()}`\n\n```json\n{json.dumps(signer(name).public_jwk)}\n```" for name, seed in SEEDS.items()
    ]
    parts += [
        f"### Vector {number}: {vector.title}\n\nSigned by `{vector.signed_by}`; SHA-256 of the signing input"
        f" `{hash_text(vector.envelope.digest)}`.\n\n```\n{vector.envelope.token.decode('ascii')}\n```"
        for number, vector in enumerate(vectors(), 1)
    ]
    return "\n\n".join([*parts, END])


def write() -> None:
    """Put the vectors into the page."""
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    PAGE.write_text(before + page() + rest.partition(END)[2], encoding="utf-8")


def _chain() -> Iterator[Vector]:
    """A short chain: its start, an event, a handover, and a record of the next key."""
    old, new = signer("gateway"), signer("gateway, next")
    start = kinds.ChainStart(
        reason=kinds.StartReason.FIRST_BOOT, plant="werk-ulm", gateway="gw-halle3", agent_version="0.1.0", previous=None, at=AT
    )
    event = kinds.Event(name="example", at=AT, subject="Prüfstand", detail="an ü is two bytes in UTF-8")
    rotation = offer(new, iss=ISSUER, epoch=EPOCH, seq=2, old_kid=old.kid)
    after = kinds.Event(name="example", at=AT, subject="", detail="signed by the next key")
    link = Link.first(EPOCH)
    for title, body, author in (
        ("the start of a chain", start, "gateway"),
        ("the record after it", event, "gateway"),
        ("the chain is handed over", rotation, "gateway"),
        ("and goes on under the next key", after, "gateway, next"),
    ):
        envelope = seal(_claims(body, link), signer(author))
        yield Vector(title, author, envelope)
        link = Link.after(Head(EPOCH, link.seq, envelope.digest))


def _claims(body: kinds.Body, link: Link) -> Claims:
    name, encoded = kinds.encode_body(body)
    return Claims(
        v=1,
        iss=ISSUER,
        aud=AUDIENCE,
        stream=Stream.EVIDENCE,
        epoch=link.epoch,
        seq=link.seq,
        prev=link.prev,
        iat=IAT,
        clk=ClockState.SYNC,
        boot="6f1d4a52-0d3b-4a77-9b8e-0f4f1f5d9a10",
        up=3600,
        type=name,
        body=encoded,
    )


if __name__ == "__main__":
    write()
