"""What a plant file means once it runs: how often each device is asked, and what that costs broker and flash.

Decides figures and warnings from a plant file alone. Never asks a device, a name server or a file; never makes a figure look
better than it is: what is expected is what well-behaved devices cost, what is possible is the limit that the reader keeps.

Estimates, for a day on which nothing changes. The constants were measured with the real journal, outbox and envelopes, with
10, 100 and 1000 assets (SQLite 3.40, pages of 4096 bytes); a test holds them against the code.

    looks a day          86400 / identity_interval_s for each asset; at most 1 / (1 - jitter) of that
    requests a day       looks x requests of a look
    bytes to the broker  health reports + assets x a line in the inventory and one in the ledger
    bytes to the flash   looks x two states + transactions x their overhead + assets x the same lines, in log and file
    transactions a day   one for each look, but not more than collect spends on what is no news, and its signs of life
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from agent.collect.recorder import FLUSHES_AN_INTERVAL, LONGEST_FLUSH_S
from agent.core.schedule import JITTER
from agent.core.silence import HEARTBEAT_S
from agent.operator.warn import warnings
from config.address import Address, Scheme
from config.model import Asset, CollectSection, Plant
from protocols.profile_form import ConnectRisk, Profile

DAY_S = 86_400

IDENTIFICATION_REQUESTS = 1  # function code 43/14: most devices tell everything at once
OPC_UA_REQUESTS = 9  # a session with one device behind it: OpenSecureChannel to CloseSecureChannel

HEALTH_REPORTS = 1440  # one a minute
HEALTH_BYTES = 2_360
MESSAGE_BYTES = 180  # topic, MQTT, TLS and TCP around one message, and its acknowledgement
ASSET_LINE_BYTES = 560  # inventory and ledger of one asset, signed, in base64url
FIRST_REPORT_BYTES = 2_300  # once for each asset, and whenever it changed

LOOK_FLASH_BYTES = 5_200  # pages of two states, and of the rollback journal that a power cut needs
TRANSACTION_FLASH_BYTES = 4_500  # pages that every transaction touches
ASSET_LINE_FLASH_BYTES = 1_250  # inventory and ledger of one asset: once into the log, once into the file


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """What one asset will be asked.

    Attributes:
        asset_id: The asset.
        address: Where.
        how: What is read there: a register profile, device identification, or an OPC UA session.
        requests_a_day: Requests a day if the device answers as most do.
        most_requests_a_day: The limit that the reader keeps.
    """

    asset_id: str
    address: str
    how: str
    requests_a_day: int
    most_requests_a_day: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a plant file means.

    Attributes:
        plant: Id of the site.
        gateway: Id of the machine.
        broker: Where reports go.
        interval_s: Between two looks at one asset, on average.
        assets_by_protocol: Scheme to number of assets.
        hosts: IP addresses and host names that will be connected to, each with at most one connection at a time.
        serial_lines: Serial ports that will be opened.
        connections_a_day: Connections a day to all of them together.
        requests_a_day: Requests a day to all devices together, expected.
        broker_bytes_a_day: Bytes a day to the broker.
        broker_bytes_first_day: The same on the first day, when every nameplate is news.
        flash_bytes_a_day: Bytes a day that the two files write; the file system adds its own.
        visits: Each asset, in the order of the file.
        warnings: What deserves a look, one sentence each.
    """

    plant: str
    gateway: str
    broker: str
    interval_s: int
    assets_by_protocol: dict[str, int]
    hosts: int
    serial_lines: int
    connections_a_day: int
    requests_a_day: int
    broker_bytes_a_day: int
    broker_bytes_first_day: int
    flash_bytes_a_day: int
    visits: tuple[Visit, ...]
    warnings: tuple[str, ...]


def plan(plant: Plant, profiles: Mapping[str, Profile], *, exposed: Mapping[str, str]) -> Plan:
    """Work out what a plant file means.

    Args:
        plant: The plant file.
        profiles: Every register profile that it names.
        exposed: Secret files that others can read, as somebody found them; see `warn.warnings`.
    """
    visits = tuple(_visit(asset, plant.collect, profiles) for asset in plant.asset)
    addresses = [asset.address for asset in plant.asset]
    looks = len(visits) * _looks_a_day(plant.collect)
    quiet = HEALTH_REPORTS * (HEALTH_BYTES + MESSAGE_BYTES) + len(visits) * ASSET_LINE_BYTES
    return Plan(
        plant=plant.plant.id,
        gateway=plant.gateway.id,
        broker=str(plant.broker.address),
        interval_s=plant.collect.identity_interval_s,
        assets_by_protocol=dict(Counter(address.scheme.value for address in addresses)),
        hosts=len({address.host for address in addresses if address.scheme is not Scheme.MODBUS_RTU}),
        serial_lines=len({address.host for address in addresses if address.scheme is Scheme.MODBUS_RTU}),
        connections_a_day=round(len({_connection(address) for address in addresses}) * _looks_a_day(plant.collect)),
        requests_a_day=sum(visit.requests_a_day for visit in visits),
        broker_bytes_a_day=quiet,
        broker_bytes_first_day=quiet + len(visits) * (FIRST_REPORT_BYTES + MESSAGE_BYTES),
        flash_bytes_a_day=_flash_bytes_a_day(len(visits), looks, plant.collect),
        visits=visits,
        warnings=tuple(warnings(plant, profiles, exposed=exposed)),
    )


def _visit(asset: Asset, limits: CollectSection, profiles: Mapping[str, Profile]) -> Visit:
    how, expected, most = _look(asset, limits, profiles)
    looks = _looks_a_day(limits)
    return Visit(
        asset_id=asset.id,
        address=str(asset.address),
        how=how,
        requests_a_day=round(looks * expected),
        most_requests_a_day=round(looks / (1 - JITTER) * most),
    )


def _look(asset: Asset, limits: CollectSection, profiles: Mapping[str, Profile]) -> tuple[str, int, int]:
    """Return what is read in one look, the requests that it takes as a rule, and the most that it may take."""
    if asset.address.scheme is Scheme.OPC_UA:
        return "OPC UA session", min(OPC_UA_REQUESTS, limits.max_opcua_requests), limits.max_opcua_requests
    if asset.profile:
        expected, most = _of_profile(profiles[asset.profile], limits.max_requests)
        return f"profile {asset.profile}", expected, most
    return "device identification", IDENTIFICATION_REQUESTS, limits.max_requests


def _of_profile(profile: Profile, budget: int) -> tuple[int, int]:
    """Requests of a profile, as a rule and at most. Only a map that begins in one place and has no chain knows its end."""
    if profile.connect_risk is ConnectRisk.DENY:
        return 0, 0
    expected = min(max(len(profile.reads), 1), budget)
    fixed = profile.server_id or (profile.reads and len(profile.bases) == 1 and profile.chain is None)
    return expected, expected if fixed else budget


def _looks_a_day(limits: CollectSection) -> float:
    return DAY_S / limits.identity_interval_s


def _flash_bytes_a_day(assets: int, looks: float, limits: CollectSection) -> int:
    """Looks that see nothing new wait for company; where there are none, a sign of life is written all the same."""
    if not assets:
        return 0
    flushes = DAY_S / min(LONGEST_FLUSH_S, limits.identity_interval_s / FLUSHES_AN_INTERVAL)
    transactions = max(DAY_S / HEARTBEAT_S, min(looks, flushes))
    return round(looks * LOOK_FLASH_BYTES + transactions * TRANSACTION_FLASH_BYTES + assets * ASSET_LINE_FLASH_BYTES)


def _connection(address: Address) -> tuple[str, str, int, str]:
    """What units share: one connection serves all of them, one after the other."""
    return address.scheme.value, address.host, address.port, address.path
