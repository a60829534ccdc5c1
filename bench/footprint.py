"""What the two roles cost at rest: time to READY, time to the first signed report, memory and CPU.

Measures real processes against a real mosquitto and a simulated device on loopback. Decides nothing: it prints figures, and no
test depends on them. Run with `make bench`.
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
from pathlib import Path

from agent.demo.modbus_device import ModbusDevice, Unit

IDLE_S = 20

PLANT = """
[plant]
id = "bench"
[gateway]
id = "gw"
state_dir = "state"
[broker]
url = "mqtt://127.0.0.1:{broker}"
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
        environment = os.environ | {"NOTIFY_SOCKET": str(address)}
        self.process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)

    def ready_s(self) -> float:
        """Wait for READY and return the seconds since the start."""
        while b"READY=1" not in self.manager.recv(4096):
            pass
        return time.monotonic() - self.started

    def memory_kib(self) -> dict[str, int]:
        """Return PSS, RSS and private dirty memory."""
        rollup = Path(f"/proc/{self.process.pid}/smaps_rollup").read_text()
        return {
            name: int(found[1])
            for name in ("Pss", "Rss", "Private_Dirty")
            if (found := re.search(rf"^{name}:\s+(\d+)", rollup, re.MULTILINE))
        }

    def cpu_s(self) -> float:
        """Return user and system time so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def end(self) -> None:
        """Ask it to end, and wait."""
        self.process.terminate()
        self.process.wait(10)
        self.manager.close()


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
            figures[f"{role.name}_kib"] = role.memory_kib()
            figures[f"{role.name}_idle_cpu_percent"] = round(100 * (role.cpu_s() - before[role.name]) / IDLE_S, 2)
        return figures
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
