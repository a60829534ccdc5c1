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
from isms.tables import clean, table
from isms.verify import ChainVerdict, Verification


def assets(found: Sequence[Mapping[str, Any]]) -> str:
    """Return a table of assets for each gateway, and what stands out below."""
    if not found:
        return "no assets yet"
    tables = [f"{_gateway(iss)}\n{_asset_table(list(group))}" for iss, group in groupby(found, key=itemgetter("iss"))]
    unlisted = sum(asset["register_id"] is None for asset in found)
    changes = sum(len(asset["changes"]) for asset in found)
    summary = f"assets: {len(found)}, of these not recorded in the register: {unlisted}, changes on record: {changes}"
    return "\n\n".join([*tables, summary])


def gateways(found: Sequence[Mapping[str, Any]], refusals: Mapping[str, int]) -> str:
    """Return a table of gateways, what a person should look into, and what was refused."""
    headings = ["gateway", "status", "chain", "state", "head", "records", "gaps", "forks", "breaks", "last record"]
    rows = [_gateway_row(one) for one in found]
    lines = [table(headings, rows) if found else "no gateways yet"]
    lines += [f"look into {_gateway(one['iss'])}: chain {clean(note)}" for one in found for note in one["review"]]
    if refusals:
        lines.append("refused: " + ", ".join(f"{count} {clean(reason)}" for reason, count in refusals.items()))
    return "\n".join(lines)


def trust(entries: Sequence[Mapping[str, Any]]) -> str:
    """Return a table of known keys."""
    if not entries:
        return "nobody is trusted yet"
    return table(["key", "speaks for", "state"], [[entry["kid"], entry["iss"], entry["state"]] for entry in entries])


def verification(report: Verification) -> str:
    """Return an auditor's table and every finding."""
    headings = ["gateway", "chain", "records", "first", "last", "gaps", "missing", "forks", "breaks", "verdict"]
    rows = [_chain_row(chain) for chain in report.chains]
    lines = [table(headings, rows) if rows else "no chain of evidence found"]
    lines += [line for chain in report.chains for line in _about(chain)]
    lines += [f"{clean(refusal.place)}: {refusal.reason}: {clean(refusal.detail)}" for refusal in report.refusals]
    if report.refused > len(report.refusals):
        lines.append(f"… and {report.refused - len(report.refusals)} more lines that are no genuine reports")
    lines.append(f"{report.unchained} reports outside the chains (health, status)" if report.unchained else "")
    lines.append("all good" if report.all_good else "NOT GOOD")
    return "\n".join(line for line in lines if line)


def verification_json(report: Verification) -> dict[str, Any]:
    """Return the same for machines."""
    return asdict(report) | {"all_good": report.all_good}


def _asset_table(found: Sequence[Mapping[str, Any]]) -> str:
    headings = ["asset", "manufacturer", "product", "firmware", "serial", "last seen", "outcome"]
    rows = [[one["asset_id"], *_nameplate(one), _minute(one["last_seen_at"]), one["outcome"]] for one in found]
    return table(headings, rows)


def _gateway_row(one: Mapping[str, Any]) -> list[object]:
    counted = [one[name] for name in ("state", "seq", "records", "gaps", "forks", "breaks")]
    return [_gateway(one["iss"]), one["status"], _short(one["epoch"]), *counted, _minute(one["last_received_at"])]


def _chain_row(chain: ChainVerdict) -> list[object]:
    counted = [chain.records, chain.first, chain.last, chain.gaps, chain.missing, chain.forks, chain.breaks]
    return [_gateway(chain.iss), _short(chain.epoch), *counted, "NOT GOOD" if chain.findings else "good"]


def _about(chain: ChainVerdict) -> list[str]:
    """Return what a table has no room for: the chain's whole name, its span of time, and every finding."""
    span = f"chain {chain.epoch}: signed {_minute_of(chain.since)} to {_minute_of(chain.until)} UTC"
    return [span, *(f"chain {chain.epoch}: {clean(finding)}" for finding in chain.findings)]


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
