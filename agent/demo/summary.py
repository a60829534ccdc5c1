"""The verdict on a demo: what was lost, and whether everything that was promised is true.

Decides exit code 0 from figures that others counted: the devices, the gateway's files, the receiver's books. Pure, and never
generous: what cannot be shown counts as lost.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from agent.demo.script import Expected

Requests = Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What one asset was asked, told twice.

    Attributes:
        asset_id: The asset.
        counted: Requests the simulated device received.
        claimed: Requests the gateway's ledger says it sent.
        owed: How many requests the ledger may miss because collect was killed in the midst of a visit.
    """

    asset_id: str
    counted: Requests
    claimed: Requests
    owed: int = 0

    @property
    def agrees(self) -> bool:
        """Whether both tell the same; a ledger that claims less is excused only by a kill, and one that claims more never."""
        short = Counter(self.counted)
        short.subtract(self.claimed)
        return min(short.values(), default=0) >= 0 and sum(short.values()) <= self.owed


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What was counted, each figure by the one who knows it.

    Attributes:
        seconds: How long the play was.
        broker: Which broker ran.
        recorded: Last sequence of the gateway's journal (collect).
        folded: Last sequence of the journal that became signed reports (publish).
        signed: Reports in the gateway's evidence chain (publish).
        waiting: Reports in the outbox without a receipt (publish).
        delivered: Reports of the evidence stream that the receiver holds.
        verified: Reports whose signature and link the offline verification confirmed.
        damage: What the verification complains about: forks, gaps, breaks. Empty if nothing.
        changes: Every change the receiver holds, with how often it holds it.
        expected: The changes that the script made.
        outcomes: Asset to its last outcome.
        intended: Asset to the outcome that its device was built for.
        accounts: What each asset was asked.
        restarts: Process to how often it was started again.
    """

    seconds: float
    broker: str
    recorded: int
    folded: int
    signed: int
    waiting: int
    delivered: int
    verified: int
    damage: tuple[str, ...]
    changes: Mapping[Expected, int]
    expected: tuple[Expected, ...]
    outcomes: Mapping[str, str]
    intended: Mapping[str, str]
    accounts: tuple[Account, ...]
    restarts: Mapping[str, int]

    @property
    def receipts(self) -> int:
        """Reports that a receipt settled: the outbox lets go of nothing else."""
        return self.signed - self.waiting


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the figures mean.

    Attributes:
        lost: Records that never became reports, reports that are not verified at the receiver, and changes it does not know.
        faults: Everything that is not as promised, in sentences.
    """

    lost: int
    faults: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether everything that was promised is true."""
        return self.lost == 0 and not self.faults


def judge(figures: Figures) -> Verdict:
    """Judge a demo."""
    unfolded = max(0, figures.recorded - figures.folded)
    unproven = max(0, figures.signed - min(figures.delivered, figures.verified))
    missing = [change for change in figures.expected if figures.changes.get(change, 0) == 0]
    return Verdict(lost=unfolded + unproven + len(missing), faults=tuple(_faults(figures, missing)))


def _faults(figures: Figures, missing: list[Expected]) -> list[str]:
    """Say everything that is not as promised."""
    found = ["nothing was signed"] if figures.signed == 0 else []
    if figures.folded != figures.recorded:
        found.append(f"the journal ends at {figures.recorded}, the reports cover it up to {figures.folded}")
    if figures.waiting:
        found.append(f"{figures.waiting} of {figures.signed} reports still wait for a receipt")
    if figures.delivered != figures.signed or figures.verified != figures.signed:
        found.append(f"{figures.signed} reports signed, {figures.delivered} delivered, {figures.verified} verified")
    found += figures.damage
    found += [f"the receiver does not know that {sentence(change)}" for change in missing]
    found += _wrong_changes(figures)
    for asset_id, intended in figures.intended.items():
        outcome = figures.outcomes.get(asset_id, "never seen")
        if outcome != intended:
            found.append(f"{asset_id} ends as {outcome}, should be {intended}")
    for account in figures.accounts:
        if not account.agrees:
            found.append(f"{account.asset_id} counted {spell(account.counted)}, the ledger says {spell(account.claimed)}")
    return found


def _wrong_changes(figures: Figures) -> list[str]:
    """Say which changes are there too often, and which nobody made.

    A device that did not answer in time is no fault: on a busy machine that is the truth.
    """
    found = []
    for change, count in sorted(figures.changes.items()):
        if count > 1 and (change in figures.expected or change.change == "first-seen"):
            found.append(f"the receiver knows {count} times that {sentence(change)}")
        elif change not in figures.expected and change.change != "first-seen" and change.field != "outcome":
            found.append(f"nobody made it so, but the receiver knows that {sentence(change)}")
    return found


def sentence(change: Expected) -> str:
    """Say a change in words."""
    values = " to ".join(repr(value) for value in (change.before, change.after) if value)
    return " ".join(part for part in (change.asset_id, change.change, change.field, values) if part)


def spell(requests: Requests) -> str:
    """Write counted requests for a person.

    >>> spell({"43/14": 3, "3": 1})
    '1 x 3, 3 x 43/14'
    """
    return ", ".join(f"{count} x {name}" for name, count in sorted(requests.items())) or "nothing"


def report(figures: Figures, verdict: Verdict) -> str:
    """Write the summary that ends the demo."""
    seen, made = sum(figures.changes.values()), len(figures.expected)
    known = sum(1 for change in figures.expected if figures.changes.get(change, 0) == 1)
    restarts = ", ".join(f"{name} {count}" for name, count in figures.restarts.items() if count) or "none"
    lines = [
        f"reports signed   {figures.signed:6d}   by the gateway, in one chain",
        f"delivered        {figures.delivered:6d}   held by the receiver",
        f"verified         {figures.verified:6d}   offline: every signature, every link of the chain",
        f"receipts         {figures.receipts:6d}   reports settled by a signed receipt, {figures.waiting} still waiting",
        f"changes seen     {seen:6d}   {known} of the script's {made} are there exactly once",
        f"restarts         {sum(figures.restarts.values()):6d}   of processes that died: {restarts}",
        "",
        "requests             the device counted    the ledger says",
        *(_account_line(account) for account in figures.accounts),
        "",
        *(f"not as promised: {fault}" for fault in verdict.faults),
        f"lost: {verdict.lost}",
    ]
    return "\n".join(lines)


def _account_line(account: Account) -> str:
    counted, claimed = sum(account.counted.values()), sum(account.claimed.values())
    remark = "" if counted == claimed else f"   {counted - claimed} more than written down before a kill"
    return f"  {account.asset_id:<18} {counted:18d} {claimed:18d}{remark if account.agrees else '   DIFFERENT'}"


def as_json(figures: Figures, verdict: Verdict) -> dict[str, object]:
    """Return the summary as one object for `--json`."""
    return {
        "ok": verdict.ok,
        "lost": verdict.lost,
        "faults": list(verdict.faults),
        "seconds": figures.seconds,
        "broker": figures.broker,
        "reports": {
            "signed": figures.signed,
            "delivered": figures.delivered,
            "verified": figures.verified,
            "receipts": figures.receipts,
            "waiting": figures.waiting,
        },
        "journal": {"recorded": figures.recorded, "folded": figures.folded},
        "changes": [
            {"asset_id": c.asset_id, "change": c.change, "field": c.field, "before": c.before, "after": c.after, "count": count}
            for c, count in sorted(figures.changes.items())
        ],
        "outcomes": dict(figures.outcomes),
        "requests": {a.asset_id: {"device": dict(a.counted), "ledger": dict(a.claimed)} for a in figures.accounts},
        "restarts": dict(figures.restarts),
    }
