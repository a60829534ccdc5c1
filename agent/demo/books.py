"""The figures of a demo, each taken from the one who knows it.

Decides where a figure comes from. Reads the gateway's own files once both roles have ended, and asks the receiver through its
command line, as anybody could. Never adds a figure up to what it should be.
"""

import asyncio
import json
from collections import Counter
from dataclasses import dataclass
from typing import Any

import msgspec

from agent.core.asset import AssetState
from agent.demo.install import ISSUER, Files, receiver_command
from agent.demo.processes import ChildError, tool
from agent.demo.script import Expected
from agent.publish.fold import Chain
from agent.wiring import Places, asset_states
from buffer.journal import Journal
from buffer.outbox import Outbox
from buffer.view import JournalView
from buffer.watermark import read_watermark
from config.model import Plant

NOT_GOOD = 1
"""How `nameplated-isms verify` ends when it has found something."""

MOST_RECORDS = 100_000
MOST_BYTES = 1 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayBooks:
    """What the gateway's files say.

    Attributes:
        recorded: Last sequence in the journal.
        folded: Last sequence that became signed reports.
        signed: Reports in the evidence chain.
        waiting: Reports in the outbox without a receipt.
        states: What collect knows of each asset.
    """

    recorded: int
    folded: int
    signed: int
    waiting: int
    states: dict[str, AssetState]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiverBooks:
    """What the receiver says.

    Attributes:
        delivered: Reports of the evidence stream that it holds and accepted.
        verified: The same after an offline verification; 0 if that found anything wrong.
        damage: What it complains about, in sentences.
        changes: Every change it holds, with how often.
    """

    delivered: int
    verified: int
    damage: tuple[str, ...]
    changes: Counter[Expected]


def progress(plant: Plant) -> tuple[int, int]:
    """Return the last sequence of the journal and the last one that became reports, while both roles are at work.

    Raises:
        SpoolError: The journal is not there yet, or is being written.
    """
    places = Places(plant)
    with JournalView.open(places.journal) as journal:
        folded = _folded(places, journal.id)
        rest = journal.read(folded, max_records=MOST_RECORDS, max_bytes=MOST_BYTES)
    return (rest[-1].seq if rest else folded), folded


def recorded(plant: Plant) -> int:
    """Return the last sequence of the journal. Only once collect has ended: we take its place."""
    with Journal.open(Places(plant).journal, max_bytes=plant.spool.journal_max_bytes) as journal:
        return journal.last_seq


def waiting(plant: Plant) -> int:
    """Return how many reports wait for a receipt. Only while publish does not run: the outbox is its alone."""
    with Outbox.open(Places(plant).outbox, max_bytes=plant.spool.outbox_max_bytes) as outbox:
        return outbox.depth().count


def gateway_books(plant: Plant) -> GatewayBooks:
    """Read the gateway's files. Only once both roles have ended."""
    places = Places(plant)
    with Journal.open(places.journal, max_bytes=plant.spool.journal_max_bytes) as journal:
        last, folded = journal.last_seq, _folded(places, journal.id)
    with Outbox.open(places.outbox, max_bytes=plant.spool.outbox_max_bytes) as outbox:
        chain = msgspec.json.decode(outbox.notes()["chain"], type=Chain)
        depth = outbox.depth()
    return GatewayBooks(recorded=last, folded=folded, signed=chain.seq + 1, waiting=depth.count, states=asset_states(plant))


def _folded(places: Places, journal_id: str) -> int:
    """Return how far publish says it has come; nowhere in a journal that it does not speak of."""
    mark = read_watermark(places.watermark)
    return mark.seq if mark and mark.journal_id == journal_id else 0


async def ask_gateway(files: Files) -> dict[str, Any] | None:
    """Ask the receiver what it holds of the demo's gateway; None while it cannot say, or has heard nothing."""
    try:
        printed = await tool(*receiver_command("gateways", "--state", str(files.receiver), "--json"))
    except ChildError:
        return None
    return next((gateway for gateway in json.loads(printed)["gateways"] if gateway["iss"] == ISSUER), None)


async def receiver_books(files: Files) -> ReceiverBooks:
    """Ask the receiver what it holds, and let an auditor verify its books offline.

    Raises:
        ChildError: A command of the receiver failed.
    """
    gateway = await ask_gateway(files)
    if gateway is None:
        return ReceiverBooks(delivered=0, verified=0, damage=("the receiver has never heard of the gateway",), changes=Counter())
    assets, audit = await asyncio.gather(
        tool(*receiver_command("assets", "--state", str(files.receiver), "--json")),
        tool(*receiver_command("verify", *verify_arguments(files), "--json"), good=(0, NOT_GOOD)),
    )
    verified, findings = _audited(json.loads(audit))
    return ReceiverBooks(
        delivered=gateway["records"],
        verified=verified,
        damage=(*_damage(gateway), *findings),
        changes=Counter(_change(change) for asset in json.loads(assets)["assets"] for change in asset["changes"]),
    )


def verify_arguments(files: Files) -> tuple[str, ...]:
    """Return what `nameplated-isms verify` is told: which books, and whose word counts."""
    return str(files.receiver / "isms.db"), "--state", str(files.receiver)


def _audited(audit: dict[str, Any]) -> tuple[int, list[str]]:
    """Return how many records an auditor found genuine and in their place, and what the auditor found wrong."""
    findings = [f"verify: {finding}" for chain in audit["chains"] for finding in chain["findings"]]
    if not audit["all_good"] and not findings:
        findings.append("verify: not all is good")
    return sum(chain["records"] for chain in audit["chains"] if not chain["findings"]), findings


def _damage(gateway: dict[str, Any]) -> list[str]:
    """Say what the receiver found wrong while it listened."""
    found = [f"the receiver counts {gateway[name]} {name}" for name in ("forks", "breaks", "gaps") if gateway[name]]
    if gateway["epochs"] != 1:
        found.append(f"the receiver counts {gateway['epochs']} chains instead of one")
    return found


def _change(body: dict[str, Any]) -> Expected:
    return Expected(body["asset_id"], body["change"], body["field"], body["before"], body["after"])
