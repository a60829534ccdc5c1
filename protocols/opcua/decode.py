"""From asyncua's structures to plain, bounded, cleaned data.

Decides what is taken from an answer: strings, numbers and lists of them, never a structure. Never believes a type: what is
not what the standard says it is, is as if it were not there.

Source: OPC 10000-4 sections 7.2 (application), 7.14 (endpoint), 7.20 (security mode), 7.41 (user token policy).
"""

from collections.abc import Iterable, Sequence
from typing import Any

from asyncua import ua

from protocols.opcua.certificates import first_of_chain
from protocols.opcua.identity import Value
from protocols.opcua.posture import Application, Offer, Token
from protocols.text import clean

MAX_ENDPOINTS = 32
MAX_TOKENS = 8
MAX_ARRAY = 256
MAX_POLICY_ID_CHARS = 256
MAX_RAW_BYTES = 1024  # of one value, kept as evidence

_MODES = {1: "none", 2: "sign", 3: "sign-and-encrypt"}
_TOKENS = {0: "anonymous", 1: "username", 2: "certificate", 3: "issued"}
_DISCOVERY_SERVER = 3
_YEARS = range(1900, 2200)


def _unknown_member(kind: Any, value: int) -> Any:
    """A member without a name, so that one number of a later edition of the standard does not spoil a whole answer."""
    member = int.__new__(kind, value)
    member._name_ = f"Unknown_{value}"
    member._value_ = value
    return member


# asyncua decodes an enumeration by its class and fails on a number that it does not know; Python's own hook makes it tolerant.
for _kind in (ua.ApplicationType, ua.MessageSecurityMode, ua.NodeClass, ua.UserTokenType):
    _kind._missing_ = classmethod(_unknown_member)  # type: ignore[method-assign,assignment]  # the documented hook of enum


def text(value: Any) -> str:
    """A string or localised text, cleaned; anything else is empty."""
    return clean(_bytes(value))


def value_of(data: Any, source: str) -> Value | None:
    """One scalar string or localised text that was read well, or None."""
    content = good(data)
    raw = _bytes(content)
    return Value(text=clean(raw), raw=raw[:MAX_RAW_BYTES].hex(), source=source) if raw else None


def number_of(data: Any) -> int | None:
    """One scalar integer that was read well, or None."""
    content = good(data)
    return int(content) if isinstance(content, int) and not isinstance(content, bool) else None


def year_of(data: Any, source: str) -> Value | None:
    """One year that was read well, or None."""
    year = number_of(data)
    return (
        Value(text=str(year), raw=year.to_bytes(2, "little").hex(), source=source)
        if year is not None and year in _YEARS
        else None
    )


def cleaned(items: Iterable[str], limit: int) -> tuple[str, ...]:
    """Strings that are safe to show, bounded in number."""
    return tuple(text(item) for item in tuple(items)[:limit])


def strings_of(data: Any) -> tuple[str, ...]:
    """An array of strings that was read well, as they are, for comparing; empty if it is anything else."""
    content = good(data)
    if not isinstance(content, list | tuple):
        return ()
    return tuple(item if isinstance(item, str) else "" for item in content[:MAX_ARRAY])


def good(data: Any) -> Any:
    """The content of a value with a good status, or None."""
    if not isinstance(data, ua.DataValue) or (data.StatusCode is not None and not data.StatusCode.is_good()):
        return None
    return data.Value.Value if isinstance(data.Value, ua.Variant) else None


def application(endpoints: Sequence[ua.EndpointDescription]) -> Application:
    """Who the server says it is, from the first endpoint."""
    server = next((endpoint.Server for endpoint in listed(endpoints, 1)), None)
    return Application() if server is None else described(server)


def described(server: ua.ApplicationDescription) -> Application:
    """One application, cleaned."""
    return Application(
        name=text(server.ApplicationName),
        uri=text(server.ApplicationUri),
        product_uri=text(server.ProductUri),
        gateway_uri=text(server.GatewayServerUri),
        discovers=int(server.ApplicationType) == _DISCOVERY_SERVER,
    )


def offers(endpoints: Sequence[ua.EndpointDescription]) -> tuple[Offer, ...]:
    """The endpoints over plain OPC UA TCP; others (HTTPS, PubSub) are not ours to judge."""
    return tuple(_offer(endpoint) for endpoint in listed(endpoints, MAX_ENDPOINTS) if _is_tcp(endpoint))


def listed(items: Iterable[Any] | None, limit: int) -> list[Any]:
    """A list that may be missing, bounded."""
    return list(items or ())[:limit]


def _is_tcp(endpoint: ua.EndpointDescription) -> bool:
    return text(endpoint.EndpointUrl).startswith("opc.tcp://")


def _offer(endpoint: ua.EndpointDescription) -> Offer:
    policy = _short(endpoint.SecurityPolicyUri)
    return Offer(
        url=text(endpoint.EndpointUrl),
        policy=policy,
        mode=_MODES.get(int(endpoint.SecurityMode), "invalid"),
        tokens=tuple(_token(token, policy) for token in listed(endpoint.UserIdentityTokens, MAX_TOKENS)),
        certificate=first_of_chain(endpoint.ServerCertificate),
    )


def _token(token: ua.UserTokenPolicy, endpoint_policy: str) -> Token:
    return Token(
        kind=_TOKENS.get(int(token.TokenType), "unknown"),
        policy=_short(token.SecurityPolicyUri) or endpoint_policy,
        policy_id=str(token.PolicyId or "")[:MAX_POLICY_ID_CHARS],
    )


def _short(policy_uri: Any) -> str:
    """`http://opcfoundation.org/UA/SecurityPolicy#Basic256Sha256` is `Basic256Sha256`."""
    return text(policy_uri).rpartition("#")[2]


def _bytes(value: Any) -> bytes:
    """The bytes of a string as they came: asyncua decodes with surrogates, which turn back into what they were."""
    if isinstance(value, ua.LocalizedText):
        value = value.Text
    return value.encode("utf-8", "surrogateescape") if isinstance(value, str) else b""
