"""The command line: words in, one command, an exit code out.

Decides which command runs and how an error becomes a sentence. Never does the work, and prints a trace only for a bug of ours.
"""

import argparse
import asyncio
import io
import json
import logging
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from agent import VERSION, log, service
from agent.service import Exit
from buffer.errors import SpoolError, SpoolNewerError
from config.errors import ConfigError

if TYPE_CHECKING:
    from agent.core.observation import Observation

    _Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001  # has no public name

Command = Callable[[argparse.Namespace], int]


def main(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code (sysexits)."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # an umlaut on a terminal without UTF-8 is a question mark, not a bug
    try:
        options = _parser().parse_args(arguments)
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
        return _explained(error)


def _explained(error: Exception) -> int:
    """Turn an error into a sentence and an exit code."""
    match error:
        case ConfigError() | SpoolNewerError():
            return _failed(str(error), Exit.CONFIG)
        case PermissionError():
            remedy = "Run as the service's user, or check owner and mode."
            return _failed(f"{error.filename}: permission denied. {remedy}", Exit.PERMISSION)
        case SpoolError() | OSError():
            return _failed(str(error), Exit.IO)
        case _:
            traceback.print_exception(error)
            return _failed("This is a bug in nameplated. Please report it with the lines above.", Exit.SOFTWARE)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="nameplated", description="Reads the nameplates of a plant, strictly read-only, and reports them signed."
    )
    parser.add_argument("--verbose", action="store_true", help="log also what brings no news")
    parser.set_defaults(verbose=False)
    from agent.keys.command import add_parser as add_keys

    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    _add_roles(commands)
    _add_tools(commands)
    add_keys(commands)
    _add_profiles(commands)
    return parser


def _add_roles(commands: "_Commands") -> None:
    from agent.demo.command import add_parser as add_demo
    from agent.deploy.command import add_parser as add_units
    from agent.doctor.command import add_parser as add_doctor

    add_demo(commands)
    add_units(commands)
    add_doctor(commands)
    roles = {
        "run": (_run, "both roles in one process, for a machine without systemd"),
        "collect": (_collect, "the OT side: ask devices, write the journal"),
        "publish": (_publish, "the IT side: sign and deliver what collect has written"),
    }
    for name, (command, description) in roles.items():
        role = _command(commands, name, command, description, f"nameplated {name} --config /etc/nameplated/plant.toml")
        _takes_config(role)


def _add_tools(commands: "_Commands") -> None:
    from agent.operator import check, configure

    check.add_parser(commands)
    configure.add_parser(commands)
    probe = _command(
        commands,
        "probe",
        _probe,
        "look at one device once, and say what it cost",
        "nameplated probe modbus-tcp://10.20.0.7:502?unit=1",
    )
    probe.add_argument("address", metavar="ADDRESS")
    probe.add_argument("--profile", default="", metavar="P", help="register profile to read it with (see `profiles list`)")
    probe.add_argument("--security", default="none", choices=("none", "sign", "sign-and-encrypt"), help="of an OPC UA session")
    probe.add_argument(
        "--pki-dir", type=Path, default=Path("nameplated-pki"), help="own, trusted and pending OPC UA certificates"
    )
    probe.add_argument("--username-file", type=Path, metavar="F", help="one line user:password, for an OPC UA session")
    probe.add_argument("--user-certificate-file", type=Path, metavar="F", help="certificate of an OPC UA user")
    probe.add_argument("--user-key-file", type=Path, metavar="F", help="its key")
    probe.add_argument(
        "--deprecated-policies", action="store_true", help="allow OPC UA security that is no longer considered safe"
    )
    probe.add_argument("--json", action="store_true", help="one JSON object")
    from agent.pki.command import add_parser as add_opcua
    from agent.record.command import add_parser as add_record

    add_record(commands)
    add_opcua(commands)
    assets = _command(
        commands, "assets", _assets, "what this gateway knows of each asset", "nameplated assets --config plant.toml"
    )
    _takes_config(assets)
    assets.add_argument("--json", action="store_true", help="one JSON object")


def _add_profiles(commands: "_Commands") -> None:
    profiles = _command(commands, "profiles", _profiles_list, "register maps of devices", "nameplated profiles list")
    actions = profiles.add_subparsers(metavar="ACTION", required=True)
    listed = _command(actions, "list", _profiles_list, "all profiles", "nameplated profiles list")
    listed.add_argument("--json", action="store_true", help="one JSON object")
    show = _command(actions, "show", _profiles_show, "one profile as it is written", "nameplated profiles show wago-750")
    show.add_argument("name", metavar="NAME")
    example = "nameplated profiles check /etc/nameplated/profiles"
    check = _command(actions, "check", _profiles_check, "whether a profile, or every profile of a folder, can be used", example)
    check.add_argument("path", type=Path, metavar="PATH")


def _run(options: argparse.Namespace) -> int:
    from agent import wiring
    from agent.site import load_plant

    plant = load_plant(options.config)
    service.run({"collect": wiring.collect_role(plant), "publish": wiring.publish_role(plant)})
    return Exit.OK


def _collect(options: argparse.Namespace) -> int:
    from agent import wiring
    from agent.site import load_plant

    service.run({"collect": wiring.collect_role(load_plant(options.config))})
    return Exit.OK


def _publish(options: argparse.Namespace) -> int:
    from agent import wiring
    from config.load import load
    from evidence.errors import EvidenceError, KeyExposedError

    try:
        service.run({"publish": wiring.publish_role(load(options.config))})
    except KeyExposedError as error:
        return _failed(f"{error} Nothing was signed.", Exit.PERMISSION)
    except EvidenceError as error:
        return _failed(f"{error} Nothing was signed.", Exit.CONFIG)
    return Exit.OK


def _probe(options: argparse.Namespace) -> int:
    import msgspec

    from agent import screens

    look = asyncio.run(_look(options))
    if options.json:
        shown = msgspec.to_builtins(look)
        for name in ("asset_id", "register", "moment"):
            del shown[name]
        print(json.dumps(shown | {"agent_version": VERSION}))
    else:
        print(screens.nameplate(look))
    return Exit.OK if look.identified else Exit.FAILED


async def _look(options: argparse.Namespace) -> "Observation":
    """One visit to one address, with the limits of a plant file that says nothing about them."""
    from agent import wiring
    from agent.clock import system_clock
    from agent.collect.observe import observe
    from agent.core.observation import Register
    from config.model import CollectSection

    address = wiring.parse_address(options.address)
    ask = replace(
        wiring.ask(address, CollectSection(), profile=options.profile, security=options.security),
        deprecated_policies=options.deprecated_policies,
        username_file=_absolute(options.username_file),
        user_certificate_file=_absolute(options.user_certificate_file),
        user_key_file=_absolute(options.user_key_file),
    )
    reader = wiring.readers(options.pki_dir)[ask.endpoint.transport]
    async with aclosing(reader.visit([ask])) as answers:
        answer = await anext(answers)
    return observe(answer, asset_id="probe", address=str(address), register=Register(), now=system_clock()())


def _absolute(file: Path | None) -> str:
    """A visit's child process has another working directory."""
    return str(file.absolute()) if file else ""


def _assets(options: argparse.Namespace) -> int:
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


def _profiles_list(options: argparse.Namespace) -> int:
    from agent import screens, site

    profiles = sorted(site.profiles().items())
    if options.json:
        print(json.dumps([{"name": name, "version": profile.version, "vendor": profile.vendor} for name, profile in profiles]))
        return Exit.OK
    rows = [(name, str(profile.version), profile.vendor, profile.confidence, profile.doc) for name, profile in profiles]
    print(screens.table(("profile", "version", "vendor", "confidence", "source"), rows))
    return Exit.OK


def _profiles_show(options: argparse.Namespace) -> int:
    from agent import site
    from protocols.profile import SHIPPED

    if options.name not in site.profiles():
        return _failed(f"there is no profile {options.name!r}; `nameplated profiles list` shows all there are.", Exit.USAGE)
    shipped = SHIPPED / f"{options.name}.toml"
    print((shipped if shipped.exists() else site.SITE_PROFILES / shipped.name).read_text("utf-8"), end="")
    return Exit.OK


def _profiles_check(options: argparse.Namespace) -> int:
    from protocols.profile import check

    found = check(options.path)
    for name, problems in found.items():
        print(f"{name}: {'; '.join(problems) if problems else 'can be used'}")
    return Exit.OK if found and not any(found.values()) else Exit.FAILED


def _command(commands: "_Commands", name: str, command: Command, description: str, example: str) -> argparse.ArgumentParser:
    parser = commands.add_parser(
        name,
        help=description,
        description=f"{description[0].upper()}{description[1:]}.",
        epilog=f"example:\n  {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(command=command)
    return parser


def _takes_config(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config", type=Path, default=Path("/etc/nameplated/plant.toml"), metavar="FILE", help="plant file (%(default)s)"
    )


def _failed(sentence: str, code: Exit) -> int:
    print(f"nameplated: {sentence}", file=sys.stderr)
    return code
