"""What is inside: a CycloneDX bill of materials, made from the very wheels that are delivered.

Decides nothing; every entry is what a wheel says of itself, and the hash of its bytes. Two builds of one commit give the same
document, so it carries no random serial number.

    python packaging/sbom.py        -> dist/nameplated-VERSION.cdx.json (amd64)

Source: CycloneDX 1.5 JSON; purl-spec (pkg:pypi); core metadata 2.4 (License-Expression).
"""

import hashlib
import json
import sys
import tempfile
import zipfile
from datetime import UTC, datetime
from email import message_from_string
from email.message import Message
from pathlib import Path
from typing import Any

import wheels


def document(parts: list[Path], *, at_s: int) -> str:
    """Return the bill of some wheels; the first of them is the product, the others are what it is made of.

    Args:
        parts: Wheels; the first is ours.
        at_s: The time that it carries, seconds since 1970.
    """
    product, *others = [component(part) for part in parts]
    bill = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "timestamp": datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "component": {**product, "type": "application"},
        },
        "components": sorted(others, key=lambda one: str(one["bom-ref"])),
        "dependencies": [{"ref": product["bom-ref"], "dependsOn": sorted(str(one["bom-ref"]) for one in others)}],
    }
    return json.dumps(bill, indent=2) + "\n"


def component(wheel: Path) -> dict[str, Any]:
    """Return the entry of one wheel. Its reference is the file's name: the bundle has some parts for several platforms."""
    said = _metadata(wheel)
    name, version = str(said["Name"]).lower().replace("_", "-"), str(said["Version"])
    purl = f"pkg:pypi/{name}@{version}"
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    entry: dict[str, Any] = {"type": "library", "bom-ref": wheel.name, "name": name, "version": version, "purl": purl}
    entry["hashes"] = [{"alg": "SHA-256", "content": digest}]
    if said["License-Expression"]:
        entry["licenses"] = [{"expression": said["License-Expression"]}]
    elif said["License"]:
        entry["licenses"] = [{"license": {"name": said["License"].splitlines()[0]}}]
    return entry


def _metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [entry for entry in archive.namelist() if entry.endswith(".dist-info/METADATA") and entry.count("/") == 1]
        return message_from_string(archive.read(name).decode("utf-8"))


def main() -> int:
    """Write the bill of the package for amd64."""
    dist = wheels.ROOT / "dist"
    dist.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        own = wheels.own_wheel(Path(folder))
        target = dist / f"nameplated-{wheels.version_of(own)}.cdx.json"
        target.write_text(document([own, *wheels.locked_wheels("amd64", "3.11")], at_s=wheels.source_date()))
    sys.stdout.write(f"{target.relative_to(wheels.ROOT)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
