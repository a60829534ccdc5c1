"""From a reader's answer to an observation: one shape for every protocol, ready to be written down.

Decides the form only. Never judges, and never drops a field that a device told: the first value of a field wins, because
readers yield their best source first.
"""

from typing import Any

import msgspec

from agent.core.moment import Moment
from agent.core.observation import Child, Component, FieldValue, Nameplate, Observation, Register, VisitLedger, bounded
from protocols.contract import Answer, Capabilities, Fact, Posture


def observe(answer: Answer, *, asset_id: str, address: str, register: Register, now: Moment) -> Observation:
    """Turn what a reader saw at one endpoint into an observation of its asset."""
    look = Observation(
        asset_id=asset_id,
        address=address,
        register=register,
        observed_at=now.text,
        moment=now,
        outcome=answer.outcome.value,
        detail=answer.detail[:1024],
        nameplate=_nameplate(answer.facts),
        software_components=msgspec.convert(msgspec.to_builtins(answer.components[:64]), list[Component]),
        children=[Child(key=child.key, nameplate=_nameplate(child.facts)) for child in answer.children[:64]],
        posture=_as_written(answer.posture) if answer.posture else None,
        capabilities=_as_written(answer.capabilities) if answer.capabilities else None,
        remarks=[remark[:1024] for remark in answer.remarks[:64]],
        ledger=msgspec.convert(msgspec.to_builtins(answer.ledger), VisitLedger),
    )
    return bounded(look)


def _as_written(told: Posture | Capabilities) -> dict[str, Any]:
    """Give it the form that it has when it is read back, or a restart would take a list for another tuple."""
    written: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(told))
    return written


def _nameplate(facts: tuple[Fact, ...]) -> Nameplate:
    """Collect facts by field."""
    fields: Nameplate = {}
    for fact in facts:
        value = FieldValue(
            value=fact.value, source=fact.source, raw=fact.raw[:2048], profile=fact.profile, confidence=fact.confidence.value
        )
        fields.setdefault(fact.field.value, value)
    return fields
