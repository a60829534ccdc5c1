"""The publishing role: a dull loop around the fold and the pure session.

Decides nothing but the order of its own steps: fold, connect, send, listen. Never signs a second time, never deletes what no
receipt covers, and never reaches a device: it does not know how.

    journal ──fold──► outbox ──window──► broker ──► ISMS
                         ▲                            │
                         └────── signed receipt ◄─────┘
"""

import asyncio
import contextlib
import random
from dataclasses import dataclass

from agent.clock import Clock
from agent.core.delivery import REFUSED_FOR_EVER, Fate, Session, reconnect_wait_s
from agent.log import line, logger
from agent.publish.errors import BrokerUnreachableError, DeliveryError
from agent.publish.fold import Author
from agent.publish.mqtt import Acknowledged, Arrived, Broker, Connection, Event, Letter, Lost
from agent.publish.spool import Spool
from agent.publish.vitals import health
from buffer.errors import SpoolFullError
from buffer.outbox import DamagedParcel, Stored
from evidence import kinds
from evidence.envelope import RECEIPT, Receipt, Stream, expect, hash_text, unseal
from evidence.errors import EvidenceError
from evidence.keys import PublicKey

FOLD_EVERY_S = 1.0
HEALTH_EVERY_S = 60.0
HEALTH_EXPIRY_S = 86_400
GOODBYE_S = 1.0

_log = logger("publish")


@dataclass(frozen=True, slots=True)
class Folded:
    """There is something new in the outbox."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Topics:
    """Where this gateway speaks and listens."""

    status: str
    evidence: str
    health: str
    receipt: str


class Publisher:
    """Folds and delivers until cancelled."""

    def __init__(
        self,
        spool: Spool,
        author: Author,
        broker: Broker,
        topics: Topics,
        *,
        receiver: PublicKey | None,
        agent_version: str,
        clock: Clock,
        chance: random.Random,
    ) -> None:
        self._spool = spool
        self._author = author
        self._broker = broker
        self._topics = topics
        self._receiver = receiver
        self._agent_version = agent_version
        self._clock = clock
        self._chance = chance
        self._started = clock()
        self._inbox: asyncio.Queue[Event | Folded] = asyncio.Queue()

    async def run(self) -> None:
        """Fold and deliver until cancelled; then say goodbye to the broker."""
        _log.info(line("publish.started", epoch=self._spool.chain.epoch, seq=self._spool.chain.seq))
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._fold())
            tasks.create_task(self._deliver())

    async def _fold(self) -> None:
        """Fold whatever collect has written, once a second; until the journal is empty without a pause."""
        while True:
            try:
                folded = self._spool.fold(self._clock())
            except SpoolFullError as error:
                folded = 0
                _log.error(line("outbox.full", why=str(error)))
            if folded:
                self._inbox.put_nowait(Folded())
            await asyncio.sleep(0 if folded else FOLD_EVERY_S)

    async def _deliver(self) -> None:
        """Keep one connection to the broker, with growing pauses between attempts."""
        failures = 0
        while True:
            try:
                await self._session()
                failures = 0
            except DeliveryError as error:
                failures += 1
                _log.warning(line("broker.unavailable", why=str(error), failures=failures))
            await asyncio.sleep(reconnect_wait_s(failures, self._chance.random()))

    async def _session(self) -> None:
        """Connect, deliver, and return when an established connection is lost.

        Raises:
            DeliveryError: There was no connection.
        """
        number = self._spool.next_session()
        self._inbox = asyncio.Queue()
        will = self._status(kinds.StatusOffline(sess=number), number)
        connection = await Connection.open(self._broker, will, self._inbox.put_nowait)
        try:
            await self._talk(connection, number)
        except BrokerUnreachableError as error:
            _log.warning(line("broker.lost", why=str(error)))
        except asyncio.CancelledError:
            with contextlib.suppress(BrokerUnreachableError):
                connection.publish(self._status(kinds.StatusOffline(sess=number), number))
                await asyncio.sleep(min(GOODBYE_S, 0.2))
            raise
        finally:
            await connection.close()

    async def _talk(self, connection: Connection, number: int) -> None:
        """Send and listen for as long as the connection stands.

        Raises:
            BrokerUnreachableError: It broke.
        """
        delivery = kinds.Delivery.CONFIRMED if self._receiver else kinds.Delivery.UNCONFIRMED
        online = kinds.StatusOnline(sess=number, at=self._clock().text, agent_version=self._agent_version, delivery=delivery)
        connection.publish(self._status(online, number))
        if self._receiver:
            connection.subscribe(self._topics.receipt)
        _log.info(line("broker.connected", session=number, window=connection.window))
        session = Session(window=connection.window)
        handed_over: dict[int, Stored] = {}
        health_due_s, health_sent = 0.0, 0
        while True:
            now = self._clock()
            if now.up_s >= health_due_s:
                health_sent += 1
                connection.publish(self._health(number, health_sent))
                health_due_s = now.up_s + HEALTH_EVERY_S
            self._hand_over(connection, session, handed_over)
            wait_s = session.wake_in_s(now.up_s, max(0.0, health_due_s - now.up_s))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s + 0.01):
                    self._heard(await self._inbox.get(), session, handed_over)
            while not self._inbox.empty():
                self._heard(self._inbox.get_nowait(), session, handed_over)

    def _hand_over(self, connection: Connection, session: Session, handed_over: dict[int, Stored]) -> None:
        """Fill the window from the outbox, oldest first."""
        now_s = self._clock().up_s
        if self._receiver and session.overdue(now_s):
            _log.warning(line("receipt.overdue", waiting=self._spool.outbox.depth().count))
        room = session.room(now_s)
        if room * 2 < session.window:
            return  # a half-empty window is worth a look into the file, a single place is not
        for parcel in self._spool.outbox.pending(session.sent_upto, limit=room):
            if isinstance(parcel, DamagedParcel):
                _log.error(line("envelope.damaged", position=parcel.position, why=parcel.reason))
                session.sent_upto = parcel.position
                continue
            if parcel.position not in session.under_way:
                handed_over[connection.publish(Letter(topic=self._topics.evidence, payload=parcel.token))] = parcel
            session.sent(parcel.position, now_s)

    def _heard(self, event: Event | Folded, session: Session, handed_over: dict[int, Stored]) -> None:
        """Act on what happened."""
        match event:
            case Folded():
                pass
            case Lost(reason):
                raise BrokerUnreachableError(reason)
            case Arrived(_, payload):
                self._receipt(payload, session)
            case Acknowledged(message_id, reason_code):
                parcel = handed_over.pop(message_id, None)
                if parcel is not None:
                    self._acknowledged(parcel, reason_code, session)

    def _acknowledged(self, parcel: Stored, reason_code: int, session: Session) -> None:
        """Act on a PUBACK."""
        match session.acknowledged(parcel.position, reason_code, self._clock().up_s):
            case Fate.ACCEPTED:
                if self._receiver is None:
                    self._spool.outbox.settle_positions([parcel.position])
            case Fate.KEPT:
                _log.warning(line("envelope.kept", seq=parcel.seq, reason_code=f"0x{reason_code:02x}"))
            case Fate.REFUSED:
                self._set_aside(parcel, REFUSED_FOR_EVER[reason_code])

    def _set_aside(self, parcel: Stored, why: str) -> None:
        """Confess an envelope that the broker will never take, then let go of it, so that it does not block the rest."""
        _log.error(line("envelope.refused", seq=parcel.seq, why=why))
        gap = kinds.Gap(
            from_seq=parcel.seq, to_seq=parcel.seq, count=1, reason=kinds.GapReason.QUARANTINE, last_hash=hash_text(parcel.digest)
        )
        self._spool.confess(gap, parcel.subject, self._clock())
        self._spool.outbox.settle_positions([parcel.position])
        self._inbox.put_nowait(Folded())

    def _receipt(self, payload: bytes, session: Session) -> None:
        """Settle what the receiver holds; a receipt that is not its own is worth nothing."""
        receiver = self._receiver
        if receiver is None:
            return
        try:
            opened = unseal(payload, lambda kid: receiver if kid == receiver.kid else None, typ=RECEIPT, as_type=Receipt)
            expect(opened.claims, issuer=self._author.audience, audience=self._author.issuer)
        except EvidenceError as error:
            _log.warning(line("receipt.refused", why=str(error)))
            return
        settled = self._spool.settle(opened.claims)
        if settled:
            session.settled(rest=self._spool.outbox.depth().count > 0, now_s=self._clock().up_s)
            _log.info(line("receipt.settled", upto=opened.claims.upto, settled=settled))

    def _status(self, body: kinds.Body, number: int) -> Letter:
        """Sign a status; its place is the session's number."""
        envelope = self._author.write(
            body, stream=Stream.STATUS, chain=self._spool.chain, seq=number, prev=None, now=self._clock()
        )
        return Letter(topic=self._topics.status, payload=envelope.token, retain=True)

    def _health(self, number: int, seq: int) -> Letter:
        """Sign a health report; only the newest counts, in the order of session and sequence."""
        now = self._clock()
        body = health(
            now=now,
            started=self._started,
            session=number,
            agent_version=self._agent_version,
            depth=self._spool.outbox.depth(),
            states=self._spool.states(),
        )
        envelope = self._author.write(body, stream=Stream.HEALTH, chain=self._spool.chain, seq=seq, prev=None, now=now)
        return Letter(topic=self._topics.health, payload=envelope.token, expiry_s=HEALTH_EXPIRY_S)
