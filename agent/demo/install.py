"""What an engineer does once, done for the demo: keys on both sides, the plant file, and trust by comparison.

Decides where the demo's files lie. Uses nothing but the two command lines, as a person would, and never moves a private key.
"""

import asyncio
import hashlib
import sys
from dataclasses import dataclass
from pathlib import Path

from agent.demo.processes import tool
from agent.demo.scene import GATEWAY, PLANT

ISSUER = f"urn:nameplated:{PLANT}:{GATEWAY}"


@dataclass(frozen=True, slots=True)
class Files:
    """Where the demo's files lie.

    Attributes:
        root: Folder of this demo.
    """

    root: Path

    @property
    def plant(self) -> Path:
        """The plant file."""
        return self.root / "plant.toml"

    @property
    def receiver_key(self) -> Path:
        """The receiver's public key, where the gateway finds it."""
        return self.root / "isms.jwk"

    @property
    def gateway(self) -> Path:
        """The gateway's state directory."""
        return self.root / "gateway"

    @property
    def receiver(self) -> Path:
        """The receiver's state directory."""
        return self.root / "isms"

    @property
    def broker(self) -> Path:
        """What the broker keeps."""
        return self.root / "broker"

    @property
    def devices(self) -> Path:
        """What simulated devices keep: the certificates of OPC UA servers."""
        return self.root / "devices"

    def log(self, name: str) -> Path:
        """Return the log of one process."""
        return self.root / "logs" / f"{name}.log"

    def make(self) -> None:
        """Make the folders; the gateway and the receiver make their own."""
        for folder in (self.root / "logs", self.broker, self.devices):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def gateway_command(*arguments: str) -> tuple[str, ...]:
    """Return a command of the gateway's program."""
    return sys.executable, "-I", "-m", "agent", *arguments


def receiver_command(*arguments: str) -> tuple[str, ...]:
    """Return a command of the receiving program."""
    return sys.executable, "-I", "-m", "isms", *arguments


async def install(files: Files, plant: str, *, issuer: str = ISSUER) -> None:
    """Make keys on both sides, write the plant file, and tell each side the other's public key.

    Args:
        files: Where everything lies.
        plant: The plant file's text. It names `files.receiver_key` as the receiver's key.
        issuer: The gateway that it speaks of.

    Raises:
        ChildError: A command failed.
    """
    gateway_key = files.root / "gateway.jwk"
    files.plant.write_text(plant, encoding="utf-8")
    config, state = ("--config", str(files.plant)), ("--state", str(files.receiver))
    await asyncio.gather(tool(*gateway_command("key", "init", *config)), tool(*receiver_command("key", "init", *state)))
    ours, theirs = await asyncio.gather(
        tool(*gateway_command("key", "show", *config, "--json")), tool(*receiver_command("key", "show", *state, "--json"))
    )
    gateway_key.write_bytes(ours)
    files.receiver_key.write_bytes(theirs)
    await tool(*receiver_command("trust", "add", str(gateway_key), *state, "--issuer", issuer))


def trust_server(pki: Path, thumbprint: str) -> bool:
    """Trust the OPC UA server whose certificate has this thumbprint, if it waits for that; return whether it did.

    The thumbprint must have come by another way than the network: here from the server's own standard output, in a plant from its
    front panel or its engineering tool. A certificate with another thumbprint stays where it is.

    Args:
        pki: The gateway's folder with `pending` and `trusted`.
        thumbprint: SHA-256 of the certificate, in hexadecimal.
    """
    for waiting in sorted((pki / "pending").glob("*.der")):
        if hashlib.sha256(waiting.read_bytes()).hexdigest() == thumbprint.lower():
            (pki / "trusted").mkdir(mode=0o700, exist_ok=True)
            waiting.rename(pki / "trusted" / waiting.name)
            return True
    return False
