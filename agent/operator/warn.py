"""What an operator should look at before a plant file goes to work.

Decides which combinations of device, profile, file and network deserve a sentence. Never refuses a plant file (`config.rules`
does) and never repeats what `config.advice` says of single settings: it adds what only somebody who knows the register
profiles, the files and the other addresses can see.

Source: facts on side effects of mere connections, docs/decisions/0008-politeness.md.
"""

import ipaddress
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from config import advice
from config.address import Scheme, is_loopback
from config.model import CollectSection, Plant
from protocols.contract import Confidence
from protocols.profile_form import ConnectRisk, Profile
from protocols.profile_rules import unusual

MAX_NAMED = 5  # assets that a sentence names; the others are counted

_DRIVE = re.compile(
    r"\bdrive|\bvfd\b|\binverter|umrichter|antrieb|\bservo|soft.?start|sanftanl", re.IGNORECASE
)  # English and German


def warnings(plant: Plant, profiles: Mapping[str, Profile], *, exposed: Mapping[str, str]) -> Iterator[str]:
    """Return one sentence for each thing that deserves a look.

    Args:
        plant: The plant file.
        profiles: Every register profile that it names.
        exposed: Secret files that others can read, and for each the mode that closes it, as `chmod` takes it.
    """
    yield from advice.warnings(plant)
    yield from (f"{file}: others can read this secret. Run: chmod {mode} {file}" for file, mode in exposed.items())
    yield from _drives(plant)
    yield from _profiles(plant, profiles)
    yield from _unusual(plant, profiles)
    yield from _same_network(plant)


def _drives(plant: Plant) -> Iterator[str]:
    """A drive may stop when a Modbus client hangs up. Naming a profile is how an operator says that this was thought of."""
    found = [
        asset.id
        for asset in plant.asset
        if asset.address.scheme.is_modbus and not asset.profile and _DRIVE.search(f"{asset.role} {asset.id}")
    ]
    if found:
        yield (
            f"{_named(found)}: a drive without an opt-in. Some stop when a Modbus client disconnects (communication time-out). "
            "Make sure that it is off, and name the profile of the drive's family"
        )


def _profiles(plant: Plant, profiles: Mapping[str, Profile]) -> Iterator[str]:
    """What a profile's author says that an operator must know, and limits that it does not fit into."""
    users: dict[str, list[str]] = {}
    for asset in plant.asset:
        if asset.profile:
            users.setdefault(asset.profile, []).append(asset.id)
    for name, assets in users.items():
        yield from (f"{_named(assets)}: profile {name} {what}" for what in _of_profile(profiles[name], plant.collect))


def _of_profile(profile: Profile, limits: CollectSection) -> Iterator[str]:
    caution = profile.caution.removesuffix(".")
    match profile.connect_risk:
        case ConnectRisk.DENY:
            yield f"says that such devices must be left alone. {caution}"
        case ConnectRisk.OPT_IN:
            yield f"has side effects that are known. {caution}"
        case ConnectRisk.NORMAL:
            pass
    if profile.confidence is Confidence.LOW:
        yield "is of low confidence; compare the first reading with the label on the device"
    if len(profile.reads) > limits.max_requests:
        yield f"needs {len(profile.reads)} requests, and collect.max_requests = {limits.max_requests}: its nameplates will stay incomplete"


def _unusual(plant: Plant, profiles: Mapping[str, Profile]) -> Iterator[str]:
    """Devices with an address of their own that have another port or unit id than their family: often a slip of the pen."""
    neighbours = Counter(asset.address.host for asset in plant.asset)
    for asset in plant.asset:
        address = asset.address
        if asset.profile and address.scheme is Scheme.MODBUS_TCP and neighbours[address.host] == 1:
            what = unusual(profiles[asset.profile], unit=address.unit or 0, port=address.port)
            yield from (f"{asset.id}: {what}" for what in filter(None, [what]))


def _same_network(plant: Plant) -> Iterator[str]:
    """The two networks meet in the gateway alone. An IP address of the broker tells whether a device is on its side."""
    network = _network(plant.broker.address.host)
    if network is None:
        return
    found = [asset.id for asset in plant.asset if _is_in(asset.address.host, network)]
    if found:
        yield f"{_named(found)}: in the broker's network {network}; devices and broker should not meet anywhere but in the gateway"


def _network(host: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    """The neighbourhood of an IP address, as networks are usually cut; None for a name, and for this machine itself."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    return None if is_loopback(host) else ipaddress.ip_network((address, 24 if address.version == 4 else 64), strict=False)


def _is_in(host: str, network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> bool:
    try:
        return ipaddress.ip_address(host) in network
    except ValueError:
        return False


def _named(assets: Sequence[str]) -> str:
    """Name the assets of a sentence, as many as a person reads."""
    more = len(assets) - MAX_NAMED
    return ", ".join(assets[:MAX_NAMED]) + (f" and {more} more" if more > 0 else "")
