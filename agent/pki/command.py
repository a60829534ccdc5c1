"""The commands `nameplated opcua cert …` and `nameplated opcua trust …`: what a person does about certificates.

Decides which certificate is meant and where it goes. Never trusts one by itself, never shows a key, never lets go of ours while a
server needs it, and never leaves a file in the trust folder that the collecting role could not read: it works only as the owner
of that folder.
"""

import argparse
import errno
import json
import os
import re
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from agent.commands import add, takes_config, takes_json
from agent.service import Exit

if TYPE_CHECKING:
    from agent.commands import Commands
    from agent.pki.pages import Servers
    from protocols.opcua.own import Own
    from protocols.opcua.trust import Pending

LEAST_DIGITS = 16  # of a thumbprint: what file names show, and too many to hit by accident

Action = Callable[[argparse.Namespace, Path], str]


class _NotMeantError(Exception):
    """The words of the command line do not name one certificate."""


class _TooEarlyError(Exception):
    """What was asked for would shut us out of a server."""


def add_parser(commands: "Commands") -> None:
    """Add the commands to the command line."""
    opcua = add(commands, "opcua", "certificates of OPC UA", "nameplated opcua trust list")
    topics = opcua.add_subparsers(metavar="TOPIC", required=True)
    cert = add(topics, "cert", "our own certificate, which servers must trust", "nameplated opcua cert show")
    trust = add(topics, "trust", "certificates of servers, which we must trust", "nameplated opcua trust list")
    ours = cert.add_subparsers(metavar="ACTION", required=True)
    theirs = trust.add_subparsers(metavar="ACTION", required=True)
    show = _action(ours, "show", _show, "what it says of itself; made if there is none yet")
    export = _action(ours, "export", _export, "write it to a file, to be carried to servers", example="nameplated.der")
    export.add_argument("file", type=Path, metavar="FILE", help="DER; PEM if the name ends in .pem or .crt")
    _action(ours, "renew", _renew, "make the next one beside it; servers may trust either until the renewal is finished")
    finish = _action(ours, "finish", _finish, "end a renewal: the next one takes the place of the one in use")
    finish.add_argument("--anyway", action="store_true", help="although servers have not accepted the next one yet")
    waiting = _action(theirs, "list", _list, "certificates of servers that wait for a person")
    accept = _action(
        theirs, "accept", _accept, "trust one, after comparing its thumbprint on the device", example="3f9a61c0d2e4b587"
    )
    accept.add_argument("thumbprint", metavar="THUMBPRINT", help=f"its SHA-256, or the first {LEAST_DIGITS} digits or more")
    for action in (show, waiting):
        takes_json(action)


def main(options: argparse.Namespace) -> int:
    """Do one action.

    Raises:
        ConfigError: The plant file cannot be used.
        OSError: The trust folder is not ours, or cannot be read or written.
    """
    from protocols.errors import UntrustedError

    action: Action = options.action
    try:
        pki = _folder(options)
        _must_own(pki)
        sys.stdout.write(action(options, pki))
    except _NotMeantError as error:
        sys.stderr.write(f"nameplated: {error}\n")
        return Exit.USAGE
    except _TooEarlyError as error:
        sys.stderr.write(f"nameplated: {error}\n")
        return Exit.FAILED
    except UntrustedError as error:
        sys.stderr.write(f"nameplated: {error}\n")
        return Exit.IO
    return Exit.OK


def _show(options: argparse.Namespace, pki: Path) -> str:
    from agent.pki import pages
    from protocols.opcua.own import next_identity, own_identity

    now = datetime.now(UTC)
    own, following = own_identity(pki, now), next_identity(pki)
    servers = _servers(options, pki, following or own)
    if options.json:
        return _json(pages.our_facts(own, following, servers))
    return pages.ours(own, now) if following is None else pages.renewal(own, following, servers, now)


def _export(options: argparse.Namespace, pki: Path) -> str:
    from cryptography.hazmat.primitives.serialization import Encoding

    from protocols.opcua.own import next_identity, own_identity

    following = next_identity(pki)
    own = following or own_identity(pki, datetime.now(UTC))
    encoding = Encoding.PEM if options.file.suffix in {".pem", ".crt"} else Encoding.DER
    options.file.write_bytes(own.certificate.public_bytes(encoding))
    which = "our certificate" if following is None else "the next certificate, of the renewal that is under way"
    return f"{options.file}: {which}. Carry it to each server and let it be trusted there.\n"


def _renew(options: argparse.Namespace, pki: Path) -> str:
    from agent.pki import pages
    from protocols.opcua.own import own_identity, renew

    now = datetime.now(UTC)
    following = renew(pki, now)
    return pages.renewal(own_identity(pki, now), following, _servers(options, pki, following), now)


def _finish(options: argparse.Namespace, pki: Path) -> str:
    from agent.pki import pages
    from protocols.opcua.own import finish, next_identity

    following = next_identity(pki)
    if following is None:
        raise _NotMeantError("no renewal is under way; `nameplated opcua cert renew` begins one")
    waiting = [server for server, since in _servers(options, pki, following).items() if since is None]
    if waiting and not options.anyway:
        raise _TooEarlyError(pages.too_early(waiting))
    now = datetime.now(UTC)
    own = finish(pki, now)
    assert own is not None
    needed = "" if waiting else " No server needs it any more."
    return f"{pages.ours(own, now)}The one before lies beside it as previous.der and previous.key.{needed}\n"


def _list(options: argparse.Namespace, pki: Path) -> str:
    from agent.pki import pages
    from protocols.opcua import trust

    pending = trust.waiting(pki)
    if options.json:
        return _json([pages.facts(one.certificate, one.file) for one in pending])
    return pages.waiting(pending, pki)


def _accept(options: argparse.Namespace, pki: Path) -> str:
    from protocols.opcua import trust

    chosen = _the_one(trust.waiting(pki), options.thumbprint)
    return f"{trust.accept(pki, chosen)}: trusted from the next visit on.\n"


def _the_one(pending: "list[Pending]", words: str) -> "Pending":
    """The certificate that a thumbprint names, written with or without colons and blanks.

    Raises:
        _NotMeantError: It names none, or more than one.
    """
    digits = re.sub(r"[\s:]", "", words).lower()
    if not re.fullmatch(rf"[0-9a-f]{{{LEAST_DIGITS},64}}", digits):
        raise _NotMeantError(f"{words!r} is no thumbprint: write {LEAST_DIGITS} to 64 hexadecimal digits")
    found = {one.thumbprint: one for one in pending if one.thumbprint.startswith(digits)}
    if len(found) != 1:
        what = "more than one certificate waits" if found else "no certificate waits"
        raise _NotMeantError(f"{what} with this thumbprint; `nameplated opcua trust list` shows all that wait")
    return next(iter(found.values()))


def _servers(options: argparse.Namespace, pki: Path, own: "Own") -> "Servers":
    """Since when each server has accepted this one of ours: those of the plant file, or all that accepted any."""
    from protocols.opcua import acceptance

    known = acceptance.endpoints(pki) if options.pki_dir else _secured(options)
    return {f"{host}:{port}": acceptance.accepts(pki, host, port, own) for host, port in known}


def _secured(options: argparse.Namespace) -> list[tuple[str, int]]:
    """Where the plant file wants a protected session."""
    from config.load import load

    wanted = [asset.address for asset in load(options.config).asset if asset.security != "none"]
    return sorted({(address.host, address.port) for address in wanted})


def _folder(options: argparse.Namespace) -> Path:
    if options.pki_dir:
        return Path(options.pki_dir)
    from agent.wiring import Places
    from config.load import load

    return Places(load(options.config)).pki


def _must_own(pki: Path) -> None:
    """Refuse to work as someone else than the folder's owner: files of root would shut the collecting role out.

    Raises:
        PermissionError: It belongs to another user.
    """
    nearest = next(folder for folder in (pki, *pki.absolute().parents) if folder.exists())
    if nearest.stat().st_uid != os.geteuid():
        raise PermissionError(errno.EPERM, "it belongs to another user", str(nearest))


def _action(commands: "Commands", name: str, action: Action, summary: str, example: str = "") -> argparse.ArgumentParser:
    topic = "trust" if action in (_list, _accept) else "cert"
    example = f"sudo -u nameplated-ot nameplated opcua {topic} {name} {example}".rstrip()
    parser = add(commands, name, summary, example, run=main)
    folder = parser.add_mutually_exclusive_group()
    takes_config(folder)
    folder.add_argument("--pki-dir", metavar="DIR", help="trust folder of `probe`, instead of the plant's")
    parser.set_defaults(action=action)
    return parser


def _json(content: object) -> str:
    return json.dumps(content) + "\n"
