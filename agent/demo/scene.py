"""The plant of the demo: which devices there are, what they say of themselves, and the plant file that names them.

Decides the cast. Pure; `agent.demo.devices` brings it to life. Makers and products are invented, but for WAGO, whose documented
register map is what the profile wago-750 reads.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

PLANT, GATEWAY, RECEIVER = "demo-plant", "demo-gateway", "central"

INTERVAL_S = 4
BACKOFF_LONGEST_S = 8
MAX_REQUESTS = 6
MAX_OPCUA_REQUESTS = 40


class Kind(StrEnum):
    """How a device shows who it is, for a person who wonders."""

    REGULAR = "Modbus TCP, regular identification"
    BASIC = "Modbus TCP, basic identification"
    EXTENDED = "Modbus TCP, extended identification in pages"
    INDIVIDUAL = "Modbus TCP, individual access only"
    SERIAL = "Modbus RTU behind a gateway"
    REGISTERS = "Modbus TCP, known by its register map only"
    SILENT = "Modbus TCP, never answers"
    REFUSES = "Modbus TCP, closes every connection"
    OPC_UA = "OPC UA without security"
    OPC_UA_SECURE = "OPC UA with a DI nameplate, signed and encrypted"

    @property
    def is_opcua(self) -> bool:
        """Whether it is an OPC UA server."""
        return self in {Kind.OPC_UA, Kind.OPC_UA_SECURE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One asset of the demo's plant and the device behind it.

    Attributes:
        asset_id: The plant's name for it.
        kind: How it shows who it is.
        host: Number of its loopback address; assets behind one gateway share it.
        says: What it says of itself, by field of the nameplate.
        outcome: How every look at it should end.
        unit: Modbus unit id.
        role: From here on what no device tells and the plant file says.
        criticality: As above.
        location: As above.
        register_id: Its number in the ISMS; None: not yet recorded there.
    """

    asset_id: str
    kind: Kind
    host: int
    says: Mapping[str, str] = field(default_factory=dict)
    outcome: str = "identified"
    unit: int = 1
    role: str
    criticality: str = "medium"
    location: str
    register_id: str | None = None

    @property
    def max_requests(self) -> int:
        """What one visit may ask of it."""
        return MAX_OPCUA_REQUESTS if self.kind.is_opcua else MAX_REQUESTS


def _says(maker: str, product: str, firmware: str, **more: str) -> dict[str, str]:
    return {"manufacturer_name": maker, "manufacturer_product_designation": product, "firmware_version": firmware, **more}


CAST = (
    Part(
        asset_id="press-07-plc",
        kind=Kind.REGULAR,
        host=1,
        says=_says("ACME Automation", "Press Controller P7", "2.1", order_code_of_manufacturer="P7-1200"),
        role="plc",
        criticality="high",
        location="Hall 3, line 2",
        register_id="ISMS-4711",
    ),
    Part(
        asset_id="conveyor-3-io",
        kind=Kind.BASIC,
        host=2,
        says={"manufacturer_name": "Nordlicht IO", "order_code_of_manufacturer": "NIO-16", "firmware_version": "1.4.0"},
        role="remote-io",
        location="Hall 3, conveyor 3",
    ),
    Part(
        asset_id="oven-2-plc",
        kind=Kind.EXTENDED,
        host=3,
        says=_says("Thermalux", "Oven Controller TC-40", "5.0.3", order_code_of_manufacturer="TC-40-EU"),
        role="plc",
        criticality="high",
        location="Hall 2, oven 2",
        register_id="ISMS-4712",
    ),
    Part(
        asset_id="pump-1-drive",
        kind=Kind.INDIVIDUAL,
        host=4,
        says={"manufacturer_name": "Drehwerk", "order_code_of_manufacturer": "VX-300", "firmware_version": "3.12"},
        role="drive",
        location="Pump house",
    ),
    Part(
        asset_id="meter-1",
        kind=Kind.SERIAL,
        host=5,
        says=_says("Messfix", "Energy Meter EM-24", "1.8", order_code_of_manufacturer="EM-24-DIN"),
        role="meter",
        criticality="low",
        location="Switchgear 1",
    ),
    Part(
        asset_id="meter-2",
        kind=Kind.SERIAL,
        host=5,
        unit=2,
        says=_says("Messfix", "Energy Meter EM-24", "1.9", order_code_of_manufacturer="EM-24-DIN"),
        role="meter",
        criticality="low",
        location="Switchgear 1",
    ),
    Part(
        asset_id="tank-coupler",
        kind=Kind.REGISTERS,
        host=6,
        says={"manufacturer_name": "WAGO", "order_code_of_manufacturer": "750-881", "firmware_version": "10.7(04)"},
        role="remote-io",
        location="Tank farm",
        register_id="ISMS-4713",
    ),
    Part(
        asset_id="mixer-2",
        kind=Kind.OPC_UA,
        host=7,
        says={
            "manufacturer_name": "ACME Automation",
            "manufacturer_product_designation": "Mixer Control M4",
            "software_version": "3.4.0",
        },
        role="plc",
        location="Hall 1, mixer 2",
    ),
    Part(
        asset_id="robot-4",
        kind=Kind.OPC_UA_SECURE,
        host=8,
        says=_says("ACME Robotics", "Palletiser R4", "7.3.1", serial_number="R4-0815-77"),
        role="robot",
        criticality="high",
        location="Hall 3, cell 4",
        register_id="ISMS-4714",
    ),
    Part(asset_id="scale-9", kind=Kind.SILENT, host=9, outcome="silent", role="scale", criticality="low", location="Dock 2"),
    Part(asset_id="gate-1-plc", kind=Kind.REFUSES, host=10, outcome="refused", role="plc", criticality="low", location="Gate 1"),
)


def plant_file(addresses: Mapping[str, str], *, state_dir: str, broker_port: int, receiver_key: str) -> str:
    """Write the demo's plant file: a real one, but for intervals that a person can watch.

    Args:
        addresses: Asset id to address.
        state_dir: The gateway's state directory.
        broker_port: Port of the broker on 127.0.0.1.
        receiver_key: File with the receiver's public key.
    """
    head = f"""\
# A plant file as a gateway reads it. Only the intervals are the demo's own: in the field a device is asked every few hours.
[plant]
id = "{PLANT}"
[gateway]
id = "{GATEWAY}"
state_dir = {json.dumps(state_dir)}
[broker]
url = "mqtt://127.0.0.1:{broker_port}"
[receiver]
key_file = {json.dumps(receiver_key)}
id = "{RECEIVER}"
[collect]
identity_interval_s = {INTERVAL_S}
gap_ms = 50
connect_timeout_s = 1
response_timeout_s = 1
serial_response_timeout_s = 2
max_requests = {MAX_REQUESTS}
max_opcua_requests = {MAX_OPCUA_REQUESTS}
backoff_first_s = {INTERVAL_S}
backoff_longest_s = {BACKOFF_LONGEST_S}
"""
    return head + "".join(_asset(part, addresses[part.asset_id]) for part in CAST)


def _asset(part: Part, address: str) -> str:
    """Write one `[[asset]]`."""
    lines = [f"\n[[asset]]  # {part.kind}", f'id = "{part.asset_id}"', f'address = "{address}"']
    if part.kind is Kind.REGISTERS:
        lines += ['profile = "wago-750"', "accept_risk = true"]
    if part.kind is Kind.OPC_UA_SECURE:
        lines.append('security = "sign-and-encrypt"')
    lines += [f'role = "{part.role}"', f'criticality = "{part.criticality}"', f'location = "{part.location}"']
    if part.register_id:
        lines.append(f'register_id = "{part.register_id}"')
    return "\n".join(lines) + "\n"
