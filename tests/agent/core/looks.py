"""Ready-made looks and clocks for the tests of the core."""

from agent.core.moment import ClockState, Moment, rfc3339
from agent.core.observation import FieldValue, Nameplate, Observation, VisitLedger


def moment(up_s: float = 0.0, *, at_s: float | None = None, boot: str = "boot-a") -> Moment:
    return Moment(at_s=1_800_000_000.0 + up_s if at_s is None else at_s, up_s=up_s, boot=boot, clock=ClockState.SYNC)


def plate(**values: str) -> Nameplate:
    return {field: FieldValue(value=value, source="test", raw=value.encode().hex()) for field, value in values.items()}


def look(outcome: str = "identified", *, at_s: float = 0.0, **fields: object) -> Observation:
    now = moment(at_s)
    defaults: dict[str, object] = {
        "asset_id": "press-07",
        "address": "modbus-tcp://10.20.0.7:502?unit=1",
        "observed_at": rfc3339(now.at_s),
        "moment": now,
        "outcome": outcome,
        "nameplate": plate(manufacturer_name="ACME", firmware_version="2.1") if outcome == "identified" else {},
        "ledger": VisitLedger(connections=1, requests={"43/14": 1}, sent_bytes=11, received_bytes=50),
    }
    return Observation(**(defaults | fields))
