"""An auditor's verdict over stored reports: are they genuine, and is anything missing?

Decides it in pure code from tokens and trusted keys alone; no database, no clock and no word of the receiver's is needed. Must
never be generous: what cannot be shown is a finding. Reports that a file leaves out at its very end cannot be missed here; the
gateway's newest receipt, or the table's column `last`, tells how far the chain goes.

Records may come again, as they do in a recording of the broker's traffic, but new ones come in order: a gateway sends the oldest
first, so a record that stands before its predecessor was moved by somebody.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec

from evidence.chain import Head, Step, anchor, bridge, follow
from evidence.claims import Claims, Stream
from evidence.envelope import Opened, hash_text, unseal
from evidence.errors import EvidenceError, ForeignError
from evidence.kinds import ChainStart, Gap, KeyRotate, decode_body
from evidence.rotation import successor
from evidence.trust import Handover, Registry
from isms.receive import reason_of

KEPT_REFUSALS: Final = 100
_NOTHING: Final = msgspec.Raw(b"null")


@dataclass(frozen=True, slots=True)
class Refusal:
    """A line that is no genuine report."""

    place: str
    reason: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainVerdict:
    """What the records of one chain show.

    Attributes:
        iss: The gateway.
        epoch: The chain.
        records: Different records in it.
        first: Lowest sequence.
        last: Highest sequence.
        since: Signing time of the first, seconds since 1970, by the gateway's clock.
        until: Signing time of the last.
        gaps: Records that the gateway gave up and signed for.
        missing: Records that are not there and that nothing accounts for.
        forks: Places that two records claim.
        breaks: Records that do not continue the one before.
        findings: Everything that is not as it should be, in sentences.
    """

    iss: str
    epoch: str
    records: int
    first: int
    last: int
    since: int
    until: int
    gaps: int
    missing: int
    forks: int
    breaks: int
    findings: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What all tokens together show.

    Attributes:
        chains: A verdict on every chain, in the order of their first record.
        refusals: The first lines that are no genuine reports.
        refused: How many there are.
        unchained: Genuine reports of health and status, which no chain holds together.
    """

    chains: tuple[ChainVerdict, ...]
    refusals: tuple[Refusal, ...]
    refused: int
    unchained: int

    @property
    def all_good(self) -> bool:
        """Whether there is evidence, and nothing to find fault with."""
        return bool(self.chains) and not self.refused and not any(chain.findings for chain in self.chains)


@dataclass(slots=True)
class _Entry:
    """One record, as far as a chain needs it."""

    claims: Claims
    digest: bytes


@dataclass(slots=True)
class _Chain:
    """Everything seen of one chain, in any order."""

    entries: dict[int, _Entry] = field(default_factory=dict)
    gaps: dict[int, Gap] = field(default_factory=dict)
    forks: dict[int, str] = field(default_factory=dict)  # a place, and where its second record was found
    kids: dict[str, str | None] = field(default_factory=dict)  # and when the receiver got the newest that it signed
    rotations: dict[int, str] = field(default_factory=dict)  # the place of a handover, and the key that signs after it
    signers: dict[int, str] = field(default_factory=dict)
    start: ChainStart | None = None
    newest: int = -1
    disordered: list[int] = field(default_factory=list)


class Auditor:
    """Takes tokens one by one and says at the end what they show."""

    def __init__(self, trust: Registry) -> None:
        self._trust = trust
        self._handovers: list[Handover] = []
        self._chains: dict[tuple[str, str], _Chain] = {}
        self._refusals: list[Refusal] = []
        self._refused = 0
        self._unchained = 0

    @property
    def trust(self) -> Registry:
        """Whose word counted: the keys it was given, and those to which they handed over in the chains it has seen."""
        return self._trust

    def take(self, token: bytes, place: str, received_at: str | None = None) -> None:
        """Take one token.

        Args:
            token: Any bytes.
            place: Where it was found, for the findings.
            received_at: When a receiver entered it into its books, if that is known.
        """
        try:
            opened = self._open(token)
        except EvidenceError as problem:
            self._refused += 1
            if len(self._refusals) < KEPT_REFUSALS:
                self._refusals.append(Refusal(place, reason_of(problem), str(problem)))
            return
        if opened.claims.stream is Stream.EVIDENCE:
            self._enter(opened, place, received_at)
        else:
            self._unchained += 1

    def report(self) -> Verification:
        """Return what everything taken so far shows."""
        ends: dict[str, Head] = {}
        chains = []
        for (iss, epoch), chain in self._chains.items():
            walk = _walk(chain)
            findings = [*walk.findings, *self._circumstances(chain, ends.get(iss))]
            chains.append(_verdict(iss, epoch, chain, walk, findings))
            last = max(chain.entries)
            ends[iss] = Head(epoch, last, chain.entries[last].digest)
        return Verification(
            chains=tuple(chains), refusals=tuple(self._refusals), refused=self._refused, unchained=self._unchained
        )

    def _open(self, token: bytes) -> Opened[Claims]:
        opened = unseal(token, self._trust.find_any)
        if self._trust.issuer_of(opened.kid) != opened.claims.iss:
            raise ForeignError(f"the key {opened.kid} does not speak for {opened.claims.iss}")
        return opened

    def _enter(self, opened: Opened[Claims], place: str, received_at: str | None) -> None:
        claims, digest = opened.claims, opened.envelope.digest
        chain = self._chains.setdefault((claims.iss, claims.epoch), _Chain())
        chain.kids[opened.kid] = received_at
        known = chain.entries.get(claims.seq)
        if known is not None:
            if known.digest != digest:
                chain.forks.setdefault(claims.seq, place)
            return
        chain.disordered += [claims.seq] if claims.seq < chain.newest else []
        chain.newest = max(chain.newest, claims.seq)
        chain.entries[claims.seq] = _Entry(msgspec.structs.replace(claims, body=_NOTHING), digest)
        chain.signers[claims.seq] = opened.kid
        self._read(chain, claims, opened.kid)

    def _read(self, chain: _Chain, claims: Claims, kid: str) -> None:
        """Read the kinds of body that a chain itself depends on."""
        try:
            match decode_body(claims):
                case KeyRotate() as rotation:
                    new = successor(claims, rotation, kid)
                    chain.rotations[claims.seq] = new.kid
                    self._handovers.append(Handover(iss=claims.iss, old_kid=kid, new=new))
                    self._trust = self._trust.inheriting(self._handovers)
                case Gap() as gap:
                    chain.gaps[claims.seq] = gap
                case ChainStart() as start if claims.seq == 0:
                    chain.start = start
                case _:
                    pass
        except EvidenceError:
            pass  # a kind of a later version, or a handover that does not count: its place in the chain is proven all the same

    def _circumstances(self, chain: _Chain, before: Head | None) -> Iterator[str]:
        """Say what is wrong around a chain: its file, its keys, and the chain before it."""
        if chain.forks:
            seconds = [f"{seq} ({place})" for seq, place in sorted(chain.forks.items())]
            yield f"two different records claim one place, by a cloned or restored gateway or a stolen key: {_some(seconds)}"
        if chain.disordered:
            yield f"stand behind later records, though a gateway sends the oldest first: {_some(chain.disordered)}"
        wrong = _wrongly_signed(chain)
        if wrong:
            yield f"signed with another key than the chain's: {_some(wrong)}"
        if any(self._trust.find(kid) is None and not self._was_in_time(kid, at) for kid, at in chain.kids.items()):
            yield "signed with a key that is revoked today"
        previous = chain.start.previous if chain.start else None
        if before is not None and (
            previous is None or (previous.epoch, previous.head) != (before.epoch, hash_text(before.digest))
        ):
            yield f"does not continue the chain before it, {before.epoch}, which ends at {before.seq}"

    def _was_in_time(self, kid: str, received_at: str | None) -> bool:
        """Return whether a receiver had all that a key signed before the key was revoked."""
        entry = self._trust.entries.get(kid)
        return bool(entry and entry.revoked_at and received_at and received_at < entry.revoked_at)


def _wrongly_signed(chain: _Chain) -> list[int]:
    """Return the records that another key signed than the one whose turn it was: the first one's, until it hands over."""
    current, wrong = None, []
    for seq in sorted(chain.signers):
        current = current or chain.signers[seq]
        if chain.signers[seq] != current:
            wrong.append(seq)
        elif seq in chain.rotations:
            current = chain.rotations[seq]
    return wrong


@dataclass(slots=True)
class _Walk:
    """What a walk along a chain met."""

    given_up: int = 0
    missing: int = 0
    breaks: int = 0
    findings: list[str] = field(default_factory=list)


def _walk(chain: _Chain) -> _Walk:
    """Go from the first record to the last, over signed gaps, and note every place where the chain does not hold."""
    walk = _Walk()
    head: Head | None = None
    for seq in sorted(chain.entries):
        entry = chain.entries[seq]
        if head is None:
            _begin(entry, chain, walk)
        else:
            _step(head, entry, chain, walk)
        head = Head(entry.claims.epoch, seq, entry.digest)
    return walk


def _begin(entry: _Entry, chain: _Chain, walk: _Walk) -> None:
    """Begin with the first record that is there; the gateway's word that others hold what came before is not yet a proof of it."""
    seq = entry.claims.seq
    if follow(None, entry.claims, entry.digest, None) is Step.NEW_EPOCH:
        return
    ends = [anchor(msgspec.structs.replace(entry.claims, seq=place), gap) for place, gap in chain.gaps.items()]
    if any(end and follow(end, entry.claims, entry.digest, None) is Step.ACCEPT for end in ends):
        walk.given_up += seq
        walk.findings.append(
            f"begins with record {seq}: the gateway signed that all before was delivered, to books that are not here; examine both together"
        )
    else:
        walk.findings.append(f"begins with record {seq}, not with its chain.start")
        walk.missing += seq


def _step(head: Head, entry: _Entry, chain: _Chain, walk: _Walk) -> None:
    """Go from one record to the next one that is there."""
    reached = head if entry.claims.seq == head.seq + 1 else _over_gaps(head, chain.gaps)
    step = follow(reached, entry.claims, entry.digest, None)
    if step is Step.GIVEN_UP:  # the gap says more was dropped than is missing: what is there must link to what is there
        reached, step = head, follow(head, entry.claims, entry.digest, None)
    walk.given_up += reached.seq - head.seq
    if step is Step.AHEAD:
        walk.missing += entry.claims.seq - reached.seq - 1
        walk.findings.append(f"missing, and no signed gap accounts for it: {_range(reached.seq + 1, entry.claims.seq - 1)}")
    elif step is Step.BROKEN:
        walk.breaks += 1
        walk.findings.append(f"record {entry.claims.seq} does not continue record {entry.claims.seq - 1}")


def _over_gaps(head: Head, gaps: dict[int, Gap]) -> Head:
    """Return how far signed gaps carry the chain from here."""
    for seq, gap in sorted(gaps.items(), key=lambda item: item[1].from_seq):
        head = bridge(head, seq, gap) or head
    return head


def _verdict(iss: str, epoch: str, chain: _Chain, walk: _Walk, findings: list[str]) -> ChainVerdict:
    first, last = min(chain.entries), max(chain.entries)
    return ChainVerdict(
        iss=iss,
        epoch=epoch,
        records=len(chain.entries),
        first=first,
        last=last,
        since=chain.entries[first].claims.iat,
        until=chain.entries[last].claims.iat,
        gaps=walk.given_up,
        missing=walk.missing,
        forks=len(chain.forks),
        breaks=walk.breaks,
        findings=tuple(findings),
    )


def _range(first: int, last: int) -> str:
    return f"record {first}" if first == last else f"records {first} to {last}"


def _some(places: Sequence[object]) -> str:
    return ", ".join(map(str, places[:5])) + (", …" if len(places) > 5 else "")
