"""Where reports travel, and what gateways and receivers are called.

Decides the spelling of topics and names, both ways. Must never let a device's text into a topic: every level is one of our
own words or an id of `[a-z0-9-]{1,32}`, so no wildcard, slash or control character can be smuggled in.

    >>> topic("", "werk-ulm", "gw-halle3", "evidence")
    'nameplated/v1/werk-ulm/gw-halle3/evidence'
    >>> parse_topic("acme/nameplated/v1/werk-ulm/gw-halle3/request/republish", prefix="acme/")
    ('werk-ulm', 'gw-halle3', 'request/republish')
    >>> issuer("werk-ulm", "gw-halle3")
    'urn:nameplated:werk-ulm:gw-halle3'
"""

import re
from typing import Final

ID: Final = "[a-z0-9-]{1,32}"
LEAVES: Final = ("status", "evidence", "health", "receipt", "response")

_ID = re.compile(ID)
_LEAF = re.compile(rf"(?:{'|'.join(LEAVES)})|request/{ID}")
_TOPIC = re.compile(rf"nameplated/v1/({ID})/({ID})/({_LEAF.pattern})")
_ISSUER = re.compile(rf"urn:nameplated:({ID}):({ID})")
_PREFIX_LEVEL = re.compile(r"[^\x00-\x20/+#$\x7f]{1,64}")


def topic(prefix: str, plant: str, gateway: str, leaf: str) -> str:
    """Return the topic of one leaf of one gateway.

    Args:
        prefix: The operator's own levels above ours, with or without a slash at its end, or empty.
        plant: Id of the plant.
        gateway: Id of the gateway.
        leaf: One of `LEAVES`, or `request/<name>`.

    Raises:
        ValueError: One of them is no such name. Never for anything that a device sent: devices are not named in topics.
    """
    if not _LEAF.fullmatch(leaf):
        raise ValueError(f"no such topic leaf: {leaf!r}")
    return f"{_levels(prefix)}nameplated/v1/{_checked_id(plant)}/{_checked_id(gateway)}/{leaf}"


def of_gateway(prefix: str, plant: str, gateway: str) -> dict[str, str]:
    """Return every topic of one gateway by its leaf; `request` is the level above the names of requests.

    >>> of_gateway("", "werk-ulm", "gw-halle3")["request"]
    'nameplated/v1/werk-ulm/gw-halle3/request'
    """
    found = {leaf: topic(prefix, plant, gateway, leaf) for leaf in LEAVES}
    return found | {"request": found["status"].removesuffix("status") + "request"}


def subscription(prefix: str, leaf: str) -> str:
    """Return the filter that matches one leaf of every gateway of every plant.

    >>> subscription("acme", "status")
    'acme/nameplated/v1/+/+/status'
    """
    if leaf not in LEAVES:
        raise ValueError(f"no such topic leaf: {leaf!r}")
    return f"{_levels(prefix)}nameplated/v1/+/+/{leaf}"


def parse_topic(text: str, prefix: str = "") -> tuple[str, str, str] | None:
    """Return plant, gateway and leaf of a topic of ours, or None for any other text."""
    levels = _levels(prefix)
    match = _TOPIC.fullmatch(text, len(levels)) if text.startswith(levels) else None
    return (match[1], match[2], match[3]) if match else None


def issuer(plant: str, gateway: str) -> str:
    """Return the name under which a gateway signs."""
    return f"urn:nameplated:{_checked_id(plant)}:{_checked_id(gateway)}"


def parse_issuer(text: str) -> tuple[str, str] | None:
    """Return plant and gateway of an issuer's name, or None for any other text."""
    match = _ISSUER.fullmatch(text)
    return (match[1], match[2]) if match else None


def audience(receiver: str) -> str:
    """Return the name of a receiver.

    >>> audience("central")
    'urn:isms:central'
    """
    return f"urn:isms:{_checked_id(receiver)}"


def _checked_id(text: str) -> str:
    if not _ID.fullmatch(text):
        raise ValueError(f"not an id of 1 to 32 characters a-z, 0-9 and -: {text!r}")
    return text


def _levels(prefix: str) -> str:
    """Return the prefix as whole levels that end in a slash, or nothing."""
    stripped = prefix.rstrip("/")
    if not stripped:
        return ""
    if not all(_PREFIX_LEVEL.fullmatch(level) for level in stripped.split("/")):
        raise ValueError(f"not a topic prefix: {prefix!r}")
    return stripped + "/"
