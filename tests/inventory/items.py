"""Ready-made items for the tests of an inventory."""

from evidence.claims import ClockState
from evidence.kinds import Change, ChangeKind, Child, Component, NameplateField
from inventory.item import Item

HOSTILE = "=HYPERLINK(\"http://x\"; 'y')"


def field(value: str, source: str = "43/14 object 0x00", confidence: str = "high", profile: str = "") -> NameplateField:
    return NameplateField(value=value, source=source, raw=value.encode().hex(), confidence=confidence, profile=profile)


def changed(after: str = "2.2") -> Change:
    return Change(
        asset_id="press-07",
        observed_at="2026-11-22T10:00:00.000Z",
        clock=ClockState.SYNC,
        change=ChangeKind.CHANGED,
        field="firmware_version",
        before="2.1",
        after=after,
        basis="the serial number is the same",
    )


FULL = Item(
    iss="urn:nameplated:werk-ulm:gw-halle3",
    asset_id="press-07",
    address="modbus-tcp://10.20.0.7:502?unit=1",
    role="plc",
    criticality="high",
    location="Halle 3; Straße 2",
    register_id="ISMS-4711",
    observed_at="2026-11-22T10:00:00.000Z",
    clock=ClockState.SYNC,
    outcome="identified",
    detail="It told who it is.",
    nameplate={
        "manufacturer_name": field("ACME, Ltd."),
        "manufacturer_product_designation": field(HOSTILE, "43/14 object 0x04"),
        "serial_number": field("-4711", "FC3 0x2012+3", "low", "acme@1"),
        "hardware_version": field("B"),
        "firmware_version": field("2.2", "43/14 object 0x02", "medium"),
        "date_of_manufacture": field("2024-05-01"),
    },
    identified_at="2026-11-22T10:00:00.000Z",
    last_seen_at="2026-11-22T16:00:00.000Z",
    software_components=[Component(name="runtime", version="3.5", manufacturer="Codesmiths", source="i=2261")],
    children=[Child(key="slot 2", nameplate={"serial_number": field("S9"), "firmware_version": field("1.0")})],
    posture={"findings": ["anonymous-access", "no-security"]},
    changes=[changed()],
)

UNSEEN = Item(iss="urn:nameplated:werk-ulm:gw-halle3", asset_id="scale-9", address="modbus-tcp://10.20.0.9:502?unit=1")
