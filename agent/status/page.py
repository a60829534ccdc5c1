"""How the gateway stands, laid out for a person: what each role does, every asset with its next visit, and last what needs a look.

Decides layout only; `agent.core.status` decides what is a problem. The verdict stands where a terminal that has scrolled still shows it.
Fits 60 columns, and never lets a foreign text drive the terminal.
"""

import textwrap
from collections.abc import Mapping, Sequence

from agent import screens
from agent.core.moment import Moment
from agent.core.status import AssetLine, CollectWord, PublishWord, Word

_LABEL = 10


def page(words: Mapping[str, Word | None], found: Sequence[str], now: Moment, *, columns: int | None = None) -> str:
    """Lay out everything.

    Args:
        words: What each role left, by its name.
        found: The problems, one sentence each.
        now: When this is read.
        columns: Of the terminal; None to ask it.
    """
    wide = screens.columns(columns)
    facts = [fact for role, word in words.items() if word for fact in _facts(role, word, now)]
    findings = _findings(words)
    lines = [line for label, text in [*facts, *findings] for line in _wrapped(label, text, wide)]
    verdict = [line for problem in found for line in _wrapped("!", problem, wide, label=2)] or [_well(len(findings))]
    works = [word.work for word in words.values() if word]
    tables = [_assets(work, now, wide) for work in works if isinstance(work, CollectWord) and work.assets]
    parts = ["\n".join(lines), *tables, "\n".join(verdict)]
    return "\n\n".join(part for part in parts if part)


def span(seconds: float) -> str:
    """Say how long something lasts, in two units at the most.

    >>> [span(seconds) for seconds in (7.2, 192, 11_520, 100_000)]
    ['7 s', '3 min', '3 h 12 min', '1 d 3 h']
    """
    whole = max(0, round(seconds))
    days, hours, minutes = whole // 86_400, whole % 86_400 // 3600, whole % 3600 // 60
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min" if minutes else f"{whole} s"


def _well(findings: int) -> str:
    """Say that nothing needs a look now, without hiding what was found.

    >>> [_well(count) for count in range(3)]
    ['all is well', 'all is well, but for the finding above', 'all is well, but for the 2 findings above']
    """
    match findings:
        case 0:
            return "all is well"
        case 1:
            return "all is well, but for the finding above"
        case _:
            return f"all is well, but for the {findings} findings above"


def _facts(role: str, word: Word, now: Moment) -> list[tuple[str, str]]:
    vitals = word.vitals
    written = f"{vitals.rss_bytes / 2**20:.0f} MiB of memory, {_size(vitals.written_bytes)} written"
    since = (
        f"ended {word.moment.text}: {word.ended}" if word.ended else f"runs for {span(now.up_s - word.started.up_s)}, {written}"
    )
    facts = [(role, since)]
    match word.work:
        case CollectWord(paused=paused, count=count):
            facts.append(("", f"{count} assets" + (f"; nothing is asked now: {paused}" if paused else "")))
        case PublishWord() as work:
            facts += _delivery(work)
    return facts


def _findings(words: Mapping[str, Word | None]) -> list[tuple[str, str]]:
    """What the roles found out around them that is not as it should be; once where both found the same."""
    told: dict[str, list[str]] = {}
    for role, word in words.items():
        for one in (each for each in (word.vitals.found if word else ()) if each.state != "ok"):
            remedy = f" -> {one.remedy}" if one.remedy else ""
            told.setdefault(f"{one.name}: {one.state}, {one.detail}{remedy}", []).append(role)
    return [
        ("found" if number == 0 else "", f"{sentence} ({', '.join(roles)})")
        for number, (sentence, roles) in enumerate(told.items())
    ]


def _delivery(work: PublishWord) -> list[tuple[str, str]]:
    stands = f"connected since {work.connected_at}" if work.connected_at else f"not connected {work.why}".rstrip()
    waiting = f"{work.waiting} reports wait, {_size(work.waiting_bytes)}"
    receipt = f", receipt up to {work.receipt_upto}" if work.receipt_upto is not None else ""
    return [
        ("broker", f"{work.broker}: {stands}; delivery {work.delivery}"),
        ("spool", waiting + (f", the oldest since {work.oldest_at}" if work.oldest_at else "")),
        ("chain", f"{work.epoch} at {work.seq}{receipt}, head {work.head[:16]}"),
    ]


def _assets(work: CollectWord, now: Moment, wide: int) -> str:
    head = ("asset", "last look", "seen (UTC)", "next visit")
    rows = [(line.asset_id, _outcome(line), _clock(line.last_seen_at), _next(line, work.paused, now)) for line in work.assets]
    more = work.count - len(work.assets)
    return screens.table(head, rows, width=wide) + (f"\n… and {more} more" if more else "")


def _outcome(line: AssetLine) -> str:
    if line.quarantined:
        return f"{line.outcome}, quarantined"
    return line.outcome + (f" x{line.failures}" if line.failures > 1 else "")


def _next(line: AssetLine, paused: str, now: Moment) -> str:
    if line.visiting:
        return "is being asked"
    left_s = line.due_s - now.up_s
    if left_s > 0:
        return f"in {span(left_s)}"
    return "after the window" if paused else "now"


def _clock(at: str | None) -> str:
    return (at or "never").replace("T", " ")[:16]


def _size(size_bytes: int) -> str:
    return f"{size_bytes / 2**20:.1f} MiB" if size_bytes >= 2**20 else f"{size_bytes / 2**10:.0f} KiB"


def _wrapped(name: str, text: str, wide: int, *, label: int = _LABEL) -> list[str]:
    """Lay a fact out beside its label, in as many lines as it takes."""
    lines = textwrap.wrap(screens.plain(text), max(20, wide - label)) or [""]
    return [f"{name if number == 0 else '':<{label}}{part}" for number, part in enumerate(lines)]
