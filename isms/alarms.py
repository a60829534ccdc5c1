"""What somebody should look at now, read from the books: the gateways, the assets, and what was refused.

Decides what is an alarm, in pure code; now is an argument. An alarm is no record of its own: it stands as long as what causes it does,
so it can neither be lost nor forgotten, and nobody can delete one. Must never hide a cause because another one is worse.

    fork              two records claim one place: a cloned gateway, a restored card, a stolen key
    break             a record does not continue its chain
    began-anew        a chain whose beginning does not fit what is held
    unknown-key       somebody signs with a key that nobody vouched for
    silent            a gateway has not been heard for too long
    hole              records are missing, and later ones wait for them
    stale             an asset has not been seen for too long
    firmware-changed  a device runs other firmware or software than before
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from evidence.errors import KeyInvalidError
from evidence.topics import issuer
from evidence.words import words

FIRMWARE: Final = frozenset({"firmware_version", "software_version", "hardware_version"})


class Cause(StrEnum):
    """Why somebody should look, the worst first."""

    FORK = "fork"
    BREAK = "break"
    UNKNOWN_KEY = "unknown-key"
    BEGAN_ANEW = "began-anew"
    SILENT = "silent"
    HOLE = "hole"
    FIRMWARE_CHANGED = "firmware-changed"
    STALE = "stale"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """One thing to look at.

    Attributes:
        cause: Why.
        iss: The gateway it came by.
        subject: The asset or key it is about, or empty.
        since: Since when, RFC 3339, or None if that is not known.
        detail: One sentence for a person.
    """

    cause: Cause
    iss: str
    subject: str
    since: str | None
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """One look into the books: gateways and assets as they return them, and what to look at."""

    gateways: Sequence[Mapping[str, Any]]
    assets: Sequence[Mapping[str, Any]]
    alarms: Sequence[Alarm]


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long something may last before it is an alarm.

    Attributes:
        silent: A gateway speaks at least once a minute when it is connected.
        stale: An asset is looked at every six hours by default, and backed off from for at most a day.
        recent: How long a change of firmware stays in view.
    """

    silent: timedelta = timedelta(minutes=15)
    stale: timedelta = timedelta(days=3)
    recent: timedelta = timedelta(days=7)


def alarms(
    *,
    gateways: Sequence[Mapping[str, Any]],
    assets: Sequence[Mapping[str, Any]],
    refused: Sequence[Mapping[str, Any]],
    known_kids: Iterable[str],
    now: datetime,
    patience: Patience,
) -> list[Alarm]:
    """Return everything that somebody should look at, the worst first.

    Args:
        gateways: As `Books.gateways` returns them.
        assets: As `Books.assets` returns them.
        refused: As `Books.refused` returns them.
        known_kids: Keys that are known by now, so that what they signed too early alarms nobody.
        now: The receiver's clock.
        patience: What is too long.
    """
    found = [alarm for gateway in gateways for alarm in _of_gateway(gateway, now, patience)]
    found += _of_keys(refused, frozenset(known_kids))
    found += [alarm for asset in assets for alarm in _of_asset(asset, now, patience)]
    order = list(Cause)
    return sorted(found, key=lambda alarm: (order.index(alarm.cause), alarm.iss, alarm.subject))


def alarms_json(found: Sequence[Alarm]) -> list[dict[str, Any]]:
    """Return the same for machines."""
    return [asdict(alarm) for alarm in found]


def _of_gateway(gateway: Mapping[str, Any], now: datetime, patience: Patience) -> Iterable[Alarm]:
    iss, last = gateway["iss"], gateway["last_received_at"]
    if gateway["state"] == "forked":
        yield _alarm(
            Cause.FORK, iss, since=last, detail=f"two records claim one place after {gateway['seq']}; the chain is frozen"
        )
    if gateway["state"] == "broken":
        yield _alarm(Cause.BREAK, iss, since=last, detail=f"a record does not continue {gateway['seq']}; the chain is frozen")
    for note in gateway["review"]:
        if "frozen" not in note:
            yield _alarm(Cause.BEGAN_ANEW, iss, since=None, detail=f"chain {note}")
    if gateway["hole"]:
        first, upto = gateway["hole"]
        missing = f"record {first} is" if first == upto else f"records {first} to {upto} are"
        yield _alarm(Cause.HOLE, iss, since=last, detail=f"{missing} missing, and asked for again")
    heard = max(filter(None, (gateway["status_at"], last, (gateway["health"] or {}).get("at"))), default=None)
    if gateway["status"] == "offline":
        yield _alarm(Cause.SILENT, iss, since=gateway["status_at"], detail="it is offline, by its own word or its will")
    elif heard is not None and _is_older(heard, now - patience.silent):
        yield _alarm(Cause.SILENT, iss, since=heard, detail="nothing was heard of it since, and no will says that it left")


def _of_keys(refused: Sequence[Mapping[str, Any]], known_kids: frozenset[str]) -> Iterable[Alarm]:
    """One alarm for each gateway by whose topics an unknown key spoke."""
    strangers = {}
    for one in refused:
        kid = one["detail"].split(" ")[2] if one["reason"] == "unknown-key" and one["detail"].count(" ") >= 2 else ""
        if kid and kid not in known_kids:
            strangers[_speaker(one["topic"]), kid] = one["at"]
    for (speaker, kid), at in strangers.items():
        said = f"nobody vouched for the key that signs its reports, {_in_words(kid)}"
        yield _alarm(Cause.UNKNOWN_KEY, speaker, subject=kid, since=at, detail=said)


def _in_words(kid: str) -> str:
    """Return what to compare over the telephone; a stranger may call his key what he likes."""
    try:
        return f"whose words are {words(kid)}"
    except KeyInvalidError:
        return f"which it calls {kid}"


def _speaker(topic: str) -> str:
    """Return for which gateway a topic stands, or the topic itself."""
    try:
        return issuer(*topic.split("/")[-3:-1])
    except (TypeError, ValueError):
        return topic


def _of_asset(asset: Mapping[str, Any], now: datetime, patience: Patience) -> Iterable[Alarm]:
    iss, name, seen = asset["iss"], asset["asset_id"], asset["last_seen_at"]
    for change in asset["changes"]:
        if change["field"] in FIRMWARE and not _is_older(change["observed_at"], now - patience.recent):
            said = f"{change['field']} was {change['before'] or '-'} and is {change['after'] or '-'}"
            yield _alarm(Cause.FIRMWARE_CHANGED, iss, subject=name, since=change["observed_at"], detail=said)
    if seen is None:
        yield _alarm(Cause.STALE, iss, subject=name, since=None, detail=f"it has never told who it is: {asset['outcome']}")
    elif _is_older(seen, now - patience.stale):
        yield _alarm(Cause.STALE, iss, subject=name, since=seen, detail=f"last look: {asset['outcome']}")


def _alarm(cause: Cause, iss: str, *, subject: str = "", since: str | None, detail: str) -> Alarm:
    return Alarm(cause=cause, iss=iss, subject=subject, since=since, detail=detail)


def _is_older(text: str, than: datetime) -> bool:
    """Compare a time from a report; one that no calendar knows is older than anything."""
    try:
        return datetime.fromisoformat(text) < than
    except ValueError:
        return True
