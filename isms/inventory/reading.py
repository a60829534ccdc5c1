"""What people and auditors read in the books: assets, gateways, refusals, and every record as it came.

Decides which facts make up one asset and one gateway. Reads and never writes, and asks one question for the whole fleet instead of one
for each gateway: what it costs grows with the number of gateways and assets, never with that of the records.
"""

import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec.json import decode

from isms.receive import ChainState

Waiting = Mapping[tuple[str, str], int]
"""Gateway and epoch to the lowest sequence that waits there."""


def assets(connection: sqlite3.Connection) -> list[dict[str, Any]]:
    """Return what is believed of every asset, with the changes it went through."""
    changes: dict[tuple[str, str], list[Any]] = defaultdict(list)
    for row in connection.execute("SELECT iss, asset_id, change FROM changes ORDER BY envelope"):
        changes[row["iss"], row["asset_id"]].append(decode(row["change"]))
    rows = connection.execute("SELECT * FROM assets ORDER BY iss, asset_id")
    return [_asset(row, changes[row["iss"], row["asset_id"]]) for row in rows]


def gateways(connection: sqlite3.Connection) -> list[dict[str, Any]]:
    """Return every gateway that was ever heard, with its current chain and what a person should look into."""
    heard = {row["iss"]: row for row in connection.execute("SELECT * FROM gateways")}
    chains: dict[str, list[sqlite3.Row]] = defaultdict(list)
    for row in connection.execute("SELECT * FROM chains ORDER BY id"):
        chains[row["iss"]].append(row)
    held = connection.execute("SELECT iss, epoch, min(seq) AS first FROM held GROUP BY iss, epoch")
    waiting = {(row["iss"], row["epoch"]): row["first"] for row in held}
    return [_gateway(iss, heard.get(iss), chains[iss], waiting) for iss in sorted(heard.keys() | chains.keys())]


def refusals(connection: sqlite3.Connection) -> dict[str, int]:
    """Return how often messages were refused, by reason."""
    return {row["reason"]: row["count"] for row in connection.execute("SELECT * FROM refusals ORDER BY reason")}


def refused(connection: sqlite3.Connection) -> list[dict[str, Any]]:
    """Return the newest of what was refused, oldest first."""
    return [dict(row) for row in connection.execute("SELECT at, topic, reason, detail FROM refused ORDER BY id")]


def tokens(connection: sqlite3.Connection) -> Iterator[tuple[int, bytes, str]]:
    """Yield every record kept: the id of its row, the record, and when it came; chain by chain, in the order they were kept."""
    for row in connection.execute("SELECT id, token, received_at FROM envelopes ORDER BY chain, id"):
        yield row["id"], row["token"], row["received_at"]


def _asset(row: sqlite3.Row, changes: list[Any]) -> dict[str, Any]:
    """Return one asset: its newest look, the nameplate that was last read, and its changes."""
    report = decode(row["report"])
    known = decode(row["identified"]) if row["identified"] not in (None, row["report"]) else report
    return {
        "iss": row["iss"],
        **report,
        "nameplate": known["nameplate"],
        "identified_at": known["observed_at"] if known["nameplate"] else None,
        "last_seen_at": row["last_seen_at"],
        "changes": changes,
    }


def _gateway(iss: str, heard: sqlite3.Row | None, chains: Sequence[sqlite3.Row], waiting: Waiting) -> dict[str, Any]:
    """Return one gateway: its presence, its current chain, counts over all its chains, and its health."""
    current = chains[-1] if chains else None
    told = heard if heard is not None and heard["sess"] >= 0 else None  # health may have come before the first status
    return {
        "iss": iss,
        "status": ("online" if told["online"] else "offline") if told else "unknown",
        "status_at": told["status_at"] if told else None,
        "sess": told["sess"] if told else None,
        "epoch": current["epoch"] if current else None,
        "seq": current["head_seq"] if current else None,
        "state": current["state"] if current else None,
        "kid": current["kid"] if current else None,
        "epochs": len(chains),
        "records": sum(chain["records"] for chain in chains),
        "forks": sum(chain["forks"] for chain in chains),
        "breaks": sum(chain["breaks"] for chain in chains),
        "gaps": sum(chain["gaps"] for chain in chains),
        "last_received_at": max(filter(None, (chain["last_received_at"] for chain in chains)), default=None),
        "review": [f"{chain['epoch']}: {note}" for chain in chains for note in _notes(chain)],
        "health": decode(heard["health"]) if heard and heard["health"] else None,
        "hole": _hole(iss, heard, current, waiting),
    }


def _hole(iss: str, heard: sqlite3.Row | None, chain: sqlite3.Row | None, waiting: Waiting) -> list[int] | None:
    """Return first and last of the records that are missing while later ones wait, in its chain or in one that it began elsewhere."""
    if chain is not None and chain["state"] == ChainState.SOUND and (first := waiting.get((iss, chain["epoch"]))) is not None:
        return [chain["head_seq"] + 1, first - 1]
    first = waiting.get((iss, heard["epoch"])) if heard and (chain is None or heard["epoch"] != chain["epoch"]) else None
    return [0, first - 1] if first is not None else None


def _notes(chain: sqlite3.Row) -> list[str]:
    """Return what a person should look into about one chain."""
    unsound = [] if chain["state"] == ChainState.SOUND else [f"{chain['state']} after {chain['head_seq']}: frozen"]
    return unsound + ([chain["review"]] if chain["review"] else [])
