"""How one role is, gathered from where it lies: for the journal, the health report, and whoever asks at the machine.

Decides nothing. Never fails: a role that cannot say how it is still does its work.
"""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from agent import VERSION
from agent.clock import Clock, system_clock
from agent.core.moment import Moment, elapsed_s
from agent.core.status import CollectWord, PublishWord, Word
from agent.core.vitals import Found, Vitals
from agent.doctor.finding import Finding
from agent.doctor.inside import clock, look_again, look_around, told
from agent.footprint import rss_bytes, written_bytes
from agent.log import line, logger
from agent.reload import Follower
from agent.status import files
from buffer.errors import SpoolError
from config.errors import ConfigError
from config.load import load
from config.model import Plant

LOOK_EVERY_S = 60.0
"""At what changes around a role without its doing: files, the volume."""

_log = logger("service")


@dataclass(slots=True)
class Standing:
    """What there is to say of a role.

    Attributes:
        role: `collect` or `publish`.
        follower: Holds its plant, and what is wrong with the plant file.
        clock: Reads the clocks.
        work: Tells what it does; None while it does nothing.
        waits: What keeps it from its work, or empty.
        guard_fired_at: When its read-only guard last refused a request.
        given_up: Tells how many records were lost for want of room.
        look: Looks at what this role alone needs, told the plant and the wall clock in seconds.
        amiss: Tells what a person should mend in its work, or nothing.
    """

    role: str
    follower: Follower
    clock: Clock
    work: Callable[[], CollectWord | PublishWord] | None = None
    waits: str = ""
    guard_fired_at: Callable[[], str | None] = field(default=lambda: None)
    given_up: Callable[[], int] = field(default=int)
    look: Callable[[Plant, float], list[Finding]] = field(default=lambda _plant, _at_s: [])
    amiss: Callable[[], str] = field(default=str)
    _started: Moment = field(init=False)
    _fixed: list[Finding] = field(init=False)
    _lately: list[Finding] = field(default_factory=list, init=False)
    _looked: Moment | None = field(default=None, init=False)
    _said: set[tuple[str, str]] = field(default_factory=set, init=False)

    def __post_init__(self) -> None:
        """Look around once, at what stays as it is."""
        self._started = self.clock()
        self._fixed = look_around()

    def begin(self, work: Callable[[], CollectWord | PublishWord]) -> None:
        """Take what tells of the work from now on, and say in the log what is not as it should be around it."""
        self.work = work
        self._say(self.found(self.clock()))

    def found(self, now: Moment) -> list[Found]:
        """Return what was found: the clock as it is now, what else may change as it was a moment ago, the rest as at the start."""
        if self._looked is None or elapsed_s(self._looked, now) >= LOOK_EVERY_S:
            plant, self._looked = self.follower.plant, now
            folder = plant.gateway.state_dir / self.role
            self._lately = [*look_again(folder, self.follower.file), *self.look(plant, now.at_s)]
        return told([*self._fixed, clock(now), *self._lately])

    def _say(self, found: Iterable[Found]) -> None:
        """Log what is not as it should be, once until it changes."""
        amiss = [one for one in found if one.state in ("warn", "bad")]
        for one in amiss:
            if (one.name, one.state) not in self._said:
                _log.warning(line("finding", name=one.name, state=one.state, detail=one.detail, remedy=one.remedy))
        self._said = {(one.name, one.state) for one in amiss}

    def vitals(self, now: Moment) -> Vitals:
        """Say how the role is as a process."""
        found = self.found(now)
        if self.work is not None:
            self._say(found)
        return Vitals(
            at=now.text,
            written_bytes=written_bytes(),
            rss_bytes=rss_bytes(),
            guard_fired_at=self.guard_fired_at(),
            given_up=self.given_up(),
            trouble="; ".join(filter(None, (self.waits, self.amiss(), self.follower.trouble)))[:1024],
            found=found,
            moment=now,
        )

    def leave_word(self, ended: str) -> None:
        """Write down for people how the role is, and why it ended if it has."""
        now, state_dir = self.clock(), self.follower.plant.gateway.state_dir
        word = Word(
            role=self.role,
            state_dir=str(state_dir),
            agent_version=VERSION,
            pid=os.getpid(),
            started=self._started,
            moment=now,
            ended=ended[:1024],
            vitals=self.vitals(now),
            work=self._work() if not ended else None,
        )
        try:
            files.write(files.place(self.role, state_dir), word)
        except OSError as error:
            _log.debug(line("status.unwritten", why=str(error)))

    def _work(self) -> CollectWord | PublishWord | None:
        try:
            return self.work() if self.work else None
        except (SpoolError, OSError):  # the role meets it too, and says so
            return None


def leave_last_word(role: str, config: Path, why: str) -> None:
    """Write down for people that a role could not even begin, over whatever an earlier run left lying.

    Where the plant file does not say which gateway this is, only systemd's folder is the role's own for certain.
    """
    now, state_dir = system_clock()(), _state_dir(config)
    if state_dir is None and not os.environ.get("RUNTIME_DIRECTORY"):
        return
    word = Word(
        role=role,
        state_dir=str(state_dir or ""),
        agent_version=VERSION,
        pid=os.getpid(),
        started=now,
        moment=now,
        ended=why[:1024],
        vitals=Vitals(at=now.text, rss_bytes=rss_bytes(), found=told([clock(now)])),
    )
    try:
        files.write(files.place(role, state_dir or Path()), word)
    except OSError as error:
        _log.debug(line("status.unwritten", why=str(error)))


def _state_dir(config: Path) -> Path | None:
    try:
        return load(config).gateway.state_dir
    except ConfigError:
        return None
