"""Starts one foreign server and says where it listens.

Decides which program runs for a peer and how it is told what to be. Loopback only: every program binds 127.0.0.1 and chooses a
free port itself.
"""

import json
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.peers.catalogue import Package, Peer
from tests.peers.processes import DiedError, Running, poll, running
from tests.peers.workshop import Workshop

PROGRAMS = {
    Package.MODBUS_SERIAL: "modbus_serial.js",
    Package.JSMODBUS: "jsmodbus.js",
    Package.NODE_OPCUA: "node_opcua.js",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A foreign server that runs.

    Attributes:
        peer: What it is, and what it must be recognised as.
        version: Of its package.
        address: Where it is asked.
        pki: The folder of its certificates; OPC UA only.
    """

    peer: Peer
    version: str
    address: str
    pki: Path


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
        yield Server(peer=peer, version=said["version"], address=address, pki=pki)


@contextmanager
def _started(peer: Peer, workshop: Workshop, folder: Path, pki: Path) -> Iterator[Running]:
    """Start the program of a peer and tell it what to be."""
    if peer.package is Package.LIBMODBUS:
        registers = peer.settings.get("registers", {})
        with running(peer.name, [str(workshop.libmodbus_server)], folder=folder, lifeline=True) as program:
            program.tell("".join(f"{address} {word}\n" for address, word in registers.items()) + "\n")
            yield program
        return
    settings = json.dumps({**peer.settings, "pki": str(pki)})
    command = ["node", PROGRAMS[peer.package], settings]
    with running(peer.name, command, folder=folder, cwd=workshop.node, lifeline=True) as program:
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
