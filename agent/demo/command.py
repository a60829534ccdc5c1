"""The command `nameplated demo`: words in, a play, an exit code out.

Decides what the words mean. Imports the play only when it is asked for: every command of the gateway passes through here.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from agent.commands import add, takes_json
from agent.demo.script import SHORTEST_S

if TYPE_CHECKING:
    from agent.commands import Commands

DEFAULT_S = 60
LONGEST_S = 3600


def add_parser(commands: "Commands") -> None:
    """Add the command to the command line."""
    parser = add(
        commands,
        "demo",
        "a plant in a box: devices, both roles, a broker and the receiver, live",
        "nameplated demo --seconds 60 --keep demo-files",
        run=main,
        more="Needs nothing from outside and listens on loopback only.",
    )
    parser.add_argument(
        "--plant", type=Path, metavar="FILE", help="rehearse with this plant file: its ids, and stand-ins for its devices"
    )
    parser.add_argument(
        "--seconds",
        type=_seconds,
        default=DEFAULT_S,
        metavar="N",
        help="length of the play; of a rehearsal, the longest (%(default)s)",
    )
    parser.add_argument("--broker", choices=("auto", "mosquitto", "embedded"), default="auto", help="which MQTT 5 broker runs")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep all files there, to look at and to verify")
    takes_json(parser, "one JSON object at the end, and nothing else")


def main(options: argparse.Namespace) -> int:
    """Play the demo, or rehearse; return 0 only if nothing was lost and everything is as promised.

    Raises:
        ConfigError: The plant file to rehearse with cannot be used.
    """
    from agent.demo.theatre import run, run_rehearsal

    if options.plant is not None:
        from agent.site import load_plant

        plant = load_plant(options.plant)
        return run_rehearsal(plant, seconds=options.seconds, broker=options.broker, keep=options.keep, as_object=options.json)
    return run(seconds=options.seconds, broker=options.broker, keep=options.keep, as_object=options.json)


def _seconds(text: str) -> int:
    """Read the length of the play."""
    if not (text.isascii() and text.isdigit() and SHORTEST_S <= int(text) <= LONGEST_S):
        raise argparse.ArgumentTypeError(f"a whole number of seconds, {SHORTEST_S} to {LONGEST_S}")
    return int(text)
