"""The topics as an AsyncAPI 3 document, made from the code: `python -m devtools.asyncapi` writes docs/asyncapi.yaml.

Decides how a channel, its messages and its MQTT properties are told. A test compares the file, and holds what is really sent against it.

Source: AsyncAPI 3.0.0; MQTT bindings 0.2.0.
"""

import json
from pathlib import Path
from typing import Any, Final, NamedTuple

from evidence.envelope import RECEIPT, REPORT, REQUEST, RESPONSE
from evidence.kinds import KINDS
from evidence.topics import ID

PAGE: Final = Path(__file__).parents[1] / "docs" / "asyncapi.yaml"
COMPACT: Final = r"^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{86}$"
APART: Final = {"health/1", "status.online/1", "status.offline/1"}


class Leaf(NamedTuple):
    """One topic of a gateway.

    Attributes:
        summary: What it is for.
        typ: What its envelopes are.
        bodies: The kinds of body, or the one form of payload.
        by_gateway: Who sends.
        retain: Whether the broker keeps the last one.
        expiry_s: After how long nobody needs it any more, or None.
    """

    summary: str
    typ: str
    bodies: tuple[str, ...]
    by_gateway: bool
    retain: bool = False
    expiry_s: int | None = None


LEAVES: Final = {
    "status": Leaf(
        "online, and offline as will and goodbye", REPORT, ("status.online/1", "status.offline/1"), by_gateway=True, retain=True
    ),
    "evidence": Leaf("the chain", REPORT, tuple(sorted(set(KINDS) - APART)), by_gateway=True),
    "health": Leaf("how the gateway is", REPORT, ("health/1",), by_gateway=True, expiry_s=86_400),
    "response": Leaf("the answer to a request", RESPONSE, ("response",), by_gateway=True, expiry_s=60),
    "receipt": Leaf("what the receiver holds", RECEIPT, ("receipt",), by_gateway=False, retain=True),
    "request/status": Leaf("say how you are", REQUEST, ("request",), by_gateway=False, expiry_s=60),
    "request/republish": Leaf("send these records again", REQUEST, ("request",), by_gateway=False, expiry_s=60),
}


def document() -> dict[str, Any]:
    """Return the document."""
    parameters = {name: {"description": f"Id of the {name}, {ID}"} for name in ("plant", "gateway")}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "nameplated",
            "version": "1.0.0",
            "description": "Signed reports of OT gateways. Every payload is a compact JWS; docs/report-format.md says how it is judged.",
        },
        "defaultContentType": "application/jwt",
        "channels": {
            _name(leaf): {
                "address": f"nameplated/v1/{{plant}}/{{gateway}}/{leaf}",
                "summary": told.summary,
                "parameters": parameters,
                "messages": {_name(leaf): {"$ref": f"#/components/messages/{_name(leaf)}"}},
            }
            for leaf, told in LEAVES.items()
        },
        "operations": {_name(leaf): _operation(leaf, told) for leaf, told in LEAVES.items()},
        "components": {"messages": {_name(leaf): _message(told) for leaf, told in LEAVES.items()}},
    }


def text() -> str:
    """Return the document as YAML."""
    return "\n".join(["# Made by devtools.asyncapi from the code; see there.", *_yaml(document(), 0)]) + "\n"


def _name(leaf: str) -> str:
    return leaf.replace("/", "-")


def _operation(leaf: str, told: Leaf) -> dict[str, Any]:
    """Return what the gateway does with a channel."""
    mqtt: dict[str, Any] = {"qos": 1, "retain": told.retain, "bindingVersion": "0.2.0"}
    if told.expiry_s is not None:
        mqtt["messageExpiryInterval"] = told.expiry_s
    operation: dict[str, Any] = {
        "action": "send" if told.by_gateway else "receive",
        "summary": told.summary,
        "channel": {"$ref": f"#/channels/{_name(leaf)}"},
        "bindings": {"mqtt": mqtt},
    }
    if leaf.startswith("request/"):
        operation["reply"] = {"channel": {"$ref": "#/channels/response"}}
    return operation


def _message(told: Leaf) -> dict[str, Any]:
    """Return a message: a token for all, and what is in it for those who verified it."""
    files = [f"../evidence/schemas/{body.replace('/', '-')}.json" for body in told.bodies]
    return {
        "contentType": "application/jwt",
        "summary": f"JWS with the header member typ {told.typ}",
        "payload": {"type": "string", "pattern": COMPACT, "maxLength": 262_144},
        "x-typ": told.typ,
        "x-decoded": files if told.typ != REPORT else ["../evidence/schemas/claims.json", *files],
    }


def _yaml(value: Any, depth: int) -> list[str]:
    """Write mappings and lists as blocks and everything else as JSON, which YAML reads too."""
    pad = "  " * depth
    match value:
        case dict():
            lines = []
            for key, inner in value.items():
                nested = isinstance(inner, dict | list) and inner
                written = json.dumps(key) if "$" in key or "/" in key else key
                lines += [f"{pad}{written}:", *_yaml(inner, depth + 1)] if nested else [f"{pad}{written}: {json.dumps(inner)}"]
            return lines
        case list():
            return [f"{pad}- {json.dumps(inner)}" for inner in value]
        case other:
            return [f"{pad}{json.dumps(other)}"]


if __name__ == "__main__":
    PAGE.write_text(text(), encoding="utf-8")
