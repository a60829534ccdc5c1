"""How the gateway itself is doing: one health report, from what is lying open.

Decides what is worth telling of the machine. Never keeps history, and never looks further than its own process and host.
"""

import psutil

from agent.core.asset import AssetState
from agent.core.moment import Moment
from buffer.outbox import Depth
from evidence import kinds


def health(
    *, now: Moment, started: Moment, session: int, agent_version: str, depth: Depth, states: dict[str, AssetState]
) -> kinds.Health:
    """Assemble a health report.

    Args:
        now: When it is made.
        started: When this process started.
        session: Which connection to the broker this is.
        agent_version: Version of this program.
        depth: What waits in the outbox.
        states: The newest belief about each asset.
    """
    outcomes: dict[str, int] = {}
    for state in states.values():
        outcomes[state.observation.outcome] = outcomes.get(state.observation.outcome, 0) + 1
    return kinds.Health(
        at=now.text,
        agent_version=agent_version,
        uptime_s=int(now.up_s - started.up_s),
        spool=kinds.SpoolDepth(count=depth.count, bytes=depth.used_bytes, oldest_at=depth.oldest_at),
        assets_by_outcome=outcomes,
        host=_host(),
        sess=session,
    )


def _host() -> dict[str, float]:
    """Memory, load and this process, in units that the names carry."""
    memory = psutil.virtual_memory()
    process = psutil.Process()
    with process.oneshot():
        own, cpu = process.memory_info().rss, process.cpu_times()
    return {
        "load_1min": round(psutil.getloadavg()[0], 2),
        "memory_available_bytes": float(memory.available),
        "memory_total_bytes": float(memory.total),
        "publish_rss_bytes": float(own),
        "publish_cpu_s": round(cpu.user + cpu.system, 2),
        "temperature_c": _temperature(),
    }


def _temperature() -> float:
    """The hottest sensor in degrees Celsius, or 0 where there is none."""
    sensors = psutil.sensors_temperatures() if hasattr(psutil, "sensors_temperatures") else {}
    return max((reading.current for group in sensors.values() for reading in group), default=0.0)
