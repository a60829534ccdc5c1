"""How both roles stand, as each of them leaves it lying for people, and whether all is well. Pure.

Decides the form, and what a person has to look at. Never judges devices: one that does not answer is news of the plant, and
`well` speaks of the gateway. What is read back was written by another process, so it is bounded and its age is judged.
"""

from collections.abc import Iterable
from typing import Annotated

import msgspec

from agent.core.moment import Moment
from agent.core.observation import Name, Text
from agent.core.vitals import Found, Vitals

STALE_AFTER_S = 60.0
"""Roles leave word four times as often."""

MOST_ASSETS = 2000
"""In one file; it lies in memory. Those that need a look come first."""


class AssetLine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One asset as collect has it.

    Attributes:
        asset_id: The plant's own name.
        outcome: How the last look ended; empty before the first.
        last_asked_at: When that was, or None.
        last_seen_at: When it last told who it is, or None.
        due_s: When it is asked next, as uptime in seconds.
        visiting: Whether it is being asked now.
        failures: Failed looks in a row.
        quarantined: Whether it is left alone because it did not want to be asked.
    """

    asset_id: Name
    outcome: Name = ""
    last_asked_at: Name | None = None
    last_seen_at: Name | None = None
    due_s: float
    visiting: bool = False
    failures: int = 0
    quarantined: bool = False


class CollectWord(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="collect"):
    """What collect has to say.

    Attributes:
        assets: At most `MOST_ASSETS`.
        count: How many there are.
        paused: Why nothing is asked now, or empty.
        held: Records that wait in memory because the journal cannot be written.
    """

    assets: Annotated[list[AssetLine], msgspec.Meta(max_length=MOST_ASSETS)]
    count: int
    paused: Text = ""
    held: int = 0


class PublishWord(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="publish"):
    """What publish has to say.

    Attributes:
        broker: Where reports go.
        connected_at: Since when the connection stands, or None.
        why: Why there is none, or empty.
        delivery: `confirmed` by receipts, or `unconfirmed`.
        waiting: Envelopes without a receipt.
        waiting_bytes: What they take.
        oldest_at: Since when the oldest waits, or None.
        epoch: The chain.
        seq: Its last number.
        head: What its next record refers to.
        receipt_upto: The last number that the receiver holds, or None.
    """

    broker: Text
    connected_at: Name | None
    why: Text = ""
    delivery: Name
    waiting: int
    waiting_bytes: int
    oldest_at: Name | None
    epoch: Name
    seq: int
    head: Name
    receipt_upto: int | None = None


class Word(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a role leaves lying.

    Attributes:
        role: `collect` or `publish`.
        state_dir: Of which gateway on this machine.
        agent_version: Version of the program.
        pid: Its process.
        started: When that began.
        moment: When this was written.
        ended: Why it ended; empty while it runs.
        vitals: How it is as a process.
        work: What it does, or None if it never came to that.
    """

    role: Name
    state_dir: Text
    agent_version: Name
    pid: int
    started: Moment
    moment: Moment
    ended: Text = ""
    vitals: Vitals
    work: CollectWord | PublishWord | None = None


def problems(role: str, word: Word | None, now: Moment) -> list[str]:
    """Return what a person should know of a role, one sentence each; nothing if all is well with it.

    >>> problems("collect", None, Moment(at_s=0.0, up_s=0.0, boot="a", clock="sync"))
    ['collect does not run, or may not be looked at']
    """
    if word is None:
        return [f"{role} does not run, or may not be looked at"]
    if word.ended:
        return [f"{role} has ended: {word.ended}"]
    age_s = now.up_s - word.moment.up_s
    if not 0 <= age_s <= STALE_AFTER_S:  # the boot's id may be another one inside a unit, where a container gave itself one
        return [f"{role} has left no word since {word.moment.text}: it hangs, or was killed"]
    found = [f"{role}: {word.vitals.trouble}"] if word.vitals.trouble else []
    if word.vitals.guard_fired_at:
        found.append(f"{role}: the read-only guard refused a request at {word.vitals.guard_fired_at}: please report this bug")
    return found + [f"{role}: {sentence}" for sentence in _of_work(word)] + list(_of_findings(role, word.vitals.found))


def _of_work(word: Word) -> list[str]:
    match word.work:
        case PublishWord(connected_at=None, why=why):
            return [f"not connected to the broker{': ' + why if why else ''}"]
        case CollectWord(held=held) if held:
            return [f"{held} records wait in memory, because the journal cannot be written"]
        case None:
            return ["has not begun its work"]
        case _:
            return []


def _of_findings(role: str, found: Iterable[Found]) -> Iterable[str]:
    return (f"{role}: {one.detail}" for one in found if one.state == "bad")
