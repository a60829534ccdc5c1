"""What a person sees of assets, gateways and verdicts.

Decides which facts a table shows and in which words. Pure; must never hide a finding to make a table shorter.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import groupby
from operator import itemgetter
from typing import Any

from evidence.topics import parse_issuer
from isms.alarms import Alarm
from isms.tables import SHORTEST, WIDTH, clean, cut, table, wrapped
from isms.verify import ChainVerdict, Verification


def assets(found: Sequence[Mapping[str, Any]], *, width: int = WIDTH) -> str:
    """Return a table of assets for each gateway, and what stands out below."""
    if not found:
        return "no assets yet"
    tables = [f"{_gateway(iss)}\n{_asset_table(list(group), width)}" for iss, group in groupby(found, key=itemgetter("iss"))]
    unlisted = sum(asset["register_id"] is None for asset in found)
    changes = sum(len(asset["changes"]) for asset in found)
    summary = f"assets: {len(found)}, of these not recorded in the register: {unlisted}, changes on record: {changes}"
    return "\n\n".join([*tables, summary])


def gateways(found: Sequence[Mapping[str, Any]], refusals: Mapping[str, int], *, width: int = WIDTH) -> str:
    """Return a table of gateways, what a person should look into, and what was refused. A column of zeros is left out."""
    counts = [name for name in ("gaps", "forks", "breaks") if any(one[name] for one in found)]
    headings = ["gateway", "status", "state", "head", "records", *counts, "waiting", "last record"]
    times = _times([one["last_received_at"] for one in found])
    rows = [
        [_gateway(one["iss"]), one["status"], one["state"], one["seq"], one["records"], *(one[name] for name in counts),
         _waiting(one), time]
        for one, time in zip(found, times, strict=True)
    ]  # fmt: skip
    spare = ["records", "head", "waiting", *(name for name in ("breaks", "forks", "gaps") if name in counts)]
    lines = [table(headings, rows, width=width, firm=set(headings) - {"gateway"}, spare=spare) if found else "no gateways yet"]
    lines += [wrapped(f"look into {_gateway(one['iss'])}: chain {note}", width) for one in found for note in one["review"]]
    if refusals:
        lines.append(wrapped("refused: " + ", ".join(f"{count} {reason}" for reason, count in refusals.items()), width))
    return "\n".join(lines)


def alarms(found: Sequence[Alarm], *, width: int = WIDTH) -> str:
    """Return a table of what somebody should look at, each with its whole sentence below it."""
    if not found:
        return "nothing to look at"
    times = [time or "-" for time in _times([alarm.since for alarm in found])]
    cause_wide, time_wide = max(len(alarm.cause) for alarm in found), max(map(len, times))
    lines = []
    for alarm, time in zip(found, times, strict=True):
        start = f"{alarm.cause.upper():<{cause_wide}}  {time:<{time_wide}}  "
        about = " ".join(filter(None, [_gateway(alarm.iss), clean(alarm.subject)]))
        lines.append((start + cut(about, max(width - len(start), SHORTEST))).rstrip())
        lines.append(wrapped(f"    {clean(alarm.detail)}", width))
    return "\n".join([*lines, f"{len(found)} to look at"])


def trust(entries: Sequence[Mapping[str, Any]]) -> str:
    """Return every known key: its thumbprint, the gateway it speaks for, and the words to compare over the telephone."""
    lines = [f"{entry['kid']}  {entry['state']}\n    {_gateway(entry['iss'])}\n    {entry['words']}" for entry in entries]
    return "\n".join(lines) or "nobody is trusted yet"


def verification(report: Verification, *, width: int = WIDTH) -> str:
    """Return an auditor's table and every finding."""
    headings = ["gateway", "chain", "records", "first", "last", "gaps", "missing", "forks", "breaks", "verdict"]
    rows = [_chain_row(chain) for chain in report.chains]
    spare = ["first", "gaps", "breaks", "forks", "chain"]
    lines = [table(headings, rows, width=width, firm=headings[2:], spare=spare) if rows else "no chain of evidence found"]
    lines += [wrapped(line, width) for chain in report.chains for line in _about(chain)]
    lines += [wrapped(f"{refusal.place}: {refusal.reason}: {refusal.detail}", width) for refusal in report.refusals]
    if report.refused > len(report.refusals):
        lines.append(f"… and {report.refused - len(report.refusals)} more lines that are no genuine reports")
    lines.append(f"{report.unchained} reports outside the chains (health, status)" if report.unchained else "")
    lines.append("all good" if report.all_good else "NOT GOOD")
    return "\n".join(line for line in lines if line)


def verification_json(report: Verification) -> dict[str, Any]:
    """Return the same for machines."""
    return asdict(report) | {"all_good": report.all_good}


def _asset_table(found: Sequence[Mapping[str, Any]], width: int) -> str:
    headings = ["asset", "manufacturer", "product", "firmware", "serial", "last seen", "outcome"]
    times = _times([one["last_seen_at"] for one in found])
    rows = [[one["asset_id"], *_nameplate(one), time, one["outcome"]] for one, time in zip(found, times, strict=True)]
    return table(
        headings,
        rows,
        width=width,
        firm={"asset", "firmware", "last seen", "outcome"},
        spare=["serial", "manufacturer", "product"],
    )


def _waiting(one: Mapping[str, Any]) -> object:
    """Return how many envelopes the gateway holds without a receipt, by its own last word."""
    return one["health"]["spool"]["count"] if one["health"] else None


def _times(texts: Sequence[str | None]) -> list[str | None]:
    """Return times to the minute; the year is left out where all share it."""
    minutes = [_minute(text) for text in texts]
    years = {minute[:4] for minute in minutes if minute}
    return [minute[5:] if minute and len(years) == 1 else minute for minute in minutes]


def _chain_row(chain: ChainVerdict) -> list[object]:
    counted = [chain.records, chain.first, chain.last, chain.gaps, chain.missing, chain.forks, chain.breaks]
    return [_gateway(chain.iss), _short(chain.epoch), *counted, "NOT GOOD" if chain.findings else "good"]


def _about(chain: ChainVerdict) -> list[str]:
    """Return what a table has no room for: the chain's whole name, its span of time, and every finding."""
    span = f"chain {chain.epoch}: signed {_minute_of(chain.since)} to {_minute_of(chain.until)} UTC"
    return [span, *(f"chain {chain.epoch}: {finding}" for finding in chain.findings)]


def _nameplate(asset: Mapping[str, Any]) -> list[str]:
    """Return manufacturer, product, firmware and serial number, as far as the device told them."""
    fields = {name: field["value"] for name, field in asset["nameplate"].items()}
    product = fields.get("manufacturer_product_designation") or fields.get("manufacturer_product_type") or "-"
    firmware = fields.get("firmware_version") or fields.get("software_version") or "-"
    return [fields.get("manufacturer_name", "-"), product, firmware, fields.get("serial_number", "-")]


def _gateway(iss: str) -> str:
    """Return plant/gateway, which is shorter than the name it signs with."""
    where = parse_issuer(iss)
    return "/".join(where) if where else clean(iss)


def _short(epoch: str | None) -> str | None:
    """Return the random end of an epoch: its beginning is a time, which several may share."""
    return epoch[-8:] if epoch else None


def _minute(at: str | None) -> str | None:
    return at[:16].replace("T", " ") if at else None


def _minute_of(seconds: int) -> str | None:
    try:
        return _minute(datetime.fromtimestamp(seconds, UTC).isoformat())
    except (ValueError, OverflowError, OSError):
        return "?"
