"""What an operator sees of one look at one device: the nameplate with its evidence, and what it cost.

Decides layout only. Pure.
"""

from collections.abc import Mapping

from agent import screens
from agent.core.observation import Nameplate, Observation
from agent.operator.page import count

WIDE = 100  # columns


def nameplate(look: Observation, *, width: int | None = None) -> str:
    """One look at one device, with the evidence for each field and what it cost."""

    def sentence(text: str) -> list[str]:
        return screens.wrapped(text, width=width, hanging="  ", hostile=True)

    parts = [*sentence(f"{look.address}: {look.outcome}"), *sentence(f"  {look.detail}")]
    if look.nameplate:
        parts += ["", _fields(look.nameplate, width)]
    if look.software_components:
        components = [(part.name, part.version, part.manufacturer) for part in look.software_components]
        parts += ["", screens.table(("software", "version", "manufacturer"), components, width=width)]
    for child in look.children:
        parts += ["", *sentence(f"behind it: {child.key}")]
        parts += [screens.table(("field", "value"), _values(child.nameplate), width=width)]
    if look.posture:
        parts += ["", *sentence(f"security: {' '.join(look.posture.get('findings', ())) or 'no findings'}")]
    if look.remarks:
        parts += ["", *sentence("remarks: " + "; ".join(look.remarks))]
    return "\n".join([*parts, "", *sentence(_cost(look))])


def _fields(plate: Nameplate, width: int | None) -> str:
    """The nameplate with its evidence; where there is no room for that, with how far it may be believed."""
    head = ("field", "value", "confidence", "source", "raw")
    rows = [(field, value.value, value.confidence, value.source, value.raw) for field, value in plate.items()]
    shown = len(head) if screens.columns(width) >= WIDE else 3
    return screens.table(head[:shown], [row[:shown] for row in rows], width=width, firm=("field", "confidence", "source"))


def asked(requests: Mapping[str, int]) -> str:
    """Say what was asked how often, by function code or service.

    >>> asked({"43/14": 2, "Read": 1})
    '2 x function code 43/14, 1 x Read'
    """
    named = ((f"function code {name}" if name[:1].isdigit() else name, number) for name, number in requests.items())
    return ", ".join(f"{number} x {name}" for name, number in named) or "no request"


def _values(plate: Nameplate) -> list[tuple[str, str]]:
    return [(field, value.value) for field, value in plate.items()]


def _cost(look: Observation) -> str:
    cost = look.ledger
    gap = "" if cost.smallest_gap_ms is None else f", smallest gap {cost.smallest_gap_ms:.0f} ms"
    return (
        f"cost: {count(cost.connections, 'connection')}, {asked(cost.requests)}, "
        f"{cost.sent_bytes} bytes out, {cost.received_bytes} bytes in, {cost.duration_ms:.0f} ms{gap}"
    )
