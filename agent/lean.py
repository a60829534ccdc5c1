"""What a role keeps out of its memory: modules that its libraries import and that this role never uses.

Decides which modules a role does without. Must run before anything imports asyncio, and must never keep a role from starting nor
change what a later import finds: once the libraries stand, every name means again what it always meant.

A library can do without a module in two ways. Some ask for it and go on where it is missing, as asyncio does on a Python that was
built without TLS. Others import it by name and use it only for what this project never asks of them; they are given a hollow one.
What each is worth at rest, in MiB of RSS (docs/operations.md says how it was measured):

    collect   ssl                 4.2   no device is asked over TLS but OPC UA's, in a process of its own
    publish   urllib.request      1.9   paho reads proxies from it, for WebSockets
    both      typing_extensions   0.5   older Pythons need it
"""

import importlib
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from types import ModuleType
from typing import NamedTuple


class Spared(NamedTuple):
    """One module that a role does without.

    Attributes:
        name: Of the module.
        absent_for: The library that is imported while the module is missing, or empty.
        hollow_for: The library that is imported, afterwards, while the module is there with nothing in it, or empty.
    """

    name: str
    absent_for: str = ""
    hollow_for: str = ""


TYPING = Spared("typing_extensions", absent_for="msgspec")
BROKER = Spared("urllib.request", hollow_for="paho.mqtt.client")
SPARED: Mapping[str, tuple[Spared, ...]] = {
    "collect": (Spared("ssl", absent_for="asyncio", hollow_for="pymodbus.transport"), TYPING),
    "publish": (TYPING, BROKER),
    "run": (TYPING, BROKER),
}


def spare(command: str) -> None:
    """Import the libraries of a role without what it does not use; do nothing for any other command."""
    for spared in SPARED.get(command, ()):
        if spared.absent_for:
            _import(spared.absent_for, spared.name, None)
        if spared.hollow_for:
            _import(spared.hollow_for, spared.name, ModuleType(spared.name))


def _import(library: str, name: str, stands_in: ModuleType | None) -> None:
    """Import a library while something stands in for a module; one that cannot be had so is imported later, with all it wants."""
    if name not in sys.modules:
        with _standing_in(name, stands_in), suppress(ImportError, AttributeError):
            importlib.import_module(library)


@contextmanager
def _standing_in(name: str, stands_in: ModuleType | None) -> Iterator[None]:
    sys.modules[name] = stands_in  # type: ignore[assignment]  # None: Python's own word for a module that there is not
    try:
        yield
    finally:
        del sys.modules[name]
