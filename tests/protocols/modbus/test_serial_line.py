"""A serial line behind a pair of pseudo terminals, with a foreign RTU device on it (libmodbus), and a bus of several units.

The bus is our own: after a question to a unit that stays silent, libmodbus's server takes the next question for its answer, and
pymodbus's answers for units that it does not have.

No baud rate and no collisions exist here; frames, checksums, silence and the port itself are real.
"""

import asyncio
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import monotonic, sleep

import pytest

from agent.demo.modbus_device import Unit, checksum
from protocols.contract import Answer, Ask, Endpoint, Field, Limits, Outcome, Transport
from protocols.modbus.reader import ModbusReader
from protocols.profile import bundled, parse

SOURCE = Path(__file__).parents[2] / "simulators/libmodbus_rtu.c"
UNIT_SETTER = "modbus_set_" + "sla" + "ve"  # libmodbus's own name for it
WAGO = {0x2010: 5, 0x2011: 750, 0x2012: 881, 0x2013: 1, 0x2014: 4}
LIBMODBUS = parse(
    "libmodbus",
    """
id = "libmodbus"
version = 1
vendor = "libmodbus"
devices = "its example server"
doc = "what it answers"
confidence = "high"
server_id = true
[[match]]
at = 2
kind = "text"
starts_with = "LMB"
[[field]]
name = "software_version"
at = 2
kind = "text"
""",
)
IDENTIFIED, SILENT = Outcome.IDENTIFIED, Outcome.SILENT
LIMITS = Limits(response_timeout_s=0.4, gap_s=0.02, visit_s=5)

pytestmark = pytest.mark.skipif(
    not (shutil.which("socat") and shutil.which("gcc") and Path("/usr/include/modbus/modbus.h").exists()),
    reason="needs socat, gcc and libmodbus-dev",
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Path:
    program = tmp_path_factory.mktemp("libmodbus") / "server"
    defined = f"-Dmodbus_set_unit={UNIT_SETTER}"
    subprocess.run(["gcc", "-O1", "-Wall", "-Wextra", defined, str(SOURCE), "-lmodbus", "-o", str(program)], check=True)
    return program


@pytest.fixture
def ends(tmp_path: Path) -> Iterator[tuple[str, str]]:
    """The two ends of a line."""
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    with ExitStack() as stack:
        pair = stack.enter_context(subprocess.Popen(["socat", *(f"pty,raw,echo=0,link={end}" for end in (ours, theirs))]))
        stack.callback(pair.terminate)
        until = monotonic() + 5
        while not (ours.exists() and theirs.exists()) and monotonic() < until:
            sleep(0.01)
        stack.callback(os.close, os.open(ours, os.O_RDWR | os.O_NOCTTY))  # socat ends when nobody holds a port; a real line stays
        yield str(ours), str(theirs)


@pytest.fixture
def line(server: Path, ends: tuple[str, str]) -> Iterator[str]:
    """Our end of a line whose other end is unit 7, on libmodbus."""
    words = [str(word) for register in WAGO.items() for word in register]
    with ExitStack() as stack:
        command = [str(server), ends[1], "7", *words]
        device = stack.enter_context(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
        stack.callback(device.terminate)
        assert device.stdout is not None and device.stdout.readline() == "ready\n"
        yield ends[0]


@contextmanager
def bus(port: str, units: set[int]) -> Iterator[None]:
    """Several units on one line; a unit that is not there says nothing."""
    loop, there = asyncio.get_running_loop(), os.open(port, os.O_RDWR | os.O_NOCTTY)

    def hear() -> None:
        frame = os.read(there, 256)  # a pseudo terminal hands over each write as a whole
        if frame[0] in units:
            answer = frame[:1] + Unit(holding=WAGO).answer(frame[1:-2])
            os.write(there, answer + checksum(answer))

    loop.add_reader(there, hear)
    try:
        yield
    finally:
        loop.remove_reader(there)
        os.close(there)


async def visit(port: str, *asked: tuple[int, str]) -> list[Answer]:
    reader = ModbusReader({**bundled(), "libmodbus": LIBMODBUS})
    endpoints = [Endpoint(transport=Transport.MODBUS_RTU, host=port, unit=unit, parity="N") for unit, _ in asked]
    asks = [Ask(endpoint=end, limits=LIMITS, profile=profile) for end, (_, profile) in zip(endpoints, asked, strict=True)]
    return [answer async for answer in reader.visit(asks)]


async def test_a_profile_is_read_over_a_serial_line(line: str) -> None:
    (answer,) = await visit(line, (7, "wago-750"))
    assert {fact.field: fact.value for fact in answer.facts}[Field.ORDER_CODE_OF_MANUFACTURER] == "750-881"
    assert (answer.ledger.connections, answer.ledger.requests, answer.remarks) == (1, {"3": 5}, ())


async def test_a_server_id_is_read_over_a_serial_line(line: str) -> None:
    (answer,) = await visit(line, (7, "libmodbus"))
    assert answer.outcome is IDENTIFIED and answer.facts[1].value.startswith("LMB")
    assert answer.ledger.requests == {"17": 1}


async def test_dead_units_cost_one_time_out_each_and_harm_no_other(ends: tuple[str, str]) -> None:
    with bus(ends[1], units={1, 4}):
        began = monotonic()
        answers = await visit(ends[0], *((unit, "wago-750") for unit in (1, 2, 3, 4)))
        took_s = monotonic() - began
    assert [answer.outcome for answer in answers] == [IDENTIFIED, SILENT, SILENT, IDENTIFIED]
    assert [sum(answer.ledger.requests.values()) for answer in answers] == [5, 1, 1, 5]
    assert 2 * LIMITS.response_timeout_s <= took_s < 3.5 * LIMITS.response_timeout_s


async def test_a_question_that_the_device_does_not_understand_is_asked_once(line: str) -> None:
    """libmodbus does not know function code 43, nor how long its frame is: it says nothing, and loses the frame after it, too."""
    (answer,) = await visit(line, (7, ""))
    assert answer.outcome in {SILENT, Outcome.ANONYMOUS} and answer.ledger.requests == {"43/14": 1}
