"""Runs inside a root that has the package, with its interpreter: both roles in one process against a device of this program's own.

Decides nothing: ends with 0 if the device was identified and its firmware is in the inventory. What is missing to a demo is a broker alone,
which is not part of the base package; reports wait in the outbox here. Needs the loopback network and nothing else.

    /opt/nameplated/venv/bin/python -I test-line.py FOLDER SECONDS
"""

import asyncio
import subprocess
import sys
from pathlib import Path

from agent.demo.modbus_device import ModbusDevice, Unit

PLANT = """\
[plant]
id = "werk-test"
[gateway]
id = "gw-line"
state_dir = "state"
[broker]
url = "mqtt://127.0.0.1:1"
[collect]
identity_interval_s = 2
[[asset]]
id = "press-07"
address = "modbus-tcp://127.0.0.1:{port}?unit=1"
"""
FIRMWARE = "2.17.4"


async def main(folder: Path, seconds: float) -> int:
    """Let the roles work for a while, then read their inventory."""
    file = folder / "plant.toml"
    async with ModbusDevice({1: Unit(objects={0: b"ACME", 1: b"P7", 2: FIRMWARE.encode()})}) as device:
        file.write_text(PLANT.format(port=device.port))
        await command("key", "init", "--config", file)
        await command("run", "--config", file, seconds=seconds)
    shown = await command("assets", "--json", "--config", file)
    sys.stdout.write(shown)
    return 0 if FIRMWARE in shown else 1


async def command(*words: str | Path, seconds: float = 600) -> str:
    """Run a command of the gateway; end it as systemd would after some seconds."""
    process = await asyncio.create_subprocess_exec(sys.executable, "-I", "-m", "agent", *words, stdout=subprocess.PIPE)
    try:
        out, _ = await asyncio.wait_for(asyncio.shield(reading := asyncio.ensure_future(process.communicate())), seconds)
    except TimeoutError:
        process.terminate()
        out, _ = await reading
    if process.returncode:
        sys.exit(f"{words[0]} ended with {process.returncode}")
    return out.decode()


if __name__ == "__main__":
    Path(sys.argv[1]).mkdir()
    sys.exit(asyncio.run(main(Path(sys.argv[1]), float(sys.argv[2]))))
