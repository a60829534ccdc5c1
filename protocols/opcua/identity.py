"""From values read to a nameplate: pure.

Decides which value is which field, how far it may be believed, and whether it belongs to the asked device or to one behind it.
Never reads a value itself.

A server's BuildInfo describes the server's software, often the runtime, not the controller: it becomes a component, and a
nameplate only where nothing better is there. The nameplate of OPC UA for Devices (DI) is the device's own, that of a machine
(Machinery) only where no device stands beside it: the address is the controller's. A server that speaks for others has none.

Sources: OPC 10000-5 section 12.4 (BuildInfo), OPC 10000-100 section 4.5 (DI nameplate), OPC 40001-1 section 8 (machines),
Beckhoff TF6100 manual (DI examples).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto

from protocols.contract import Child, Component, Confidence, Fact, Field

# DI properties that are fields of a nameplate. Others (DeviceRevision, DeviceManual, ManufacturerUri, dates of software, …) have
# no field there, and are not asked for.
DI_FIELDS: Mapping[str, Field] = {
    "Manufacturer": Field.MANUFACTURER_NAME,
    "Model": Field.MANUFACTURER_PRODUCT_DESIGNATION,
    "ProductCode": Field.ORDER_CODE_OF_MANUFACTURER,
    "SerialNumber": Field.SERIAL_NUMBER,
    "HardwareRevision": Field.HARDWARE_VERSION,
    "SoftwareRevision": Field.FIRMWARE_VERSION,
    "ProductInstanceUri": Field.URI_OF_THE_PRODUCT,
}
SERIAL_NUMBER = "SerialNumber"
YEAR = "YearOfConstruction"  # of Machinery; a month without a day is no date of manufacture
ORDER_NUMBER = "OrderNumber"  # Siemens' own, beside the DI properties

PRODUCT_NAME = 2261
PRODUCT_URI = 2262
MANUFACTURER_NAME = 2263
SOFTWARE_VERSION = 2264
BUILD_NUMBER = 2265


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """One value as read.

    Attributes:
        text: Cleaned.
        raw: Its bytes, as hex.
        source: The node id it came from.
    """

    text: str
    raw: str
    source: str


class Origin(Enum):
    """Where a server shows a device."""

    DEVICE = auto()  # in the DeviceSet of OPC UA for Devices
    MACHINE = auto()  # among the Machines of OPC UA for Machinery


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """One device or machine that a server shows.

    Attributes:
        key: Browse path below the server.
        values: Property name to value.
        origin: Where it was found.
    """

    key: str
    values: Mapping[str, Value]
    origin: Origin = Origin.DEVICE


class Basis(Enum):
    """What the facts rest on, as a sentence for a person."""

    DEVICE = "nameplate from OPC UA for Devices"
    MACHINE = "nameplate from OPC UA for Machinery"
    SOFTWARE = "nameplate from BuildInfo, which describes the server's software"
    NOTHING = "the server answers and has no nameplate to tell"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What belongs to the asked device, what runs on it, and what is behind it."""

    basis: Basis
    facts: tuple[Fact, ...]
    components: tuple[Component, ...]
    children: tuple[Child, ...]


def identify(build: Mapping[int, Value], devices: Sequence[Device], *, speaks_for_others: bool) -> Identity:
    """Decide whose nameplate is whose.

    Args:
        build: BuildInfo, by numeric id of namespace 0.
        devices: What the server shows.
        speaks_for_others: The server names a gateway or other servers: no device is the asked one.
    """
    named = [(device, facts) for device in devices if (facts := nameplate(device.values))]
    asked = None if speaks_for_others else _asked_one([device for device, _ in named])
    component = build_component(build)
    components = () if component is None else (component,)
    children = tuple(Child(key=device.key, facts=facts) for device, facts in named if device is not asked)
    if asked is not None:
        basis = Basis.DEVICE if asked.origin is Origin.DEVICE else Basis.MACHINE
        return Identity(basis=basis, facts=nameplate(asked.values), components=components, children=children)
    facts = _build_facts(build)
    return Identity(basis=Basis.SOFTWARE if facts else Basis.NOTHING, facts=facts, components=components, children=children)


def nameplate(values: Mapping[str, Value]) -> tuple[Fact, ...]:
    """The nameplate of one device; empty values are no facts."""
    facts = [_fact(field, values.get(name), Confidence.HIGH) for name, field in DI_FIELDS.items()]
    facts.append(_fact(Field.YEAR_OF_CONSTRUCTION, values.get(YEAR), Confidence.HIGH))
    if not (code := values.get("ProductCode")) or not code.text:
        facts.append(_fact(Field.ORDER_CODE_OF_MANUFACTURER, values.get(ORDER_NUMBER), Confidence.MEDIUM))
    return _doubted(tuple(fact for fact in facts if fact is not None))


def build_component(build: Mapping[int, Value]) -> Component | None:
    """The OPC UA server as software that runs on the device, or None if it has no name."""
    texts = {number: value.text for number, value in build.items()}
    name = texts.get(PRODUCT_NAME) or texts.get(PRODUCT_URI)
    if not name:
        return None
    version = texts.get(SOFTWARE_VERSION) or texts.get(BUILD_NUMBER, "")
    return Component(name=name, version=version, manufacturer=texts.get(MANUFACTURER_NAME, ""), source="i=2260")


def _asked_one(named: Sequence[Device]) -> Device | None:
    """The device that was asked: the only one of its kind, and a device before a machine. Of several, nobody can tell."""
    for origin in (Origin.DEVICE, Origin.MACHINE):
        alike = [device for device in named if device.origin is origin]
        if alike:
            return alike[0] if len(alike) == 1 else None
    return None


def _build_facts(build: Mapping[int, Value]) -> tuple[Fact, ...]:
    """The maker of the server is usually the maker of the device; its product name is often that of the stack."""
    facts = (
        _fact(Field.MANUFACTURER_NAME, build.get(MANUFACTURER_NAME), Confidence.MEDIUM),
        _fact(Field.MANUFACTURER_PRODUCT_DESIGNATION, build.get(PRODUCT_NAME), Confidence.LOW),
    )
    return tuple(fact for fact in facts if fact is not None)


def _doubted(facts: tuple[Fact, ...]) -> tuple[Fact, ...]:
    """Beckhoff's server is delivered with example values in its DI nodes and never updates them."""
    maker = next((fact.value for fact in facts if fact.field is Field.MANUFACTURER_NAME), "")
    if "beckhoff" not in maker.lower():
        return facts
    return tuple(replace(fact, confidence=Confidence.LOW) for fact in facts)


def _fact(field: Field, value: Value | None, confidence: Confidence) -> Fact | None:
    if value is None or not value.text:
        return None
    return Fact(field=field, value=value.text, source=value.source, raw=value.raw, confidence=confidence)
