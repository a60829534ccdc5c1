"""The whole line against the foreign servers: plant file, both roles, a broker, the receiver, each its own process.

Decides what "settled" means: the receiver holds a report of every asset, the gateway waits for no receipt, and the receiver's own
verification of all that it stored finds nothing to complain about.
"""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.demo.broker import broker_command, choose, find_mosquitto, has_embedded
from agent.demo.processes import free_port
from buffer.outbox import Outbox
from protocols.contract import Security
from tests.peers.commands import CommandError, gateway, receiver, run, run_json
from tests.peers.processes import Running, poll, running
from tests.peers.servers import Server
from tests.peers.verdict import Sighting, sighting

PLANT, GATEWAY = "peers", "gw-1"
ALL_SEEN_S = 120.0
"""All servers but the serial one share a host, so they are visited one after the other: half a second to three seconds each, and
again every five until the last of them had its turn."""

SETTLED_S = 20.0
QUIET_S = 2.5
"""Publish folds once a second and the receiver commits five times a second: when nothing comes for longer, all receipts are out."""

OUTBOX_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Site:
    """The files of one run."""

    folder: Path

    @property
    def plant_file(self) -> Path:
        """The gateway's plant file."""
        return self.folder / "plant.toml"

    @property
    def state(self) -> Path:
        """The gateway's state."""
        return self.folder / "gateway"

    @property
    def pki(self) -> Path:
        """Where collect keeps OPC UA certificates."""
        return self.state / "collect" / "opcua"

    @property
    def isms(self) -> Path:
        """The receiver's state."""
        return self.folder / "isms"


def run_line(site: Site, servers: Sequence[Server]) -> tuple[dict[str, Sighting], list[str]]:
    """Run the line until it has settled, and end it.

    Returns:
        What the receiver holds of each asset, by name, and what is wrong with the line as a whole.

    Raises:
        DiedError: A process ended in the midst of the run.
        CommandError: A command failed.
    """
    port = free_port()
    site.plant_file.write_text(_plant(site, servers, port), encoding="utf-8")
    _exchange_keys(site)
    names = {server.peer.name for server in servers}
    with _processes(site, port) as processes:
        complete = poll(lambda: _alive(processes) and names <= _assets(site).keys(), within_s=ALL_SEEN_S, every_s=1)
        processes.pop("collect").end()
        poll(lambda: _alive(processes) and _quiet(site), within_s=SETTLED_S)
    wrong = [] if complete else ["the receiver does not hold a report of every asset"]
    return _assets(site), [*wrong, *_unsettled(site), *_disputed(site)]


def _plant(site: Site, servers: Sequence[Server], port: int) -> str:
    """Write the plant file: every server is an asset, and the pace is that of a run and not of a plant."""
    lines = [
        f'[plant]\nid = "{PLANT}"\n[gateway]\nid = "{GATEWAY}"\nstate_dir = "{site.state}"',
        f'[broker]\nurl = "mqtt://127.0.0.1:{port}"\n[receiver]\nkey_file = "{site.isms / "isms.jwk"}"',
        "[collect]\nidentity_interval_s = 5\nresponse_timeout_s = 2\nbackoff_first_s = 5\nbackoff_longest_s = 5",
    ]
    for server in servers:
        peer = server.peer
        lines.append(f'[[asset]]\nid = "{peer.name}"\naddress = "{server.address}"')
        lines += [f'profile = "{peer.profile}"', "accept_risk = true"] if peer.profile else []
        lines += [f'security = "{peer.security}"'] if peer.security is not Security.NONE else []
        lines += ["deprecated_policies = true"] if peer.deprecated_policies else []
        lines += [f'{key} = "{file}"' for key, file in server.user.items()]
    return "\n".join(lines) + "\n"


def _exchange_keys(site: Site) -> None:
    """Make both keys and let each end know the other's, as two people would."""
    run(receiver("key", "init", "--state", str(site.isms)))
    run(gateway("key", "init", "--config", str(site.plant_file)))
    public = run_json(gateway("key", "show", "--config", str(site.plant_file), "--json"))
    file = site.folder / "gateway.jwk"
    file.write_text(json.dumps(public), encoding="utf-8")
    issuer = f"urn:nameplated:{PLANT}:{GATEWAY}"
    run(receiver("trust", "add", str(file), "--state", str(site.isms), "--issuer", issuer))


@contextmanager
def _processes(site: Site, port: int) -> Iterator[dict[str, Running]]:
    """Run broker, receiver and both roles for as long as the block lasts."""
    mosquitto = find_mosquitto()
    kind = choose("auto", mosquitto=mosquitto, embedded=has_embedded())
    broker = broker_command(kind, port=port, folder=site.folder / "broker", mosquitto=mosquitto)
    commands = {
        "broker": broker,
        "receive": receiver("receive", "--state", str(site.isms), "--broker", f"mqtt://127.0.0.1:{port}"),
        "publish": gateway("publish", "--config", str(site.plant_file)),
        "collect": gateway("collect", "--config", str(site.plant_file)),
    }
    with ExitStack() as stack:
        yield {name: stack.enter_context(running(name, command, folder=site.folder)) for name, command in commands.items()}


def _alive(processes: Mapping[str, Running]) -> bool:
    """Return True, or raise DiedError for the first process that has ended."""
    for process in processes.values():
        process.check()
    return True


def _assets(site: Site) -> dict[str, Sighting]:
    """Return what the receiver holds of each asset."""
    held = run_json(receiver("assets", "--state", str(site.isms), "--json"))["assets"]
    return {asset["asset_id"]: sighting(asset) for asset in held}


def _quiet(site: Site) -> bool:
    """Whether nothing more arrives at the receiver."""
    before = _gateways(site)
    time.sleep(QUIET_S)
    return _gateways(site) == before


def _gateways(site: Site) -> dict[str, Any]:
    """Return what the receiver holds of each gateway, and what it refused to believe."""
    books: dict[str, Any] = run_json(receiver("gateways", "--state", str(site.isms), "--json"))
    return books


def _unsettled(site: Site) -> list[str]:
    """Say how many reports wait for a receipt; publish has ended, so its outbox may be opened."""
    with Outbox.open(site.state / "publish" / "outbox.db", max_bytes=OUTBOX_BYTES) as outbox:
        waiting = outbox.depth().count
    return [f"{waiting} reports wait for a receipt"] if waiting else []


def _disputed(site: Site) -> list[str]:
    """Say what the receiver did not believe, when it came and when all of it is verified once more."""
    wrong = [f"the receiver refused {count} messages: {reason}" for reason, count in _gateways(site)["refused"].items()]
    try:
        run(receiver("verify", str(site.isms / "isms.db"), "--state", str(site.isms)))
    except CommandError as error:
        wrong.append(str(error))
    return wrong
