"""Which server has accepted which of our certificates, and which of them it is shown.

Decides the order in which ours are shown while a renewal is under way: the next one until a server has accepted it, and the one in
use where it has not. A server that refuses the next one is shown it once a day and not at every visit, so a renewal costs it one
short connection a day. Never believes a note: it saves a refused connection and opens none.

    accepted/<host>_<port>-<first 16 of our thumbprint>      an empty file: someone was logged in with it; since when, it is dated

That a server refused comes back as a word in the next `Ask`, so a person who looks by hand always gets a fresh answer.
"""

from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from protocols.opcua.certificates import thumbprint, to_der
from protocols.opcua.own import Own
from protocols.opcua.trust import stem

AGAIN_AFTER = timedelta(days=1)
REFUSED = "next-refused-at="


def shown(own: Own, following: Own | None, *, accepted: bool, learned: Iterable[str], now: datetime) -> tuple[Own, ...]:
    """Ours in the order in which a server is shown them: at most two.

    Args:
        own: The one in use.
        following: The next one, while a renewal is under way.
        accepted: This server has accepted the next one.
        learned: What the last visit left.
        now: The present, in UTC.
    """
    if following is None:
        return (own,)
    if accepted:
        return (following,)
    return (own,) if fresh_refusals(learned, now) else (following, own)


def refusal(now: datetime) -> str:
    """The word that says: this server has refused the next certificate now."""
    return REFUSED + now.isoformat(timespec="seconds")


def fresh_refusals(learned: Iterable[str], now: datetime) -> tuple[str, ...]:
    """Those of the last visit's words that say so and still count; one that cannot be read does not."""
    return tuple(word for word in learned if word.startswith(REFUSED) and _is_fresh(word.removeprefix(REFUSED), now))


def note(pki: Path, host: str, port: int, own: Own) -> None:
    """Remember that a server has accepted one of ours."""
    file = _file(pki, host, port, own)
    with suppress(OSError):  # a visit that went well is not lost over a note; without it, the server is asked once more
        if not file.exists():
            file.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
            file.touch(mode=0o640)


def forget(pki: Path, host: str, port: int, own: Own) -> None:
    """A server has refused what it accepted before."""
    with suppress(OSError):
        _file(pki, host, port, own).unlink(missing_ok=True)


def accepts(pki: Path, host: str, port: int, own: Own) -> datetime | None:
    """Since when a server has accepted one of ours, or None if it has not."""
    try:
        return datetime.fromtimestamp(_file(pki, host, port, own).stat().st_mtime, UTC)
    except OSError:
        return None


def endpoints(pki: Path) -> tuple[tuple[str, int], ...]:
    """Hosts and ports that have accepted any of ours."""
    names = (file.name.rpartition("-")[0].rpartition("_") for file in (pki / "accepted").glob("*_*-*"))
    return tuple(sorted({(host, int(port)) for host, _, port in names if port.isdecimal()}))


def _file(pki: Path, host: str, port: int, own: Own) -> Path:
    return pki / "accepted" / f"{stem(host, port)}-{thumbprint(to_der(own.certificate))[:16]}"


def _is_fresh(text: str, now: datetime) -> bool:
    try:
        return timedelta(0) <= now - datetime.fromisoformat(text) < AGAIN_AFTER
    except (ValueError, TypeError):  # no time, or one without a zone
        return False
