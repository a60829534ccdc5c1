"""One asset as an inventory tells of it: the same for the gateway that looked and for the receiver that was told.

Decides the form only. Never judges: a device that is away keeps the nameplate that it told last, beside the outcome of the last
look.
"""

from typing import Any

import msgspec

from evidence.claims import ClockState
from evidence.kinds import Change, Child, Component, Nameplate, VisitLedger

NOT_ASKED = "not asked yet"
"""Outcome of an asset that a plant file names and nobody has looked at."""


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One asset. As JSON it is the report `asset/1` with what only its history tells beside it.

    Attributes:
        iss: Who speaks of it: `urn:nameplated:<plant>:<gateway>`.
        asset_id: The plant's own name for it.
        address: Where it is looked for.
        role: From the plant file, as are criticality, location and register_id.
        criticality: As above.
        location: As above.
        register_id: Its number in the ISMS; None: not yet recorded there.
        observed_at: When the newest look ended; None: there was none.
        clock: How far `observed_at` may be believed.
        outcome: How the newest look ended; `NOT_ASKED` if there was none.
        detail: One sentence for a person.
        nameplate: The last that it told.
        identified_at: When that was; None: never.
        last_seen_at: When it last told who it is, also if that was nothing new; None: never.
        software_components: Software on it.
        children: Devices behind it.
        posture: What its endpoint says of its own security.
        capabilities: What its endpoint says it can do.
        remarks: Deviations from the standard.
        ledger: What the newest look cost it.
        changes: What happened to it, oldest first, as far as that is on record here.
    """

    iss: str
    asset_id: str
    address: str
    role: str = ""
    criticality: str = ""
    location: str = ""
    register_id: str | None = None
    observed_at: str | None = None
    clock: ClockState = ClockState.UNSYNC
    outcome: str = NOT_ASKED
    detail: str = ""
    nameplate: Nameplate = {}
    identified_at: str | None = None
    last_seen_at: str | None = None
    software_components: list[Component] = []
    children: list[Child] = []
    posture: dict[str, Any] | None = None
    capabilities: dict[str, Any] | None = None
    remarks: list[str] = []
    ledger: VisitLedger | None = None
    changes: list[Change] = []


def said(nameplate: Nameplate, *fields: str) -> str:
    """Return the first of these fields that a nameplate has, or an empty string."""
    return next((nameplate[field].value for field in fields if field in nameplate), "")


def product(nameplate: Nameplate) -> str:
    """Return what a device calls itself: by designation, else by type, else by order code."""
    return said(nameplate, "manufacturer_product_designation", "manufacturer_product_type", "order_code_of_manufacturer")


def firmware(nameplate: Nameplate) -> str:
    """Return the version that a device runs; an OPC UA server without a firmware field tells that of its software."""
    return said(nameplate, "firmware_version", "software_version")
