"""The commands of `nameplated-isms`.

Decides what each command does and which exit code it ends with: 0, 1 (a verdict that is not good), 64 usage, 74 input and output,
77 permission, 78 configuration. Must never trust a key without an operator's word, and never print a foreign string uncleaned.
"""

import argparse
import hashlib
import io
import json
import logging
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from evidence.envelope import MAX_TOKEN_BYTES
from evidence.errors import EvidenceError, KeyExposedError, KeyInvalidError, KeyMissingError
from evidence.keys import load_public
from evidence.topics import audience
from evidence.trust import Registry, load_trust, save_trust
from evidence.words import same_words, words
from inventory.export import ExportError
from isms import audit, export, values, views
from isms.alarms import Fleet, Patience, alarms, alarms_json
from isms.export import TABLE
from isms.inventory import Books
from isms.state import State, StateBusyError
from isms.store import InventoryError
from isms.tables import WIDTH, clean
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
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # an umlaut on a terminal without UTF-8 is a question mark, not a bug
    try:
        options = _parser().parse_args(arguments)
    except SystemExit as end:  # argparse has printed what is wrong, or the help; only its exit code is not ours
        return USAGE if end.code else OK
    try:
        code = int(options.run(options))
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # who read it has seen enough; Python flushes once more
        return OK
    except (EvidenceError, ExportError, InventoryError, StateBusyError, OSError) as problem:
        print(f"nameplated-isms: {clean(problem)}", file=sys.stderr)
        return _exit_code(problem)
    return code


def _exit_code(problem: Exception) -> int:
    match problem:
        case KeyExposedError() | PermissionError():
            return NO_PERMISSION
        case EvidenceError():
            return BAD_CONFIG
        case ExportError():
            return USAGE
        case _:
            return IO_ERROR


def _receive(options: argparse.Namespace) -> int:
    """Receive until told to stop."""
    from isms.broker import Broker  # noqa: PLC0415  # no other command needs MQTT, and importing it takes time
    from isms.service import receive  # noqa: PLC0415  # likewise

    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    host, port, tls = options.broker
    broker = Broker(
        host=host,
        port=port,
        tls=tls,
        client_id="-".join(filter(None, ["nameplated-isms", options.id, options.instance])),
        ca_file=options.ca_file,
        certificate_file=options.certificate_file,
        key_file=options.key_file,
        keeps_session=not options.share,
    )
    receive(State(options.state), broker, audience=audience(options.id), prefix=options.topic_prefix, share=options.share)
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
    if options.words and not same_words(options.words, key.kid):
        raise KeyInvalidError(f"these are not the words of {key.kid}, which are {words(key.kid)}; nobody is trusted")
    save_trust(state.trust, load_trust(state.trust).with_key(key, options.issuer))
    print(f"{key.kid} may speak for {options.issuer}")
    if not options.words:
        print(f"compare its words with those on the gateway (nameplated key show): {words(key.kid)}")
    return OK


def _trust_list(options: argparse.Namespace) -> int:
    registry = load_trust(State(options.state).trust)
    entries = [
        {"kid": kid, "iss": entry.iss, "state": entry.state, "revoked_at": entry.revoked_at, "words": words(kid)}
        for kid, entry in registry.entries.items()
    ]
    print(json.dumps(entries, indent=2) if options.json else views.trust(entries))
    return OK


def _trust_revoke(options: argparse.Namespace) -> int:
    state = State(options.state)
    at = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    save_trust(state.trust, load_trust(state.trust).without_key(options.kid, at=at))
    print(f"{options.kid} may not speak any more; what it signed before stays as it is")
    return OK


def _assets(options: argparse.Namespace) -> int:
    state = State(options.state)
    assets: list[dict[str, Any]] = []
    if state.database.exists():
        with Books.open(state.database, read_only=True) as books:
            assets = books.assets()
    if options.format == TABLE and not options.json:
        print(views.assets(assets, width=_width()))
    else:
        export.write(assets, options)
    return OK


def _gateways(options: argparse.Namespace) -> int:
    state = State(options.state)
    gateways: list[dict[str, Any]] = []
    refusals: dict[str, int] = {}
    if state.database.exists():
        with Books.open(state.database, read_only=True) as books:
            gateways, refusals = books.gateways(), books.refusals()
    found = {"gateways": gateways, "refused": refusals}
    print(json.dumps(found, indent=2) if options.json else views.gateways(gateways, refusals, width=_width()))
    return OK


def _alarms(options: argparse.Namespace) -> int:
    found = _fleet(options).alarms
    print(json.dumps({"alarms": alarms_json(found)}, indent=2) if options.json else views.alarms(found, width=_width()))
    return NOT_GOOD if found else OK


def _watch(options: argparse.Namespace) -> int:
    try:
        from isms.watch import watch  # noqa: PLC0415  # rich is an extra, for people only
    except ModuleNotFoundError as problem:
        print(f"nameplated-isms: {problem.name} is missing; install nameplated[operator] for live tables", file=sys.stderr)
        return BAD_CONFIG
    watch(lambda: _fleet(options), times=1 if options.once else None)
    return OK


def _fleet(options: argparse.Namespace) -> Fleet:
    """Look into the books once."""
    state = State(options.state)
    patience = Patience(silent=timedelta(minutes=options.silent_min), stale=timedelta(hours=options.stale_h))
    if not state.database.exists():
        return Fleet(gateways=[], assets=[], alarms=[])
    with Books.open(state.database, read_only=True) as books:
        gateways, assets = books.gateways(), books.assets()
        known = load_trust(state.trust).inheriting(books.handovers()).entries
        found = alarms(
            gateways=gateways, assets=assets, refused=books.refused(), known_kids=known, now=datetime.now(UTC), patience=patience
        )
    return Fleet(gateways=gateways, assets=assets, alarms=found)


def _records(options: argparse.Namespace) -> int:
    with State(options.state).open_books(read_only=True) as books:
        for _, token, _ in books.tokens():
            print(token.decode("ascii"))
    return OK


def _verify(options: argparse.Namespace) -> int:
    trust = _trusted_for_verify(options)
    auditor = Auditor(trust)
    for path in options.files:
        for place, token, received_at in _tokens(path):
            auditor.take(token, place, received_at)
    verdict = auditor.report()
    print(json.dumps(views.verification_json(verdict), indent=2) if options.json else views.verification(verdict, width=_width()))
    if options.report:
        files = {path.name: _sha256(path) for path in options.files}
        text = audit.report(verdict, files=files, trust=auditor.trust, now=datetime.now(UTC))
        options.report.write_text(text, encoding="utf-8")
    return OK if verdict.all_good else NOT_GOOD


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _width() -> int:
    """Return how many characters a line may have: those of the terminal, 100 for a file."""
    return shutil.get_terminal_size((WIDTH, 0)).columns if sys.stdout.isatty() else WIDTH


def _trusted_for_verify(options: argparse.Namespace) -> Registry:
    """Return whose word counts. An auditor who trusts nobody by mistake must not be told that everything is forged."""
    path = options.trust or State(options.state).trust
    if not path.exists():
        raise KeyMissingError(f"{path} is not there; name the trust file with --trust, or the state with --state")
    return load_trust(path)


def _tokens(path: Path) -> Iterator[tuple[str, bytes, str | None]]:
    """Yield where each token of a file was found, the token, and when it came if the file says so.

    A file is the books of a receiver, or text with one token a line.
    """
    with path.open("rb") as file:
        is_database = file.read(len(_SQLITE)) == _SQLITE
        file.seek(0)
        number = 0
        while not is_database and (line := file.readline(MAX_TOKEN_BYTES + 2)):
            number += 1
            if token := line.strip():
                yield f"{path.name}:{number}", token, None
    if is_database:
        with Books.open(path, read_only=True) as books:
            yield from ((f"{path.name}#{row}", token, at) for row, token, at in books.tokens())


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
    export.add_arguments(assets)
    alarm = _command(
        commands, "alarms", _alarms, "list what somebody should look at; exit code 1 if there is anything", "alarms --state DIR"
    )
    alarm.add_argument("--json", action="store_true", help="one JSON object instead of text")
    live = _command(commands, "watch", _watch, "watch the fleet live", "watch --state /var/lib/nameplated-isms")
    live.add_argument("--once", action="store_true", help="show it once and end")
    for shown in (alarm, live):
        shown.add_argument(
            "--silent-min", type=int, default=15, metavar="N", help="minutes after which a silent gateway alarms (15)"
        )
        shown.add_argument("--stale-h", type=int, default=72, metavar="N", help="hours after which an unseen asset alarms (72)")
    _command(
        commands,
        "records",
        _records,
        "print every record as it was signed, one a line, for an auditor to take away",
        "records --state /var/lib/nameplated-isms > records.txt",
    )
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
    receive.add_argument(
        "--broker", required=True, type=values.broker, metavar="URL", help="mqtt://host:port or mqtts://host:port"
    )
    receive.add_argument(
        "--ca-file", type=Path, metavar="FILE", help="who vouches for the broker; the system's authorities if absent"
    )
    receive.add_argument("--certificate-file", type=Path, metavar="FILE", help="our client certificate, if the broker wants one")
    receive.add_argument("--key-file", type=Path, metavar="FILE", help="the key of that certificate")
    receive.add_argument("--topic-prefix", type=values.prefix, default="", metavar="P", help="levels above nameplated/v1")
    receive.add_argument(
        "--share",
        type=values.name,
        default="",
        metavar="GROUP",
        help="share the work with other receivers of this group; a name that nobody guesses",
    )
    receive.add_argument("--instance", type=values.name, default="", metavar="NAME", help="which of them this is")
    receive.add_argument(
        "--id", type=values.receiver_id, default="central", help="our name: reports must be for urn:isms:ID (central)"
    )


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
    add.add_argument("--issuer", required=True, type=values.issuer, metavar="URN", help="urn:nameplated:<plant>:<gateway>")
    add.add_argument("--words", metavar="WORDS", help="its words, as they were read out on the gateway: added only if they fit")
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
    verify.add_argument("--report", type=Path, metavar="FILE", help="also write a report that an auditor can file (Markdown)")


def _command(commands: Any, name: str, run: Any, summary: str, example: str, *, state: bool = True) -> argparse.ArgumentParser:
    """Add a command; all of them look alike."""
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.", epilog=f"example: nameplated-isms {example}"
    )
    parser.set_defaults(run=run)
    if state:
        parser.add_argument("--state", required=True, type=Path, metavar="DIR", help="the receiver's directory")
    return parser
