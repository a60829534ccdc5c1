"""Addresses of devices and brokers, as a person writes them and as the rest of the program uses them.

Decides whether an address is one that may be asked, and what its short forms mean. Never resolves a name or opens a
connection, never repairs an address by guessing, and never repeats an address that carries a password.

    modbus-tcp://HOST[:PORT][?unit=N]                       Modbus TCP; port 502, unit 1
    modbus-rtu-tcp://HOST[:PORT][?unit=N]                   Modbus RTU frames through TCP; port 502, unit 1
    modbus-rtu:///dev/PORT[?baud=N&parity=N|E|O&unit=N]     a serial line; 19200, E, unit 1
    opc.tcp://HOST[:PORT][/PATH]                            OPC UA; port 4840

A unit id is 1 unless it is written: most devices answer to it, and those that are reached directly ignore it. The Modbus
Messaging Implementation Guide (V1.0b, section 4.4.2.2) names 255 for them; `?unit=255` is there for the few that insist.

>>> str(Address.parse("modbus-tcp://10.20.0.7"))
'modbus-tcp://10.20.0.7:502?unit=1'
"""

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from config.near import nearest

MAX_LENGTH = 1024  # characters of a whole address: the longest host name, a path, and room
MODBUS_PORT = 502
OPC_UA_PORT = 4840
MQTT_PORT = 1883
MQTTS_PORT = 8883
BAUD_RATES = (1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200)

_PLAIN = re.compile(r"[!-~]+")  # printable ASCII without the blank: nothing hides in an address
_HOST_AND_PORT = re.compile(r"(?:\[(?P<six>[^\[\]]*)\]|(?P<name>[^\[\]:]*))(?::(?P<port>[0-9]{1,5}))?")
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_PATH = re.compile(r"(?:/[A-Za-z0-9._~%:+,-]*)+")  # OPC UA endpoint paths and /dev/serial/by-path alike


class AddressError(ValueError):
    """An address is not one that may be asked.

    Attributes:
        what: What is wrong, without a closing full stop.
        suggestion: What to write instead, as a sentence, or empty.
    """

    def __init__(self, what: str, suggestion: str = "") -> None:
        super().__init__(f"{what}. {suggestion}".strip())
        self.what = what
        self.suggestion = suggestion


class Scheme(StrEnum):
    """How bytes reach a device."""

    MODBUS_TCP = "modbus-tcp"
    MODBUS_RTU = "modbus-rtu"
    MODBUS_RTU_TCP = "modbus-rtu-tcp"
    OPC_UA = "opc.tcp"

    @property
    def is_modbus(self) -> bool:
        """Whether a unit id belongs to the address."""
        return self is not Scheme.OPC_UA


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where one device is asked. `str()` gives the full form, which parses to the same address.

    Attributes:
        scheme: How bytes reach it.
        host: Host name in lower case or IP address; for a serial line the path of the port.
        port: TCP port, 1 to 65535; 0 on a serial line.
        unit: Modbus unit id, 0 to 255 (1 to 247 behind a serial line); None for OPC UA.
        path: Path of an OPC UA endpoint with its leading slash, or empty.
        baud: Bits per second; meaningful on a serial line only.
        parity: "N", "E" or "O"; meaningful on a serial line only.
    """

    scheme: Scheme
    host: str
    port: int = 0
    unit: int | None = None
    path: str = ""
    baud: int = 19200
    parity: str = "E"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read an address.

        Raises:
            AddressError: It is not an address of this program; the error says what to write instead.
        """
        name, rest = _split_scheme(text, tuple(Scheme), example="modbus-tcp://10.20.0.7:502?unit=1")
        scheme = Scheme(name)
        rest, _, query = rest.partition("?")
        options = _options(query, scheme)
        if scheme is Scheme.MODBUS_RTU:
            return cls(
                scheme=scheme, host=_serial_port(rest), unit=_unit(options, scheme), baud=_baud(options), parity=_parity(options)
            )
        authority, slash, tail = rest.partition("/")
        path = slash + tail
        if scheme is Scheme.OPC_UA:
            host, port = _host_and_port(authority, OPC_UA_PORT)
            return cls(scheme=scheme, host=host, port=port, path=_endpoint_path(path))
        host, port = _host_and_port(authority, MODBUS_PORT)
        if path not in ("", "/"):
            raise AddressError("a Modbus address has no path", f"Write {scheme}://{_bracketed(host)}:{port}?unit=1.")
        return cls(scheme=scheme, host=host, port=port, unit=_unit(options, scheme))

    def __str__(self) -> str:
        match self.scheme:
            case Scheme.MODBUS_RTU:
                return f"{self.scheme}://{self.host}?baud={self.baud}&parity={self.parity}&unit={self.unit}"
            case Scheme.OPC_UA:
                return f"{self.scheme}://{_bracketed(self.host)}:{self.port}{self.path}"
            case _:
                return f"{self.scheme}://{_bracketed(self.host)}:{self.port}?unit={self.unit}"


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerAddress:
    """Where the MQTT broker is.

    Attributes:
        host: Host name in lower case or IP address.
        port: TCP port, 1 to 65535.
        tls: Whether the connection is encrypted: `mqtts`.
    """

    host: str
    port: int
    tls: bool

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `mqtts://HOST[:PORT]` (port 8883) or `mqtt://HOST[:PORT]` (port 1883, in clear).

        Raises:
            AddressError: It is neither.
        """
        scheme, rest = _split_scheme(text, ("mqtts", "mqtt"), example="mqtts://isms.example:8883")
        host, port = _host_and_port(rest.removesuffix("/"), MQTTS_PORT if scheme == "mqtts" else MQTT_PORT)
        return cls(host=host, port=port, tls=scheme == "mqtts")

    def __str__(self) -> str:
        return f"{'mqtts' if self.tls else 'mqtt'}://{_bracketed(self.host)}:{self.port}"


def is_loopback(host: str) -> bool:
    """Whether a host is this machine itself, as far as its name tells.

    >>> is_loopback("127.0.0.1"), is_loopback("isms.example")
    (True, False)
    """
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _split_scheme(text: str, schemes: tuple[str, ...], *, example: str) -> tuple[str, str]:
    """Return the scheme and what follows `://`; refuse what no address of any kind may contain."""
    if len(text) > MAX_LENGTH or not _PLAIN.fullmatch(text):
        raise AddressError(f"an address is 1 to {MAX_LENGTH} printable ASCII characters without blanks", f"Example: {example}")
    if "@" in text:
        raise AddressError("an address never carries a user name or password", "Credentials are files: see broker.username_file.")
    if "#" in text:
        raise AddressError("an address has no fragment", "Leave out everything from '#' on.")
    scheme, separator, rest = text.partition("://")
    if not separator or scheme.lower() not in schemes:
        raise AddressError(
            f"an address begins with {_either(f'{known}://' for known in schemes)}", _scheme_hint(scheme, schemes, example)
        )
    return scheme.lower(), rest


def _scheme_hint(scheme: str, schemes: tuple[str, ...], example: str) -> str:
    meant = nearest(scheme.lower(), schemes)
    return f"Did you mean {meant}://…?" if meant else f"Example: {example}"


def _host_and_port(authority: str, default_port: int) -> tuple[str, int]:
    found = _HOST_AND_PORT.fullmatch(authority)
    if not found:
        hint = (
            f"Write an IPv6 address in brackets: [::1]:{default_port}."
            if authority.count(":") > 1
            else f"Write HOST:{default_port}."
        )
        raise AddressError(f"{authority!r} is not a host and a port", hint)
    port = int(found["port"] or default_port)
    if not 1 <= port <= 65535:
        raise AddressError(f"port {port} does not exist", "Ports are 1 to 65535.")
    return _ip_address(found["six"], 6) if found["name"] is None else _host(found["name"]), port


def _host(name: str) -> str:
    """Return a host name or IPv4 address in its one spelling."""
    host = name.lower().removesuffix(".")
    labels = host.split(".")
    if all(label.isdigit() for label in labels):
        return _ip_address(host, 4)
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise AddressError(f"{name!r} is not a host name or IP address", "Write for example 10.20.0.7 or press-07.example.")
    return host


def _ip_address(text: str, version: int) -> str:
    """Return an IP address in its one spelling, if it can be one machine's."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        raise AddressError(f"{text!r} is not an IPv{version} address", "Look for a digit too many or a leading zero.") from None
    if address.version != version:
        raise AddressError(f"{text!r} is not an IPv{version} address", "Only an IPv6 address stands in brackets.")
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:  # the same machine would get a second connection
        raise AddressError(f"{text} is an IPv4 address in IPv6 form", f"Write {address.ipv4_mapped}.")
    if address.is_unspecified or address.is_multicast or text == "255.255.255.255":
        raise AddressError(f"{text} is not the address of one machine", "Write the machine's own address.")
    return str(address)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _endpoint_path(path: str) -> str:
    if path in ("", "/"):
        return ""
    if not _PATH.fullmatch(path):
        raise AddressError(f"{path!r} is not the path of an endpoint", "Write it as the server announces it, without blanks.")
    return path


def _serial_port(path: str) -> str:
    if not _PATH.fullmatch(path) or not {"", ".", ".."}.isdisjoint(path.split("/")[1:]):
        raise AddressError(f"{path!r} is not the path of a serial port", "Write three slashes: modbus-rtu:///dev/ttyUSB0?unit=1.")
    return path


def _options(query: str, scheme: Scheme) -> dict[str, str]:
    """Return what follows the question mark; refuse what the scheme does not know, and what is said twice."""
    known = {Scheme.OPC_UA: (), Scheme.MODBUS_RTU: ("baud", "parity", "unit")}.get(scheme, ("unit",))
    options: dict[str, str] = {}
    for part in query.split("&") if query else ():
        key, separator, value = part.partition("=")
        if key not in known:
            meant = nearest(key, known)
            others = f"{scheme} knows {_either(known)}." if known else f"{scheme} addresses have none."
            raise AddressError(f"unknown option {key!r}", f"Did you mean {meant!r}?" if meant else others)
        if not separator or key in options:
            raise AddressError(f"option {key!r} needs one value", f"Write {key}=… once.")
        options[key] = value
    return options


def _unit(options: dict[str, str], scheme: Scheme) -> int:
    low, high = (0, 255) if scheme is Scheme.MODBUS_TCP else (1, 247)  # on a serial line 0 is the broadcast: nobody answers
    return _number(options.get("unit", "1"), "unit", range(low, high + 1), f"{low} to {high}")


def _baud(options: dict[str, str]) -> int:
    return _number(options.get("baud", "19200"), "baud", BAUD_RATES, _either(map(str, BAUD_RATES)))


def _parity(options: dict[str, str]) -> str:
    parity = options.get("parity", "E")
    if parity not in ("N", "E", "O"):
        raise AddressError(f"parity {parity!r} does not exist", "Write N (none), E (even) or O (odd).")
    return parity


def _number(text: str, name: str, allowed: range | tuple[int, ...], words: str) -> int:
    if not re.fullmatch(r"[0-9]{1,6}", text) or int(text) not in allowed:
        raise AddressError(f"{name} {text!r} is out of range", f"For this kind of address {name} is {words}.")
    return int(text)


def _either(words: Iterable[str]) -> str:
    *others, last = words
    return f"{', '.join(others)} or {last}" if others else last
