"""The command line: words in, one command, an exit code out.

Decides which command runs and how an error becomes a sentence. Never does the work, and prints a trace only for a bug of ours.
"""

import argparse
import io
import logging
import os
import sys
import traceback
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from agent import log, service
from agent.commands import Command, add, plain_help, takes_config
from agent.ending import Exit, ending
from agent.log import line, logger
from agent.notify import is_unit
from config.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from agent.commands import Commands

_ROLES = ("run", "collect", "publish")

_log = logger("service")


def main(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code (sysexits)."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # an umlaut on a terminal without UTF-8 is a question mark, not a bug
    try:
        options = _parser(arguments).parse_args(arguments)
        log.to_stderr(logging.DEBUG if options.verbose else logging.INFO)
        command: Command = options.command
        return command(options)
    except SystemExit as end:  # argparse ends with 2 for wrong words; sysexits has 64
        return Exit.USAGE if end.code == 2 else Exit.OK
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # `| head` has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.OK
    except Exception as error:  # noqa: BLE001  # the last stop: a sentence for what was foreseen, everything for a bug
        return _explained(error, as_unit=_is_role(arguments) and is_unit())
    finally:
        log.settle(at_the_end=True)


def _explained(error: Exception, *, as_unit: bool) -> int:
    """Turn an error into an exit code and sentences: for a person at a terminal, or as lines of the log that systemd keeps."""
    found = ending(error)
    if as_unit:
        more = {"where": found.where} if found.where else {}
        for why in found.why:
            _log.error(line("role.ended", code=int(found.code), why=why, **more))
    elif found.code is Exit.SOFTWARE:
        traceback.print_exception(error)
        print("nameplated: This is a bug in nameplated. Please report it with the lines above.", file=sys.stderr)
    else:
        print(f"nameplated: {error if isinstance(error, ConfigError) else found.why[0]}", file=sys.stderr)
    return found.code


def _is_role(arguments: Sequence[str]) -> bool:
    """Tell whether a command line asks for a role: its first word that is no option."""
    return next((word for word in arguments if not word.startswith("-")), "") in _ROLES


def _parser(arguments: Sequence[str]) -> argparse.ArgumentParser:
    """Return the command line; a role's own is all that a role loads, for the rest would stay in its memory (1.2 MiB)."""
    parser = argparse.ArgumentParser(
        prog="nameplated",
        description="Reads the nameplates of a plant, strictly read-only, and reports them signed.",
        formatter_class=plain_help,
    )
    parser.add_argument("--verbose", action="store_true", help="log also what brings no news")
    parser.set_defaults(verbose=False)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    _add_roles(commands)
    if commands.choices.keys().isdisjoint(arguments[:1]):
        _add_tools(commands)
    return parser


def _add_roles(commands: "Commands") -> None:
    roles = {
        "run": (_run, "both roles in one process, for a machine without systemd"),
        "collect": (_collect, "the OT side: ask devices, write the journal"),
        "publish": (_publish, "the IT side: sign and deliver what collect has written"),
    }
    for name, (run, summary) in roles.items():
        takes_config(add(commands, name, summary, f"nameplated {name} --config /etc/nameplated/plant.toml", run=run))


def _add_tools(commands: "Commands") -> None:
    from agent.demo import command as demo
    from agent.deploy import command as deploy
    from agent.doctor import command as doctor
    from agent.keys import command as keys
    from agent.operator import assets, check, configure, probe, profiles
    from agent.pki import command as pki
    from agent.record import command as record
    from agent.status import command as status

    for tool in (demo, configure, check, probe, assets, status, profiles, record, pki, keys, deploy, doctor):
        tool.add_parser(commands)


def _run(options: argparse.Namespace) -> int:
    from agent import roles, site

    read = partial(site.load_plant, options.config)
    return _live({"collect": partial(roles.collect_role, read), "publish": partial(roles.publish_role, read)}, options.config)


def _collect(options: argparse.Namespace) -> int:
    from agent import roles, site

    return _live({"collect": partial(roles.collect_role, partial(site.load_plant, options.config))}, options.config)


def _publish(options: argparse.Namespace) -> int:
    from agent import roles
    from config.load import load

    return _live({"publish": partial(roles.publish_role, partial(load, options.config))}, options.config)


def _live(makers: "Mapping[str, Callable[[Path], service.Role]]", config: Path) -> int:
    """Run roles until they are told to stop. Where the plant file lets none begin, each leaves word of that."""
    try:
        made = {name: make(config) for name, make in makers.items()}
    except ConfigError as error:
        from agent.standing import leave_last_word

        for name in makers:
            leave_last_word(name, config, ending(error).sentence)
        raise
    service.run(made)
    return Exit.OK
