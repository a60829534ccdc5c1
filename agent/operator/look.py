"""What an operator sees of one look at one device: the nameplate with its evidence, and what it cost.

Decides layout only. Pure.
"""

from agent import screens
from agent.core.observation import Nameplate, Observation


def nameplate(look: Observation, *, width: int | None = None) -> str:
    """One look at one device, with the evidence for each field and what it cost."""

    def sentence(text: str) -> list[str]:
        return screens.wrapped(text, width=width, hanging="  ", hostile=True)

    parts = [*sentence(f"{look.address}: {look.outcome}"), *sentence(f"  {look.detail}")]
    if look.nameplate:
        rows = [(field, value.value, value.source, value.confidence, value.raw) for field, value in look.nameplate.items()]
        parts += ["", screens.table(("field", "value", "source", "confidence", "raw"), rows, width=width)]
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


def _values(plate: Nameplate) -> list[tuple[str, str]]:
    return [(field, value.value) for field, value in plate.items()]


def _cost(look: Observation) -> str:
    cost = look.ledger
    asked = ", ".join(f"{count} x {name}" for name, count in cost.requests.items()) or "nothing"
    gap = "" if cost.smallest_gap_ms is None else f", smallest gap {cost.smallest_gap_ms:.0f} ms"
    return (
        f"cost: {cost.connections} connection, asked {asked}, "
        f"{cost.sent_bytes} bytes out, {cost.received_bytes} bytes in, {cost.duration_ms:.0f} ms{gap}"
    )
