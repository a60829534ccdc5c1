"""What one identity costs on the wire: nameplated beside nmap's modbus-discover, at the same simulated device in one run.

Counts packets with tcpdump on loopback, and has tshark decode them with a foreign dissector. Decides nothing; no test depends on
it. Needs tcpdump, tshark and nmap from Debian, and the right to capture. Run with `python -m bench.modbus_wire`.
"""

import asyncio
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

from agent.demo.modbus_device import ModbusDevice, Unit
from protocols.contract import Ask, Endpoint, Limits, Transport
from protocols.modbus.reader import ModbusReader

TOOLS = ("tcpdump", "tshark", "nmap")
ACME = {0: b"ACME", 1: b"P7", 2: b"2.1", 4: b"Press", 5: b"P7-S"}

Run = Callable[[int], Coroutine[None, None, None]]


class BasicFirst(Unit):
    """A device that leaves the basic objects out of the regular stream, so that two requests are needed."""

    def answer(self, pdu: bytes) -> bytes:
        """Answer as a few devices do."""
        if pdu == b"\x2b\x0e\x02\x00":
            return bytes.fromhex("2b0e0282000001") + b"\x04\x05Press"
        return super().answer(pdu)


async def ours(port: int, *, gap_s: float = 0.25) -> None:
    """One visit."""
    endpoint = Endpoint(transport=Transport.MODBUS_TCP, host="127.0.0.1", port=port, unit=1)
    async with aclosing(ModbusReader().visit([Ask(endpoint=endpoint, limits=Limits(gap_s=gap_s))])) as answers:
        async for answer in answers:
            if not answer.facts:
                raise SystemExit(f"the simulated device was not recognised: {answer.detail}")


async def ours_at_once(port: int) -> None:
    """One visit without a pause: what the pause costs is one acknowledgement that no longer rides on the next request."""
    await ours(port, gap_s=0.0)


async def nmap(port: int, *arguments: str) -> None:
    """The same by nmap's script; the plus sign lets it run on a port that is not 502."""
    command = ["nmap", "-n", "-Pn", "-sT", "-p", str(port), "--script", "+modbus-discover", *arguments, "127.0.0.1"]
    scan = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
    output, _ = await scan.communicate()
    if b"modbus-discover" not in output:
        raise SystemExit(f"nmap's script said nothing: {output.decode()}")


async def nmap_all(port: int) -> None:
    """The same with its switch for all unit ids, without which it stops at the first that answers."""
    await nmap(port, "--script-args", "modbus-discover.aggressive=true")


@asynccontextmanager
async def captured(port: int, file: Path) -> AsyncIterator[None]:
    """Capture everything of one port while something runs."""
    command = ["tcpdump", "-i", "lo", "--immediate-mode", "-U", "-w", str(file), f"tcp port {port}"]
    capture = await asyncio.create_subprocess_exec(*command, stderr=subprocess.PIPE)
    assert capture.stderr is not None
    while b"listening on" not in await capture.stderr.readline():
        pass
    try:
        yield
        await asyncio.sleep(0.5)
    finally:
        capture.terminate()
        await capture.wait()


def counted(file: Path, port: int) -> dict[str, object]:
    """What a foreign dissector sees in a capture."""
    fields = ["tcp.flags.syn", "tcp.flags.ack", "tcp.flags.fin", "tcp.flags.reset", "modbus.func_code", "tcp.dstport", "tcp.len"]
    command = ["tshark", "-r", str(file), "-d", f"tcp.port=={port},mbtcp", "-T", "fields"]
    output = subprocess.run(
        command + [part for field in fields for part in ("-e", field)], check=True, capture_output=True, text=True
    ).stdout
    rows = [line.split("\t") for line in output.splitlines()]
    asked = [row for row in rows if row[4] and row[5] == str(port)]
    return {
        "packets": len(rows),
        "connections": sum(row[0] in ("1", "True") and row[1] not in ("1", "True") for row in rows),
        "resets": sum(row[3] in ("1", "True") for row in rows),
        "requests": dict(sorted(Counter(row[4] for row in asked).items())),
        "bytes_to_device": sum(int(row[6] or 0) for row in rows if row[5] == str(port)),
    }


async def measure(name: str, unit: Unit, run: Run, folder: Path) -> dict[str, object]:
    """Let one reader meet one device."""
    async with ModbusDevice({1: unit}) as device:
        file = folder / f"{name}.pcap"
        began = time.monotonic()
        async with captured(device.port, file):
            began = time.monotonic()
            await run(device.port)
            took_s = time.monotonic() - began
        return {**counted(file, device.port), "seconds": round(took_s, 3)}


async def figures(folder: Path) -> dict[str, object]:
    """Everything, one after another."""
    plain, basic_first = Unit(objects=ACME, server_id=b"\x01\xffACME P7"), BasicFirst(objects=ACME)
    runs: dict[str, tuple[Unit, Run]] = {
        "nameplated, one request": (plain, ours),
        "nameplated, basic and regular, gap 0": (basic_first, ours_at_once),
        "nameplated, basic and regular, gap 250 ms": (basic_first, ours),
        "nmap modbus-discover": (plain, nmap),
        "nmap modbus-discover, all unit ids": (plain, nmap_all),
    }
    return {name: await measure(str(number), unit, run, folder) for number, (name, (unit, run)) in enumerate(runs.items())}


def main() -> int:
    """Print the figures as JSON."""
    if missing := [tool for tool in TOOLS if shutil.which(tool) is None]:
        print(f"bench/modbus_wire needs {', '.join(missing)}", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(asyncio.run(figures(Path(folder))), indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
