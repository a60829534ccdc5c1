"""The command `nameplated assets`: what this gateway knows of each asset.

Decides nothing but the form. Reads the journal of collect beside the running role, and never asks a device.
"""

import argparse
import json
from typing import TYPE_CHECKING

from agent.commands import add, takes_config, takes_json
from agent.service import Exit

if TYPE_CHECKING:
    from agent.commands import Commands


def add_parser(commands: "Commands") -> None:
    """Add the command to the command line."""
    example = "nameplated assets --config plant.toml"
    assets = add(commands, "assets", "what this gateway knows of each asset", example, run=main)
    takes_config(assets)
    takes_json(assets)


def main(options: argparse.Namespace) -> int:
    """Show the last state of each asset.

    Raises:
        ConfigError: The plant file cannot be used.
        OSError: collect has not run yet, or its journal cannot be read.
    """
    import msgspec

    from agent import screens, wiring
    from config.load import load

    states = wiring.asset_states(load(options.config))
    print(
        json.dumps({name: msgspec.to_builtins(state) for name, state in states.items()})
        if options.json
        else screens.assets(states)
    )
    return Exit.OK
