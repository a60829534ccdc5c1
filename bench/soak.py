"""A gateway at sixty times its usual speed, for half an hour: does it stay as small as it was?

    python -m bench.soak [--minutes 30] [--modbus 48] [--opcua 2] [--speed 60]

Real processes on loopback: both roles, mosquitto, the receiver, and simulated devices of which some change their firmware, and all of
which are gone for a minute, as the broker is another time. Both roles read their plant file again every five minutes. Decides nothing:
it prints what each process takes every minute, and by how much that grows. What happens before the first fifth is warming up.
"""

import argparse
import asyncio
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path
from signal import SIGHUP

from agent.demo.install import ISSUER
from agent.demo.modbus_device import ModbusDevice, Unit
from agent.demo.opcua_device import Build, OpcUaDevice, Specification
from protocols.contract import Security
from tests.brokers import Mosquitto, mosquitto

HEAD = """
[plant]
id = "{plant}"
[gateway]
id = "{gateway}"
state_dir = "state"
[broker]
url = "mqtt://127.0.0.1:{port}"
[receiver]
key_file = "isms.jwk"
[collect]
identity_interval_s = {interval}
backoff_first_s = {backoff}
backoff_longest_s = {longest}
"""
ROLES = ("collect", "publish", "receive")
WARM = 5  # the first fifth


def command(program: str, *words: object) -> list[str]:
    return [sys.executable, "-I", "-m", program, *map(str, words)]


def told(program: str, *words: object) -> bytes:
    return subprocess.run(command(program, *words), check=True, capture_output=True).stdout


def sample(process: subprocess.Popen[bytes]) -> dict[str, float]:
    """What one process takes now."""
    own = Path(f"/proc/{process.pid}")
    rollup, status = (own / "smaps_rollup").read_text(), (own / "status").read_text()
    sizes = {
        name: float(re.search(rf"^{name}:\s+(\d+)", rollup, re.MULTILINE)[1])
        for name in ("Rss", "Pss", "Private_Clean", "Private_Dirty")
    }
    fields = (own / "stat").read_text().rpartition(")")[2].split()
    return {
        "rss_kib": sizes["Rss"],
        "pss_kib": sizes["Pss"],  # moves with whoever shares libraries
        "private_kib": sizes["Private_Clean"] + sizes["Private_Dirty"],
        "descriptors": float(len(list((own / "fd").iterdir()))),
        "threads": float(re.search(r"^Threads:\s+(\d+)", status, re.MULTILINE)[1]),
        "cpu_s": (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"),
    }


def slope(values: list[float], every_s: float) -> float:
    """Least squares: by how much a series grows in an hour."""
    count = len(values)
    middle, mean = (count - 1) / 2, sum(values) / count
    spread = sum((number - middle) ** 2 for number in range(count))
    return sum((number - middle) * (value - mean) for number, value in enumerate(values)) / spread * 3600 / every_s


async def devices(stack: AsyncExitStack, modbus: int, opcua: int) -> tuple[dict[str, str], list[ModbusDevice]]:
    plain, addresses = [], {}
    for number in range(modbus):
        host = f"127.1.{number // 200}.{number % 200 + 1}"
        device = ModbusDevice({1: Unit(objects={0: b"ACME", 1: b"P%d" % number, 2: b"1.0"})}, host=host)
        await device.start()
        stack.push_async_callback(device.stop)
        plain.append(device)
        addresses[f"modbus-{number}"] = f"modbus-tcp://{host}:{device.port}?unit=1"
    for number in range(opcua):
        host = f"127.2.0.{number + 1}"
        build = Build(product_name="S", product_uri="urn:soak", manufacturer_name="ACME", software_version="1.0.0")
        uri = f"urn:soak:{number}:server"
        server = OpcUaDevice(
            Specification(host=host, name="S", uri=uri, build=build, devices={}, security=Security.NONE, pki_dir="")
        )
        await server.start()
        stack.push_async_callback(server.stop)
        addresses[f"opcua-{number}"] = f"opc.tcp://{host}:{server.port}"
    return addresses, plain


def install(folder: Path, addresses: dict[str, str], broker: Mosquitto, speed: int) -> Path:
    plant, gateway = ISSUER.split(":")[-2:]
    file = folder / "plant.toml"
    text = HEAD.format(
        plant=plant, gateway=gateway, port=broker.port, interval=21_600 // speed, backoff=900 // speed, longest=86_400 // speed
    )
    file.write_text(text + "".join(f'[[asset]]\nid = "{name}"\naddress = "{where}"\n' for name, where in addresses.items()))
    state = ("--state", folder / "isms")
    told("isms", "key", "init", *state)
    (folder / "isms.jwk").write_bytes(told("isms", "key", "show", *state, "--json"))
    told("agent", "key", "init", "--config", file)
    (folder / "gateway.jwk").write_bytes(told("agent", "key", "show", "--config", file, "--json"))
    told("isms", "trust", "add", folder / "gateway.jwk", *state, "--issuer", ISSUER)
    return file


async def soak(folder: Path, broker: Mosquitto, options: argparse.Namespace) -> dict[str, object]:
    async with AsyncExitStack() as stack:
        addresses, plain = await devices(stack, options.modbus, options.opcua)
        file = install(folder, addresses, broker, options.speed)
        called = {
            "collect": command("agent", "collect", "--config", file),
            "publish": command("agent", "publish", "--config", file),
            "receive": command("isms", "receive", "--state", folder / "isms", "--broker", broker.url),
        }
        running = {}
        for name, words in called.items():
            with (folder / f"{name}.log").open("ab") as log:
                running[name] = subprocess.Popen(words, stderr=log)
            stack.callback(running[name].wait, 10)
            stack.callback(running[name].terminate)
        series = await observe(running, broker, plain, options.minutes)
        shown = subprocess.run(command("agent", "status", "--config", file, "--json"), check=False, capture_output=True).stdout
        word = json.loads(shown)
        logs = {name: (folder / f"{name}.log").read_text() for name in ROLES}
        return {
            "minutes": options.minutes,
            "assets": len(addresses),
            "modbus_visits": sum(device.connections for device in plain),
            "last": {role: {name: values[-1] for name, values in series[role].items()} for role in ROLES},
            "first": {role: {name: values[0] for name, values in series[role].items()} for role in ROLES},
            "growth_an_hour": {
                role: {name: round(slope(values[len(values) // WARM :], 60), 2) for name, values in series[role].items()}
                for role in ROLES
            },
            "problems": word["problems"],
            "waiting": word["publish"]["work"]["waiting"],
            "chain": word["publish"]["work"]["seq"],
            "receipt_upto": word["publish"]["work"]["receipt_upto"],
            "outcomes": sorted({line["outcome"] for line in word["collect"]["work"]["assets"]}),
            "errors": {name: re.findall(r"^<[0-3]>.*", text, re.MULTILINE)[:5] for name, text in logs.items()},
        }


async def disturb(minute: int, minutes: int, running: dict, broker: Mosquitto, plain: list[ModbusDevice]) -> None:
    """What happens at the beginning of a minute."""
    match minute - minutes // 3, minute - 2 * minutes // 3:
        case 0, _:
            broker.kill()
        case 1, _:
            broker.start()
        case _, 0:
            await asyncio.gather(*(device.stop() for device in plain))
        case _, 1:
            await asyncio.gather(*(device.start() for device in plain))
    if minute % 5 == 4:
        running["collect"].send_signal(SIGHUP)
        running["publish"].send_signal(SIGHUP)
    changed = plain[minute * 7 % len(plain)]
    changed.units[1].objects[2] = b"1.%d" % (minute + 1)


async def observe(running: dict, broker: Mosquitto, plain: list[ModbusDevice], minutes: int) -> dict:
    series: dict = {role: {} for role in ROLES}
    for minute in range(minutes):
        end = time.monotonic() + 60
        await disturb(minute, minutes, running, broker, plain)
        await asyncio.sleep(max(0.0, end - time.monotonic()))
        for role in ROLES:
            for name, value in sample(running[role]).items():
                series[role].setdefault(name, []).append(value)
        told = "  ".join(
            f"{role} {series[role]['private_kib'][-1]:.0f} KiB {series[role]['descriptors'][-1]:.0f} fd" for role in ROLES
        )
        print(f"minute {minute + 1:2}: {told}", flush=True)
    return series


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("minutes", 30), ("modbus", 48), ("opcua", 2), ("speed", 60)):
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, mosquitto(Path(folder) / "broker") as broker:
        print(json.dumps(asyncio.run(soak(Path(folder), broker, options)), indent=2))


if __name__ == "__main__":
    main()
