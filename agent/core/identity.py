"""Whether the device that answers now is the one that answered before, and on what basis.

Decides identity from two nameplates. Never decides what to do about it, and never from an address: addresses are handed on
when a device is exchanged, serial numbers are not.
"""

from dataclasses import dataclass

from agent.core.observation import Nameplate

PRODUCT_FIELDS = (
    "manufacturer_name",
    "order_code_of_manufacturer",
    "manufacturer_product_type",
    "manufacturer_product_designation",
)
"""Fields that name a kind of device. A firmware update leaves them alone; a different device rarely does."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A decision on identity.

    Attributes:
        same: Whether it is taken for the same device.
        field: The field that decided, or empty.
        basis: The reason, for a person and for evidence.
    """

    same: bool
    field: str
    basis: str


def compare(before: Nameplate, now: Nameplate) -> Identity:
    """Decide whether two nameplates belong to one device.

    A serial number on both sides decides alone. Without one, a different product is a different device, and an equal product
    is taken for the same device until something says otherwise.
    """
    serial_before, serial_now = text(before, "serial_number"), text(now, "serial_number")
    if serial_before and serial_now:
        if serial_before == serial_now:
            return Identity(same=True, field="serial_number", basis="the serial number is the same")
        return Identity(same=False, field="serial_number", basis="the serial number is another one")
    for field in PRODUCT_FIELDS:
        if text(before, field) and text(now, field) and text(before, field) != text(now, field):
            return Identity(same=False, field=field, basis=f"no serial number to compare, and {field} is another one")
    return Identity(same=True, field="", basis="no serial number to compare; the product is the same")


def text(nameplate: Nameplate, field: str) -> str:
    """Return a field's value, or an empty string where the nameplate does not have it."""
    found = nameplate.get(field)
    return found.value if found else ""
