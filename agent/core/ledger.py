"""What the gateway has cost each device so far: the proof that it did not disturb.

Decides how the ledgers of single looks add up. Never forgets a request and never averages one away.
"""

from typing import Annotated

import msgspec

from agent.core.observation import Name, VisitLedger


class Totals(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The cost of all looks at one asset together.

    Attributes:
        since: Time of the first look, RFC 3339.
        looks: How many looks there were, also failed ones.
        connections: Connections opened.
        requests: Requests sent, by function code or service.
        sent_bytes: Bytes to the device.
        received_bytes: Bytes from the device.
        smallest_gap_ms: The shortest pause there ever was between an answer and the next request.
    """

    since: Name
    looks: int = 0
    connections: int = 0
    requests: Annotated[dict[Name, int], msgspec.Meta(max_length=32)] = {}
    sent_bytes: int = 0
    received_bytes: int = 0
    smallest_gap_ms: float | None = None


def add(totals: Totals, look: VisitLedger) -> Totals:
    """Return the totals with one more look."""
    requests = dict(totals.requests)
    for name, count in look.requests.items():
        requests[name] = requests.get(name, 0) + count
    gaps = [gap for gap in (totals.smallest_gap_ms, look.smallest_gap_ms) if gap is not None]
    return Totals(
        since=totals.since,
        looks=totals.looks + 1,
        connections=totals.connections + look.connections,
        requests=requests,
        sent_bytes=totals.sent_bytes + look.sent_bytes,
        received_bytes=totals.received_bytes + look.received_bytes,
        smallest_gap_ms=min(gaps, default=None),
    )
