"""One row of somebody's device list becomes a device as a plant file would say it.

Decides where and how a device is asked, from what the row says. Forgiving where people write one thing in many ways, strict
where a guess could send a request to the wrong device: a protocol is never invented, a name is never made up, and a range of
addresses is expanded only on request. Whether the result may be used is `config.parse`'s to decide.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping

from config.address import MODBUS_PORT, OPC_UA_PORT, Scheme
from config.headings import plain

MAX_SHOWN = 40  # characters of a cell that a sentence repeats

Cells = Mapping[str, str]
"""What one row says, by key of `config.headings.WORDS`."""

Device = dict[str, str | bool]
"""One device, by key of an `[[asset]]`."""

TEXTS = (
    *("profile", "role", "criticality", "location", "register_id"),
    *("username_file", "user_certificate_file", "user_key_file"),
)
SWITCHES = ("accept_risk", "deprecated_policies")
YES = frozenset({"yes", "ja", "true", "wahr", "x", "1"})
NO = frozenset({"no", "nein", "false", "falsch", "0"})

PROTOCOLS: dict[str, Scheme] = (
    dict.fromkeys(("modbustcp", "modbustcpip", "modbusip", "mbtcp", "tcpmodbus", "modbusethernet"), Scheme.MODBUS_TCP)
    | dict.fromkeys(("modbusrtuovertcp", "modbusrtutcp", "rtuovertcp", "rtutcp", "modbusrtuoverip"), Scheme.MODBUS_RTU_TCP)
    | dict.fromkeys(("modbusrtu", "rtu", "modbusseriell", "modbusserial", "modbusrs485"), Scheme.MODBUS_RTU)
    | dict.fromkeys(("opcua", "opctcp", "opcuatcp", "opcuaserver", "ua"), Scheme.OPC_UA)
)
"""Names of protocols, in the form that `headings.plain` gives them."""

_TWO_THINGS = frozenset({"modbus", *(word for word, scheme in PROTOCOLS.items() if scheme is Scheme.MODBUS_RTU)})
"""What people write for both kinds of gateway. A frame of the wrong kind would reach the serial line as noise."""

_REGISTERED = {str(MODBUS_PORT): Scheme.MODBUS_TCP, str(OPC_UA_PORT): Scheme.OPC_UA}
_RANGE = re.compile(r"(\d{1,3}\.\d{1,3}\.\d{1,3})\.(\d{1,3})\s*(?:-|–|\.{2,3}|bis|to)\s*(?:\1\.)?(\d{1,3})")  # noqa: RUF001  # spreadsheets make a dash of a hyphen
_WITH_PORT = re.compile(r"([^:\[\]]+|\[[^\[\]]*\]):(\d+)")
_GERMAN = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ß": "ss"})


class UnusableRowError(ValueError):
    """A row says nothing that could be asked.

    Attributes:
        what: What is wrong, without a closing full stop.
        suggestion: What to do, as a sentence.
    """

    def __init__(self, what: str, suggestion: str) -> None:
        super().__init__(f"{what}. {suggestion}")
        self.what = what
        self.suggestion = suggestion


def devices(cells: Cells, *, expand_ranges: bool) -> Iterator[Device]:
    """Return the devices of one row as a plant file says them: one, unless it holds a range that may be expanded.

    Raises:
        UnusableRowError: It cannot be known who is asked, where, or how.
    """
    if not cells.get("id"):
        content = next((text for text in cells.values() if text), "")
        raise UnusableRowError(
            f"has no name; it says {shown(content)}", "Each device needs a name of its own: it stays for ever."
        )
    found = _RANGE.fullmatch(cells.get("host", ""))
    if not found:
        yield _document(cells)
        return
    first, last = int(found[2]), int(found[3])
    if not first < last <= 255:
        raise UnusableRowError(f"{shown(cells['host'])} is not a range of addresses", "Write it as 10.0.0.1-20.")
    if not expand_ranges:
        what = f"{shown(cells['host'])} is a range of {last - first + 1} addresses"
        raise UnusableRowError(what, "Write a row for each device, or say --expand-ranges.")
    for octet in range(first, last + 1):
        yield _document({**cells, "id": f"{cells['id']}-{octet}", "host": f"{found[1]}.{octet}"})


def asset_id(name: str) -> str:
    """Return a name in the form of an asset id; one that has it already stays as it is.

    >>> asset_id("Presse 07 / Förderer")
    'presse-07-foerderer'
    """
    if re.fullmatch(r"[a-z0-9._-]{1,64}", name):
        return name
    text = unicodedata.normalize("NFKD", name.translate(_GERMAN)).encode("ascii", "ignore").decode().lower()
    return re.sub(r"-{2,}", "-", re.sub(r"[^a-z0-9._-]", "-", text)).strip("-")


def shown(text: str) -> str:
    """Return a cell as a sentence repeats it: quoted, escaped and short."""
    return repr(text if len(text) <= MAX_SHOWN else f"{text[: MAX_SHOWN - 1]}…")


def _document(cells: Cells) -> Device:
    """Return one device. A name that cannot be an id as it is written is kept in the description."""
    name = cells["id"]
    if not asset_id(name):
        raise UnusableRowError("has a name without a letter from a to z or a digit", "Give the device an id of a-z, 0-9 and '-'.")
    texts: Device = {key: cells[key] for key in TEXTS if cells.get(key)}
    texts |= {key: _switch(cells[key]) for key in SWITCHES if cells.get(key)}
    if cells.get("security"):
        texts["security"] = cells["security"].lower()
    described = [text for text in ("" if asset_id(name) == name.lower() else name, cells.get("description", "")) if text]
    if described:
        texts["description"] = ": ".join(described)
    return {"id": asset_id(name), "address": _address(cells)} | texts


def _address(cells: Cells) -> str:
    """Return where a device is asked. A whole address, in whichever column, is the last word."""
    for key in ("address", "host"):
        if "://" in cells.get(key, ""):
            return cells[key]
    host, port, line = _place(cells)
    scheme = _scheme(cells.get("protocol", ""), host, port, line)
    unit = _whole(cells.get("unit", ""))
    if scheme is Scheme.MODBUS_RTU:
        return _serial(line, cells, unit)
    bracketed = f"[{host}]" if host.count(":") > 1 and not host.startswith("[") else host
    path = f"/{cells['path'].lstrip('/')}" if cells.get("path") else ""
    query = f"?unit={unit}" if unit and scheme.is_modbus else ""
    return f"{scheme}://{bracketed}{f':{port}' if port else ''}{path}{query}"


def _place(cells: Cells) -> tuple[str, str, str]:
    """Return host, port and serial line; of host and line at most one is not empty."""
    host, port = cells.get("host", ""), _whole(cells.get("port", ""))
    line = cells.get("line", "")
    if host.startswith("/"):
        return "", "", host
    if re.fullmatch(r"COM\d+:?", (host or line).upper()):
        raise UnusableRowError(f"{shown(host or line)} is a port of Windows", "Write the gateway's own, such as /dev/ttyUSB0.")
    if not host and not line.startswith("/"):
        raise UnusableRowError("has no address", "Write an IP address, a host name, or a serial port such as /dev/ttyUSB0.")
    if "/" in host:
        raise UnusableRowError(f"{shown(host)} is not the address of one device", "Leave out the slash and what follows it.")
    if not port and (found := _WITH_PORT.fullmatch(host)):
        return found[1], found[2], ""
    return host, port, "" if host else line


def _serial(line: str, cells: Cells, unit: str) -> str:
    options = {"baud": _whole(cells.get("baud", "")), "parity": cells.get("parity", "").upper()[:1], "unit": unit}
    query = "&".join(f"{key}={value}" for key, value in options.items() if value)
    return f"{Scheme.MODBUS_RTU}://{line}{f'?{query}' if query else ''}"


def _scheme(said: str, host: str, port: str, line: str) -> Scheme:
    """Return how a device is spoken to: as the list says, or as the registered port of a protocol says."""
    word = plain(said)
    scheme = _named(word, host, port)
    if word in _TWO_THINGS and scheme in (None, Scheme.MODBUS_RTU) and not line:
        suggestion = "Write Modbus TCP if the gateway there translates, Modbus RTU over TCP if it hands frames through."
        raise UnusableRowError(f"protocol {shown(said)} at an IP address can be two things", suggestion)
    if scheme is None and said:
        suggestion = "Write Modbus TCP, Modbus RTU, Modbus RTU over TCP or OPC UA; others cannot be asked."
        raise UnusableRowError(f"protocol {shown(said)} is not one that is read", suggestion)
    if scheme is None:
        raise UnusableRowError("has no protocol", "Write Modbus TCP, Modbus RTU over TCP or OPC UA into a column 'protocol'.")
    if scheme is not Scheme.MODBUS_RTU and not host:
        raise UnusableRowError(f"protocol {shown(said)} needs an IP address or host name", "A serial port carries Modbus RTU.")
    return scheme


def _named(word: str, host: str, port: str) -> Scheme | None:
    """Return the scheme of a protocol's name; without a name, that of its registered port."""
    if word == "modbus" and not host:
        return Scheme.MODBUS_RTU
    if word == "modbus" and port in ("", str(MODBUS_PORT)):
        return Scheme.MODBUS_TCP
    return PROTOCOLS.get(word) if word else _REGISTERED.get(port)


def _switch(said: str) -> bool | str:
    """Return what a cell switches on or off; what is neither is left for the plant file's rules to refuse."""
    word = said.lower()
    return word in YES if word in YES | NO else said


def _whole(number: str) -> str:
    """Return a whole number as a spreadsheet meant it: `502.0` is 502."""
    return re.sub(r"\.0+\Z", "", number)
