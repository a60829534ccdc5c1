"""The read-only guard against the whole of pymodbus's client, against raw writes, and against any bytes at all."""

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymodbus import FramerType
from pymodbus.client import AsyncModbusTcpClient
from pymodbus.client.mixin import ModbusClientMixin
from pymodbus.pdu.file_message import FileRecord

from agent.demo.modbus_device import checksum
from protocols.errors import ForbiddenRequestError
from protocols.modbus.guard import ALLOWED_FUNCTIONS, Check, check_adu_rtu, check_adu_tcp, check_pdu, guard
from tests.simulators.rogue_modbus import Rogue, says

READS = ["0300000001", "04ffff007d", "11", "2b0e0000", "2b0e0100", "2b0e04ff"]
ODD_READS = [
    "03",
    "030000",
    "0300000000",
    "030000007e",
    "030000000100",
    "1100",
    "2b",
    "2b0e",
    "2b0e01",
    "2b0e0500",
    "2b0e010000",
]
WRITES = ["050000ff00", "0600000001", "0f00000001ff", "100000000102abcd", "16000000000000", "17000000010000000102abcd", "15"]
OTHERS = ["0100000001", "0200000001", "07", "080000abcd", "0b", "0c", "14", "18", "2b0d00", "5a00", "81", "ab0e0100", ""]


def tcp(pdu: bytes, tid: int = 1) -> bytes:
    return tid.to_bytes(2, "big") + b"\0\0" + (len(pdu) + 1).to_bytes(2, "big") + b"\x01" + pdu


def rtu(pdu: bytes) -> bytes:
    return b"\x01" + pdu + checksum(b"\x01" + pdu)


@pytest.mark.parametrize("pdu", READS)
def test_reads_of_the_allow_list_pass(pdu: str) -> None:
    raw = bytes.fromhex(pdu)
    check_pdu(raw)
    check_adu_tcp(tcp(raw))
    check_adu_rtu(rtu(raw))


@pytest.mark.parametrize("pdu", ODD_READS + WRITES + OTHERS)
def test_everything_else_is_refused_in_every_frame(pdu: str) -> None:
    raw = bytes.fromhex(pdu)
    for check, request in ((check_pdu, raw), (check_adu_tcp, tcp(raw)), (check_adu_rtu, rtu(raw))):
        with pytest.raises(ForbiddenRequestError):
            check(request)


@pytest.mark.parametrize("check", [check_adu_tcp, check_adu_rtu])
@given(st.binary(max_size=40))
def test_any_bytes_that_pass_are_one_frame_of_an_allowed_function(check: Check, adu: bytes) -> None:
    try:
        check(adu)
    except ForbiddenRequestError:
        return
    assert adu[7 if check is check_adu_tcp else 1] in ALLOWED_FUNCTIONS


def test_refusal_is_no_error_that_a_library_swallows() -> None:
    assert not issubclass(ForbiddenRequestError, (OSError, ValueError, asyncio.CancelledError))


# The guard under pymodbus's own client: every method that the library has, now or in a later version.

ARGUMENTS = {
    "address": 0,
    "value": 1,
    "values": [1],
    "msg": b"\0\0",
    "toggle": True,
    "records": [FileRecord(file_number=1, record_number=1, record_data=b"ab")],
    "read_address": 0,
    "read_count": 1,
    "write_address": 0,
    "read_code": 1,
}
OUR_SIDE = {"execute", "convert_from_registers", "convert_to_registers"}  # no request of their own
METHODS = sorted(
    name for name, _ in inspect.getmembers(ModbusClientMixin, inspect.isfunction) if name[0] != "_" and name not in OUR_SIDE
)
ALLOWED_METHODS = {"read_holding_registers", "read_input_registers", "report_device_id", "read_device_information"}


def arguments(method: Callable[..., Any]) -> dict[str, Any]:
    names = inspect.signature(method).parameters
    return {name: value for name, value in ARGUMENTS.items() if name in names} | {"no_response_expected": True}


@asynccontextmanager
async def guarded_client(framer: FramerType) -> AsyncIterator[tuple[AsyncModbusTcpClient, Rogue]]:
    async with Rogue(says()) as rogue:
        client = AsyncModbusTcpClient("127.0.0.1", port=rogue.port, framer=framer, retries=0, reconnect_delay=0, timeout=1)
        guard(client.ctx, check_adu_tcp if framer is FramerType.SOCKET else check_adu_rtu)
        assert await client.connect()
        yield client, rogue
        client.close()


async def heard_after_a_read(client: AsyncModbusTcpClient, rogue: Rogue) -> bytes:
    """Prove that the client still works: everything heard, up to and with one more read."""
    await client.read_holding_registers(0x1234, no_response_expected=True)
    async with asyncio.timeout(2):
        while b"\x03\x12\x34" not in rogue.heard:
            await asyncio.sleep(0.001)
    return bytes(rogue.heard)


def test_the_library_has_the_methods_that_this_test_must_drive() -> None:
    assert set(METHODS) > ALLOWED_METHODS and {"write_register", "write_coils", "diag_restart_communication"} < set(METHODS)


@pytest.mark.parametrize("framer", [FramerType.SOCKET, FramerType.RTU], ids=["tcp", "rtu"])
async def test_no_method_of_the_library_gets_a_byte_past_the_guard_and_the_client_stays_usable(framer: FramerType) -> None:
    async with guarded_client(framer) as (client, rogue):
        for name in sorted(set(METHODS) - ALLOWED_METHODS):
            with pytest.raises(ForbiddenRequestError):
                await getattr(client, name)(**arguments(getattr(client, name)))
        heard = await heard_after_a_read(client, rogue)
    assert len(heard) == (12 if framer is FramerType.SOCKET else 8), "one read, and nothing else"


@pytest.mark.parametrize("framer", [FramerType.SOCKET, FramerType.RTU], ids=["tcp", "rtu"])
async def test_the_reads_of_the_allow_list_do_arrive(framer: FramerType) -> None:
    async with guarded_client(framer) as (client, rogue):
        for name in sorted(ALLOWED_METHODS):
            await getattr(client, name)(**arguments(getattr(client, name)))
        heard = await heard_after_a_read(client, rogue)
    assert {b"\x2b\x0e", b"\x04\x00", b"\x03\x00"} <= {heard[at : at + 2] for at in range(len(heard))}


WRITE = tcp(bytes.fromhex("0600000001"))
READ = tcp(bytes.fromhex("0300000001"))
BYPASSES: dict[str, Callable[[AsyncModbusTcpClient], object]] = {
    "low-level send": lambda client: client.ctx.low_level_send(WRITE),
    "send": lambda client: client.ctx.send(WRITE),
    "transport.write": lambda client: client.ctx.transport.write(WRITE),
    "two frames in one write": lambda client: client.ctx.transport.write(READ + WRITE),
    "half a frame": lambda client: client.ctx.transport.write(READ[:-1]),
    "a frame that lies about its length": lambda client: client.ctx.transport.write(READ[:5] + b"\x0c" + READ[6:] + WRITE[6:]),
    "a mutable buffer": lambda client: client.ctx.transport.write(bytearray(WRITE)),
    "writelines": lambda client: client.ctx.transport.writelines([WRITE]),
    "write_eof": lambda client: client.ctx.transport.write_eof(),
    "sendto": lambda client: client.ctx.transport.sendto(WRITE),
    "another protocol": lambda client: client.ctx.transport.set_protocol(None),
    "the socket itself": lambda client: client.ctx.transport.get_extra_info("socket"),
}


@pytest.mark.parametrize("bypass", BYPASSES.values(), ids=BYPASSES.keys())
async def test_no_way_around_the_client_gets_a_byte_past_the_guard(bypass: Callable[[AsyncModbusTcpClient], object]) -> None:
    async with guarded_client(FramerType.SOCKET) as (client, rogue):
        with pytest.raises(ForbiddenRequestError):
            bypass(client)
        assert len(await heard_after_a_read(client, rogue)) == 12


async def test_the_guard_is_still_there_after_a_second_connect() -> None:
    async with guarded_client(FramerType.SOCKET) as (client, rogue):
        client.close()
        assert await client.connect()
        with pytest.raises(ForbiddenRequestError):
            await client.write_register(0, 1)
        assert len(await heard_after_a_read(client, rogue)) == 12
