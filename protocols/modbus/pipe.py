"""pymodbus's end of one connection: it connects, carries bytes through the read-only guard, and tells when the device hangs up.

Decides where one answer's bytes end and the next begin (`frames`), and when too many came. Must never connect twice, hold more
than a bounded number of bytes, let an error of the library pass, or hang up without a FIN (only a device that does not stop
talking gets a reset, a second after it).

Why pymodbus's transport, and not its client: the client waits the whole time-out when a device hangs up, connects again by
itself to send again, and takes a wrong answer for a right one. It also has methods that write.

Source: MODBUS Messaging on TCP/IP V1.0b, section 4.2; MODBUS over Serial Line V1.02, section 2.4.
"""

import asyncio
import errno
import os
import termios
from contextlib import suppress
from typing import Any

from pymodbus.transport import CommParams, CommType, ModbusProtocol

from protocols.contract import Endpoint, Transport
from protocols.errors import MalformedError, ReadError, RefusedError, UnreachableError
from protocols.modbus.frames import Frame, Framing
from protocols.modbus.guard import guard

MAX_BYTES_PER_ANSWER = 4096  # the largest frame has 260; the rest is room for late answers
FAREWELL_S = 1.0  # after our FIN: time for the device's own, and for a late answer that must not meet a closed port
HUNG_UP = "It closed the connection instead of answering."
UNPLUGGED = "The serial port went away: see whether its adapter is plugged in."
TROUBLE_WITH_A_PORT = {
    errno.ENOENT: "it is not there: see whether its adapter is plugged in",
    errno.ENXIO: "it is not there: see whether its adapter is plugged in",
    errno.EACCES: "this user may not open it: see the owner and group of the port",
    errno.EPERM: "this service may not open it: make its drop-in anew with `nameplated units`, and restart it",
    errno.EAGAIN: "another program has it open",
    errno.ENOTTY: "it is no serial port",
    errno.EINVAL: "it cannot be set to this speed and parity",
}
"""What opening a port may run into, and what to do about it."""


class Pipe(ModbusProtocol):
    """One connection, of use once.

    Attributes:
        inbox: Frames in the order they came, and why there will be no more.
        ended: Set when the connection is gone, whoever ended it.
        proven: Whether it ever carried an answer.
    """

    def __init__(self, endpoint: Endpoint, framing: Framing) -> None:
        super().__init__(_parameters(endpoint), is_server=False)
        guard(self, framing.check)
        self.inbox: asyncio.Queue[Frame | ReadError] = asyncio.Queue()
        self.ended = asyncio.Event()
        self.proven = False
        self._guarded: Any = None  # a GuardedTransport, once there is one
        self._endpoint = endpoint
        self._decode = framing.decode
        self._received_bytes = 0
        self._heard_bytes = 0  # since the last question

    async def open(self, timeout_s: float) -> None:
        """Connect, once.

        Raises:
            UnreachableError: No connection, and why.
        """
        serial = self._endpoint.transport is Transport.MODBUS_RTU
        where = self._endpoint.host if serial else f"{self._endpoint.host}:{self._endpoint.port}"
        try:
            async with asyncio.timeout(timeout_s):
                self._guarded, _self = await self.call_create()
                self.transport = self._guarded
        except TimeoutError:
            raise UnreachableError(f"No connection to {where} within {timeout_s:.3g} s.") from None
        except (OSError, ValueError, termios.error) as error:  # a port that cannot be set up is neither of the first two
            reason = _reason_of_port(error) if serial else _reason(error)
            raise UnreachableError(f"No connection to {where}: {reason}.") from error

    def ask(self, frame: bytes) -> None:
        """Send one frame; what came before it is forgotten."""
        self._heard_bytes = 0
        self.send(frame)

    @property
    def farewell(self) -> ReadError:
        """What it means that the connection is gone: a device hung up, or nobody is to blame but a plug."""
        unplugged = self._endpoint.transport is Transport.MODBUS_RTU
        return UnreachableError(UNPLUGGED) if unplugged else RefusedError(HUNG_UP)

    def take_received(self) -> int:
        """Return how many bytes came since the last call."""
        received, self._received_bytes = self._received_bytes, 0
        return received

    async def hang_up(self) -> None:
        """Send FIN, and read on until the device sends its own."""
        try:
            if self._guarded is not None and self._guarded.half_close():
                with suppress(TimeoutError):
                    async with asyncio.timeout(FAREWELL_S):
                        await self.ended.wait()
        finally:
            self.close()

    def data_received(self, data: bytes) -> None:
        """Take bytes from the device, up to a bound: a flood is counted and dropped."""
        self._received_bytes += len(data)
        if self._heard_bytes > MAX_BYTES_PER_ANSWER:
            return
        self._heard_bytes += len(data)
        if self._heard_bytes > MAX_BYTES_PER_ANSWER:
            self.inbox.put_nowait(MalformedError(f"It sent more than {MAX_BYTES_PER_ANSWER} bytes to one question."))
            return
        super().data_received(data)

    def callback_data(self, data: bytes, addr: tuple[str, int] | None = None) -> int:  # noqa: ARG002  # the library's signature
        """Take every whole frame off the front; return how many bytes that was."""
        used = 0
        try:
            while (frame := self._decode(data[used:])) is not None:
                self.inbox.put_nowait(frame)
                used += frame.size_bytes
        except MalformedError as error:
            self.inbox.put_nowait(error)
            return len(data)
        return used

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell at once that the device hung up; the library lets the question run into its time-out."""
        self.ended.set()
        self.inbox.put_nowait(self.farewell)
        super().connection_lost(exc)

    def callback_connected(self) -> None:
        """Nothing to do: `open` returns."""

    def callback_disconnected(self, exc: Exception | None) -> None:
        """Nothing to do: `connection_lost` told it."""

    def callback_new_connection(self) -> ModbusProtocol:
        """Never called: nothing here listens."""
        raise NotImplementedError


def _parameters(endpoint: Endpoint) -> CommParams:
    """Return the library's parameters: no reconnection of its own, eight data bits, one stop bit."""
    serial = endpoint.transport is Transport.MODBUS_RTU
    return CommParams(
        comm_name="modbus",
        comm_type=CommType.SERIAL if serial else CommType.TCP,
        reconnect_delay=0.0,
        host=endpoint.host,
        port=endpoint.port,
        baudrate=endpoint.baud,
        bytesize=8,
        parity=endpoint.parity,
        stopbits=1,
    )


def _reason(error: Exception) -> str:
    """Return the system's own words for an error, without the addresses that libraries add."""
    number = getattr(error, "errno", None) or 0
    return os.strerror(number) if number > 0 else getattr(error, "strerror", None) or str(error)


def _reason_of_port(error: Exception) -> str:
    """Return what is wrong with a serial port. pyserial hides some numbers in the error that it made its own from."""
    causes = [cause for cause in (error, error.__context__) if cause is not None and cause.args]
    told = (TROUBLE_WITH_A_PORT[cause.args[0]] for cause in causes if cause.args[0] in TROUBLE_WITH_A_PORT)
    return next(told, None) or _reason(error)
