"""The commands of `nameplated-isms`.

Decides what each command does and which exit code it ends with: 0, 1 (a verdict that is not good), 64 usage, 74 input and output,
77 permission, 78 configuration. Must never trust a key without an operator's word, and never print a foreign string uncleaned.
"""

import argparse
import json
import logging
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from evidence.envelope import MAX_TOKEN_BYTES
from evidence.errors import EvidenceError, KeyExposedError, KeyMissingError
from evidence.keys import load_public
from evidence.topics import audience, parse_issuer, subscription
from evidence.trust import Registry, load_trust, save_trust
from isms import views
from isms.inventory import Books, InventoryError
from isms.state import State, StateBusyError
from isms.tables import clean
from isms.verify import Auditor

OK: Final = 0
NOT_GOOD: Final = 1
USAGE: Final = 64
IO_ERROR: Final = 74
NO_PERMISSION: Final = 77
BAD_CONFIG: Final = 78

_SQLITE: Final = b"SQLite format 3\x00"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    try:
        options = _parser().parse_args(arguments)
    except SystemExit as end:  # argparse has printed what is wrong, or the help; only its exit code is not ours
        return USAGE if end.code else OK
    try:
        return int(options.run(options))
    except (KeyExposedError, PermissionError) as problem:
        return _fail(problem, NO_PERMISSION)
    except EvidenceError as problem:
        return _fail(problem, BAD_CONFIG)
    except (InventoryError, StateBusyError, OSError) as problem:
        return _fail(problem, IO_ERROR)


def _fail(problem: Exception, code: int) -> int:
    print(f"nameplated-isms: {clean(problem)}", file=sys.stderr)
    return code


def _receive(options: argparse.Namespace) -> int:
    """Receive until told to stop."""
    from isms.service import Broker, receive  # noqa: PLC0415  # no other command needs MQTT, and importing it takes time

    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    host, port, tls = options.broker
    broker = Broker(
        host=host,
        port=port,
        tls=tls,
        client_id=f"nameplated-isms-{options.id}",
        ca_file=options.ca_file,
        certificate_file=options.certificate_file,
        key_file=options.key_file,
    )
    receive(State(options.state), broker, audience=audience(options.id), prefix=options.topic_prefix)
    return OK


def _key_init(options: argparse.Namespace) -> int:
    signer = State(options.state).create_key()
    print(f"new key {signer.kid}\nits public half for the gateways: {State(options.state).public_key}")
    return OK


def _key_show(options: argparse.Namespace) -> int:
    signer = State(options.state).load_key()
    print(
        json.dumps(signer.public_jwk)
        if options.json
        else f"thumbprint {signer.kid}\npublic key {State(options.state).public_key}"
    )
    return OK


def _trust_add(options: argparse.Namespace) -> int:
    state, key = State(options.state), load_public(options.jwk_file)
    save_trust(state.trust, load_trust(state.trust).with_key(key, options.issuer))
    print(f"{key.kid} may speak for {options.issuer}\ncompare this thumbprint with the one on the gateway: nameplated key show")
    return OK


def _trust_list(options: argparse.Namespace) -> int:
    registry = load_trust(State(options.state).trust)
    entries = [{"kid": kid, "iss": entry.iss, "state": entry.state} for kid, entry in registry.entries.items()]
    print(json.dumps(entries, indent=2) if options.json else views.trust(entries))
    return OK


def _trust_revoke(options: argparse.Namespace) -> int:
    state = State(options.state)
    save_trust(state.trust, load_trust(state.trust).without_key(options.kid))
    print(f"{options.kid} may not speak any more; what it signed before stays as it is")
    return OK


def _assets(options: argparse.Namespace) -> int:
    state = State(options.state)
    assets: list[dict[str, Any]] = []
    if state.database.exists():
        with Books.open(state.database, read_only=True) as books:
            assets = books.assets()
    print(json.dumps({"assets": assets}, indent=2) if options.json else views.assets(assets))
    return OK


def _gateways(options: argparse.Namespace) -> int:
    state = State(options.state)
    gateways: list[dict[str, Any]] = []
    refusals: dict[str, int] = {}
    if state.database.exists():
        with Books.open(state.database, read_only=True) as books:
            gateways, refusals = books.gateways(), books.refusals()
    found = {"gateways": gateways, "refused": refusals}
    print(json.dumps(found, indent=2) if options.json else views.gateways(gateways, refusals))
    return OK


def _verify(options: argparse.Namespace) -> int:
    auditor = Auditor(_trusted_for_verify(options))
    for path in options.files:
        for place, token in _tokens(path):
            auditor.take(token, place)
    report = auditor.report()
    print(json.dumps(views.verification_json(report), indent=2) if options.json else views.verification(report))
    return OK if report.all_good else NOT_GOOD


def _trusted_for_verify(options: argparse.Namespace) -> Registry:
    """Return whose word counts. An auditor who trusts nobody by mistake must not be told that everything is forged."""
    path = options.trust or State(options.state).trust
    if not path.exists():
        raise KeyMissingError(f"{path} is not there; name the trust file with --trust, or the state with --state")
    return load_trust(path)


def _tokens(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yield every token of a file, and where it was found: the books of a receiver, or text with one token a line."""
    with path.open("rb") as file:
        is_database = file.read(len(_SQLITE)) == _SQLITE
        file.seek(0)
        number = 0
        while not is_database and (line := file.readline(MAX_TOKEN_BYTES + 2)):
            number += 1
            if token := line.strip():
                yield f"{path.name}:{number}", token
    if is_database:
        with Books.open(path, read_only=True) as books:
            yield from ((f"{path.name}#{row}", token) for row, token in books.tokens())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="nameplated-isms", description="Verifies, keeps and receipts the reports of nameplated gateways."
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    _add_receive(commands)
    _add_key(commands)
    _add_trust(commands)
    _add_verify(commands)
    assets = _command(
        commands, "assets", _assets, "list every asset, as it was last reported", "assets --state /var/lib/nameplated-isms"
    )
    assets.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    gateways = _command(
        commands, "gateways", _gateways, "list every gateway and its chain", "gateways --state /var/lib/nameplated-isms"
    )
    gateways.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    return parser


def _add_receive(commands: Any) -> None:
    receive = _command(
        commands,
        "receive",
        _receive,
        "receive reports until stopped",
        "receive --state DIR --broker mqtts://broker.example:8883 --ca-file ca.crt",
    )
    receive.add_argument("--broker", required=True, type=_broker, metavar="URL", help="mqtt://host:port or mqtts://host:port")
    receive.add_argument(
        "--ca-file", type=Path, metavar="FILE", help="who vouches for the broker; the system's authorities if absent"
    )
    receive.add_argument("--certificate-file", type=Path, metavar="FILE", help="our client certificate, if the broker wants one")
    receive.add_argument("--key-file", type=Path, metavar="FILE", help="the key of that certificate")
    receive.add_argument("--topic-prefix", type=_prefix, default="", metavar="P", help="levels above nameplated/v1")
    receive.add_argument("--id", type=_receiver_id, default="central", help="our name: reports must be for urn:isms:ID (central)")


def _add_key(commands: Any) -> None:
    key = commands.add_parser("key", help="the key that signs receipts")
    actions = key.add_subparsers(metavar="ACTION", required=True)
    _command(actions, "init", _key_init, "make the receiver's key", "key init --state DIR")
    show = _command(actions, "show", _key_show, "show the public half", "key show --state DIR --json > isms.jwk")
    show.add_argument("--json", action="store_true", help="the public key as JWK")


def _add_trust(commands: Any) -> None:
    trust = commands.add_parser("trust", help="whose word counts")
    actions = trust.add_subparsers(metavar="ACTION", required=True)
    example = "trust add gw-halle3.jwk --state DIR --issuer urn:nameplated:werk-ulm:gw-halle3"
    add = _command(actions, "add", _trust_add, "let a key speak for one gateway; compare its thumbprint first", example)
    add.add_argument("jwk_file", type=Path, metavar="JWKFILE", help="the gateway's public key")
    add.add_argument("--issuer", required=True, type=_issuer, metavar="URN", help="urn:nameplated:<plant>:<gateway>")
    listing = _command(actions, "list", _trust_list, "list the keys that are known", "trust list --state DIR")
    listing.add_argument("--json", action="store_true", help="JSON instead of a table")
    revoke = _command(actions, "revoke", _trust_revoke, "let a key speak no more", "trust revoke KID --state DIR")
    revoke.add_argument("kid", metavar="KID", help="its thumbprint")


def _add_verify(commands: Any) -> None:
    verify = _command(
        commands,
        "verify",
        _verify,
        "an auditor's verdict over stored reports; exit code 0 only if all is good",
        "verify reports.txt --trust trust.json",
        state=False,
    )
    verify.add_argument("files", nargs="+", type=Path, metavar="FILE", help="an isms.db, or text with one compact token a line")
    whose = verify.add_mutually_exclusive_group(required=True)
    whose.add_argument("--state", type=Path, metavar="DIR", help="use the trust file of this receiver")
    whose.add_argument("--trust", type=Path, metavar="FILE", help="use this trust file")
    verify.add_argument("--json", action="store_true", help="one JSON object instead of a table")


def _command(commands: Any, name: str, run: Any, summary: str, example: str, *, state: bool = True) -> argparse.ArgumentParser:
    """Add a command; all of them look alike."""
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.", epilog=f"example: nameplated-isms {example}"
    )
    parser.set_defaults(run=run)
    if state:
        parser.add_argument("--state", required=True, type=Path, metavar="DIR", help="the receiver's directory")
    return parser


def _broker(text: str) -> tuple[str, int, bool]:
    """Parse a broker's address into host, port and whether to use TLS."""
    parts = urlsplit(text)
    if parts.scheme not in ("mqtt", "mqtts") or not parts.hostname or parts.path.strip("/") or parts.query or parts.username:
        raise argparse.ArgumentTypeError(f"not of the form mqtt[s]://host:port: {text!r}")
    tls = parts.scheme == "mqtts"
    try:
        return parts.hostname, parts.port or (8883 if tls else 1883), tls
    except ValueError:
        raise argparse.ArgumentTypeError(f"not a port: {text!r}") from None


def _issuer(text: str) -> str:
    if parse_issuer(text) is None:
        raise argparse.ArgumentTypeError(f"not of the form urn:nameplated:<plant>:<gateway>: {text!r}")
    return text


def _prefix(text: str) -> str:
    try:
        subscription(text, "status")
    except ValueError as problem:
        raise argparse.ArgumentTypeError(str(problem)) from None
    return text


def _receiver_id(text: str) -> str:
    try:
        audience(text)
    except ValueError as problem:
        raise argparse.ArgumentTypeError(str(problem)) from None
    return text
