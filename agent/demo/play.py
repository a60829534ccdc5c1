"""The play: brings the plant to life, runs the gateway and the receiver beside it, and performs the script.

Decides the order of things and nothing else: what happens is `script`'s, how it ends is `curtain`'s. Never helps a process that
died but by starting it again.
"""

import asyncio
import time
from collections.abc import Callable
from typing import assert_never

from agent.demo import curtain
from agent.demo.broker import BrokerKind
from agent.demo.install import Files, install, trust_server
from agent.demo.modbus_plant import ModbusPlant
from agent.demo.opcua_plant import OpcUaPlant
from agent.demo.processes import free_port, loopback_hosts
from agent.demo.scene import CAST, plant_file
from agent.demo.script import Act, Cue, script
from agent.demo.stage import Stage, hire, start
from agent.demo.summary import Figures
from agent.demo.table import Screen
from agent.demo.watch import Watch
from agent.wiring import Places
from config.load import load

ENGINEER_LOOKS_EVERY_S = 0.5


async def perform(files: Files, kind: BrokerKind, *, seconds: float, screen: Screen) -> Figures:
    """Perform the demo from the first key to the last figure.

    Raises:
        ChildError: A process cannot be kept alive, or a command failed.
    """
    files.make()
    hosts = loopback_hosts(part.host for part in CAST)
    async with ModbusPlant(CAST, hosts) as modbus, OpcUaPlant(CAST, hosts, files.devices) as opcua:
        port, addresses = free_port(), modbus.addresses() | opcua.addresses()
        text = plant_file(addresses, state_dir=str(files.gateway), broker_port=port, receiver_key=str(files.receiver_key))
        await install(files, text)
        plant, processes = load(files.plant), hire(files, kind, port)
        async with asyncio.TaskGroup() as group:
            keepers = [group.create_task(child.supervise()) for child in processes.values()]
            await start(processes, port)
            clock = _stopwatch()
            watch = Watch(plant, files, processes, screen, seconds=seconds, clock=clock)
            stage = Stage(files=files, plant=plant, modbus=modbus, opcua=opcua, crew=processes, watch=watch)
            figures = await _play(stage, kind, seconds=seconds, clock=clock)
            for keeper in keepers:
                keeper.cancel()
    return figures


async def _play(stage: Stage, kind: BrokerKind, *, seconds: float, clock: Callable[[], float]) -> Figures:
    """Perform the script while somebody watches, then bring down the curtain."""
    cues = script(seconds)
    async with asyncio.TaskGroup() as group:
        others = [group.create_task(stage.watch.run()), group.create_task(_engineer(stage))]
        for cue in cues:
            await asyncio.sleep(max(0.0, cue.at_s - clock()))
            stage.watch.say(cue.headline)
            await _do(stage, cue)
        await asyncio.sleep(max(0.0, seconds - clock()))
        figures = await curtain.fall(stage, cues, broker=kind, seconds=seconds)
        for other in others:
            other.cancel()
    return figures


async def _do(stage: Stage, cue: Cue) -> None:
    """Do to the plant what a cue says."""
    match cue.act:
        case Act.OPEN:
            pass
        case Act.UPDATE:
            stage.modbus.update(cue.asset_id, cue.after)
        case Act.LEAVE:
            await stage.modbus.leave(cue.asset_id)
        case Act.RETURN:
            await stage.modbus.come_back(cue.asset_id)
        case Act.KILL_BROKER:
            await stage.crew["broker"].kill()
        case Act.START_BROKER:
            stage.crew["broker"].start()
        case never:
            assert_never(never)


async def _engineer(stage: Stage) -> None:
    """Do what the OT engineer does by hand: compare a waiting server certificate with the server's own word, and trust it."""
    waiting = stage.opcua.thumbprints()
    while waiting:
        for asset_id, thumbprint in list(waiting.items()):
            if stage.watch.state(asset_id) == "untrusted" and trust_server(Places(stage.plant).pki, thumbprint):
                del waiting[asset_id]
                stage.watch.say(f"the engineer compares {asset_id}'s thumbprint, {thumbprint[:8]}…, and trusts it")
        await asyncio.sleep(ENGINEER_LOOKS_EVERY_S)


def _stopwatch() -> Callable[[], float]:
    """Return a clock that shows seconds from now on."""
    began = time.monotonic()
    return lambda: time.monotonic() - began
