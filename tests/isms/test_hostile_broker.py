"""Between a real gateway's spool and the real receiver stands a broker that lies: it reorders, repeats, cuts, alters and forges.

The law: what the receiver holds was created by the gateway, and what the gateway let go of is held by the receiver.
"""

import tempfile
from dataclasses import replace
from pathlib import Path

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.publish.spool import Spool
from buffer.outbox import Stored
from evidence.claims import Receipt, Stream
from evidence.envelope import RECEIPT, expect, hash_text, seal, unseal
from evidence.errors import EvidenceError
from evidence.keys import FileSigner, public_from_jwk
from evidence.topics import topic
from evidence.trust import Registry
from isms.intake import Due, Intake
from isms.inventory import Books
from tests.effort import examples
from tests.evidence.samples import AT, AUDIENCE, signer
from tests.faults.gateway import ISSUER, Place, moment, numbered

RECORDS = 12
CENTRAL, FORGER = signer(b"\x11" * 32), signer(b"\x22" * 32)
TOPIC = topic("", "faults", "gw", "evidence")

tricks = st.lists(
    st.one_of(
        st.tuples(st.just("pass"), st.integers(0, RECORDS), st.integers(0, 0)),
        st.tuples(st.just("cut"), st.integers(0, RECORDS), st.integers(0, 900)),
        st.tuples(st.just("alter"), st.integers(0, RECORDS), st.integers(0, 900)),
        st.tuples(st.just("elsewhere"), st.integers(0, RECORDS), st.integers(0, 0)),
        st.tuples(st.just("commit"), st.integers(0, 0), st.integers(0, 0)),
        st.tuples(st.just("receipt"), st.integers(0, 9), st.integers(0, 0)),
        st.tuples(st.just("forge"), st.integers(0, RECORDS + 3), st.integers(0, 3)),
    ),
    max_size=60,
)


class Line:
    """A gateway, a receiver, and what a broker has seen pass between them."""

    def __init__(self, spool: Spool, books: Books, place: Place) -> None:
        self.spool, self.books = spool, books
        self.desk = Intake(books, prefix="", audience=AUDIENCE)
        self.trust = Registry().with_key(public_from_jwk(place.author.signer.public_jwk), ISSUER)
        self.created = [parcel for parcel in spool.outbox.pending(0, limit=100) if isinstance(parcel, Stored)]
        self.receipts: list[bytes] = []
        self.kept: set[bytes] = set()

    def play(self, trick: str, which: int, how: int) -> None:
        token = self.created[which % len(self.created)].token
        match trick:
            case "pass":
                self.bring(token)
            case "cut":
                self.bring(token[: how % len(token)])
            case "alter":
                place = how % len(token)
                self.bring(token[:place] + bytes([token[place] ^ 1]) + token[place + 1 :])
            case "elsewhere":
                self.bring(token, TOPIC.replace("/gw/", "/gw-2/"))
            case "commit":
                self.receipts += [self.receipt(due) for due in self.desk.commit()]
                self.kept = {token for _, token, _ in self.books.tokens()}
            case "receipt" if self.receipts:
                self.settle(self.receipts[which % len(self.receipts)])
            case "forge":
                self.settle(self.forged(which, how))

    def bring(self, token: bytes, where: str = TOPIC) -> None:
        self.desk.take(where, token, trust=self.trust, at=AT)

    def receipt(self, due: Due) -> bytes:
        return seal(claims(due.head.epoch, due.head.seq, hash_text(due.head.digest)), CENTRAL, typ=RECEIPT).token

    def forged(self, upto: int, how: int) -> bytes:
        """A receipt of another key, with a false hash under the true key's name, altered, or for another gateway."""
        parcel = self.created[min(upto, len(self.created) - 1)]
        said = claims(parcel.epoch, upto, hash_text(parcel.digest))
        match how:
            case 0:
                return seal(said, FORGER, typ=RECEIPT).token
            case 1:
                return seal(said, renamed(), typ=RECEIPT).token
            case 2:
                return seal(msgspec.structs.replace(said, aud="urn:nameplated:faults:gw-2"), CENTRAL, typ=RECEIPT).token
            case _:
                return seal(msgspec.structs.replace(said, head=hash_text(bytes(32))), CENTRAL, typ=RECEIPT).token

    def settle(self, token: bytes) -> None:
        """Take a receipt as the gateway does."""
        key = public_from_jwk(CENTRAL.public_jwk)
        try:
            found = unseal(token, lambda kid: key if kid == key.kid else None, typ=RECEIPT, as_type=Receipt).claims
            expect(found, issuer=AUDIENCE, audience=ISSUER)
        except EvidenceError:
            return
        self.spool.settle(found)

    def assert_law(self) -> None:
        waiting = {parcel.token for parcel in self.spool.outbox.pending(0, limit=100) if isinstance(parcel, Stored)}
        created = {parcel.token for parcel in self.created}
        assert {token for _, token, _ in self.books.tokens()} <= created
        assert created - waiting <= self.kept


def renamed() -> FileSigner:
    """The forger's key under the receiver's name."""
    return replace(FORGER, kid=CENTRAL.kid)


def claims(epoch: str, upto: int, head: str) -> Receipt:
    return Receipt(v=1, iss=AUDIENCE, aud=ISSUER, stream=Stream.EVIDENCE, epoch=epoch, upto=upto, head=head, iat=1_800_000_000)


@settings(max_examples=examples(30), deadline=None)
@given(tricks)
def test_whatever_the_broker_does_nothing_is_invented_and_nothing_is_let_go_of_too_early(
    played: list[tuple[str, int, int]],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        place = Place(Path(folder))
        with place.recorder() as recorder, place.spool(place.author) as spool, Books.open(Path(folder) / "isms.db") as books:
            recorder.record([numbered(number) for number in range(RECORDS)], [], moment())
            while spool.fold(moment()):
                pass
            line = Line(spool, books, place)
            for trick in played:
                line.play(*trick)
                line.assert_law()
            for number in range(len(line.created)):  # an honest hour: everything arrives after all
                line.play("pass", number, 0)
            line.play("commit", 0, 0)
            line.play("receipt", -1, 0)
            line.assert_law()
            assert spool.outbox.depth().count == 0
            assert [one["state"] for one in books.gateways()] == ["sound"]
