"""What to try next where one look at one device said little.

Decides sentences from an observation and the words that were used. Pure. Never tries anything itself: each further question to
a device is a person's decision.

Source: docs/decisions/0008-politeness.md; facts on unit ids of devices and gateways, MODBUS Messaging on TCP/IP V1.0b, 4.4.2.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from agent.core.identity import text
from agent.core.observation import Observation
from config.address import MODBUS_PORT, OPC_UA_PORT, Address, Scheme
from protocols.profile_form import ConnectRisk, Profile

MOST_PROFILES = 4  # that a sentence names
SHORTEST_MAKER = 3  # characters of a maker's name that tell one from another
OWN_UNITS = (1, 255, 0)  # what devices with an Ethernet port of their own answer to, the usual one first

_FRAMES = {Scheme.MODBUS_TCP: Scheme.MODBUS_RTU_TCP, Scheme.MODBUS_RTU_TCP: Scheme.MODBUS_TCP}
_NO_ANSWER = frozenset({"silent", "refused", "malformed"})


def hints(look: Observation, address: Address, *, profile: str, security: str, profiles: Mapping[str, Profile]) -> list[str]:
    """Return what may bring more, the most likely first; nothing where a device said who it is.

    Args:
        look: What was seen.
        address: Where.
        profile: The register profile that was used, or empty.
        security: How the OPC UA session was to be protected.
        profiles: All profiles that there are.
    """
    if address.scheme is Scheme.OPC_UA:
        return list(_of_opc_ua(look, address, security))
    return list(_of_modbus(look, address, profile, profiles))


def makers_profiles(maker: str, profiles: Mapping[str, Profile], *, but: str = "") -> list[str]:
    """Return the profiles for devices of a maker, by the first word of its name.

    Args:
        maker: As a device writes it, or a profile.
        profiles: All that there are.
        but: One that was tried already.
    """
    word = next(filter(None, _words(maker)), "")
    if len(word) < SHORTEST_MAKER:
        return []
    asked = {name: one for name, one in profiles.items() if name != but and one.connect_risk is not ConnectRisk.DENY}
    return [name for name, one in asked.items() if word in _words(f"{name} {one.vendor} {one.devices}")]


def _words(told: str) -> list[str]:
    return re.split(r"[\s,;./()-]+", told.casefold())


def _of_modbus(look: Observation, address: Address, profile: str, profiles: Mapping[str, Profile]) -> Iterator[str]:
    match look.outcome:
        case "identified":
            yield from _poor_nameplate(look, profile, profiles)
        case "anonymous":
            yield from _no_nameplate(address, profile, profiles)
        case "unreachable" if address.scheme is not Scheme.MODBUS_RTU and address.port != MODBUS_PORT:
            yield f"another port: Modbus TCP usually listens on {MODBUS_PORT}, and the address has {address.port}"
        case outcome if outcome in _NO_ANSWER:
            yield from _no_answer(address)


def _poor_nameplate(look: Observation, profile: str, profiles: Mapping[str, Profile]) -> Iterator[str]:
    """It said who it is, but not all that a register map could bring."""
    missing = [name for name in ("firmware_version", "serial_number") if not text(look.nameplate, name)]
    if missing and not profile:
        words = " and ".join(name.replace("_", " ") for name in missing)
        yield from _with_profiles(makers_profiles(text(look.nameplate, "manufacturer_name"), profiles), f"it told no {words}")
    if any(field.confidence == "low" for field in look.nameplate.values()):
        yield "a look at the label: the profile's document is of low confidence; compare what was read with the device"


def _no_nameplate(address: Address, profile: str, profiles: Mapping[str, Profile]) -> Iterator[str]:
    """It answers, and not with a nameplate."""
    if profile in profiles:
        maker = profiles[profile].vendor or profiles[profile].devices
        yield from _with_profiles(makers_profiles(maker, profiles, but=profile), f"it is not what {profile} describes")
        yield "without --profile: the device's own identification, one or two requests"
    else:
        listening = [name for name, one in profiles.items() if one.port == address.port != MODBUS_PORT]
        yield from _with_profiles(listening, f"families that listen on port {address.port}")
        yield "--profile NAME: it has no identification of its own; `nameplated profiles list` shows the families that are known"
    if address.unit in OWN_UNITS[1:]:
        yield f"another unit id: a gateway answers unit id {address.unit} itself; behind it, take the number set at the device"


def _no_answer(address: Address) -> Iterator[str]:
    """Nobody at this unit id, or somebody who speaks in other frames."""
    others = [str(unit) for unit in OWN_UNITS if unit != address.unit]
    own = f"{' or '.join(others)} for a device with an Ethernet port of its own; " if address.scheme is Scheme.MODBUS_TCP else ""
    yield f"another unit id: {own}behind a gateway or on a bus, the number set at the device"
    if address.scheme in _FRAMES:
        other = _FRAMES[address.scheme]
        yield f"{other}://: whether a serial gateway translates frames or hands them through is set there"
    else:
        yield "another baud rate or parity: as set at the device; most are 9600 or 19200, parity E or N"


def _with_profiles(names: list[str], why: str) -> Iterator[str]:
    if names:
        more = f" and {len(names) - MOST_PROFILES} more" if len(names) > MOST_PROFILES else ""
        yield f"--profile {' or '.join(names[:MOST_PROFILES])}{more}: {why}. `nameplated profiles show NAME` says for which devices"


def _of_opc_ua(look: Observation, address: Address, security: str) -> Iterator[str]:
    offered: list[dict[str, Any]] = list((look.posture or {}).get("offered", ()))
    modes = {str(endpoint.get("mode")) for endpoint in offered}
    if look.outcome == "unreachable" and address.port != OPC_UA_PORT:
        yield f"another port: OPC UA servers usually listen on {OPC_UA_PORT}, and the address has {address.port}"
    if look.outcome == "refused" and offered and security not in modes:
        yield from (f"--security {mode}: the server offers it" for mode in ("sign-and-encrypt", "sign", "none") if mode in modes)
    ours = [endpoint for endpoint in offered if endpoint.get("mode") == security]
    if look.outcome in {"refused", "anonymous"} and ours and not any(map(_lets_anyone_in, ours)):
        yield "--username-file FILE: the server lets nobody in, or shows nobody all, without a user"
    if look.outcome in {"refused", "silent", "malformed"} and security == "none":
        yield (
            "--security sign-and-encrypt: until its certificate is trusted, only the list of endpoints is read, "
            "which needs no session and works where all sessions are taken"
        )


def _lets_anyone_in(endpoint: Mapping[str, Any]) -> bool:
    return any(str(token).startswith("anonymous") for token in endpoint.get("user_tokens", ()))
