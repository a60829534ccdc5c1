"""Runs the line against servers that this project did not write: `make peers`, or `python -m tests.peers --help`.

Decides the exit code: 0 only if every peer that can run here was recognised for what it is, by `probe` and by the receiver at the
end of the line, and every report was receipted. Ends everything that it started, on Ctrl-C too.
"""

import argparse
import json
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from agent.demo.broker import NoBrokerError
from protocols.contract import Security
from tests.peers import report
from tests.peers.catalogue import PEERS, Peer
from tests.peers.commands import CommandError
from tests.peers.line import Site, run_line
from tests.peers.probe import look, make_friends
from tests.peers.processes import DiedError
from tests.peers.report import Result, Row
from tests.peers.servers import Server, serving, why_not
from tests.peers.users import Users
from tests.peers.verdict import Sighting, faults
from tests.peers.workshop import Workshop, prepare

HOME = Path(__file__).parents[2] / ".peers"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it and return the exit code."""
    options = _options(arguments)
    for number in (signal.SIGINT, signal.SIGTERM):  # ended from outside: everything is cleaned up all the same
        signal.signal(number, signal.default_int_handler)
    try:
        with _folder(options.keep) as folder:
            return _run([peer for peer in PEERS if options.only in ("", peer.name)], folder, as_json=options.json)
    except KeyboardInterrupt:
        _progress("interrupted; everything is ended")
    except (CommandError, DiedError, NoBrokerError, OSError) as error:
        _progress(f"failed: {error}")
    return 1


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.peers", description="nameplated against foreign servers, on loopback")
    parser.add_argument("--only", default="", choices=[peer.name for peer in PEERS], help="run one peer only")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep logs, files and certificates in this folder")
    parser.add_argument("--json", action="store_true", help="print one JSON document instead of a table")
    return parser.parse_args(arguments)


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    """The folder of a run: a new one that is kept, or one that goes away."""
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="peers-") as folder:
            yield Path(folder)
    else:
        keep.mkdir(parents=True)
        yield keep.resolve()


def _run(peers: Sequence[Peer], folder: Path, *, as_json: bool) -> int:
    """Install, start, look, run the line, and say what came of it."""
    began = time.monotonic()
    _progress("installing what is missing")
    workshop = prepare(HOME, {peer.package for peer in peers})
    Users(folder).write()
    skipped = {peer.name: why for peer in peers if (why := why_not(peer, workshop))}
    with ExitStack() as stack:
        servers = [stack.enter_context(_started(peer, workshop, folder)) for peer in peers if peer.name not in skipped]
        rows, wrong = _judged(servers, Site(folder))
    wrong += [] if servers else ["no peer could run on this machine"]
    result = Result(rows=rows, skipped=skipped, wrong=wrong, seconds=time.monotonic() - began)
    print(json.dumps(report.document(result), indent=2) if as_json else report.page(result))
    return int(not result.good)


@contextmanager
def _started(peer: Peer, workshop: Workshop, folder: Path) -> Iterator[Server]:
    """Start a peer, and say so."""
    with serving(peer, workshop, folder) as server:
        _progress(f"started {peer.name} at {server.address}")
        yield server


def _judged(servers: Sequence[Server], site: Site) -> tuple[list[Row], list[str]]:
    """Look at each server by itself, then run the whole line; return a row for each, and what is wrong with the line."""
    looks = [_looked(server, site) for server in servers]
    _progress("running the line: collect, journal, publish, broker, receiver")
    received, wrong = _line(servers, site) if servers else ({}, [])
    rows = []
    for server, (probed, found) in zip(servers, looks, strict=True):
        arrived = received.get(server.peer.name)
        missed = faults(server.peer, arrived, where="receiver")
        rows.append(Row(server=server, probed=probed, received=arrived, faults=(*found, *missed)))
    return rows, wrong


def _line(servers: Sequence[Server], site: Site) -> tuple[dict[str, Sighting], list[str]]:
    """Run the line; where it breaks, what `probe` saw is still worth a table."""
    try:
        return run_line(site, servers)
    except (CommandError, DiedError) as error:
        return {}, [str(error)]


def _looked(server: Server, site: Site) -> tuple[Sighting, list[str]]:
    """Look at one server with `probe`; return what was seen and what is wrong with it."""
    _progress(f"looking at {server.peer.name}")
    try:
        found = make_friends(server, site.pki) if server.peer.security is not Security.NONE else []
        seen = look(server, site.pki)
    except CommandError as error:  # a finding like any other; the other peers are still worth a look
        return Sighting(outcome="failed", detail=str(error)), [str(error)]
    return seen, [*found, *faults(server.peer, seen, where="probe")]


def _progress(sentence: str) -> None:
    print(f"peers: {sentence}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
