"""The one connection of a visit: opened when first needed, one request in flight, a pause before each, closed with FIN.

Decides when bytes go out and which frame is the answer to which question. Must never send twice, reconnect by itself, have
two requests in flight, believe a late answer, or let an error of the library pass. Every failure is a `ReadError`.

Source: MODBUS Messaging on TCP/IP V1.0b, section 4.4 (transaction ids, time-outs).
"""

import asyncio
from collections import Counter
from dataclasses import dataclass, field

from protocols.contract import Endpoint, Ledger, Limits, Transport
from protocols.errors import MalformedError, ReadError, SilentError, UnreachableError
from protocols.modbus.dialogue import Remark
from protocols.modbus.frames import RTU, TCP, Frame
from protocols.modbus.guard import Allowed
from protocols.modbus.pipe import Pipe

FRAMINGS = {Transport.MODBUS_TCP: TCP, Transport.MODBUS_RTU_TCP: RTU, Transport.MODBUS_RTU: RTU}


@dataclass(slots=True)
class _Spent:
    """What the look in progress has cost so far."""

    began_at: float | None = None
    connections: int = 0
    requests: Counter[str] = field(default_factory=Counter)
    sent_bytes: int = 0
    received_bytes: int = 0
    smallest_gap_s: float | None = None


class Line:
    """The connection to one host or serial line, for the length of one visit.

    Attributes:
        remarks: Deviations seen since the last `settle`.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self.remarks: set[Remark] = set()
        self._endpoint = endpoint
        self._framing = FRAMINGS[endpoint.transport]
        self._pipe: Pipe | None = None
        self._over: ReadError | None = None
        self._quiet_since: float | None = None
        self._transaction = 0
        self._spent = _Spent()

    async def exchange(self, unit: int, request: bytes, limits: Limits, *, until: float) -> bytes:
        """Send one request PDU and return the PDU of its answer, unjudged.

        Args:
            unit: Unit id, 0 to 255.
            request: A PDU of the read-only allow-list.
            limits: Time-outs and the pause before the request.
            until: Loop time at which this look must have ended.

        Raises:
            ReadError: No answer, and why. The question must not be repeated in this visit.
            ForbiddenRequestError: The read-only guard fired; nothing was sent.
        """
        if self._over is not None:
            raise self._over
        await self._pause(limits, until)  # before connecting, too: who hung up in the meantime is seen to have done so
        pipe = await self._connected(limits, until)
        try:
            self._refuse_leftovers(pipe)
            self._send(pipe, unit, request)
            answer = await self._answer(pipe, unit, limits, until)
        except ReadError as error:
            await self._give_up(error)
            raise
        pipe.proven = True
        return answer

    def settle(self) -> Ledger:
        """Return what was spent since the last call, and begin anew."""
        spent, self._spent = self._spent, _Spent()
        self.remarks = set()
        received = self._pipe.take_received() if self._pipe else 0
        began_at = self._now if spent.began_at is None else spent.began_at
        return Ledger(
            connections=spent.connections,
            requests=dict(spent.requests),
            sent_bytes=spent.sent_bytes,
            received_bytes=spent.received_bytes + received,
            smallest_gap_ms=None if spent.smallest_gap_s is None else round(spent.smallest_gap_s * 1000, 3),
            duration_ms=round((self._now - began_at) * 1000, 3),
        )

    async def close(self) -> None:
        """End the connection with FIN, if one stands."""
        pipe, self._pipe = self._pipe, None
        if pipe is not None:
            try:
                await pipe.hang_up()
            finally:
                self._spent.received_bytes += pipe.take_received()

    @property
    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    async def _connected(self, limits: Limits, until: float) -> Pipe:
        """Return the standing connection or open one. Only a look's first question may open one; a failed endpoint is left alone."""
        if self._spent.began_at is None:
            self._spent.began_at = self._now
            await self._drop_if_ended()
        if self._pipe is None:
            self._pipe = await self._opened(min(limits.connect_timeout_s, until - self._now))
        return self._pipe

    async def _opened(self, timeout_s: float) -> Pipe:
        self._spent.connections += 1
        pipe = Pipe(self._endpoint, self._framing)
        try:
            await pipe.open(timeout_s)
        except UnreachableError as error:
            self._over = error
            raise
        return pipe

    async def _drop_if_ended(self) -> None:
        """A device may hang up between two looks: after an answer that is its right, before any it wants no visit."""
        if self._pipe is not None and self._pipe.ended.is_set():
            proven, farewell = self._pipe.proven, self._pipe.farewell
            await self.close()
            if not proven:
                self._over = farewell
                raise self._over

    async def _pause(self, limits: Limits, until: float) -> None:
        """Leave the device alone for the gap since its last answer."""
        next_at = self._now if self._quiet_since is None else self._quiet_since + limits.gap_s
        if max(next_at, self._now) >= until:
            raise SilentError("The time for this visit was used up before everything was asked.")
        while (wait_s := next_at - self._now) > 0:
            await asyncio.sleep(wait_s)

    def _refuse_leftovers(self, pipe: Pipe) -> None:
        """Nothing that came before the question can be its answer."""
        while not pipe.inbox.empty():
            item = pipe.inbox.get_nowait()
            if isinstance(item, ReadError):
                raise item
            self.remarks.add(Remark.STALE)

    def _send(self, pipe: Pipe, unit: int, request: bytes) -> None:
        self._transaction = self._transaction % 0xFFFF + 1  # never 0, which some devices answer to everything
        frame = self._framing.encode(request, unit, self._transaction)
        pipe.ask(frame)
        if self._quiet_since is not None:
            gap_s = self._now - self._quiet_since
            self._spent.smallest_gap_s = min(gap_s, self._spent.smallest_gap_s or gap_s)
        self._spent.requests[_name(request)] += 1
        self._spent.sent_bytes += len(frame)

    async def _answer(self, pipe: Pipe, unit: int, limits: Limits, until: float) -> bytes:
        """Wait for the frame that answers the question in flight, past frames that do not."""
        timeout_s = min(limits.response_timeout_s, until - self._now)
        try:
            async with asyncio.timeout(timeout_s):
                while True:
                    item = await pipe.inbox.get()
                    if isinstance(item, ReadError):
                        raise self._unanswered(item)
                    if self._answers(item, unit):
                        return item.pdu
        except TimeoutError:
            return self._last_word(pipe, unit, timeout_s)
        finally:
            self._quiet_since = self._now

    def _answers(self, frame: Frame, unit: int) -> bool:
        """Tell whether this frame answers the question in flight; remark on what is odd about it."""
        if frame.transaction == self._transaction:
            if frame.unit != unit:  # gateways and single devices normalise 0 and 255; the number proves whose answer it is
                self.remarks.add(Remark.FOREIGN_UNIT)
            return True
        if frame.unit == unit and not frame.transaction:
            if frame.transaction == 0:
                self.remarks.add(Remark.UNNUMBERED)
            return True
        self.remarks.add(Remark.STALE if frame.transaction is not None else Remark.FOREIGN_UNIT)
        return False

    def _last_word(self, pipe: Pipe, unit: int, timeout_s: float) -> bytes:
        """Nothing more will come: make what one can of what did."""
        frame = self._framing.salvage(pipe.recv_buffer)
        if frame is not None and self._answers(frame, unit):
            return frame.pdu
        if pipe.recv_buffer:
            raise MalformedError(f"It sent {len(pipe.recv_buffer)} bytes that are no whole frame.")
        raise self._unanswered(
            SilentError(f"No answer within {timeout_s:.3g} s: check the unit id, and whether the device is on.")
        )

    def _unanswered(self, error: ReadError) -> ReadError:
        """Remark that a question was sent and nothing came; where nonsense came, that is what there is to say."""
        if not isinstance(error, MalformedError):
            self.remarks.add(Remark.SILENT)
        return error

    async def _give_up(self, error: ReadError) -> None:
        """Decide what becomes of the connection, so that nothing late can be taken for the answer to a later question.

        Silence leaves a numbered connection usable for another unit. Any other failure ends it; and an endpoint that failed so
        before it ever answered is not connected to again in this visit.
        """
        silent = isinstance(error, SilentError)
        if self._pipe is not None and not self._pipe.proven and not silent:
            self._over = error
        if not (silent and self._framing.numbered):
            await self.close()


def _name(request: bytes) -> str:
    """Return the ledger's name of a request: its function code, with the MEI type where there is one."""
    return f"{request[0]}/{request[1]}" if request[0] == Allowed.ENCAPSULATED_INTERFACE else str(request[0])
