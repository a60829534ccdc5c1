"""What goes first when there is no room, and what has to be confessed for it. Pure.

Decides which envelopes are given up and which stretches of a chain a signed gap has to cover. Never gives up the newest record
of a kind and subject, the start of a chain or a change of its key, and never anything of an older chain: nobody could prove it. Only
where another chain cannot begin otherwise does an older one give up its end.

A gap is a statement about what is missing, not about one act of dropping. So the stretches are read off the chain as it then
stands, and one that grows is confessed anew as a whole: however long the disk stays full, there are never more gaps than
records that were kept.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

FREE_FLOOR_BYTES = 64 * 1024 * 1024
"""What has to stay free on the volume: the operating system, its log, and our own transactions need it."""

SHED_SHARE = 32
"""The share of a cap that is freed at once: shedding is an event, not a habit."""

ALWAYS_KEPT = frozenset({"chain.start/1", "key.rotate/1"})
"""Without them nobody can verify the others."""

GAP = "gap/1"
"""May always go, because what it says is said again by the gap that takes its place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """An envelope that might go.

    Attributes:
        position: Its place in the order of delivery.
        epoch: Its chain.
        kind: What it is.
        size_bytes: What it takes.
    """

    position: int
    epoch: str
    kind: str
    size_bytes: int


def to_shed(oldest_first: Iterable[Candidate], *, epoch: str, newest: Collection[int], need_bytes: int) -> list[int]:
    """Choose what goes: the oldest bodies, until there is room; return their positions, or nothing if that is not enough.

    Args:
        oldest_first: Everything that waits. Read no further than needed.
        epoch: The chain that can still be signed for.
        newest: Positions of the newest envelope of each kind and subject.
        need_bytes: How much room is wanted.

    >>> old = [Candidate(position=n, epoch="e", kind="asset/1", size_bytes=100) for n in range(1, 6)]
    >>> to_shed(old, epoch="e", newest={2, 5}, need_bytes=150)
    [1, 3]
    """
    chosen: list[int] = []
    for candidate in oldest_first:
        if need_bytes <= 0:
            break
        kept = candidate.epoch != epoch or candidate.kind in ALWAYS_KEPT
        if kept or (candidate.position in newest and candidate.kind != GAP):
            continue
        chosen.append(candidate.position)
        need_bytes -= 0 if candidate.kind == GAP else candidate.size_bytes
    return chosen if need_bytes <= 0 else []


def to_cut(oldest_first: Sequence[Candidate], *, need_bytes: int) -> list[int]:
    """Choose what goes of chains that nobody can sign for any more: their newest bodies; return their positions.

    Gaps, starts and changes of a key go only when nothing else is left: what stays in front of the cut needs them. If all of it is not
    enough, all of it is returned.

    Args:
        oldest_first: Everything that waits.
        need_bytes: How much room is wanted.

    >>> old = [Candidate(position=n, epoch="e", kind="asset/1", size_bytes=100) for n in range(1, 6)]
    >>> to_cut(old, need_bytes=150)
    [5, 4]
    """
    needed = ALWAYS_KEPT | {GAP}
    bodies = [candidate for candidate in reversed(oldest_first) if candidate.kind not in needed]
    others = [candidate for candidate in reversed(oldest_first) if candidate.kind in needed]
    chosen: list[int] = []
    for candidate in [*bodies, *others]:
        if need_bytes <= 0:
            break
        chosen.append(candidate.position)
        need_bytes -= candidate.size_bytes
    return chosen


def missing(after: int, present: Sequence[int], upto: int) -> Iterator[tuple[int, int]]:
    """Yield the stretches of a chain that are not there, each as its first and last sequence.

    Args:
        after: Everything up to here was settled.
        present: What is there, ascending.
        upto: The newest sequence ever given.

    >>> list(missing(2, [3, 6, 7], 9))
    [(4, 5), (8, 9)]
    """
    for seq in present:
        if seq > after + 1:
            yield after + 1, seq - 1
        after = max(after, seq)
    if upto > after:
        yield after + 1, upto


def covered(stretch: tuple[int, int], gaps: Iterable[tuple[int, int]]) -> bool:
    """Tell whether gaps together cover a stretch.

    >>> covered((4, 9), [(7, 12), (2, 6)]), covered((4, 9), [(4, 6), (8, 9)])
    (True, False)
    """
    first, last = stretch
    for start, end in sorted(gaps):
        if start > first:
            break
        first = max(first, end + 1)
    return first > last
