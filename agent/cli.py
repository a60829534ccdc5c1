"""The command line: words in, one command, an exit code out.

Decides which command runs and how an error becomes a sentence. Never does the work, and prints a trace only for a bug of ours.
"""

import argparse
import asyncio
import json
import logging
import sys
import traceback
from collections.abc import Callable, Sequence
from contextlib import aclosing
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
    try:
        options = _parser().parse_args(arguments)
        log.to_stderr(logging.DEBUG if options.verbose else logging.INFO)
        command: Command = options.command
        return command(options)
    except SystemExit as end:  # argparse ends with 2 for wrong words; sysexits has 64
        return Exit.USAGE if end.code == 2 else Exit.OK
    except KeyboardInterrupt:
        return 130
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
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    _add_roles(commands)
    _add_tools(commands)
    _add_keys(commands)
    _add_profiles(commands)
    return parser


def _add_roles(commands: "_Commands") -> None:
    from agent.demo.command import add_parser as add_demo

    add_demo(commands)
    roles = {
        "run": (_run, "both roles in one process, for a machine without systemd"),
        "collect": (_collect, "the OT side: ask devices, write the journal"),
        "publish": (_publish, "the IT side: sign and deliver what collect has written"),
    }
    for name, (command, description) in roles.items():
        role = _command(commands, name, command, description, f"nameplated {name} --config /etc/nameplated/plant.toml")
        _takes_config(role)


def _add_tools(commands: "_Commands") -> None:
    check = _command(commands, "check", _check, "read a plant file and list everything to mend", "nameplated check plant.toml")
    check.add_argument("file", type=Path, metavar="FILE")
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
    probe.add_argument("--json", action="store_true", help="one JSON object")
    assets = _command(
        commands, "assets", _assets, "what this gateway knows of each asset", "nameplated assets --config plant.toml"
    )
    _takes_config(assets)
    assets.add_argument("--json", action="store_true", help="one JSON object")


def _add_keys(commands: "_Commands") -> None:
    key = _command(commands, "key", _key_show, "the key that signs reports", "nameplated key init --config plant.toml")
    actions = key.add_subparsers(metavar="ACTION", required=True)
    init = _command(
        actions, "init", _key_init, "make the key; it never leaves this machine", "nameplated key init --config plant.toml"
    )
    show = _command(
        actions, "show", _key_show, "the public key, for the receiver", "nameplated key show --config plant.toml --json > gw.jwk"
    )
    for action in (init, show):
        _takes_config(action)
        action.add_argument("--json", action="store_true", help="the public key as JWK")


def _add_profiles(commands: "_Commands") -> None:
    profiles = _command(commands, "profiles", _profiles_list, "register maps of devices", "nameplated profiles list")
    actions = profiles.add_subparsers(metavar="ACTION", required=True)
    listed = _command(actions, "list", _profiles_list, "all profiles", "nameplated profiles list")
    listed.add_argument("--json", action="store_true", help="one JSON object")
    show = _command(actions, "show", _profiles_show, "one profile as it is written", "nameplated profiles show wago-750")
    show.add_argument("name", metavar="NAME")


def _run(options: argparse.Namespace) -> int:
    from agent import wiring

    plant = wiring.load_plant(options.config)
    service.run({"collect": wiring.collect_role(plant), "publish": wiring.publish_role(plant)})
    return Exit.OK


def _collect(options: argparse.Namespace) -> int:
    from agent import wiring

    service.run({"collect": wiring.collect_role(wiring.load_plant(options.config))})
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


def _check(options: argparse.Namespace) -> int:
    from agent import wiring
    from config.advice import warnings

    plant = wiring.load_plant(options.file)
    print(f"{options.file}: {len(plant.asset)} assets, ready to run.")
    for warning in warnings(plant):
        print(f"  note: {warning}")
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
    ask = wiring.ask(address, CollectSection(), profile=options.profile, security=options.security)
    reader = wiring.readers(options.pki_dir)[ask.endpoint.transport]
    async with aclosing(reader.visit([ask])) as answers:
        answer = await anext(answers)
    return observe(answer, asset_id="probe", address=str(address), register=Register(), now=system_clock()())


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


def _key_init(options: argparse.Namespace) -> int:
    from agent.wiring import Places
    from config.load import load
    from evidence.errors import EvidenceError
    from evidence.keys import create_key

    place = Places(load(options.config)).key
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        signer = create_key(place)
    except EvidenceError as error:
        return _failed(str(error), Exit.IO)
    print(json.dumps(signer.public_jwk) if options.json else f"{place}: made\nkey id: {signer.kid}")
    return Exit.OK


def _key_show(options: argparse.Namespace) -> int:
    from agent.wiring import Places
    from config.load import load
    from evidence.errors import EvidenceError
    from evidence.keys import load_signer

    try:
        signer = load_signer(Places(load(options.config)).key)
    except EvidenceError as error:
        return _failed(str(error), Exit.CONFIG)
    print(json.dumps(signer.public_jwk) if options.json else f"key id: {signer.kid}\npublic key: {json.dumps(signer.public_jwk)}")
    return Exit.OK


def _profiles_list(options: argparse.Namespace) -> int:
    from agent import screens
    from protocols.profile import bundled

    profiles = sorted(bundled().items())
    if options.json:
        print(json.dumps([{"name": name, "version": profile.version, "vendor": profile.vendor} for name, profile in profiles]))
        return Exit.OK
    rows = [(name, str(profile.version), profile.vendor, profile.confidence, profile.doc) for name, profile in profiles]
    print(screens.table(("profile", "version", "vendor", "confidence", "source"), rows))
    return Exit.OK


def _profiles_show(options: argparse.Namespace) -> int:
    from importlib import resources

    from protocols.profile import bundled

    if options.name not in bundled():
        return _failed(f"there is no profile {options.name!r}; `nameplated profiles list` shows all there are.", Exit.USAGE)
    print((resources.files("protocols") / "profiles" / f"{options.name}.toml").read_text("utf-8"), end="")
    return Exit.OK


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
