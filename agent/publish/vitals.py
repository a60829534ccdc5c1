"""How the gateway itself is doing: one health report, from what is lying open.

Decides what is worth telling of the machine. Never keeps history, and never looks further than its own process and host.
"""

import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import msgspec
import psutil

from agent.core.moment import Moment
from agent.core.vitals import Vitals
from agent.publish.survey import MOST_ENDPOINTS
from buffer.outbox import Depth
from evidence import kinds
from evidence.claims import ClockState

MOST_ROLE_BYTES = 32_768
"""Of one role in a report. What our roles find out takes a tenth of that; a report that holds more of both than this is no envelope."""

THROTTLED = Path("/sys/devices/platform/soc/soc:firmware/get_throttled")


def health(
    *,
    now: Moment,
    started: Moment,
    session: int,
    agent_version: str,
    depth: Depth,
    outcomes: dict[str, int],
    endpoints: Sequence[kinds.EndpointHealth] = (),
    roles: Mapping[str, Vitals | None] = MappingProxyType({}),
) -> kinds.Health:
    """Assemble a health report.

    Args:
        now: When it is made.
        started: When this process started.
        session: Which connection to the broker this is.
        agent_version: Version of this program.
        depth: What waits in the outbox.
        outcomes: How many assets ended their last look how.
        endpoints: How each endpoint answers, those that need a look first.
        roles: How each role is, as far as it has said so.
    """
    reported = [_of_role(role, vitals) for role, vitals in roles.items() if vitals is not None]
    return kinds.Health(
        at=now.text,
        agent_version=agent_version,
        uptime_s=int(now.up_s - started.up_s),
        spool=kinds.SpoolDepth(count=depth.count, bytes=depth.used_bytes, oldest_at=depth.oldest_at),
        assets_by_outcome=outcomes,
        host=host(),
        sess=session,
        clock=ClockState(now.clock.value),
        endpoints=list(endpoints[:MOST_ENDPOINTS]),
        roles=[each for each in reported if each is not None],
    )


def _of_role(role: str, vitals: Vitals) -> kinds.RoleHealth | None:
    """Give a role's vitals the form in which they are reported; None where collect left something that no report may say, or too much."""
    told = msgspec.to_builtins(vitals)
    del told["moment"]  # publish alone reads it, to judge the age of what it was told
    try:
        reported = msgspec.convert({"role": role, **told}, kinds.RoleHealth)
    except msgspec.ValidationError:
        return None
    return reported if len(msgspec.json.encode(reported)) <= MOST_ROLE_BYTES else None


def host() -> dict[str, float]:
    """Return what this machine and this process tell, in units that the names carry. What cannot be read is left out."""
    figures = {**_memory(), **_process(), **_disk()}
    for name, read in (("temperature_c", _temperature), ("throttled", _throttled), ("cpu_percent", _cpu)):
        found = read()
        if found is not None:
            figures[name] = found
    return figures


def _memory() -> dict[str, float]:
    memory = psutil.virtual_memory()
    return {
        "load_1min": round(psutil.getloadavg()[0], 2),
        "memory_available_bytes": float(memory.available),
        "memory_total_bytes": float(memory.total),
    }


def _process() -> dict[str, float]:
    """This process: what it takes, and what it has written to flash since it started."""
    process = psutil.Process()
    with process.oneshot():
        own, cpu = process.memory_info().rss, process.cpu_times()
    figures = {"publish_rss_bytes": float(own), "publish_cpu_s": round(cpu.user + cpu.system, 2)}
    with contextlib.suppress(psutil.Error, OSError):
        figures["publish_written_bytes"] = float(process.io_counters().write_bytes)
    return figures


def _disk() -> dict[str, float]:
    """The volume that this process works on; its unit makes the state directory the working directory."""
    try:
        usage = psutil.disk_usage(".")
    except OSError:
        return {}
    return {"disk_free_bytes": float(usage.free), "disk_total_bytes": float(usage.total)}


def _cpu() -> float | None:
    """How busy the machine was since the last report, of all its cores."""
    return psutil.cpu_percent(interval=None)


def _temperature() -> float | None:
    """The hottest sensor in degrees Celsius."""
    sensors = psutil.sensors_temperatures() if hasattr(psutil, "sensors_temperatures") else {}
    return max((reading.current for group in sensors.values() for reading in group), default=None)


def _throttled() -> float | None:
    """A Raspberry Pi's firmware says what it had to do for want of voltage or for heat: 0 is well, see `vcgencmd get_throttled`."""
    try:
        return float(int(THROTTLED.read_text(encoding="ascii").strip(), 16))
    except (OSError, ValueError):
        return None
