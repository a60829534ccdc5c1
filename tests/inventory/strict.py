"""The strict check of a CycloneDX document, by somebody else's library: loaded when it is first asked, because that takes seconds."""

from functools import cache
from typing import Any


def complaint(document: str) -> object:
    """Return what is wrong with a document by the schema of CycloneDX 1.6, or None."""
    return _validator().validate_str(document)


@cache
def _validator() -> Any:
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    return JsonStrictValidator(SchemaVersion.V1_6)
