"""A plant and a gateway's machine in namespaces of their own, in which the commands of a page mean what they say.

`10.20.0.7` is a simulated controller, `isms.example` is this machine, `/etc/nameplated` and `/var/lib/nameplated` are there and
are thrown away at the end, and no packet can leave. Decides what stands there. Never touches a file or a network of the machine
that it runs on: it refuses to begin outside of namespaces that `enter` made.

What is not real, because it needs a booted machine, is in `devtools/tools`: there is one user, so `sudo` runs the command as it is;
`systemctl` starts the programs that the units would start, with looks every few seconds instead of every few hours; `journalctl`
shows what they wrote. `tests/systemd` and `make test-install` show the real ones.
"""

import asyncio
import contextlib
import logging
import os
import subprocess
import sys
import tty
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import msgspec

from agent.demo.modbus_device import ModbusDevice, Unit, checksum
from agent.demo.modbus_plant import unit
from agent.demo.opcua_device import OpcUaDevice, Specification
from agent.demo.opcua_plant import specification
from agent.demo.scene import CAST, Part
from devtools.page import ROOT

SPACES = ("unshare", "--user", "--map-root-user", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
SCRATCH = "/mnt"
TOOLS = ROOT / "devtools/tools"
OVERLAID = ("/etc", "/var", "/srv", "/run")
SERIAL = "/dev/serial/by-id/usb-converter-if00-port0"
OF_THE_BROKER = ("/run/mosquitto", "/var/log/mosquitto")
BROKER_HOST, BROKER = "isms.example", "10.30.0.5"

TCP = {
    "press-07-plc": "10.20.0.7",
    "conveyor-3-io": "10.20.0.8",
    "oven-2-plc": "10.20.0.9",
    "pump-1-drive": "10.20.0.10",
    "tank-coupler": "10.20.0.12",
}
SERIAL_SERVER, SERIAL_PORT, METERS = "10.20.0.30", 4001, {3: "meter-1", 4: "meter-2"}
OPC_UA = {"mixer-2": "10.20.0.21", "robot-4": "10.20.0.24"}
HOSTS = (*TCP.values(), SERIAL_SERVER, *OPC_UA.values(), BROKER)
PARTS = {part.asset_id: part for part in CAST}


def available() -> bool:
    """Tell whether this machine lets us make such namespaces."""
    mount = [*SPACES, "mount", "-t", "tmpfs", "tmpfs", SCRATCH]
    try:
        return subprocess.run(mount, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def enter(module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a module of this project in new namespaces, and return what came of it."""
    command = [*SPACES, sys.executable, "-m", module, *arguments]
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "COLUMNS": "100"}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


@asynccontextmanager
async def open_lab(page: str) -> AsyncIterator[Path]:
    """Set the scene for a page, and yield the folder of the engineer who works there.

    Args:
        page: What it says; OPC UA servers that it does not name are not built, which saves seconds.

    Raises:
        RuntimeError: This is not a namespace that `enter` made.
    """
    if os.getpid() != 1:  # the first process of a namespace of processes, as `enter` makes it
        raise RuntimeError("the lab opens only in namespaces of its own")
    logging.getLogger("asyncua").setLevel(logging.CRITICAL)  # its servers tell at length what they do without
    home = _furnish()
    async with AsyncExitStack() as stack:
        for device in _modbus_devices():
            await stack.enter_async_context(device)
        for name, host in ((name, host) for name, host in OPC_UA.items() if host in page):
            device = OpcUaDevice(_server(PARTS[name], host))
            await device.start()
            stack.push_async_callback(device.stop)
        yield home


def _furnish() -> Path:
    """Lay throw-away copies over the folders of the machine, raise the addresses, and put the tools in their place."""
    _run("mount", "-t", "tmpfs", "tmpfs", SCRATCH)
    for folder in OVERLAID:
        upper, work = Path(SCRATCH, "upper" + folder), Path(SCRATCH, "work" + folder)
        upper.mkdir(parents=True)
        work.mkdir(parents=True)
        _run("mount", "-t", "overlay", "overlay", "-o", f"lowerdir={folder},upperdir={upper},workdir={work}", folder)
    _run("ip", "link", "set", "lo", "up")
    for host in HOSTS:
        _run("ip", "address", "add", f"{host}/32", "dev", "lo")
    Path("/etc/hosts").write_text(f"127.0.0.1 localhost\n{BROKER} {BROKER_HOST}\n", "utf-8")
    home = Path("/srv/trial")
    for folder in (home, Path("/etc/nameplated"), Path("/etc/mosquitto/conf.d"), Path("/var/log/lab"), *map(Path, OF_THE_BROKER)):
        folder.mkdir(parents=True, exist_ok=True)
    (home / "nameplated").symlink_to(ROOT)
    os.environ["PATH"] = f"{TOOLS}:{Path(sys.executable).parent}:{os.environ['PATH']}:/usr/sbin"
    os.environ["HOME"] = str(home)
    return home


def _run(*command: str) -> None:
    subprocess.run(command, check=True)


def _modbus_devices() -> list[ModbusDevice]:
    tcp = [ModbusDevice({PARTS[name].unit: unit(PARTS[name])}, host=host, port=502) for name, host in TCP.items()]
    return [*tcp, ModbusDevice(_meters(), rtu=True, host=SERIAL_SERVER, port=SERIAL_PORT)]


def _meters() -> dict[int, Unit]:
    return {number: unit(PARTS[name]) for number, name in METERS.items()}


def _server(part: Part, host: str) -> Specification:
    pki = Path(SCRATCH, "servers", part.asset_id)
    pki.mkdir(parents=True)
    return msgspec.structs.replace(specification(part, host, pki), port=4840)


@contextlib.contextmanager
def serial_line() -> Iterator[str]:
    """Stand meters on a serial line; yield the path of its port."""
    ours, theirs = os.openpty()
    tty.setraw(ours)
    tty.setraw(theirs)
    meters = _meters()

    def answer() -> None:
        frame = os.read(ours, 256)
        asked = meters.get(frame[0]) if len(frame) > 3 else None
        if asked is not None:
            reply = frame[:1] + asked.answer(frame[1:-2])
            os.write(ours, reply + checksum(reply))

    loop = asyncio.get_running_loop()
    loop.add_reader(ours, answer)
    try:
        yield os.ttyname(theirs)
    finally:
        loop.remove_reader(ours)
        os.close(ours)
        os.close(theirs)
