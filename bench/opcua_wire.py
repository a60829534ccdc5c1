"""What OPC UA costs: packets on the wire, the child process of a visit, and what a hostile server does to the gateway.

Measures real visits against asyncua's own server on loopback, counted by tcpdump, beside asyncua's own client as it comes out of
the box, in the same run. Then rogue servers, and how long the gateway's event loop stood still meanwhile. Decides nothing: it
prints figures, and no test depends on them. Needs tcpdump and the right to capture.

    python -m bench.opcua_wire
"""

import asyncio
import json
import logging
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from functools import partial
from pathlib import Path
from typing import Any

from asyncua import Client, ua

from agent.demo.opcua_device import OpcUaDevice, Specification
from protocols.contract import Answer, Ask, Endpoint, Limits, Security, Transport
from protocols.opcua import trust
from protocols.opcua.reader import OpcUaReader
from tests.simulators.rogue_opcua import Mode, RogueServer

BUILD_INFO = (2261, 2262, 2263, 2264, 2265, 2259)
AT_ONCE, POLITE = Limits(gap_s=0, max_requests=40), Limits(max_requests=40)
HOSTILE = (Mode.BOMB, Mode.NESTED_NULLS, Mode.MANY_NULLS, Mode.HUGE_ANSWER, Mode.ENDLESS_CHUNKS, Mode.ENDLESS_PAGES, Mode.SILENT)
IDLE_ASSETS = 50
IDLE_S = 15

PLANT = """
[plant]
id = "bench"
[gateway]
id = "gw"
state_dir = "state"
[broker]
url = "mqtt://127.0.0.1:1"
"""
OPC_UA = """
[[asset]]
id = "plc-{number}"
address = "opc.tcp://127.0.1.{number}:9"
"""
MODBUS = OPC_UA.replace("opc.tcp", "modbus-tcp")


SMALL_PARENT = """
import asyncio, json, resource, sys
from pathlib import Path
from protocols.contract import Ask, Endpoint, Limits, Transport
from protocols.opcua.reader import OpcUaReader
async def look():
    endpoint = Endpoint(transport=Transport.OPC_UA, host="127.0.0.1", port=int(sys.argv[1]))
    limits = Limits(gap_s=0, max_requests=40)
    return [answer async for answer in OpcUaReader(Path(sys.argv[2])).visit([Ask(endpoint=endpoint, limits=limits)])][0]
answer, cost = asyncio.run(look()), resource.getrusage(resource.RUSAGE_CHILDREN)
cpu_ms = round((cost.ru_utime + cost.ru_stime) * 1000)
print(json.dumps({"outcome": answer.outcome.value, "peak_kib": cost.ru_maxrss, "cpu_ms": cpu_ms}))
"""


async def capture(port: int, folder: Path, talk: Callable[[], Awaitable[Any]]) -> tuple[dict[str, Any], Any]:
    """Count the packets of one conversation."""
    file = folder / "conversation.pcap"
    command = ["tcpdump", "-i", "lo", "--immediate-mode", "-U", "-w", str(file), f"tcp port {port}"]
    dump = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert dump.stderr is not None
    while "listening" not in dump.stderr.readline():
        pass
    began = time.monotonic()
    result = await talk()
    took_s = time.monotonic() - began
    await asyncio.sleep(0.5)
    dump.send_signal(signal.SIGINT)
    dump.wait()
    lines = subprocess.run(["tcpdump", "-nn", "-r", str(file)], capture_output=True, text=True, check=True).stdout.splitlines()
    lengths = [int(found[1]) for line in lines if (found := re.search(r"length (\d+)", line))]
    opened = sum(f".{port}: Flags [S]," in line for line in lines)
    figures = {"connections": opened, "packets": len(lines), "payload_bytes": sum(lengths), "wall_ms": round(took_s * 1000)}
    if isinstance(result, Answer):
        figures["outcome"] = result.outcome.value
    return figures, result


async def look(reader: OpcUaReader, port: int, **more: Any) -> Answer:
    """One visit, as collect makes it."""
    ask = Ask(endpoint=Endpoint(transport=Transport.OPC_UA, host="127.0.0.1", port=port), **more)
    async with aclosing(reader.visit([ask])) as answers:
        return await anext(answers)


async def out_of_the_box(port: int, certificates: Path | None, server: Path | None) -> None:
    """The same nameplate as asyncua's own client reads it, with its defaults."""
    client = Client(f"opc.tcp://127.0.0.1:{port}/")
    if certificates is not None:
        mine = certificates / "own" / "nameplated.der", certificates / "own" / "nameplated.pem"
        shutil.copy(mine[0].with_suffix(".key"), mine[1])
        security = f"Basic256Sha256,SignAndEncrypt,{mine[0]},{mine[1]}" + (f",{server}" if server else "")
        await client.set_security_string(security)
    async with client:
        await client.read_values([client.get_node(ua.NodeId(number)) for number in BUILD_INFO])


async def wire(folder: Path) -> dict[str, Any]:
    """Packets of each kind of visit, and of asyncua's own client."""
    return await open_wire(folder) | await secured_wire(folder)


async def open_wire(folder: Path) -> dict[str, Any]:
    """A server without security."""
    device = OpcUaDevice(Specification())
    await device.start()
    rows, reader = {}, OpcUaReader(folder / "pki")
    once = partial(look, reader, device.port, limits=AT_ONCE)
    rows["look alone, no session"], _ = await capture(device.port, folder, partial(once, security=Security.SIGN))
    rows["none, first visit"], first = await capture(device.port, folder, once)
    rows["none"], _ = await capture(device.port, folder, partial(once, learned=first.learned))
    polite = partial(look, reader, device.port, limits=POLITE, learned=first.learned)
    rows["none, 250 ms pauses"], _ = await capture(device.port, folder, polite)
    rows["none, asyncua's client"], _ = await capture(device.port, folder, partial(out_of_the_box, device.port, None, None))
    await device.stop()
    return rows


async def secured_wire(folder: Path) -> dict[str, Any]:
    """A server that wants everything encrypted."""
    secure = Security.SIGN_AND_ENCRYPT
    device = OpcUaDevice(Specification(security=secure, pki_dir=str(folder)))
    await device.start()
    rows, pki, reader = {}, folder / "pki", OpcUaReader(folder / "pki")
    once = partial(look, reader, device.port, limits=AT_ONCE, security=secure)
    rows["secured, first contact"], _ = await capture(device.port, folder, once)
    for pending in trust.waiting(pki):
        trust.accept(pki, pending)
    rows["secured, pinned"], first = await capture(device.port, folder, once)
    polite = partial(look, reader, device.port, limits=POLITE, security=secure, learned=first.learned)
    rows["secured, pinned, 250 ms pauses"], _ = await capture(device.port, folder, polite)
    for row, server in (("asyncua's client", folder / "server.der"), ("asyncua's client, certificate not given", None)):
        rows[f"secured, {row}"], _ = await capture(device.port, folder, partial(out_of_the_box, device.port, pki, server))
    await device.stop()
    return rows


async def standing_still(longest: list[float]) -> None:
    """Note for how long the event loop did not come round."""
    while True:
        before = time.monotonic()
        await asyncio.sleep(0.005)
        longest[0] = max(longest[0], time.monotonic() - before - 0.005)


async def hostile(folder: Path) -> dict[str, Any]:
    """What rogue servers do to the process that looks at them: memory, and the longest moment it did not come round."""
    rows: dict[str, Any] = {}
    for mode in HOSTILE:
        command = [sys.executable, "-m", "bench.opcua_wire", "rogue", mode.name]
        rogue = subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True)
        assert rogue.stdout is not None
        port = int(rogue.stdout.readline())
        longest = [0.0]
        watch = asyncio.create_task(standing_still(longest))
        memory, began = rss_kib(), time.monotonic()
        answer = await look(OpcUaReader(folder), port, limits=AT_ONCE)
        rows[mode.value] = {
            "outcome": answer.outcome.value,
            "wall_ms": round((time.monotonic() - began) * 1000),
            "gateway_grew_kib": rss_kib() - memory,
            "loop_stood_still_ms": round(longest[0] * 1000, 1),
        }
        watch.cancel()
        rogue.terminate()
        rogue.wait()
    return rows


async def rogue(mode: str) -> None:
    """Serve one rogue in a process of its own, so that what it does is not counted as ours."""
    async with RogueServer(Mode[mode]) as server:
        print(server.port, flush=True)
        await asyncio.Event().wait()


def rss_kib(pid: int | str = "self") -> int:
    """Resident memory."""
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+)", status)
    return int(found[1]) if found else 0


async def child(folder: Path) -> dict[str, Any]:
    """Peak memory and processor time of the child process of one visit, seen by a parent that is as small as collect."""
    device = OpcUaDevice(Specification(devices={"PLC_1": {"SerialNumber": "S1", "Manufacturer": "ACME"}}))
    await device.start()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SMALL_PARENT, str(device.port), str(folder / "pki"), stdout=subprocess.PIPE
    )
    output, _ = await process.communicate()
    await device.stop()
    figures: dict[str, Any] = json.loads(output)
    return figures


def idle(folder: Path, asset: str, assets: int) -> dict[str, Any]:
    """The collecting role with assets that are not there, while no visit runs."""
    plant = folder / "plant.toml"
    plant.write_text(PLANT + "".join(asset.format(number=number) for number in range(1, assets + 1)))
    process = subprocess.Popen(
        [sys.executable, "-I", "-m", "agent", "collect", "--config", str(plant)], stderr=subprocess.DEVNULL
    )
    time.sleep(IDLE_S)
    figures = {"assets": assets, "rss_kib": rss_kib(process.pid)}
    process.terminate()
    process.wait(10)
    shutil.rmtree(folder / "state")
    return figures


async def measure(folder: Path) -> dict[str, Any]:
    """Everything that talks to servers."""
    return {"child": await child(folder), "hostile": await hostile(folder), "wire": await wire(folder)}


def main() -> int:
    """Print the figures as JSON."""
    logging.disable(logging.CRITICAL)
    if sys.argv[1:2] == ["rogue"]:
        asyncio.run(rogue(sys.argv[2]))
        return 0
    if not shutil.which("tcpdump") or os.geteuid() != 0:
        print("bench/opcua_wire needs tcpdump and the right to capture", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        quiet = {"one Modbus asset": idle(folder, MODBUS, 1), "OPC UA assets": idle(folder, OPC_UA, IDLE_ASSETS)}
        print(json.dumps({"idle": quiet} | asyncio.run(measure(folder)), indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
