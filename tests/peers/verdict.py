"""What a look at a foreign server is worth: whether the right things were seen, at the device and at the receiver.

Decides what counts as a fault. Pure, and never generous: a field too much is a fault like a field too few, because a value that
the server was not given can only have been invented on the way.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.peers.catalogue import Peer


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """What was seen of a peer, by the command `probe` or by the receiver at the end of the line.

    Attributes:
        outcome: How the look ended.
        detail: The sentence for a person.
        nameplate: Field to value.
        remarks: Deviations from the standard.
        requests: Function code or service to how often it was sent.
    """

    outcome: str
    detail: str = ""
    nameplate: Mapping[str, str] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    requests: Mapping[str, int] = field(default_factory=dict)


def sighting(document: Mapping[str, Any]) -> Sighting:
    """Read a sighting from what `probe --json` prints, or from the body of a report `asset/1`: they use the same words.

    >>> sighting({"outcome": "identified", "nameplate": {"serial_number": {"value": "7"}}, "ledger": {}}).nameplate
    {'serial_number': '7'}
    """
    return Sighting(
        outcome=document["outcome"],
        detail=document.get("detail", ""),
        nameplate={name: entry["value"] for name, entry in document.get("nameplate", {}).items()},
        remarks=tuple(document.get("remarks", ())),
        requests=document.get("ledger", {}).get("requests", {}),
    )


def faults(peer: Peer, seen: Sighting | None, *, where: str) -> list[str]:
    """Say what is wrong with a sighting, a sentence each; empty if nothing is.

    Args:
        peer: What should have been seen.
        seen: What was, or None if nothing arrived.
        where: Who saw it, for the sentences.
    """
    if seen is None:
        return [f"{where}: nothing of it"]
    if seen.outcome != peer.outcome:
        return [f"{where}: {seen.outcome} instead of {peer.outcome}: {seen.detail}"]
    return [
        f"{where}: {name} is {seen.nameplate.get(name)!r} instead of {peer.nameplate.get(name)!r}"
        for name in sorted(peer.nameplate.keys() | seen.nameplate.keys())
        if peer.nameplate.get(name) != seen.nameplate.get(name)
    ]
