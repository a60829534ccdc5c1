"""What the gateway says of itself, outside the chain: status, health, answers. Signed like everything else.

Decides the form of these words and their topics. Never says them twice under one number, and never sends any: the conversation does.
"""

from collections.abc import Callable
from dataclasses import dataclass

from agent.clock import Clock
from agent.core.moment import Moment
from agent.core.vitals import Vitals
from agent.log import line, logger
from agent.publish.fold import LARGEST_PAYLOAD_BYTES, Author
from agent.publish.mqtt import Letter
from agent.publish.neighbour import Neighbour, as_told
from agent.publish.spool import Spool
from agent.publish.vitals import health
from evidence import kinds
from evidence.envelope import RESPONSE, Request, Response, Stream, seal
from evidence.errors import MalformedEnvelopeError
from evidence.requests import Outcome

HEALTH_EXPIRY_S = 86_400
MOST_HEALTH_BYTES = LARGEST_PAYLOAD_BYTES - 4096
"""With room for what an envelope or an answer says beside it."""

ANSWER_EXPIRY_S = 60

_log = logger("publish")


@dataclass(frozen=True, slots=True, kw_only=True)
class Topics:
    """Where this gateway speaks and listens.

    Attributes:
        status: Retained.
        evidence: The chain.
        health: The newest counts.
        receipt: What the receiver holds.
        request: What the receiver asks for, one level above the name of each request; empty: nothing is heard.
        response: What it is answered.
    """

    status: str
    evidence: str
    health: str
    receipt: str
    request: str = ""
    response: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """The gateway's voice.

    Attributes:
        author: Who signs.
        spool: What there is to tell of.
        topics: Where.
        agent_version: Version of this program.
        delivery: What makes the gateway let go of a record.
        clock: Reads the clocks.
        started: When this process started.
        vitals: Tells how this role is.
        neighbour: Judges how collect is.
    """

    author: Author
    spool: Spool
    topics: Topics
    agent_version: str
    delivery: kinds.Delivery
    clock: Clock
    started: Moment
    vitals: Callable[[Moment], Vitals] | None = None
    neighbour: Neighbour = as_told

    def online(self, number: int) -> Letter:
        """Sign that the gateway is connected."""
        body = kinds.StatusOnline(sess=number, at=self.clock().text, agent_version=self.agent_version, delivery=self.delivery)
        return self._status(body, number)

    def offline(self, number: int) -> Letter:
        """Sign that it is not: the will of a connection, and its goodbye."""
        return self._status(kinds.StatusOffline(sess=number), number)

    def health(self, number: int, seq: int) -> Letter | None:
        """Sign how the gateway is; only the newest counts, in the order of session and uptime. None if there is no way to say it."""
        body = self._health(number)
        if body is None:
            return None
        return Letter(topic=self.topics.health, payload=self._write(body, Stream.HEALTH, seq), expiry_s=HEALTH_EXPIRY_S)

    def response(self, request: Request, outcome: Outcome, detail: str, correlation: bytes) -> Letter:
        """Sign an answer. It goes to our own topic, whatever topic the request names: nobody signed that."""
        claims = Response(
            v=1,
            iss=self.author.issuer,
            aud=self.author.audience,
            epoch=request.epoch,
            sess=request.sess,
            n=request.n,
            iat=max(0, int(self.clock().at_s)),
            name=request.name,
            outcome=outcome,
            detail=detail,
            health=self._health(request.sess) if request.name == "status" else None,
        )
        token = seal(claims, self.author.signer, typ=RESPONSE, max_payload_bytes=LARGEST_PAYLOAD_BYTES).token
        return Letter(topic=self.topics.response, payload=token, expiry_s=ANSWER_EXPIRY_S, correlation=correlation)

    def _health(self, number: int) -> kinds.Health | None:
        """Say how the gateway is. A report that no receiver would take is none: what is in it must not keep evidence from its way."""
        body = self._told(number)
        try:
            size = len(bytes(kinds.encode_body(body)[1]))
            why = f"it has {size} bytes" if size > MOST_HEALTH_BYTES else ""
        except MalformedEnvelopeError as error:
            why = str(error)
        if not why:
            return body
        _log.error(line("health.unwritable", why=why))
        return None

    def _told(self, number: int) -> kinds.Health:
        now = self.clock()
        return health(
            now=now,
            started=self.started,
            session=number,
            agent_version=self.agent_version,
            depth=self.spool.outbox.depth(),
            outcomes=self.spool.facts.outcomes,
            endpoints=self.spool.facts.endpoints,
            roles={
                "collect": self.neighbour(self.spool.facts.collect, now),
                "publish": self.vitals(now) if self.vitals else None,
            },
        )

    def _status(self, body: kinds.Body, number: int) -> Letter:
        """Sign a status; its place is the session's number."""
        return Letter(topic=self.topics.status, payload=self._write(body, Stream.STATUS, number), retain=True)

    def _write(self, body: kinds.Body, stream: Stream, seq: int) -> bytes:
        envelope = self.author.write(body, stream=stream, chain=self.spool.chain, seq=seq, prev=None, now=self.clock())
        return envelope.token
