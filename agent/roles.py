"""The two roles as they run: their files are opened, they say that they are ready, and they follow the plant file.

Decides what becomes of a plant file that changes: what is followed at once, and what begins anew for it. Imports the parts of a role
only for that role, as `agent.wiring` does, and never does its work.

    SIGHUP ──► read again ──bad──► the old one holds; said in the log, in `status`, in health/1, and in an event
                    └──good──► collect: assets that stayed keep their turns    publish: the connection stays if its section did
"""

import asyncio
import errno
import random
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from agent import wiring
from agent.clock import system_clock
from agent.core.limits import FREE_FLOOR_BYTES
from agent.core.pulse import Pulse
from agent.core.vitals import VITALS, Vitals
from agent.ending import Exit, ends
from agent.log import line, logger
from agent.notify import patience
from agent.reload import COLLECT_FIXED, PUBLISH_FIXED, Follower
from agent.service import Role, Running
from agent.standing import Standing
from buffer.errors import SpoolBusyError, SpoolFullError
from config.errors import ConfigError, Problem
from config.model import Plant

if TYPE_CHECKING:
    from agent.collect.recorder import Recorder
    from agent.collect.role import Collector
    from agent.core.schedule import Rhythm
    from agent.doctor.finding import Finding
    from agent.publish.role import Publisher
    from buffer.journal import Journal

REOPEN_AFTER_S = 1.0
"""Between finding an outbox damaged and opening it again, so that a disk on its last legs does not keep a processor busy."""

OPEN_AGAIN_S = 5.0
"""Between two attempts to open a file that cannot be opened now."""

_FULL = "free space on the volume"
_REMEDIES = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EROFS: "mount the volume so that it can be written; one that went read-only by itself is failing: look into the kernel's log",
    errno.EIO: "look into the kernel's log: the disk or card may be failing",
}
"""What to do about a volume that does not take anything: whatever is here may pass, and is waited for."""

_HELD = "end the other process that has it open: a second role, the sqlite3 shell, a backup"

GUARD_FIRED = ". The read-only guard refused this request of our own, and nothing was sent. Please report it; start the role again without that device."

_Opened = TypeVar("_Opened")

_log = logger("service")


def collect_role(read: Callable[[], Plant], file: Path | None = None) -> Role:
    """Return the collecting role of a plant.

    Args:
        read: Reads the plant file: now, and again whenever that is asked for.
        file: Which that is, to tell whether the unit's address list is older.

    Raises:
        ConfigError: It cannot be used.
    """
    return partial(_collect, Follower(read, COLLECT_FIXED, file=file))


def publish_role(read: Callable[[], Plant], file: Path | None = None) -> Role:
    """Return the publishing role of a plant. When it runs, it raises an `EndedError` if there is no key that may sign.

    Args:
        read: Reads the plant file: now, and again whenever that is asked for.
        file: Which that is, to tell whether the unit's address list is older.

    Raises:
        ConfigError: It cannot be used.
    """
    return partial(_publish, Follower(read, PUBLISH_FIXED, check=_check_files, file=file))


def _standing(
    role: str, follower: Follower, running: Running, look: "Callable[[Plant, float], list[Finding]]" = lambda _plant, _at_s: []
) -> Standing:
    """Return what tells of a role that begins. Until it works, a plant file that is read again holds from then on."""
    standing = Standing(role, follower, system_clock(), look=look)
    running.leave_word, running.waits = standing.leave_word, lambda: standing.waits
    running.follow = running.at_rest = follower.look
    return standing


async def _collect(follower: Follower, running: Running) -> None:
    from protocols.errors import ForbiddenRequestError

    with ends({ForbiddenRequestError: Exit.PROTOCOL}, more=GUARD_FIRED):
        await _collect_once(follower, running)


async def _collect_once(follower: Follower, running: Running) -> None:
    from agent.collect.recorder import Recorder
    from buffer.backlog import backlog_file
    from buffer.journal import Journal

    standing = _standing("collect", follower, running)
    plant = follower.plant
    places = wiring.Places(plant)

    def open_journal(broken: str = "") -> Journal:
        size = plant.spool.journal_max_bytes
        with patience(places.journal):
            return Journal.open(
                places.journal, max_bytes=size, watermark_file=places.watermark, floor_bytes=FREE_FLOOR_BYTES, broken=broken
            )

    def begin() -> "tuple[Recorder, Collector, Callable[[], str], ExitStack]":
        with ExitStack() as stack:
            journal = stack.enter_context(open_journal())
            recorder = Recorder(
                journal,
                places.watermark,
                reopen=open_journal,
                flush_after_s=_flush_after_s(follower.plant),
                backlog_file=backlog_file(places.journal),
                vitals=standing.vitals,
            )
            return recorder, *_collector(follower, recorder, journal, running.pulse), stack.pop_all()

    recorder, collector, follow, stack = await _opened(begin, running, standing)
    with stack:
        standing.given_up, standing.guard_fired_at = lambda: recorder.given_up, lambda: collector.guard_fired_at
        standing.begin(collector.word)
        running.follow = follow
        running.ready()
        await collector.run()


def _collector(
    follower: Follower, recorder: "Recorder", journal: "Journal", pulse: Pulse
) -> "tuple[Collector, Callable[[], str]]":
    """Return what collects, and how it follows the plant file."""
    from agent.collect.role import Collector
    from agent.site import windows
    from protocols.contract import Transport

    plant = follower.plant
    pki = wiring.Places(plant).pki
    known = wiring.readers(pki)
    collector = Collector(
        [wiring.target(asset, plant.collect) for asset in plant.asset],
        known,
        recorder,
        rhythm=_rhythm(plant),
        clock=system_clock(),
        chance=random.Random(),  # noqa: S311  # spreads visits; guards nothing
        states=journal.states("asset"),
        turns=journal.states("endpoint"),
        windows=windows(plant.collect),
        pulse=pulse,
        guard_fired_at=_guard_fired_at(journal),
    )

    def follow() -> str:
        if not follower.again():
            collector.remark("plant.refused", follower.trouble)
            return follower.trouble
        now = follower.plant
        recorder.flush_after_s = _flush_after_s(now)
        targets = [wiring.target(asset, now.collect) for asset in now.asset]
        # The profiles may be others; whoever keeps OPC UA to one child at a time stays.
        fresh = {**wiring.readers(pki), Transport.OPC_UA: known[Transport.OPC_UA]}
        collector.follow(targets, fresh, rhythm=_rhythm(now), windows=windows(now.collect))
        return follower.trouble

    return collector, follow


async def _opened(opener: Callable[[], _Opened], running: Running, standing: Standing) -> _Opened:
    """Open a role's files. Where the disk takes nothing, or another process holds a file, wait: a restart would find it no better.

    Raises:
        SpoolError: They cannot be opened for another reason.
        OSError: The same.
    """
    while True:
        try:
            opened = opener()
        except (SpoolFullError, SpoolBusyError, OSError) as error:
            remedy = _remedy(error)
            if not remedy:
                raise
            name = "file.waiting" if isinstance(error, SpoolBusyError) else "disk.waiting"
            standing.waits = f"waits for the {name.partition('.')[0]}: {error}; {remedy}"
            _log.error(line(name, why=str(error), remedy=remedy))
            running.ready()
            await asyncio.sleep(OPEN_AGAIN_S)
        else:
            standing.waits = ""
            return opened


def _remedy(error: SpoolFullError | SpoolBusyError | OSError) -> str:
    """Return what a person does about a file that cannot be opened now; nothing where waiting for it is no use."""
    match error:
        case SpoolBusyError():
            return _HELD
        case SpoolFullError():
            return _FULL
        case _:
            return _REMEDIES.get(error.errno or 0, "")


def _rhythm(plant: Plant) -> "Rhythm":
    from agent.core.schedule import Rhythm

    settings = plant.collect
    return Rhythm(
        interval_s=settings.identity_interval_s,
        backoff_first_s=settings.backoff_first_s,
        backoff_longest_s=settings.backoff_longest_s,
    )


def _flush_after_s(plant: Plant) -> float:
    from agent.collect.recorder import FLUSHES_AN_INTERVAL, LONGEST_FLUSH_S

    return min(LONGEST_FLUSH_S, plant.collect.identity_interval_s / FLUSHES_AN_INTERVAL)


def _guard_fired_at(journal: "Journal") -> str | None:
    """Return when the read-only guard last fired in an earlier run: a restart must not make that unseen."""
    from agent.collect.records import read_state

    vitals = read_state(journal.states("gateway"), VITALS, Vitals)
    return vitals.guard_fired_at if vitals else None


async def _publish(follower: Follower, running: Running) -> None:
    from agent.publish.findings import findings
    from evidence.errors import EvidenceError, KeyExposedError

    standing, broken = _standing("publish", follower, running, findings), ""
    with ends({KeyExposedError: Exit.PERMISSION, EvidenceError: Exit.CONFIG}, more=". Nothing was signed."):
        while True:
            broken = await _publish_once(follower, running, standing, broken)
            if broken:
                _log.error(line("outbox.damaged", why=broken))
                await asyncio.sleep(REOPEN_AFTER_S)


async def _publish_once(follower: Follower, running: Running, standing: Standing, broken: str) -> str:
    """Publish until the outbox breaks, and return how; or until the plant file asks for another delivery, and return nothing."""
    from buffer.outbox import Outbox

    plant = follower.plant
    places, delivery = wiring.Places(plant), _delivery(plant)
    places.watermark.parent.mkdir(mode=0o750, parents=True, exist_ok=True)

    def begin() -> "tuple[Publisher, ExitStack]":
        with ExitStack() as stack, patience(places.outbox):
            size = plant.spool.outbox_max_bytes
            opened = Outbox.open(places.outbox, max_bytes=size, floor_bytes=FREE_FLOOR_BYTES, broken=broken)
            outbox = stack.enter_context(opened)
            return wiring.publisher(plant, outbox, running.pulse, standing.vitals), stack.pop_all()

    publisher, stack = await _opened(begin, running, standing)
    with stack:
        if follower.plant is not plant:  # it changed again while the disk was waited for
            return ""
        work = asyncio.ensure_future(publisher.run())

        def follow() -> str:
            if follower.again() and _delivery(follower.plant) != delivery:
                _log.info(line("plant.followed", why="another delivery; the connection begins anew"))
                work.cancel()
            return follower.trouble

        stack.callback(setattr, standing, "work", None)
        stack.callback(running.pulse.rest)
        standing.amiss = publisher.trouble
        standing.begin(publisher.word)
        running.follow = follow
        running.ready()
        return await _end_of(work)


async def _end_of(work: "asyncio.Future[None]") -> str:
    """Wait until publishing ends; return how its outbox broke, or nothing where it was ended for another plant file."""
    from buffer.errors import SpoolDamagedError

    broken = ""
    try:
        try:
            await work
        except* SpoolDamagedError as damage:
            broken = str(damage.exceptions[0])
    except asyncio.CancelledError:
        this = asyncio.current_task()
        if this is None or this.cancelling():  # SIGTERM
            raise
    return broken


def _delivery(plant: Plant) -> tuple[object, ...]:
    """Return what a connection to the broker depends on: while this is the same, the connection stays."""
    receiver = wiring.receiver_key(plant)
    return plant.broker, plant.spool.outbox_max_bytes, plant.receiver, receiver.kid if receiver else ""


def _check_files(plant: Plant) -> None:
    """Refuse a plant file whose files cannot be used, before the connection that stands is given up for it.

    Raises:
        ConfigError: One is missing, or is not what it should be.
    """
    from agent.credentials import CredentialError, check

    _check_receiver(plant)
    try:
        check(plant.broker, tls=plant.broker.address.tls)
    except CredentialError as error:
        raise ConfigError([Problem(place=error.setting, what=error.why)], error.path) from error


def _check_receiver(plant: Plant) -> None:
    """Refuse a plant file whose receiver has no key that can be read, before it takes the place of one that has.

    Raises:
        ConfigError: It has none.
    """
    from evidence.errors import EvidenceError

    try:
        wiring.receiver_key(plant)
    except EvidenceError as error:
        file = plant.receiver.key_file if plant.receiver else Path()
        raise ConfigError([Problem(place="receiver.key_file", what=str(error).rstrip("."))], file) from error
