"""The bill of materials says what is in the package, by name, version, licence and hash."""

import hashlib
import json
from pathlib import Path

from tests.packaging.made import wheel
from tests.packaging.scripts import sbom


def test_product_is_the_first_wheel_and_the_others_are_its_parts(tmp_path: Path) -> None:
    parts = [wheel(tmp_path, name) for name in ("nameplated", "zeta", "alpha_one")]
    bill = json.loads(sbom.document(parts, at_s=1_700_000_000))
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.5")
    assert bill["metadata"]["timestamp"] == "2023-11-14T22:13:20Z"
    assert bill["metadata"]["component"]["name"] == "nameplated"
    assert [one["purl"] for one in bill["components"]] == ["pkg:pypi/alpha-one@1.2.3", "pkg:pypi/zeta@1.2.3"]
    assert bill["dependencies"][0]["dependsOn"] == [one["bom-ref"] for one in bill["components"]]


def test_part_for_two_platforms_has_two_entries_that_can_be_told_apart(tmp_path: Path) -> None:
    one = wheel(tmp_path, "one")
    other = one.rename(tmp_path / "one-1.2.3-cp311-cp311-manylinux2014_aarch64.whl")
    entries = [sbom.component(part) for part in (wheel(tmp_path, "one"), other)]
    assert entries[0]["purl"] == entries[1]["purl"]
    assert entries[0]["bom-ref"] != entries[1]["bom-ref"]


def test_hash_is_that_of_the_wheel(tmp_path: Path) -> None:
    path = wheel(tmp_path, "one")
    (entry,) = sbom.component(path)["hashes"]
    assert entry == {"alg": "SHA-256", "content": hashlib.sha256(path.read_bytes()).hexdigest()}


def test_licence_is_an_expression_where_there_is_one_and_a_name_where_not(tmp_path: Path) -> None:
    assert sbom.component(wheel(tmp_path, "one"))["licenses"] == [{"expression": "MIT"}]
    assert sbom.component(wheel(tmp_path, "two", licence="License: GPL of sorts"))["licenses"] == [
        {"license": {"name": "GPL of sorts"}}
    ]
    assert "licenses" not in sbom.component(wheel(tmp_path, "three", licence="Keywords: none"))


def test_same_wheels_give_the_same_document(tmp_path: Path) -> None:
    parts = [wheel(tmp_path, name) for name in ("one", "two")]
    assert sbom.document(parts, at_s=1) == sbom.document(parts, at_s=1)
