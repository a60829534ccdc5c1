"""The auditor's report: one page of Markdown that says what was examined, by whose keys, what was found, and what this cannot show.

Decides the wording. Pure; must never say more than the verdict says, and never leave out what an examination of this kind cannot see.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from evidence.trust import Registry
from evidence.words import words
from isms.tables import clean
from isms.verify import ChainVerdict, Verification

_METHOD = """Each line was verified by its own bytes: one spelling (base64url without padding), the header `{"alg":"Ed25519","typ":"nameplated-report+jwt",
"kid":...}` and nothing else in it, an Ed25519 signature by a key of the trust file that speaks for that gateway, then the claims. Within a chain
each record names the SHA-256 of the one before it. A record that is missing is accounted for only by a `gap/1` that the gateway signed and whose
hash fits the record after it. A change of key counts only if the old key named the new one in the chain and the new one signed for it."""

_LIMITS = """- Records at the very end of a chain that were left out of the files cannot be missed here. Compare `last` with the gateway's newest receipt.
- Times are those of the gateway's clock. A receiver's time of arrival bounds them from above.
- That a gateway signed what it saw does not show that the device told the truth."""


def report(verification: Verification, *, files: Mapping[str, str], trust: Registry, now: datetime) -> str:
    """Return the report.

    Args:
        verification: The verdict.
        files: Name and SHA-256 of each file that was examined.
        trust: Whose word counted.
        now: When the examination took place.
    """
    parts = [
        "# Examination of nameplated evidence",
        f"Result: **{'all good' if verification.all_good else 'NOT GOOD'}** · {now.strftime('%Y-%m-%d %H:%M UTC')}",
        "## Files",
        *(f"- `{_quoted(name)}`, SHA-256 `{digest}`" for name, digest in files.items()),
        "## Keys that counted",
        *(_key(kid, trust) for kid in trust.entries),
        "## Chains",
        _chains(verification.chains),
        *(_findings(chain) for chain in verification.chains if chain.findings),
        "## Refused lines",
        _refused(verification),
        "## How this was examined",
        _METHOD,
        "## What it cannot show",
        _LIMITS,
    ]
    return "\n\n".join(parts).replace("\n\n- ", "\n- ") + "\n"


def _key(kid: str, trust: Registry) -> str:
    entry = trust.entries[kid]
    revoked = f", revoked {entry.revoked_at or ''}".rstrip() if entry.revoked_at or entry.state != "trusted" else ""
    return f"- `{kid}` ({words(kid)}) for `{_quoted(entry.iss)}`{revoked}"


def _chains(chains: Sequence[ChainVerdict]) -> str:
    rows = [
        f"| `{_quoted(c.iss)}` | `{c.epoch}` | {c.records} | {c.first} to {c.last} | {_day(c.since)} to {_day(c.until)} |"
        f" {c.gaps} | {c.missing} | {c.forks} | {c.breaks} | {'NOT GOOD' if c.findings else 'good'} |"
        for c in chains
    ]
    head = "| Gateway | Chain | Records | Places | Signed | Given up, signed for | Missing | Forks | Breaks | Verdict |"
    return "\n".join([head, "|---|---|---|---|---|---|---|---|---|---|", *rows]) if rows else "None."


def _findings(chain: ChainVerdict) -> str:
    return "\n".join([f"### `{chain.epoch}`", "", *(f"- {_quoted(finding)}" for finding in chain.findings)])


def _refused(verification: Verification) -> str:
    lines = [f"- {_quoted(each.place)}: {each.reason}: {_quoted(each.detail)}" for each in verification.refusals]
    more = verification.refused - len(verification.refusals)
    return "\n".join([*lines, *([f"- and {more} more"] if more else [])]) if lines else "None."


def _quoted(text: str) -> str:
    """Clean foreign text, and keep it from being Markdown."""
    return clean(text).replace("|", "¦").replace("`", "'").replace("<", "&lt;").replace("*", "\\*")


def _day(seconds: int) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M")
    except (ValueError, OverflowError, OSError):
        return "?"
