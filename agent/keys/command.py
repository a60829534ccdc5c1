"""The commands of the gateway's keys: `key init`, `key show`, `key rotate`.

Decides their words alone; `agent.keys.actions` does the work. Must never load the signing library for another command's sake.
`rotate` prepares the next key, and the chain itself hands over when publish starts.
"""

import argparse
from pathlib import Path
from typing import Any

_EXAMPLE = "nameplated key {} --config /etc/nameplated/plant.toml"


def add_parser(commands: Any) -> None:
    """Add the command and its actions to the command line."""
    parser = commands.add_parser("key", help="the key that signs reports", description="The key that signs reports.")
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    _action(actions, "init", "make the key; it never leaves this machine")
    show = _action(actions, "show", "the public key, for the receiver")
    show.add_argument("--qr", action="store_true", help="the thumbprint as a QR code too")
    show.add_argument("--next", action="store_true", help="the key that takes over, instead of the present one")
    _action(actions, "rotate", "make the next key; it takes over when publish starts")


def _run(options: argparse.Namespace) -> int:
    from agent.keys import actions  # noqa: PLC0415  # brings the signing library; other commands do not pay for it

    return {"init": actions.init, "show": actions.show, "rotate": actions.rotate}[options.action](options)


def _action(actions: Any, name: str, summary: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = actions.add_parser(
        name,
        help=summary,
        description=f"{summary[0].upper()}{summary[1:]}.",
        epilog=f"example:\n  {_EXAMPLE.format(name)}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(command=_run, action=name)
    parser.add_argument(
        "--config", type=Path, default=Path("/etc/nameplated/plant.toml"), metavar="FILE", help="plant file (%(default)s)"
    )
    parser.add_argument("--json", action="store_true", help="the public key as JWK")
    return parser
