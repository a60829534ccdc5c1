"""A thousand devices in one collect role: time for a whole round, CPU, and memory before and after.

A thousand simulated devices listen on a thousand addresses of the loopback network (127.16.0.0/16), in a process of their own; one
collect role asks all of them once, with the pause between requests set to 0 and the start-up spread cut to ten seconds. Decides
nothing; no test depends on it. Run with `python -m bench.modbus_fleet [DEVICES]`.
"""

import asyncio
import json
import os
import re
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from agent.demo.modbus_device import ModbusDevice, Unit

PORT = 15020
LONGEST_ROUND_S = 70
INTERVAL_S = 100  # first visits are spread over a tenth of it; the second round begins after 80 s
HEAD = """
[plant]
id = "bench"
[gateway]
id = "gw"
state_dir = "state"
[broker]
url = "mqtt://127.0.0.1:1"
[collect]
identity_interval_s = {interval_s}
gap_ms = 0
"""
ASSET = """
[[asset]]
id = "plc-{number}"
address = "modbus-tcp://{host}:{port}?unit=1"
"""


def host(number: int) -> str:
    """The loopback address of one device."""
    return f"127.16.{number // 250}.{number % 250 + 1}"


async def serve(count: int) -> None:
    """Be all devices, until standard input ends; then say what reached them."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (4 * count + 100,) * 2)
    devices = [
        ModbusDevice({1: Unit(objects={0: b"ACME", 1: b"P7", 2: b"2.%d" % number})}, host=host(number), port=PORT)
        for number in range(count)
    ]
    for device in devices:
        await device.start()
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    totals = {name: sum(getattr(device, name) for device in devices) for name in ("connections", "fins", "resets")}
    print(json.dumps(totals | {"requests": sum(len(device.requests) for device in devices)}), flush=True)


def memory_kib(pid: int) -> dict[str, int]:
    """PSS and RSS of a process."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return {name: int(found[1]) for name in ("Pss", "Rss") if (found := re.search(rf"^{name}:\s+(\d+)", rollup, re.MULTILINE))}


def cpu_s(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def identified(journal: Path) -> int:
    """How many assets the journal knows."""
    try:
        with sqlite3.connect(f"{journal.as_uri()}?mode=ro", uri=True) as view:
            return int(view.execute("SELECT count(*) FROM record WHERE kind = 'observation'").fetchone()[0])
    except sqlite3.OperationalError:
        return 0


def measure(count: int, folder: Path) -> dict[str, object]:
    """Run the fleet and the role, and take the figures."""
    plant = folder / "plant.toml"
    assets = (ASSET.format(number=number, host=host(number), port=PORT) for number in range(count))
    plant.write_text(HEAD.format(interval_s=INTERVAL_S) + "".join(assets))
    fleet = subprocess.Popen(
        [sys.executable, "-m", "bench.modbus_fleet", "--serve", str(count)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert fleet.stdout is not None
    assert fleet.stdout.readline() == "ready\n"
    (folder / "state").mkdir()
    began = time.monotonic()
    role = subprocess.Popen(
        [sys.executable, "-I", "-m", "agent", "collect", "--config", str(plant)], stderr=subprocess.DEVNULL, text=True
    )
    try:
        return _figures(role, fleet, count, folder / "state/collect/journal.db", began)
    finally:
        for process in (role, fleet):
            process.terminate()
            process.wait(20)


def _figures(
    role: "subprocess.Popen[str]", fleet: "subprocess.Popen[str]", count: int, journal: Path, began: float
) -> dict[str, object]:
    """Watch one round."""
    time.sleep(1)
    before, seen = memory_kib(role.pid), 0
    while seen < count and time.monotonic() - began < LONGEST_ROUND_S and role.poll() is None:
        time.sleep(0.5)
        seen = identified(journal)
    round_s, spent_s = time.monotonic() - began, cpu_s(role.pid)
    time.sleep(5)
    after = memory_kib(role.pid)
    idle_from = cpu_s(role.pid)
    time.sleep(10)
    output, _ = fleet.communicate("")
    return {
        "devices": count,
        "identified": seen,
        "round_s": round(round_s, 1),
        "cpu_s": round(spent_s, 2),
        "cpu_ms_a_device": round(1000 * spent_s / count, 2),
        "idle_cpu_percent": round(10 * (cpu_s(role.pid) - idle_from), 2),
        "before_kib": before,
        "after_kib": after,
        "at_the_devices": json.loads(output),
    }


def main(arguments: list[str]) -> int:
    """Print the figures as JSON."""
    if arguments[:1] == ["--serve"]:
        asyncio.run(serve(int(arguments[1])))
        return 0
    count = int(arguments[0]) if arguments else 1000
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(measure(count, Path(folder)), indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
