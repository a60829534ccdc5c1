"""One look at a foreign server with the command `probe`, and the walk of trust that an OPC UA server with security needs first.

Decides what an engineer would do at each end: compare and trust a certificate. Never trusts one that does not lie where the
commands said it would.
"""

import shutil
from pathlib import Path

from protocols.contract import Outcome, Security
from tests.peers.commands import gateway, run_json
from tests.peers.processes import poll
from tests.peers.servers import Server
from tests.peers.verdict import Sighting, sighting

SERVER_LEARNS_S = 10.0
"""The server watches its folder of trusted certificates, and may take a moment to see a new file."""


def look(server: Server, pki: Path) -> Sighting:
    """Look at a server once."""
    peer = server.peer
    command = gateway("probe", server.address, "--json")
    if peer.profile:
        command += ["--profile", peer.profile, "--accept-risk"]
    if peer.security is not Security.NONE:
        command += ["--security", peer.security.value, "--pki-dir", str(pki)]
    if peer.deprecated_policies:
        command += ["--deprecated-policies"]
    for key, file in server.user.items():
        command += [f"--{key.replace('_', '-')}", str(file)]
    return sighting(run_json(command, may_fail=True))


def make_friends(server: Server, pki: Path) -> list[str]:
    """Let gateway and server trust each other's certificates, as two engineers would; return what went wrong on the way.

    First we must refuse the server and keep its certificate for a person, then the server must refuse us and keep ours.
    """
    for when, waiting, trusted in (
        ("before we trust it", pki / "pending", pki / "trusted"),
        ("before it trusts us", server.pki / "rejected", server.pki / "trusted" / "certs"),
    ):
        seen = look(server, pki)
        if seen.outcome != Outcome.UNTRUSTED:
            return [f"{when}: {seen.outcome} instead of untrusted: {seen.detail}"]
        if (moved := _move_all(waiting, trusted)) != 1:
            return [f"{when}: {moved} certificates wait in {waiting.name}, and not one"]
    if not poll(lambda: look(server, pki).outcome == Outcome.IDENTIFIED, within_s=SERVER_LEARNS_S):
        return ["after both trust each other it is still not identified"]
    return []


def _move_all(source: Path, target: Path) -> int:
    """Move the certificates that wait in a folder to where they are trusted; return how many there were."""
    target.mkdir(parents=True, exist_ok=True)
    waiting = [file for file in source.glob("*") if file.is_file()]
    for file in waiting:
        shutil.move(file, target / file.name)
    return len(waiting)
