"""A rehearsal: somebody's own plant file, the whole line, and stand-ins for its devices.

Decides when it is over: every asset of the plant file is in the receiver's inventory, or the time has run out. Never connects to
an address of the plant, and counts an asset only when the receiver says that it is there.
"""

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from agent.demo.broker import BrokerKind
from agent.demo.install import Files, install, receiver_command
from agent.demo.modbus_plant import ModbusPlant
from agent.demo.opcua_plant import OpcUaPlant
from agent.demo.processes import ChildError, free_port, loopback_hosts, tool
from agent.demo.stage import hire, start
from agent.demo.standins import MAKER, MOST_HOSTS, rehearsal, stand_ins
from config.model import Plant
from config.render import render
from evidence.topics import issuer

ASK_EVERY_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsed:
    """How a rehearsal ended.

    Attributes:
        wanted: Ids of the plant file, in its order.
        held: What the receiver says of those that it holds, by id, each with the nameplate of its stand-in.
        seconds: How long it took.
    """

    wanted: tuple[str, ...]
    held: Mapping[str, dict[str, Any]]
    seconds: float

    @property
    def missing(self) -> tuple[str, ...]:
        """Assets that did not arrive."""
        return tuple(name for name in self.wanted if name not in self.held)


async def rehearse(files: Files, kind: BrokerKind, plant: Plant, *, seconds: float, say: Callable[[str], None]) -> Rehearsed:
    """Run the line for a plant until its inventory is complete.

    Args:
        files: Where everything lies.
        kind: Which broker.
        plant: The plant file.
        seconds: The longest that it may take.
        say: Told of progress, a sentence at a time.

    Raises:
        ChildError: It has too many hosts, a process cannot be kept alive, or a command failed.
    """
    parts = stand_ins(plant)
    hosts = loopback_hosts({part.host for part in parts})
    if len(hosts) > MOST_HOSTS:
        raise ChildError(f"{len(hosts)} hosts are more than a rehearsal has room for ({MOST_HOSTS}): try one hall at a time")
    files.make()
    async with ModbusPlant(parts, hosts) as modbus, OpcUaPlant(parts, hosts, files.devices) as opcua:
        port, addresses = free_port(), modbus.addresses() | opcua.addresses()
        pointed = rehearsal(plant, addresses, state_dir=files.gateway, broker_port=port, receiver_key=files.receiver_key)
        await install(files, render(pointed), issuer=issuer(plant.plant.id, plant.gateway.id))
        crew = hire(files, kind, port)
        async with asyncio.TaskGroup() as group:
            keepers = [group.create_task(child.supervise()) for child in crew.values()]
            await start(crew, port)
            ended = await _until_complete(files, plant, seconds=seconds, say=say)
            for keeper in keepers:
                keeper.cancel()
    return ended


async def _until_complete(files: Files, plant: Plant, *, seconds: float, say: Callable[[str], None]) -> Rehearsed:
    began, told = time.monotonic(), -1
    wanted = tuple(asset.id for asset in plant.asset)
    while True:
        held = {asset["asset_id"]: asset for asset in await _inventory(files) if _is_a_stand_in(asset)}
        passed = time.monotonic() - began
        if len(held) > told:
            told = len(held)
            say(f"{passed:5.0f} s  {told} of {len(wanted)} assets are in the receiver's inventory")
        if held.keys() >= set(wanted) or passed > seconds:
            return Rehearsed(wanted=wanted, held=held, seconds=passed)
        await asyncio.sleep(ASK_EVERY_S)


async def _inventory(files: Files) -> list[dict[str, Any]]:
    """Ask the receiver what it holds; nothing while it cannot say."""
    try:
        printed = await tool(*receiver_command("assets", "--state", str(files.receiver), "--json"))
    except ChildError:
        return []
    found: list[dict[str, Any]] = json.loads(printed)["assets"]
    return found


def _is_a_stand_in(asset: dict[str, Any]) -> bool:
    told = asset["nameplate"].get("manufacturer_name")
    return told is not None and told["value"] == MAKER
