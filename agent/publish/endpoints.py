"""How each endpoint answers, for the health report: read from what collect remembers, in the order in which a person should look.

Decides that order and how far it goes. Never asks a device, and never believes a state that it cannot read.
"""

from collections.abc import Mapping

from agent.core.asset import AssetState
from agent.core.decoding import UnreadableError, decoded, read_all
from agent.core.schedule import Turn
from agent.core.vitals import VITALS, Vitals
from agent.publish.vitals import MOST_ENDPOINTS
from buffer.record import State
from evidence import kinds


def decoded_turns(states: Mapping[str, State]) -> dict[str, Turn]:
    """Decode what collect remembers of each endpoint; what cannot be read is left out."""
    return read_all({subject: state.body for subject, state in states.items()}, Turn)


def decoded_vitals(states: Mapping[str, State]) -> Vitals | None:
    """Decode how collect is; None if it has not said so, or it cannot be read."""
    state = states.get(VITALS)
    try:
        return decoded(state.body, Vitals) if state else None
    except UnreadableError:
        return None


def endpoints(assets: Mapping[str, AssetState], turns: Mapping[str, Turn]) -> list[kinds.EndpointHealth]:
    """Return how each endpoint answers: the quarantined first, then those that fail, then the rest by name.

    Args:
        assets: The newest belief about each asset.
        turns: What is remembered of each endpoint, by the same names.
    """
    lines = [_line(name, state, turns.get(name)) for name, state in assets.items()]
    lines.sort(key=lambda each: (not each.quarantined, -each.failures, each.asset_id))
    return lines[:MOST_ENDPOINTS]


def _line(name: str, state: AssetState, turn: Turn | None) -> kinds.EndpointHealth:
    look = state.observation
    return kinds.EndpointHealth(
        asset_id=name,
        outcome=look.outcome,
        last_asked_at=state.last_asked_at,
        last_seen_at=state.last_seen_at,
        latency_ms=look.ledger.duration_ms,
        failures=turn.failures if turn else 0,
        wait_s=turn.wait_s if turn else 0.0,
        quarantined=turn.quarantined if turn else False,
    )
