"""The commands `nameplated profiles list|show|check`: the register maps of devices, shipped and of the site.

Decides what is shown of them. Never asks a device and never changes a file.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from agent.commands import add, takes_json
from agent.service import Exit

if TYPE_CHECKING:
    from agent.commands import Commands


WIDE = 100  # columns


def add_parser(commands: "Commands") -> None:
    """Add the commands to the command line."""
    profiles = add(commands, "profiles", "register maps of devices", "nameplated profiles list")
    actions = profiles.add_subparsers(metavar="ACTION", required=True)
    takes_json(add(actions, "list", "all profiles", "nameplated profiles list", run=_list))
    show = add(actions, "show", "one profile as it is written", "nameplated profiles show wago-750", run=_show)
    show.add_argument("name", metavar="NAME")
    summary = "whether a profile, or every profile of a folder, can be used"
    check = add(actions, "check", summary, "nameplated profiles check /etc/nameplated/profiles", run=_check)
    check.add_argument("path", type=Path, metavar="PATH")


def _list(options: argparse.Namespace) -> int:
    from agent import screens, site

    profiles = sorted(site.profiles().items())
    if options.json:
        print(json.dumps([{"name": name, "version": profile.version, "vendor": profile.vendor} for name, profile in profiles]))
        return Exit.OK
    head = ("profile", "version", "vendor", "confidence", "source")
    rows = [(name, str(profile.version), profile.vendor, profile.confidence, profile.doc) for name, profile in profiles]
    shown = len(head) if screens.columns() >= WIDE else len(head) - 1
    print(screens.table(head[:shown], [row[:shown] for row in rows], firm=("profile", "version", "confidence")))
    return Exit.OK


def _show(options: argparse.Namespace) -> int:
    from agent import site
    from protocols.profile import SHIPPED

    if options.name not in site.profiles():
        print(f"nameplated: there is no profile {options.name!r}. {site.profiles_meant(options.name)}", file=sys.stderr)
        return Exit.USAGE
    shipped = SHIPPED / f"{options.name}.toml"
    print((shipped if shipped.exists() else site.SITE_PROFILES / shipped.name).read_text("utf-8"), end="")
    return Exit.OK


def _check(options: argparse.Namespace) -> int:
    from protocols.profile import check

    found = check(options.path)
    if not found:
        print(f"nameplated: {options.path}: no profiles there; each is a file that ends in .toml.", file=sys.stderr)
    for name, problems in found.items():
        print(f"{name}: {'; '.join(problems) if problems else 'can be used'}")
    return Exit.OK if found and not any(found.values()) else Exit.FAILED
