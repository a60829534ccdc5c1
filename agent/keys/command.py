"""The commands of the gateway's keys: `key init`, `key show`, `key rotate`.

Decides their words alone; `agent.keys.actions` does the work. Must never load the signing library for another command's sake.
`rotate` prepares the next key, and the chain itself hands over when publish starts.
"""

import argparse
from typing import TYPE_CHECKING

from agent.commands import add, takes_config, takes_json

if TYPE_CHECKING:
    from agent.commands import Commands

_EXAMPLE = "nameplated key {} --config /etc/nameplated/plant.toml"


def add_parser(commands: "Commands") -> None:
    """Add the command and its actions to the command line."""
    keys = add(commands, "key", "the key that signs reports", _EXAMPLE.format("show"))
    actions = keys.add_subparsers(metavar="ACTION", required=True)
    _action(actions, "init", "make the key; it never leaves this machine")
    show = _action(actions, "show", "the public key, for the receiver")
    show.add_argument("--qr", action="store_true", help="the thumbprint as a QR code too")
    show.add_argument("--next", action="store_true", help="the key that takes over, instead of the present one")
    _action(actions, "rotate", "make the next key; it takes over when publish starts")


def _run(options: argparse.Namespace) -> int:
    from agent.keys import actions

    return {"init": actions.init, "show": actions.show, "rotate": actions.rotate}[options.action](options)


def _action(actions: "Commands", name: str, summary: str) -> argparse.ArgumentParser:
    parser = add(actions, name, summary, _EXAMPLE.format(name), run=_run)
    parser.set_defaults(action=name)
    takes_config(parser)
    takes_json(parser, "the public key as JWK")
    return parser
