"""Plants for the tests of `agent.deploy` and `agent.doctor`: a plant file's text, parsed as every plant file is."""

import tomllib
from pathlib import Path

from config.model import Plant
from config.parse import parse


def plant(*addresses: str, broker: str = "mqtt://127.0.0.4:1883", more: str = "", gateway: str = "") -> Plant:
    """Return a plant with an asset at each address."""
    assets = "".join(f'[[asset]]\nid = "asset-{number}"\naddress = "{address}"\n' for number, address in enumerate(addresses, 1))
    text = f'[plant]\nid = "werk"\n[gateway]\nid = "gw"\n{gateway}\n[broker]\nurl = "{broker}"\n{more}\n{assets}'
    found, problems = parse(tomllib.loads(text), base=Path("/etc/nameplated"))
    assert found is not None, problems
    return found
