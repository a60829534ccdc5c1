"""What the two roles cost at rest: time to READY, time to the first signed report, memory and CPU.

Measures real processes against a real mosquitto and a simulated device on loopback, after their first look and their first report;
beside them, in the same run, an interpreter that has loaded nothing, and one that has loaded asyncio. Decides nothing: it prints
figures, and no test depends on them. Run with `python -m bench.footprint`.

Run it twice after a change of code: a first start compiles what changed, and half a MiB of what that takes stays.

PSS shares a library's pages among all processes that have them in use, this program's own among them. `pair_alone_kib` is what the
two roles take where nothing else runs Python: what is private to each, and every file's pages once.
"""

import asyncio
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from agent.demo.modbus_device import ModbusDevice, Unit

IDLE_S = 20
BARE = {"bare": "pass", "bare_asyncio": "import asyncio"}
"""Interpreters to compare with: name to what they run before they rest."""

PLANT = """
[plant]
id = "bench"
[gateway]
id = "gw"
state_dir = "state"
[broker]
url = "mqtt://127.0.0.1:{broker}"
[collect]
identity_interval_s = 60
[[asset]]
id = "plc"
address = "modbus-tcp://127.0.0.1:{device}?unit=1"
"""


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Role:
    """One role as systemd would start it, with a notify socket of its own."""

    def __init__(self, name: str, plant: Path) -> None:
        self.name = name
        self.manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        address = plant.with_name(f"{name}.notify")
        self.manager.bind(str(address))
        self.manager.settimeout(20)
        self.started = time.monotonic()
        command = [sys.executable, "-I", "-m", "agent", name, "--config", str(plant)]
        environment = os.environ | {"NOTIFY_SOCKET": str(address), "INVOCATION_ID": "0"}  # as in a unit
        self.process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)

    def ready_s(self) -> float:
        """Wait for READY and return the seconds since the start."""
        while b"READY=1" not in self.manager.recv(4096):
            pass
        return time.monotonic() - self.started

    def cpu_s(self) -> float:
        """Return user and system time so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def end(self) -> None:
        """Ask it to end, and wait."""
        self.process.terminate()
        self.process.wait(10)
        self.manager.close()


def memory_kib(pid: int) -> dict[str, int]:
    """Return RSS, PSS and private dirty memory of a process."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return {
        name: int(found[1])
        for name in ("Rss", "Pss", "Private_Dirty")
        if (found := re.search(rf"^{name}:\s+(\d+)", rollup, re.MULTILINE))
    }


def file_pages_kib(pid: int) -> dict[str, int]:
    """Return for each mapped file how many of its pages are in use, less those that this process has changed."""
    found: Counter[str] = Counter()
    for area in re.split(r"^(?=[0-9a-f]+-[0-9a-f]+ )", Path(f"/proc/{pid}/smaps").read_text(), flags=re.MULTILINE)[1:]:
        sizes = {name: int(size) for name, size in re.findall(r"^(Rss|Private_Dirty):\s+(\d+)", area, re.MULTILINE)}
        found[area.splitlines()[0].partition("/")[2]] += sizes["Rss"] - sizes["Private_Dirty"]
    return found


def pair_alone_kib(pids: Sequence[int]) -> int:
    """Return what these processes take together of a machine on which nobody else has their libraries in use."""
    once: dict[str, int] = {}
    for pid in pids:
        for file, size in file_pages_kib(pid).items():
            once[file] = max(size, once.get(file, 0))
    return sum(memory_kib(pid)["Private_Dirty"] for pid in pids) + sum(once.values())


def bare_kib(code: str) -> dict[str, int]:
    """Return what an interpreter takes that has run this and rests."""
    command = [sys.executable, "-I", "-c", f"{code}; print(flush=True); input()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.readline()
        found = memory_kib(process.pid)
        process.stdin.write(b"\n")
    return found


def first_report_s(broker: int, started: float) -> float:
    """Return the seconds from `started` until the first report is on the wire, seen by a foreign client."""
    command = ["mosquitto_sub", "-V", "5", "-p", str(broker), "-t", "nameplated/v1/+/+/evidence", "-C", "1", "-W", "20"]
    subprocess.run(command, check=True, capture_output=True)
    return time.monotonic() - started


async def measure(folder: Path) -> dict[str, object]:
    """Start everything, look, and end everything."""
    broker = free_port()
    mosquitto = subprocess.Popen(["mosquitto", "-p", str(broker)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    device = ModbusDevice({1: Unit(objects={0: b"ACME", 1: b"P7", 2: b"2.1"})})
    await device.start()
    plant = folder / "plant.toml"
    plant.write_text(PLANT.format(broker=broker, device=device.port))
    subprocess.run([sys.executable, "-I", "-m", "agent", "key", "init", "--config", str(plant)], check=True, capture_output=True)
    roles = []
    try:
        await asyncio.sleep(0.5)
        figures: dict[str, object] = {}
        publish = Role("publish", plant)
        roles.append(publish)
        report = asyncio.to_thread(first_report_s, broker, publish.started)
        figures["publish_ready_s"], figures["publish_first_report_s"] = await asyncio.gather(
            asyncio.to_thread(publish.ready_s), report
        )
        collect = Role("collect", plant)
        roles.append(collect)
        figures["collect_ready_s"] = await asyncio.to_thread(collect.ready_s)
        await asyncio.sleep(IDLE_S)
        before = {role.name: role.cpu_s() for role in roles}
        await asyncio.sleep(IDLE_S)
        for role in roles:
            figures[f"{role.name}_kib"] = memory_kib(role.process.pid)
            figures[f"{role.name}_idle_cpu_percent"] = round(100 * (role.cpu_s() - before[role.name]) / IDLE_S, 2)
        figures["pair_alone_kib"] = pair_alone_kib([role.process.pid for role in roles])
        figures["looks"] = device.connections
        return figures | {f"{name}_kib": bare_kib(code) for name, code in BARE.items()}
    finally:
        for role in roles:
            role.end()
        await device.stop()
        mosquitto.terminate()
        mosquitto.wait(10)


def main() -> int:
    """Print the figures as JSON."""
    if not shutil.which("mosquitto_sub"):
        print("bench/footprint needs mosquitto and mosquitto-clients", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(asyncio.run(measure(Path(folder))), indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
