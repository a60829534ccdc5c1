"""One connection to the broker, from the first status to its loss: what is sent, what is heard, and what follows from it.

Decides nothing but the order of its own steps; `agent.core.delivery` decides on envelopes, `agent.publish.requests` on requests.
Never signs a second time, never deletes what no receipt covers, and never acts on a message that the receiver's key did not sign.
"""

import asyncio
import contextlib
import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from agent.core.delivery import Session, Suspects, pause_s, places
from agent.core.fates import BLAMING, ENDINGS, Fate, answer, explained
from agent.core.limits import ALWAYS_KEPT, GAP
from agent.core.pulse import Pulse
from agent.log import line, logger
from agent.publish.errors import BrokerUnreachableError
from agent.publish.mqtt import Acknowledged, Arrived, Connection, Event, Letter, Lost
from agent.publish.requests import MAX_CORRELATION_BYTES, Desk
from agent.publish.voice import Voice
from buffer.outbox import DamagedParcel, Stored
from evidence import kinds
from evidence.envelope import RECEIPT, Receipt, Request, expect, unseal
from evidence.errors import EvidenceError
from evidence.keys import PublicKey
from evidence.requests import Outcome

HEALTH_EVERY_S = 60.0

SETTLE_EVERY_S = 0.2
"""How long receipts are collected before they are settled in one go: each settling is a commit, which costs flash and time."""

SLACK_S = 60.0
"""What a round may take beyond its longest wait, on a slow machine and card, before it counts as hung."""

TOPIC_BYTES = 1024
"""Room beside an envelope in a packet, for its topic and properties."""

UNCONFESSABLE = ALWAYS_KEPT | {GAP}
"""Kinds that are kept even if the broker will never take them."""

TOO_LARGE = 0x95
TAKEN_OVER = 0x8E

_log = logger("publish")


@dataclass(frozen=True, slots=True)
class Stocked:
    """There is something new in the outbox."""


Inbox = asyncio.Queue[Event | Stocked]


class Conversation:
    """What is said over one connection.

    Args:
        connection: It stands.
        number: Of the session.
        voice: What the gateway says of itself.
        receiver: Whose receipts and requests count, or None: then the broker's word settles.
        suspects: What the broker refused, here and before.
        inbox: Where the connection and the fold tell what happened.
        pulse: Where it says that it makes progress.
    """

    def __init__(
        self,
        connection: Connection,
        number: int,
        voice: Voice,
        *,
        receiver: PublicKey | None,
        suspects: Suspects,
        inbox: Inbox,
        pulse: Pulse,
    ) -> None:
        self._connection = connection
        self._number = number
        self._voice = voice
        self._spool = voice.spool
        self._topics = voice.topics
        self._clock = voice.clock
        self._receiver = receiver
        self._inbox = inbox
        self._pulse = pulse
        self._session = Session(window=connection.window, suspects=suspects)
        self._handed_over: dict[int, Stored] = {}
        self._ahead: deque[Stored | DamagedParcel] = deque()
        self._ahead_of = 0
        self._receipts: dict[str, Receipt] = {}
        self._accepted: list[int] = []
        self._settle_due_s = math.inf
        self._desk = self._open_desk()
        self._health_due_s = 0.0
        self._health_sent = 0
        self._health_vain = 0
        self._health_id = 0

    async def run(self) -> None:
        """Send and listen for as long as the connection stands.

        Raises:
            BrokerUnreachableError: It broke, or the broker does not answer.
        """
        self._connection.publish(self._voice.online(self._number))
        if self._receiver:
            self._connection.subscribe(self._topics.receipt)
        if self._desk:
            self._connection.subscribe(f"{self._topics.request}/+")
        _log.info(line("broker.connected", session=self._number, window=self._connection.window))
        while True:
            now_s = self._clock().up_s
            self._pulse.beat("delivery", HEALTH_EVERY_S + SLACK_S, now_s)
            if self._session.is_silent(now_s):
                raise BrokerUnreachableError("the broker answers no message: see its log")
            self._tell_health(now_s)
            self._settle(now_s)
            self._hand_over(now_s)
            wait_s = self._session.wake_in_s(now_s, max(0.0, min(self._health_due_s, self._settle_due_s) - now_s))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s + 0.01):
                    self._heard(await self._inbox.get())
            while not self._inbox.empty():
                self._heard(self._inbox.get_nowait())

    def _open_desk(self) -> Desk | None:
        """Requests count if there is a key to judge them by, and a topic that they come by."""
        if self._receiver is None or not self._topics.request:
            return None
        author = self._voice.author
        return Desk(
            receiver=self._receiver,
            issuer=author.issuer,
            audience=author.audience,
            epoch=self._spool.chain.epoch,
            sess=self._number,
        )

    def _tell_health(self, now_s: float) -> None:
        """Say how the gateway is, once a minute; a little later where the broker takes nothing more at the moment."""
        if now_s < self._health_due_s:
            return
        if self._connection.unanswered >= self._connection.receive_maximum:
            self._health_due_s = now_s + pause_s(1)
            return
        self._health_due_s = now_s + HEALTH_EVERY_S
        letter = self._voice.health(self._number, self._health_sent + 1)
        if letter is not None:
            self._health_sent += 1
            self._health_id = self._connection.publish(letter)

    def _hand_over(self, now_s: float) -> None:
        """Fill the window from the outbox, oldest first."""
        session = self._session
        if self._receiver and session.overdue(now_s):
            _log.warning(line("receipt.overdue", waiting=self._spool.outbox.depth().count))
        room = min(session.room(now_s), places(self._connection.receive_maximum, self._connection.unanswered))
        withheld = self._fill(room, now_s)
        if withheld:
            session.again_from(withheld[0])
            if session.alone():
                self._inbox.put_nowait(Stocked())

    def _fill(self, room: int, now_s: float) -> list[int]:
        """Hand over what may go, at most so many; return the positions that have to be come back to."""
        session, withheld = self._session, list[int]()
        for parcel in self._next(room):
            if isinstance(parcel, DamagedParcel):
                self._mend(parcel)
                break  # what comes after it waits for the gap that covers it
            if session.holds_back(parcel.position):
                withheld.append(parcel.position)
                if session.proven:
                    break  # its turn, or that of what comes after it, is when nothing is under way
            elif parcel.position not in session.under_way and not self._send(parcel, now_s):
                withheld.append(parcel.position)
            session.sent_upto = max(session.sent_upto, parcel.position)
        return withheld

    def _mend(self, parcel: DamagedParcel) -> None:
        """Confess an envelope that cannot be believed any more, and come back for the gap."""
        _log.error(line("envelope.damaged", position=parcel.position, why=parcel.reason))
        self._spool.mend([parcel.position], self._clock())
        self._inbox.put_nowait(Stocked())

    def _next(self, room: int) -> Iterator[Stored | DamagedParcel]:
        """Yield what follows what was sent, at most so many.

        A window's worth is read at once, as one place in the window becomes free at a time. What was read is stale once the session
        goes back, and then read anew. What was let go of meanwhile may be sent once more, which does no harm.
        """
        for _ in range(room):
            if not self._ahead or self._ahead_of != self._session.sent_upto:
                self._ahead_of = self._session.sent_upto
                self._ahead = deque(self._spool.outbox.pending(self._ahead_of, limit=self._session.window))
            if not self._ahead:
                return
            parcel = self._ahead.popleft()
            self._ahead_of = parcel.position
            yield parcel

    def _send(self, parcel: Stored, now_s: float) -> bool:
        """Hand one envelope over, and before it the gap that it follows; return whether there is no need to come back to it.

        What the broker would hang up for is not sent at all, and counts as refused.
        """
        self._session.sent(parcel.position, (parcel.epoch, parcel.seq), now_s)
        if len(parcel.token) + TOPIC_BYTES > self._connection.largest_bytes:
            return self._acknowledged(parcel, TOO_LARGE) is Fate.REFUSED
        gap = self._spool.gap_before(parcel)
        if gap is not None:
            self._connection.publish(Letter(topic=self._topics.evidence, payload=gap.token))
        letter = Letter(topic=self._topics.evidence, payload=parcel.token)
        self._handed_over[self._connection.publish(letter)] = parcel
        return True

    def _heard(self, event: Event | Stocked) -> None:
        """Act on what happened.

        Raises:
            BrokerUnreachableError: The connection is gone.
        """
        match event:
            case Stocked():
                pass
            case Lost(reason, reason_code):
                self._blame(reason_code)
                if reason_code == TAKEN_OVER:
                    _log.error(line("broker.taken_over", why=ENDINGS[TAKEN_OVER]))
                raise BrokerUnreachableError(explained(reason_code, reason))
            case Arrived(topic, payload, _) if topic == self._topics.receipt:
                self._receipt(payload)
            case Arrived(topic, payload, correlation):
                self._request(topic, payload, correlation)
            case Acknowledged(message_id, reason_code) if message_id == self._health_id:
                self._health_acknowledged(reason_code)
            case Acknowledged(message_id, reason_code):
                parcel = self._handed_over.pop(message_id, None)
                if parcel is not None:
                    self._acknowledged(parcel, reason_code)

    def _blame(self, reason_code: int) -> None:
        """Count the end of a connection against the envelope that it ended over, if it did: the oldest that has no answer."""
        oldest = next(iter(self._handed_over.values()), None)
        if oldest is not None and reason_code in BLAMING:
            self._acknowledged(oldest, reason_code)

    def _health_acknowledged(self, reason_code: int) -> None:
        """Say it again soon if nobody heard it: the receiver may be just starting."""
        if answer(reason_code).fate is Fate.ACCEPTED:
            self._health_vain = 0
            return
        self._health_vain += 1
        self._health_due_s = min(self._health_due_s, self._clock().up_s + pause_s(self._health_vain))

    def _acknowledged(self, parcel: Stored, reason_code: int) -> Fate:
        """Act on a PUBACK, and return what it means."""
        fate = self._session.acknowledged(parcel.position, reason_code, self._clock().up_s)
        match fate:
            case Fate.ACCEPTED:
                if self._receiver is None:
                    self._accepted.append(parcel.position)
                    self._session.released(parcel.position)
                    self._settle_soon()
            case Fate.KEPT | Fate.SUSPECT:
                said = answer(reason_code)
                _log.warning(line("envelope.kept", seq=parcel.seq, fate=fate, why=said.name, remedy=said.remedy))
            case Fate.REFUSED:
                self._set_aside(parcel, answer(reason_code).name)
        return fate

    def _set_aside(self, parcel: Stored, why: str) -> None:
        """Confess an envelope that the broker will never take, then let go of it, so that it does not block the rest."""
        _log.error(line("envelope.refused", seq=parcel.seq, why=why))
        if parcel.kind in UNCONFESSABLE:
            return  # a gap for a gap would be refused for the same reason, without end
        if self._spool.give_up(parcel, kinds.GapReason.QUARANTINE, self._clock()):
            self._inbox.put_nowait(Stocked())

    def _receipt(self, payload: bytes) -> None:
        """Take note of what the receiver holds; a receipt that is not its own is worth nothing."""
        receiver, author = self._receiver, self._voice.author
        if receiver is None:
            return
        try:
            opened = unseal(payload, lambda kid: receiver if kid == receiver.kid else None, typ=RECEIPT, as_type=Receipt)
            expect(opened.claims, issuer=author.audience, audience=author.issuer)
        except EvidenceError as error:
            _log.warning(line("receipt.refused", why=str(error)))
            return
        receipt = opened.claims
        self._session.receipted(receipt.epoch, receipt.upto)
        known = self._receipts.get(receipt.epoch)
        if known is None or receipt.upto >= known.upto:
            self._receipts[receipt.epoch] = receipt
        self._settle_soon()

    def _settle_soon(self) -> None:
        self._settle_due_s = min(self._settle_due_s, self._clock().up_s + SETTLE_EVERY_S)

    def _settle(self, now_s: float) -> None:
        """Let go of what is delivered, in one go for the receipts, or the broker's words, of a moment."""
        if now_s < self._settle_due_s:
            return
        if self._accepted:
            self._spool.outbox.settle_positions(self._accepted)
            self._accepted.clear()
        for receipt in self._receipts.values():
            settled = self._spool.settle(receipt)
            if settled:
                self._session.settled(rest=not self._spool.outbox.is_empty(), now_s=now_s)
                _log.info(line("receipt.settled", upto=receipt.upto, settled=settled))
        self._receipts.clear()
        self._settle_due_s = math.inf

    def _request(self, topic: str, payload: bytes, correlation: bytes) -> None:
        """Do what the receiver asks for, if it is the receiver that asks, and answer."""
        desk, now_s = self._desk, self._clock().up_s
        if desk is None or len(correlation) > MAX_CORRELATION_BYTES or not desk.has_time(now_s):
            return
        try:
            request = desk.open(topic.rpartition("/")[2], payload)
        except EvidenceError as error:
            _log.warning(line("request.refused", why=str(error)))
            return
        self._session.heard(now_s)
        outcome, detail = self._republish(request) if request.span else (Outcome.DONE, "")
        _log.info(line("request.answered", name=request.name, outcome=outcome))
        self._connection.publish(self._voice.response(request, outcome, detail, correlation))

    def _republish(self, request: Request) -> tuple[Outcome, str]:
        """Send once more what the receiver misses, or confess that it was let go of."""
        if request.span is None:
            return Outcome.DONE, ""
        found = self._spool.again(request.span.epoch, request.span.from_seq, self._clock())
        if found is None:
            return Outcome.NOTHING, "nothing of that stretch is here, and nothing was ever dropped there"
        position, is_whole = found
        self._session.missed(position)
        return (Outcome.DONE, "") if is_whole else (Outcome.ABSENT, "a gap/1 says what was delivered and let go of")
