"""The publishing role: a dull loop around the fold and one conversation with the broker after another.

Decides nothing but the order of its own steps: fold, connect, talk, wait. Never signs a second time, never deletes what no
receipt covers, and never reaches a device: it does not know how.

    journal ──fold──► outbox ──window──► broker ──► ISMS
                         ▲                            │
                         └────── signed receipt ◄─────┘
"""

import asyncio
import contextlib
import random
from collections.abc import Callable
from concurrent.futures import Future

from agent.clock import Clock
from agent.core.delivery import Suspects, reconnect_wait_s
from agent.core.hearing import Hearing
from agent.core.moment import Moment
from agent.core.pulse import Pulse
from agent.core.status import PublishWord
from agent.core.vitals import Vitals
from agent.log import line, logger
from agent.publish.airlock import LONGEST_LOOK_S, Batch
from agent.publish.conversation import Conversation, Inbox, Stocked
from agent.publish.errors import BrokerUnreachableError, DeliveryError
from agent.publish.fold import Author
from agent.publish.mqtt import Broker, Connection
from agent.publish.neighbour import Neighbour, as_told
from agent.publish.spool import Spool
from agent.publish.voice import Topics, Voice
from buffer.errors import SpoolBusyError, SpoolDamagedError, SpoolFullError, SpoolNewerError
from evidence import kinds
from evidence.keys import PublicKey

__all__ = ["Publisher", "Topics"]

FOLD_EVERY_S = 1.0

FULL_PAUSE_S = 10.0
"""How long the fold rests where there was no room: only a receipt makes some, and each attempt reads the journal again."""

GOODBYE_S = 0.2

LONGEST_FOLD_S = 120.0
"""From one round of the fold to the next: a look that does not end, a rest for want of room, a slow card."""

LONGEST_CONNECT_S = 180.0
"""Until a connection stands or has failed: three name servers that do not answer, TCP, TLS, and the broker's word."""

STEADY_S = 30.0
"""A connection that stood for longer ended by chance; a shorter one counts as a failure. Two gateways with one name would otherwise
throw each other out for ever, as fast as they can."""

_log = logger("publish")


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
        pulse: Pulse | None = None,
        vitals: Callable[[Moment], Vitals] | None = None,
        neighbour: Neighbour = as_told,
    ) -> None:
        self._spool = spool
        self._broker = broker
        self._pulse = pulse or Pulse()
        self._connected: Moment | None = None
        self._why = ""
        self._receiver = receiver
        self._clock = clock
        self._chance = chance
        self._suspects = Suspects()
        self._inbox: Inbox = asyncio.Queue()
        self._hearing = Hearing()
        self._out: Future[Batch] | None = None
        self._refused = False
        self._said = ""
        self._voice = Voice(
            author=author,
            spool=spool,
            topics=topics,
            agent_version=agent_version,
            delivery=kinds.Delivery.CONFIRMED if receiver else kinds.Delivery.UNCONFIRMED,
            clock=clock,
            started=clock(),
            vitals=vitals,
            neighbour=neighbour,
        )

    async def run(self) -> None:
        """Fold and deliver until cancelled; then say goodbye to the broker."""
        chain, kid = self._spool.chain, self._voice.author.signer.kid
        _log.info(line("publish.started", epoch=chain.epoch, seq=chain.seq, key=kid))
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._fold())
            tasks.create_task(self._deliver())

    def word(self) -> PublishWord:
        """Say what is being done."""
        depth, chain = self._spool.outbox.depth(), self._spool.chain
        return PublishWord(
            broker=f"{self._broker.host}:{self._broker.port}",
            connected_at=self._connected.text if self._connected else None,
            why=self._why[:1024],
            delivery=self._voice.delivery,
            waiting=depth.count,
            waiting_bytes=depth.used_bytes,
            oldest_at=depth.oldest_at,
            epoch=chain.epoch,
            seq=chain.seq,
            head=chain.head or "",
            receipt_upto=self._spool.settled_upto,
        )

    def trouble(self) -> str:
        """Say what a person should mend, or nothing."""
        return "; ".join(filter(None, (self._hearing.trouble(self._clock().up_s), self._spool.facts.left_out)))

    async def _fold(self) -> None:
        """Fold whatever collect has written, once a second; until the journal is empty without a pause.

        While a look hangs for good, nothing is promised any more: only a new process can hear again, and the watchdog sees to it.
        """
        while True:
            self._say_trouble()
            if not self._hearing.is_lost(self._clock().up_s):
                self._pulse.beat("fold", LONGEST_FOLD_S, self._clock().up_s)
            try:
                folded = self._spool.take(await self._look(), self._clock())
            except (SpoolFullError, OSError) as error:
                folded = 0
                _log.error(line("outbox.full", why=str(error)))
                await asyncio.sleep(FULL_PAUSE_S)
            if folded:
                self._inbox.put_nowait(Stocked())
            await asyncio.sleep(0 if folded else FOLD_EVERY_S)

    async def _look(self) -> Batch | None:
        """Look into the journal, for as long as that may take, while everything else goes on. A look that is late is waited for again."""
        try:
            self._out = self._out or self._spool.look(self._clock())
            if self._out is None:
                if not self._refused:
                    self._hearing.heard()
                return None
            async with asyncio.timeout(LONGEST_LOOK_S):
                batch = await asyncio.wrap_future(self._out)
        except TimeoutError:
            self._missed("a look into it has not come back")
        except (SpoolBusyError, MemoryError) as error:
            self._missed(str(error))
        except (SpoolDamagedError, SpoolNewerError) as error:
            self._refused = True
            self._spool.refuse(error)
            self._missed(str(error))
        else:
            self._out, self._refused = None, False
            self._hearing.heard()
            return batch
        return None

    def _missed(self, why: str) -> None:
        """Take note that a look brought nothing; one that is still out is kept, and nothing else is begun."""
        is_out = self._spool.is_looking
        self._out = self._out if is_out else None
        self._hearing.missed(why, self._clock().up_s, is_out=is_out)
        _log.debug(line("journal.busy", why=why))

    def _say_trouble(self) -> None:
        """Say in the log, once, that nothing is heard of the journal, and that it is heard of again."""
        trouble = self._hearing.trouble(self._clock().up_s)
        if trouble and trouble != self._said:
            _log.error(line("journal.unheard", why=trouble))
        elif self._said and not trouble:
            _log.info(line("journal.heard"))
        self._said = trouble

    async def _deliver(self) -> None:
        """Keep one connection to the broker, with growing pauses between attempts."""
        failures = 0
        while True:
            began_s = self._clock().up_s
            try:
                await self._session()
                failures = 0 if self._clock().up_s - began_s >= STEADY_S else failures + 1
            except DeliveryError as error:
                failures += 1
                self._why = str(error)
                _log.warning(line("broker.unavailable", why=str(error), failures=failures))
            except (SpoolFullError, OSError) as error:
                failures += 1
                self._why = str(error)
                _log.error(line("outbox.unavailable", why=str(error), failures=failures))
            wait_s = reconnect_wait_s(failures, self._chance.random())
            self._pulse.beat("delivery", wait_s + LONGEST_CONNECT_S, self._clock().up_s)
            await asyncio.sleep(wait_s)

    async def _session(self) -> None:
        """Connect, deliver, and return when an established connection is lost.

        Raises:
            DeliveryError: There was no connection.
        """
        self._pulse.beat("delivery", LONGEST_CONNECT_S, self._clock().up_s)
        number = self._spool.next_session(self._clock())
        self._inbox = asyncio.Queue()
        connection = await Connection.open(self._broker, self._voice.offline(number), self._inbox.put_nowait)
        conversation = Conversation(
            connection,
            number,
            self._voice,
            receiver=self._receiver,
            suspects=self._suspects,
            inbox=self._inbox,
            pulse=self._pulse,
        )
        self._connected, self._why = self._clock(), ""
        try:
            await conversation.run()
        except BrokerUnreachableError as error:
            self._why = str(error)
            _log.warning(line("broker.lost", why=str(error)))
        except asyncio.CancelledError:
            with contextlib.suppress(BrokerUnreachableError):
                connection.publish(self._voice.offline(number))
                await asyncio.sleep(GOODBYE_S)
            raise
        finally:
            self._connected = None
            await connection.close()
