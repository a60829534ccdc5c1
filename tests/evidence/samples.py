"""A gateway on paper: signs chains of real reports, honest ones and others, without a disk or a network."""

from dataclasses import dataclass, field

from nacl.signing import SigningKey

from evidence import kinds
from evidence.chain import Head, Link
from evidence.envelope import Claims, ClockState, Envelope, Stream, seal
from evidence.keys import FileSigner, PublicKey, public_from_jwk, thumbprint
from evidence.rotation import offer
from evidence.strict import encode_base64url
from evidence.topics import issuer, topic
from evidence.trust import Registry

RFC_8037_SEED = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
EPOCH = "01890a5d-ac96-774b-bcce-b302099a8057"
AT = "2026-11-22T20:00:00Z"
AUDIENCE = "urn:isms:central"


def signer(seed: bytes = RFC_8037_SEED) -> FileSigner:
    key = SigningKey(seed)
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": encode_base64url(bytes(key.verify_key))}
    return FileSigner(thumbprint(jwk), jwk | {"kid": thumbprint(jwk)}, key)


def asset(asset_id: str = "press-07-plc", *, firmware: str = "2.1", outcome: str = "identified") -> kinds.Asset:
    field_ = kinds.NameplateField(value=firmware, source="43/14 object 0x02", raw=firmware.encode().hex())
    maker = kinds.NameplateField(value="ACME", source="43/14 object 0x00", raw=b"ACME".hex())
    return kinds.Asset(
        asset_id=asset_id,
        address="modbus-tcp://10.20.0.7:502?unit=1",
        register_id=None,
        observed_at=AT,
        outcome=outcome,
        detail="it told its name",
        nameplate={"manufacturer_name": maker, "firmware_version": field_} if outcome == "identified" else {},
        software_components=[],
        children=[],
        posture=None,
        remarks=[],
        ledger=kinds.VisitLedger(
            connections=1, requests={"43/14": 1}, sent_bytes=11, received_bytes=40, smallest_gap_ms=None, duration_ms=12.5
        ),
    )


def change(asset_id: str = "press-07-plc", *, before: str = "2.1", after: str = "2.2", at: str = AT) -> kinds.Change:
    return kinds.Change(
        asset_id=asset_id,
        observed_at=at,
        change=kinds.ChangeKind.CHANGED,
        field="firmware_version",
        before=before,
        after=after,
        basis="same serial number",
    )


def event(text: str = "") -> kinds.Event:
    return kinds.Event(name="test", at=AT, subject="", detail=text)


def start(
    reason: kinds.StartReason = kinds.StartReason.FIRST_BOOT, previous: kinds.PreviousChain | None = None
) -> kinds.ChainStart:
    return kinds.ChainStart(reason=reason, plant="werk-ulm", gateway="gw-halle3", agent_version="0.1.0", previous=previous, at=AT)


@dataclass
class Gateway:
    """Signs what it is told to, as the next link of its chain."""

    gateway: str = "gw-halle3"
    plant: str = "werk-ulm"
    epoch: str = EPOCH
    seed: bytes = RFC_8037_SEED
    audience: str = AUDIENCE
    head: Head | None = None
    sent: list[Envelope] = field(default_factory=list)

    @property
    def iss(self) -> str:
        return issuer(self.plant, self.gateway)

    @property
    def public(self) -> PublicKey:
        return public_from_jwk(signer(self.seed).public_jwk)

    @property
    def trust(self) -> Registry:
        return Registry().with_key(self.public, self.iss)

    def topic(self, leaf: str = "evidence") -> str:
        return topic("", self.plant, self.gateway, leaf)

    def claims(
        self,
        body: kinds.Body,
        *,
        stream: Stream = Stream.EVIDENCE,
        link: Link | None = None,
        up: int = 10,
        audience: str | None = None,
    ) -> Claims:
        place = link or (Link.after(self.head) if self.head else Link.first(self.epoch))
        name, encoded = kinds.encode_body(body)
        return Claims(
            v=1,
            iss=self.iss,
            aud=audience or self.audience,
            stream=stream,
            epoch=place.epoch,
            seq=place.seq,
            prev=place.prev,
            iat=1_795_000_000 + place.seq,
            clk=ClockState.SYNC,
            boot="b00t",
            up=up,
            type=name,
            body=encoded,
        )

    def report(self, body: kinds.Body) -> Envelope:
        """Sign the next record of the chain."""
        claims = self.claims(body)
        envelope = seal(claims, signer(self.seed))
        self.head = Head(claims.epoch, claims.seq, envelope.digest)
        self.sent.append(envelope)
        return envelope

    def rotate(self, seed: bytes) -> Envelope:
        """Hand the chain over to another key; it signs from the next record on."""
        link = Link.after(self.head) if self.head else Link.first(self.epoch)
        body = offer(signer(seed), iss=self.iss, epoch=self.epoch, seq=link.seq, old_kid=signer(self.seed).kid)
        envelope = self.report(body)
        self.seed = seed
        return envelope

    def chain(self, length: int) -> list[Envelope]:
        """Sign a chain of this many records: its start, and then events."""
        return [self.report(start() if number == 0 else event(str(number))) for number in range(length)]

    def online(self, sess: int) -> bytes:
        body = kinds.StatusOnline(sess=sess, at=AT, agent_version="0.1.0", delivery=kinds.Delivery.CONFIRMED)
        return self._word(body, Stream.STATUS, sess)

    def offline(self, sess: int) -> bytes:
        return self._word(kinds.StatusOffline(sess=sess), Stream.STATUS, sess)

    def health(self, sess: int, up: int) -> bytes:
        depth = kinds.SpoolDepth(count=0, bytes=0, oldest_at=None)
        body = kinds.Health(
            at=AT,
            agent_version="0.1.0",
            uptime_s=up,
            spool=depth,
            assets_by_outcome={"identified": 1},
            host={"load_1m": 0.1},
            sess=sess,
        )
        return self._word(body, Stream.HEALTH, sess, up)

    def _word(self, body: kinds.Body, stream: Stream, seq: int, up: int = 10) -> bytes:
        return seal(self.claims(body, stream=stream, link=Link(self.epoch, seq, None), up=up), signer(self.seed)).token
