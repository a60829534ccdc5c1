"""The end of the demo: everything comes to rest in an order that loses nothing, and the figures are taken.

Decides when collect may be stopped (between two visits, so that its ledger is complete) and when publish may (when nothing waits
for a receipt). Never corrects a figure.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable

import psutil

from agent.demo import books
from agent.demo.broker import BrokerKind
from agent.demo.scene import CAST
from agent.demo.script import Act, Cue, expected_changes
from agent.demo.stage import Stage
from agent.demo.summary import Account, Figures
from agent.demo.table import Row
from buffer.errors import SpoolError

NOTICE_S = 25.0
"""How long after the play the gateway may take to notice all of it: the longest back-off twice, and room."""

BETWEEN_VISITS_S = 15.0
QUIET_S = 0.15
"""A pause between visits, long enough that the last one is written down."""

FOLD_S = 10.0
RECEIPTS_S = 90.0
"""How long the last receipts may take. What a broker has lost is sent again after a minute."""

STILL_S = 1.5
GOODBYE_S = 5.0


async def fall(stage: Stage, cues: tuple[Cue, ...], *, broker: BrokerKind, seconds: float) -> Figures:
    """Bring everything to rest and take the figures."""
    stage.watch.say("the play is over; the gateway has yet to notice the end of it")
    await until(lambda: noticed(stage.watch.rows, cues), timeout_s=NOTICE_S)
    stage.watch.say("collect is stopped between two visits")
    is_idle = await until(lambda: _idle(stage), timeout_s=BETWEEN_VISITS_S, lasting_s=QUIET_S)
    asked = _counted(stage)
    await stage.crew["collect"].stop(GOODBYE_S)
    cut = 0 if is_idle and _counted(stage) == asked else 1  # on a busy machine a visit may begin before collect hears of its end
    stage.watch.say("publish delivers the rest and waits for receipts")
    await _last_receipts(stage)
    return await _figures(stage, cues, broker=broker, seconds=seconds, cuts=stage.crew["collect"].deaths + cut)


async def _figures(stage: Stage, cues: tuple[Cue, ...], *, broker: BrokerKind, seconds: float, cuts: int) -> Figures:
    """Take every figure from the one who knows it; `cuts` is how many visits collect could not finish."""
    receiver, gateway = await books.receiver_books(stage.files), books.gateway_books(stage.plant)
    counted = _counted(stage)
    claimed = {name: state.ledger.requests for name, state in gateway.states.items()}
    return Figures(
        seconds=seconds,
        broker=broker,
        recorded=gateway.recorded,
        folded=gateway.folded,
        signed=gateway.signed,
        waiting=gateway.waiting,
        delivered=receiver.delivered,
        verified=receiver.verified,
        damage=receiver.damage,
        changes=receiver.changes,
        expected=expected_changes(cues),
        outcomes={name: state.observation.outcome for name, state in gateway.states.items()},
        intended={part.asset_id: part.outcome for part in CAST},
        accounts=tuple(
            Account(
                asset_id=part.asset_id,
                counted=counted[part.asset_id],
                claimed=claimed.get(part.asset_id, {}),
                owed=part.max_requests * cuts,
            )
            for part in CAST
        ),
        restarts={child.name: child.deaths for child in stage.crew.values()},
    )


def noticed(rows: tuple[Row, ...], cues: tuple[Cue, ...]) -> bool:
    """Tell whether the gateway knows the plant as the script left it."""
    firmware = {cue.asset_id: cue.after for cue in cues if cue.act is Act.UPDATE}
    intended = {part.asset_id: part.outcome for part in CAST}
    return all(row.state == intended[row.asset_id] and row.firmware == firmware.get(row.asset_id, row.firmware) for row in rows)


def _counted(stage: Stage) -> dict[str, Counter[str]]:
    """Return what each device was asked so far, by its own count."""
    return stage.modbus.counted() | stage.opcua.counted()


def _idle(stage: Stage) -> bool:
    """Tell whether no visit is under way: no open Modbus connection, and no child process that visits an OPC UA server."""
    pid = stage.crew["collect"].pid
    try:
        return pid is not None and stage.modbus.idle and not psutil.Process(pid).children()
    except psutil.NoSuchProcess:
        return False


async def _last_receipts(stage: Stage) -> None:
    """Let publish work until nothing is left to fold and nothing waits for a receipt, then stop it.

    Only publish may open the outbox, so it is stopped to look, and started again if there is more to do.
    """
    deadline = time.monotonic() + RECEIPTS_S
    await until(lambda: _folded(stage), timeout_s=FOLD_S)
    while True:
        await _until_receiver_is_content(stage, deadline)
        await stage.crew["publish"].stop(GOODBYE_S)
        if books.waiting(stage.plant) == 0 or time.monotonic() > deadline:
            return
        stage.crew["publish"].start()
        await asyncio.sleep(STILL_S)


def _folded(stage: Stage) -> bool:
    try:
        recorded, folded = books.progress(stage.plant)
    except SpoolError:
        return False  # somebody holds the journal at this moment
    return recorded == folded


async def _until_receiver_is_content(stage: Stage, deadline: float) -> None:
    """Wait until the receiver holds a report for each record of the journal, and nothing new arrives."""
    recorded = books.recorded(stage.plant)
    before = 0
    while time.monotonic() < deadline:
        gateway = await books.ask_gateway(stage.files)
        held = gateway["records"] if gateway else 0
        if held == before and held > recorded:  # one more than the journal has: the record that begins the chain
            return
        before = held
        await asyncio.sleep(STILL_S)


async def until(condition: Callable[[], bool], *, timeout_s: float, lasting_s: float = 0.0) -> bool:
    """Wait until something holds, for a while if need be; return whether it did in time."""
    deadline, since = time.monotonic() + timeout_s, None
    while time.monotonic() < deadline:
        if not condition():
            since = None
        elif since is None:
            since = time.monotonic()
        if since is not None and time.monotonic() - since >= lasting_s:
            return True
        await asyncio.sleep(0.02 if lasting_s else 0.2)
    return False
