"""Starts one foreign server and says where it listens.

Decides which program runs for a peer and how it is told what to be. Loopback only: every program binds 127.0.0.1 and chooses a
free port itself.
"""

import json
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.peers.catalogue import Package, Peer
from tests.peers.processes import DiedError, Running, poll, running
from tests.peers.users import Users
from tests.peers.workshop import Workshop

ROOT = Path(__file__).parents[2]
PROGRAMS = {
    Package.MODBUS_SERIAL: "modbus_serial.js",
    Package.JSMODBUS: "jsmodbus.js",
    Package.NODE_OPCUA: "node_opcua.js",
    Package.ASYNCUA: "tests.peers.asyncua_server",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A foreign server that runs.

    Attributes:
        peer: What it is, and what it must be recognised as.
        version: Of its package.
        address: Where it is asked.
        pki: The folder of its certificates; OPC UA only.
        user: Who logs in: keys of a plant file, and the files that they point to.
    """

    peer: Peer
    version: str
    address: str
    pki: Path
    user: Mapping[str, Path] = field(default_factory=dict)


def why_not(peer: Peer, workshop: Workshop) -> str:
    """Say why a peer cannot run on this machine; empty if it can."""
    if peer.package in workshop.missing:
        return workshop.missing[peer.package]
    if peer.serial and not shutil.which("socat"):
        return "socat is not installed: apt install socat"
    return ""


@contextmanager
def serving(peer: Peer, workshop: Workshop, folder: Path) -> Iterator[Server]:
    """Run a peer for as long as the block lasts.

    Raises:
        DiedError: It did not start.
    """
    pki = folder / f"{peer.name}.pki"
    with ExitStack() as stack:
        program = stack.enter_context(_started(peer, workshop, folder, pki))
        said = program.ready()
        line = str(stack.enter_context(_serial_line(peer, said["port"], folder))) if peer.serial else ""
        address = peer.address.format(port=said["port"], line=line)
        yield Server(peer=peer, version=said["version"], address=address, pki=pki, user=Users(folder).files[peer.user])


@contextmanager
def _started(peer: Peer, workshop: Workshop, folder: Path, pki: Path) -> Iterator[Running]:
    """Start the program of a peer and tell it what to be."""
    if peer.package is Package.LIBMODBUS:
        registers = peer.settings.get("registers", {})
        with running(peer.name, [str(workshop.libmodbus_server)], folder=folder, lifeline=True) as program:
            program.tell("".join(f"{address} {word}\n" for address, word in registers.items()) + "\n")
            yield program
        return
    settings = json.dumps({**peer.settings, "pki": str(pki), "nodeset": str(workshop.di_nodeset)})
    interpreter = [sys.executable, "-m"] if peer.package is Package.ASYNCUA else ["node"]
    command = [*interpreter, PROGRAMS[peer.package], settings]
    cwd = ROOT if peer.package is Package.ASYNCUA else workshop.node
    with running(peer.name, command, folder=folder, cwd=cwd, lifeline=True) as program:
        yield program


@contextmanager
def _serial_line(peer: Peer, port: int, folder: Path) -> Iterator[Path]:
    """Lead a pseudo-terminal to a server's TCP port: what a serial device server does, the other way round."""
    line = folder / f"{peer.name}.tty"
    command = ["socat", f"pty,raw,echo=0,link={line}", f"tcp:127.0.0.1:{port}"]
    with running(f"{peer.name}-line", command, folder=folder) as socat:
        if not poll(line.exists, within_s=3):
            raise DiedError(f"no pseudo-terminal:\n{socat.last_words()}")
        yield line
