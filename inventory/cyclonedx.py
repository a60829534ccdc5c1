"""Items as a CycloneDX 1.6 document: devices, the firmware inside them, and how each of that is known.

Decides what of an asset goes where. Never says more than was seen: a field that no device told is left out, and an asset that
nobody has seen is there under the plant's name for it. Time and serial number are arguments: equal items make equal documents.

    asset                 component, type device; a device behind it is a component inside
    firmware_version      component inside, type firmware
    software_components   components inside, type application
    each field            evidence.identity (name, version) and evidence.occurrences (all): request, raw bytes, profile
    all other fields      properties: nameplated:… ; cdx:device:… where the official taxonomy has a word

Source: CycloneDX 1.6 (ECMA-424), bom-1.6.schema.json; CycloneDX property taxonomy, namespace cdx:device.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from cyclonedx.model import Property
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.component_evidence import AnalysisTechnique, ComponentEvidence, Identity, IdentityField, Method, Occurrence
from cyclonedx.model.contact import OrganizationalEntity
from cyclonedx.model.lifecycle import LifecyclePhase, PredefinedLifecycle
from cyclonedx.model.tool import ToolRepository
from cyclonedx.output.json import JsonV1Dot6

from evidence.kinds import Child, Nameplate, NameplateField
from evidence.kinds import Component as Software
from inventory.item import Item, product, said
from inventory.rows import findings

CONFIDENCE = {"high": Decimal("0.9"), "medium": Decimal("0.6"), "low": Decimal("0.3")}
"""CycloneDX wants a number where we have three words. These keep their order; they are no probabilities."""

TAXONOMY = {"serial_number": "cdx:device:serialNumber", "date_of_manufacture": "cdx:device:prodTimestamp"}
"""Fields that the official taxonomy has a name for; they have ours too."""


def document(items: Iterable[Item], *, at: datetime, serial: UUID, version: str) -> str:
    """Return the document as JSON.

    Args:
        items: The assets.
        at: When it was made, with a time zone.
        serial: Its own number; a new one for each document.
        version: Of this program.
    """
    program = Component(name="nameplated", version=version, type=ComponentType.APPLICATION)
    metadata = BomMetaData(
        timestamp=at,
        tools=ToolRepository(components=[program]),
        lifecycles=[PredefinedLifecycle(LifecyclePhase.DISCOVERY)],
    )
    bom = Bom(components=[_asset(item) for item in items], serial_number=serial, metadata=metadata)
    return JsonV1Dot6(bom).output_as_string(indent=2) + "\n"


def _asset(item: Item) -> Component:
    ref = f"{item.iss}:{item.asset_id}"
    inside = [
        *(_software(part, f"{ref}/software/{number}") for number, part in enumerate(item.software_components)),
        *(_child(child, item.address, f"{ref}/behind/{number}") for number, child in enumerate(item.children)),
    ]
    return _device(item.nameplate, name=item.asset_id, address=item.address, ref=ref, properties=_properties(item), inside=inside)


def _child(child: Child, address: str, ref: str) -> Component:
    behind = [Property(name="nameplated:behind", value=child.key)]
    return _device(child.nameplate, name=child.key, address=address, ref=ref, properties=behind, inside=[])


def _device(
    nameplate: Nameplate, *, name: str, address: str, ref: str, properties: Iterable[Property], inside: Iterable[Component]
) -> Component:
    firmware = nameplate.get("firmware_version")
    if firmware is not None:
        inside = [_firmware(firmware, product(nameplate) or name, address, f"{ref}/firmware"), *inside]
    return Component(
        type=ComponentType.DEVICE,
        bom_ref=ref,
        name=product(nameplate) or name,
        version=said(nameplate, "hardware_version") or None,
        manufacturer=_maker(said(nameplate, "manufacturer_name")),
        evidence=_evidence(nameplate, address, ref) if nameplate else None,
        properties=(*properties, *_fields(nameplate)),
        components=inside,
    )


def _firmware(field: NameplateField, device: str, address: str, ref: str) -> Component:
    evidence = ComponentEvidence(
        identity=[_identity(IdentityField.VERSION, field)], occurrences=[_occurrence("firmware_version", field, address, ref)]
    )
    return Component(type=ComponentType.FIRMWARE, bom_ref=ref, name=f"{device} firmware", version=field.value, evidence=evidence)


def _software(part: Software, ref: str) -> Component:
    where = [Property(name="nameplated:source", value=part.source)] if part.source else []
    return Component(
        type=ComponentType.APPLICATION,
        bom_ref=ref,
        name=part.name,
        version=part.version or None,
        manufacturer=_maker(part.manufacturer),
        properties=where,
    )


def _maker(name: str) -> OrganizationalEntity | None:
    return OrganizationalEntity(name=name) if name else None


def _evidence(nameplate: Nameplate, address: str, ref: str) -> ComponentEvidence:
    """How name and version are known, and where every field stands."""
    named = ("manufacturer_product_designation", "manufacturer_product_type", "order_code_of_manufacturer")
    proofs = {IdentityField.NAME: named, IdentityField.VERSION: ("hardware_version",)}
    found = {what: next((nameplate[field] for field in fields if field in nameplate), None) for what, fields in proofs.items()}
    return ComponentEvidence(
        identity=[_identity(what, field) for what, field in found.items() if field is not None],
        occurrences=[_occurrence(name, field, address, ref) for name, field in nameplate.items()],
    )


def _identity(what: IdentityField, field: NameplateField) -> Identity:
    confidence = CONFIDENCE.get(field.confidence, CONFIDENCE["low"])
    method = Method(technique=AnalysisTechnique.DYNAMIC_ANALYSIS, confidence=confidence, value=_told(field))
    return Identity(field=what, confidence=confidence, concluded_value=field.value, methods=[method])


def _occurrence(name: str, field: NameplateField, address: str, ref: str) -> Occurrence:
    """One field: the endpoint that told it, the field, and the answer that it was in."""
    return Occurrence(
        bom_ref=f"{ref}/evidence/{name}",
        location=address,
        symbol=name,
        additional_context=f"{_told(field)}; confidence {field.confidence}",
    )


def _told(field: NameplateField) -> str:
    read_by = f", read by {field.profile}" if field.profile else ""
    return f"{field.source}: {field.raw}{read_by}"


def _properties(item: Item) -> Iterator[Property]:
    """What the plant file and the looks say of an asset."""
    told = {
        "issuer": item.iss,
        "asset_id": item.asset_id,
        "address": item.address,
        "role": item.role,
        "criticality": item.criticality,
        "location": item.location,
        "register_id": item.register_id,
        "outcome": item.outcome,
        "last_seen_at": item.last_seen_at,
        "identified_at": item.identified_at,
        "security": " ".join(map(str, findings(item.posture))),
    }
    yield from (Property(name=f"nameplated:{name}", value=value) for name, value in told.items() if value)


def _fields(nameplate: Nameplate) -> Iterator[Property]:
    for name, field in nameplate.items():
        yield Property(name=f"nameplated:nameplate:{name}", value=field.value)
        if name in TAXONOMY:
            yield Property(name=TAXONOMY[name], value=field.value)
