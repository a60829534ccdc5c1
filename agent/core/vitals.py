"""How a role is as a process: what it takes, what it has found out about its surroundings, what troubles it.

Decides the form in which collect leaves this in the journal and publish reports it for both, and from how old that is whether collect
still lives: what it told last would else stand for ever. Never measures: `agent.footprint`
and `agent.doctor.inside` do. To publish what collect left is hostile input, so every part is bounded.
"""

from typing import Annotated

import msgspec

from agent.core.moment import Moment, elapsed_s
from agent.core.observation import Name, Text
from agent.core.silence import HEARTBEAT_S

MOST_FOUND = 16

LATE_AFTER_S = 180.0
"""Of what a role leaves in memory: it does so every fifteen seconds, and a restart of the service takes a moment."""

SILENT_AFTER_S = HEARTBEAT_S + 300.0
"""Of what collect writes into the journal, where nothing else can be seen of it: a sign of life is due every hour."""

VITALS = "vitals"
"""The subject under which collect leaves them in the journal, among the states of kind `gateway`."""


class Found(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a role found out about its own surroundings.

    Attributes:
        name: What was looked at: `networks`, `memory-limit`, `clock`, `volume`, `units`, `report-key` and the like.
        state: `ok`, `unknown`, `warn` or `bad`.
        detail: What was seen.
        remedy: What to do about it, or empty.
    """

    name: Name
    state: Name
    detail: Text = ""
    remedy: Text = ""


class Vitals(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a role is.

    Attributes:
        at: When, RFC 3339.
        written_bytes: Bytes that it had written to disks by then, since it started; 0 where the kernel does not count them.
        rss_bytes: Memory that it took.
        guard_fired_at: When the read-only guard last refused a request, RFC 3339; None if it never did.
        held: Records that wait in its memory, because the journal cannot be written.
        given_up: Records that were lost since it started, because there was no room for them.
        trouble: What a person should mend, or empty: a plant file that was refused, a setting that waits for a restart, a journal that
            cannot be read.
        found: What it found out about its surroundings.
        moment: The same as `at`, of every clock: how old this is. None from a version that did not tell.
    """

    at: Name
    written_bytes: int = 0
    rss_bytes: int = 0
    guard_fired_at: Name | None = None
    held: int = 0
    given_up: int = 0
    trouble: Text = ""
    found: Annotated[list[Found], msgspec.Meta(max_length=MOST_FOUND)] = []
    moment: Moment | None = None


class Sign(msgspec.Struct, frozen=True, kw_only=True):
    """Of the word that a role leaves in memory, what tells the other one whether it lives. The rest of it is not read.

    Attributes:
        role: `collect` or `publish`.
        state_dir: Of which gateway on this machine; empty where the role did not know.
        moment: When it was written.
        vitals: How the role was then, fresher than what it writes to disk.
        ended: Why the role ended; empty while it runs.
    """

    role: Name
    state_dir: Text
    moment: Moment
    vitals: Vitals
    ended: Text = ""


def seen_from_outside(told: Vitals | None, sign: Sign | None, now: Moment, *, watched_s: float) -> Vitals | None:
    """Return what a role told of itself, with what can be seen of it from outside: that it ended, or has gone silent.

    Args:
        told: What it wrote down last.
        sign: What it left in memory last, or None where that cannot be seen.
        now: This moment.
        watched_s: For how long whoever asks has been here. Both roles start side by side, so a short silence is none yet.
    """
    sign = None if _is_left_over(sign, told) else sign
    trouble, known = _silence(told, sign, now, watched_s), _newest(told, sign)
    if not trouble:
        return known
    known = known or Vitals(at=now.text)
    return msgspec.structs.replace(known, trouble="; ".join(filter(None, (trouble, known.trouble)))[:1024])


def _is_left_over(sign: Sign | None, told: Vitals | None) -> bool:
    """Tell whether a word in memory is that of an earlier run, because the role has written to disk long after it."""
    if sign is None or told is None or told.moment is None:
        return False
    return elapsed_s(sign.moment, told.moment) > LATE_AFTER_S


def _newest(told: Vitals | None, sign: Sign | None) -> Vitals | None:
    """Return what was told last. What waits in memory, and when the guard fired, is told in one place alone."""
    if sign is None or told is None:
        return sign.vitals if sign else told
    return msgspec.structs.replace(
        sign.vitals,
        held=told.held,
        given_up=max(told.given_up, sign.vitals.given_up),
        guard_fired_at=sign.vitals.guard_fired_at or told.guard_fired_at,
    )


def _silence(told: Vitals | None, sign: Sign | None, now: Moment, watched_s: float) -> str:
    """Say that a role does not live, and how that is known; nothing if it does, or if it is too early to tell."""
    if sign is not None:
        age_s = elapsed_s(sign.moment, now)
        late = (
            f"has left no word since {sign.moment.text}: it hangs, or was killed"
            if _is_over(LATE_AFTER_S, age_s, watched_s)
            else ""
        )
        return f"has ended: {sign.ended}" if sign.ended else late
    if told is None:
        return "nothing has been heard of it yet" if watched_s > LATE_AFTER_S else ""
    silent = told.moment is not None and _is_over(SILENT_AFTER_S, elapsed_s(told.moment, now), watched_s)
    return f"has written nothing down since {told.at}: it does not run, or hangs" if silent else ""


def _is_over(limit_s: float, age_s: float, watched_s: float) -> bool:
    return min(age_s, watched_s) > limit_s
