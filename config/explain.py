"""What each key of a plant file is for, in the words of the model.

Decides nothing: it reads the `Attributes:` of a structure's docstring, so that editor, commented file and source code never
explain one key in two ways. Never invents a word; a key without one is a mistake that a test finds.
"""

import inspect
import re
from collections.abc import Mapping

from msgspec import Struct

ADDRESSES = (
    "modbus-tcp://10.20.0.7:502?unit=1",
    "modbus-rtu-tcp://10.20.0.30:4001?unit=3",
    "modbus-rtu:///dev/ttyUSB0?baud=19200&parity=E&unit=12",
    "opc.tcp://10.20.0.21:4840",
)
"""One address of each kind, to show how they are written."""

_KEY = re.compile(r" {4}(?P<name>\w+): (?P<text>.+)")
_CONTINUED = re.compile(r" {8,}(?P<text>\S.*)")


def summary(section: type[Struct]) -> str:
    """Return the first sentence of a section's explanation, without the name of its table.

    >>> from config.model import SigningSection
    >>> summary(SigningSection)
    'the key that signs reports'
    """
    first = (inspect.getdoc(section) or "").partition("\n")[0]
    return re.sub(r"^`[^`]*`: ", "", first).removesuffix(".")


def keys(section: type[Struct]) -> Mapping[str, str]:
    """Return key to explanation, in the order of the model.

    >>> from config.model import ReceiverSection
    >>> keys(ReceiverSection)["id"]
    'Name of the receiver; every report is addressed to it. Default: "central".'
    """
    found: dict[str, str] = {}
    name = ""
    for line in (inspect.getdoc(section) or "").partition("Attributes:\n")[2].splitlines():
        if begun := _KEY.fullmatch(line):
            name = begun["name"]
            found[name] = begun["text"]
        elif name and (more := _CONTINUED.fullmatch(line)):
            found[name] += f" {more['text']}"
    return found
