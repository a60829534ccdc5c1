"""From values read to a nameplate: pure.

Decides which value is which field, how far it may be believed, and whether it belongs to the asked device or to one behind it.
Never reads a value itself.

A server's BuildInfo describes the server's software, often the runtime, not the controller: it becomes a component, and a
nameplate only where nothing better is there. The nameplate of OPC UA for Devices (DI) is the device's own, except behind a
server that speaks for others.

Sources: OPC 10000-5 section 12.4 (BuildInfo), OPC 10000-100 section 4.5 (DI nameplate), Beckhoff TF6100 manual (DI examples).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from protocols.contract import Child, Component, Confidence, Fact, Field

# DI properties that are fields of a nameplate. Others (DeviceRevision, DeviceManual, …) are none, and are not asked for.
DI_FIELDS: Mapping[str, Field] = {
    "Manufacturer": Field.MANUFACTURER_NAME,
    "Model": Field.MANUFACTURER_PRODUCT_DESIGNATION,
    "ProductCode": Field.ORDER_CODE_OF_MANUFACTURER,
    "SerialNumber": Field.SERIAL_NUMBER,
    "HardwareRevision": Field.HARDWARE_VERSION,
    "SoftwareRevision": Field.FIRMWARE_VERSION,
    "ProductInstanceUri": Field.URI_OF_THE_PRODUCT,
}

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """One object of the DI DeviceSet.

    Attributes:
        key: Browse path below the server.
        values: DI property name to value.
    """

    key: str
    values: Mapping[str, Value]


class Basis(Enum):
    """What the facts rest on, as a sentence for a person."""

    DEVICE = "nameplate from OPC UA for Devices"
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
        devices: What the DeviceSet holds.
        speaks_for_others: The server names a gateway or other servers: no device is the asked one.
    """
    named = [(device.key, facts) for device in devices if (facts := nameplate(device.values))]
    component = build_component(build)
    components = () if component is None else (component,)
    if len(named) == 1 and not speaks_for_others:
        return Identity(basis=Basis.DEVICE, facts=named[0][1], components=components, children=())
    children = tuple(Child(key=key, facts=facts) for key, facts in named)
    facts = _build_facts(build)
    return Identity(basis=Basis.SOFTWARE if facts else Basis.NOTHING, facts=facts, components=components, children=children)


def nameplate(values: Mapping[str, Value]) -> tuple[Fact, ...]:
    """The DI nameplate of one device; empty values are no facts."""
    facts = (_fact(field, values.get(name), Confidence.HIGH) for name, field in DI_FIELDS.items())
    return _doubted(tuple(fact for fact in facts if fact is not None))


def build_component(build: Mapping[int, Value]) -> Component | None:
    """The OPC UA server as software that runs on the device, or None if it has no name."""
    texts = {number: value.text for number, value in build.items()}
    name = texts.get(PRODUCT_NAME) or texts.get(PRODUCT_URI)
    if not name:
        return None
    version = texts.get(SOFTWARE_VERSION) or texts.get(BUILD_NUMBER, "")
    return Component(name=name, version=version, manufacturer=texts.get(MANUFACTURER_NAME, ""), source="i=2260")


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
