"""The books as the receiver writes them: every record as it came, the chains they form, what is believed of each asset.

Decides how a `isms.store.Store` lies in SQLite. Must never answer for a record before `commit` has returned: WAL with
synchronous=FULL, so what is committed survives a power cut. Nothing is ever updated in `envelopes`. What a chain counts is added up in
memory and written once a batch.

Several receivers may write the same books: whatever is read to decide is read between `begin` and `commit`, and nobody else writes
meanwhile.
"""

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from evidence.chain import Head
from evidence.keys import public_from_jwk
from evidence.kinds import Asset, Change, Gap, Health, Inventory
from evidence.trust import Handover
from isms.inventory import reading
from isms.inventory.database import connect
from isms.receive import Chain, ChainState, Presence, Report, Verdict
from isms.store import HELD_BYTES, HELD_RECORDS, KEPT_REFUSALS, KEPT_START_BYTES, InventoryError


@dataclass(slots=True)
class _Counts:
    """What a batch adds to a chain."""

    records: int = 0
    gaps: int = 0
    forks: int = 0
    breaks: int = 0
    last_at: str = ""

    def add(self, verdict: Verdict, kind: str, at: str) -> None:
        """Count one record that was kept."""
        accepted = verdict is Verdict.ACCEPTED
        self.records += accepted
        self.gaps += accepted and kind == "gap/1"
        self.forks += verdict is Verdict.FORKED
        self.breaks += verdict is Verdict.BROKEN
        self.last_at = max(self.last_at, at)


class Books:
    """One open database, as `isms.store.Store` and `isms.store.Shelf`. Changes belong to one transaction until `commit`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._chain_ids: dict[tuple[str, str], int] = {}
        self._counted: dict[int, _Counts] = defaultdict(_Counts)

    @classmethod
    @contextmanager
    def open(cls, path: Path, *, read_only: bool = False) -> Iterator[Self]:
        """Open the books, and close them at the end of the block; what was not committed is gone then.

        Raises:
            InventoryError: They cannot be opened, are no books of ours, or SQLite failed inside the block.
        """
        try:
            connection = connect(path, read_only=read_only)
            try:
                yield cls(connection)
            finally:
                connection.close()
        except sqlite3.Error as problem:
            raise InventoryError(f"{path}: {problem}") from problem

    def begin(self) -> None:
        """Begin a transaction, if there is none. Nobody else writes until it is committed.

        Raises:
            sqlite3.OperationalError: Somebody else has been writing for too long.
        """
        if not self._connection.in_transaction:
            self._connection.execute("BEGIN IMMEDIATE")

    def version(self) -> int:
        """Return a number that changes when somebody else has written. It means something only between `begin` and `commit`."""
        return int(self._connection.execute("PRAGMA data_version").fetchone()[0])

    def commit(self) -> None:
        """Make everything since the last commit durable."""
        if self._connection.in_transaction:
            counted = ((c.records, c.gaps, c.forks, c.breaks, c.last_at, chain) for chain, c in self._counted.items())
            self._connection.executemany(_COUNT, counted)
            self._counted.clear()
            self._connection.execute("DELETE FROM refused WHERE id <= (SELECT max(id) FROM refused) - ?", (KEPT_REFUSALS,))
            self._connection.commit()

    # Chains

    def chain(self, iss: str) -> Chain | None:
        """Return the current chain of a gateway, or None if there is none yet."""
        row = self._connection.execute("SELECT * FROM chains WHERE iss = ? ORDER BY id DESC LIMIT 1", (iss,)).fetchone()
        return _chain(row) if row else None

    def known(self, iss: str, epoch: str, seq: int) -> bytes | None:
        """Return the digest of the accepted record at a place of a chain, or None."""
        chain = self._chain_id(iss, epoch)
        row = self._connection.execute(
            "SELECT digest FROM envelopes WHERE chain = ? AND seq = ? AND verdict = ?", (chain, seq, Verdict.ACCEPTED)
        ).fetchone()
        return row["digest"] if row else None

    def head(self, iss: str, epoch: str) -> Head | None:
        """Return the end of a sound chain if its last record is held; not if a signed gap moved the end beyond it."""
        row = self._connection.execute(
            "SELECT head_seq, head_digest FROM chains JOIN envelopes ON chain = chains.id AND seq = head_seq AND digest = head_digest"
            " WHERE iss = ? AND epoch = ? AND state = ?",
            (iss, epoch, ChainState.SOUND),
        ).fetchone()
        return Head(epoch, row["head_seq"], row["head_digest"]) if row else None

    def _is_closed(self, iss: str, epoch: str) -> bool:
        """Return whether a gateway has begun another chain after this one."""
        newest = self._connection.execute("SELECT epoch FROM chains WHERE iss = ? ORDER BY id DESC LIMIT 1", (iss,)).fetchone()
        return newest is not None and newest["epoch"] != epoch and self._chain_id(iss, epoch) is not None

    def begin_chain(self, chain: Chain, *, review: str, at: str) -> None:
        """Enter a new chain; it is the current one of its gateway from now on. What waits of another one is let go of."""
        head = chain.head
        self._write("DELETE FROM held WHERE iss = ? AND epoch <> ?", (chain.iss, head.epoch))
        self._write(
            "INSERT INTO chains (iss, epoch, kid, state, head_seq, head_digest, review, opened_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (chain.iss, head.epoch, chain.kid, chain.state, head.seq, head.digest, review, at),
        )

    def move_head(self, chain: Chain) -> None:
        """Enter the new end of a chain, and who signs it now."""
        head = chain.head
        self._write(
            "UPDATE chains SET head_seq = ?, head_digest = ?, kid = ? WHERE id = ?",
            (head.seq, head.digest, chain.kid, self._chain_id(chain.iss, head.epoch)),
        )

    def freeze(self, iss: str, epoch: str, state: ChainState) -> None:
        """Enter that a chain is not sound."""
        self._write("UPDATE chains SET state = ? WHERE id = ?", (state, self._chain_id(iss, epoch)))

    def keep(self, report: Report, verdict: Verdict, at: str) -> None:
        """Enter a record of a chain, and what it says of assets if it was accepted."""
        claims, chain = report.claims, self._chain_id(report.claims.iss, report.claims.epoch)
        written = self._write(
            "INSERT OR IGNORE INTO envelopes (chain, seq, digest, type, verdict, received_at, token) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (chain, claims.seq, report.envelope.digest, claims.type, verdict, at, report.envelope.token),
        )
        if chain is not None and written.rowcount:
            self._counted[chain].add(verdict, claims.type, at)
        if verdict is not Verdict.ACCEPTED:
            return
        match report.body:
            case Asset() as asset:
                self._asset(claims.iss, asset, written.lastrowid, bytes(claims.body))
            case Change() as change:
                self._write(
                    "INSERT INTO changes VALUES (?, ?, ?, ?)",
                    (written.lastrowid, claims.iss, change.asset_id, bytes(claims.body)),
                )
            case Inventory() as inventory:
                self._last_seen(claims.iss, inventory)
            case _:
                pass

    # Records that wait for their predecessors

    def hold(self, report: Report, topic: str) -> None:
        """Keep a record for a while, if there is room; what does not fit is sent again by its gateway."""
        claims, token = report.claims, report.envelope.token
        count, size = self._connection.execute(
            "SELECT count(*), coalesce(sum(length(token)), 0) FROM held WHERE iss = ?", (claims.iss,)
        ).fetchone()
        if count < HELD_RECORDS and size + len(token) <= HELD_BYTES:
            gap = (report.body.from_seq, report.body.to_seq) if isinstance(report.body, Gap) else (None, None)
            self._write(
                "INSERT OR IGNORE INTO held VALUES (?, ?, ?, ?, ?, ?, ?)",
                (claims.iss, claims.epoch, claims.seq, topic, token, *gap),
            )

    def take_held(self, iss: str, head: Head) -> tuple[str, bytes] | None:
        """Take out the record that comes after an end: its topic and token. What the end has passed by is let go of."""
        row = self._connection.execute(
            "SELECT topic, token FROM held WHERE iss = ? AND epoch = ? AND seq = ?", (iss, head.epoch, head.seq + 1)
        ).fetchone()
        self._write("DELETE FROM held WHERE iss = ? AND epoch = ? AND seq <= ?", (iss, head.epoch, head.seq + 1))
        return (row["topic"], row["token"]) if row else None

    def held_gap(self, iss: str, head: Head) -> tuple[str, bytes] | None:
        """Return a record that waits and accounts for the one after an end, if there is one: its topic and token. It stays."""
        row = self._connection.execute(
            "SELECT topic, token FROM held WHERE iss = ?1 AND epoch = ?2 AND gap_from <= ?3 AND gap_to >= ?3 ORDER BY seq LIMIT 1",
            (iss, head.epoch, head.seq + 1),
        ).fetchone()
        return (row["topic"], row["token"]) if row else None

    def first_held(self, iss: str, epoch: str) -> int | None:
        """Return the lowest sequence that waits, or None if nothing does."""
        found = self._connection.execute("SELECT min(seq) FROM held WHERE iss = ? AND epoch = ?", (iss, epoch)).fetchone()[0]
        return int(found) if found is not None else None

    def waiting(self) -> set[str]:
        """Return the gateways of which something waits."""
        return {row["iss"] for row in self._connection.execute("SELECT DISTINCT iss FROM held")}

    # Keys

    def note_handover(self, handover: Handover, at: str) -> None:
        """Enter that a key has handed its chain over. A key does that once."""
        self._write(
            "INSERT OR IGNORE INTO handovers (kid, old_kid, iss, jwk, at) VALUES (?, ?, ?, ?, ?)",
            (handover.new.kid, handover.old_kid, handover.iss, json.dumps(handover.new.jwk).encode(), at),
        )

    def handovers(self) -> list[Handover]:
        """Return every handover in the order in which it happened."""
        rows = self._connection.execute("SELECT iss, old_kid, jwk FROM handovers ORDER BY id")
        return [Handover(iss=row["iss"], old_kid=row["old_kid"], new=public_from_jwk(json.loads(row["jwk"]))) for row in rows]

    # Gateways

    def presence(self, iss: str) -> Presence | None:
        """Return what a gateway last said of its connection."""
        row = self._connection.execute("SELECT epoch, sess, online FROM gateways WHERE iss = ? AND sess >= 0", (iss,)).fetchone()
        return Presence(epoch=row["epoch"], sess=row["sess"], online=bool(row["online"])) if row else None

    def is_left(self, iss: str, epoch: str) -> bool:
        """Return whether a gateway has begun another chain after this one, or spoken in a later epoch."""
        newest = self._connection.execute("SELECT epoch FROM epochs WHERE iss = ? ORDER BY id DESC LIMIT 1", (iss,)).fetchone()
        spoken = self._connection.execute("SELECT 1 FROM epochs WHERE iss = ? AND epoch = ?", (iss, epoch)).fetchone()
        return self._is_closed(iss, epoch) or (spoken is not None and newest["epoch"] != epoch)

    def note_presence(self, iss: str, presence: Presence, at: str) -> None:
        """Enter what a gateway says of its connection."""
        self._write("INSERT OR IGNORE INTO epochs (iss, epoch) VALUES (?, ?)", (iss, presence.epoch))
        self._write(
            "INSERT INTO gateways (iss, epoch, sess, online, status_at) VALUES (?1, ?2, ?3, ?4, ?5)"
            " ON CONFLICT (iss) DO UPDATE SET epoch = ?2, sess = ?3, online = ?4, status_at = ?5,"
            " health_sess = iif(epoch = ?2, health_sess, -1), health_up = iif(epoch = ?2, health_up, -1)",
            (iss, presence.epoch, presence.sess, presence.online, at),
        )

    def note_health(self, report: Report, health: Health, at: str) -> bool:
        """Enter a gateway's health if it is newer than what is held, by session and uptime; return whether it was.

        It may come before the first status, which another receiver may have got.
        """
        claims = report.claims
        written = self._write(
            "INSERT INTO gateways (iss, epoch, sess, online, status_at, health, health_up, health_sess)"
            " VALUES (?4, ?5, -1, 0, ?6, ?1, ?2, ?3)"
            " ON CONFLICT (iss) DO UPDATE SET health = ?1, health_up = ?2, health_sess = ?3"
            " WHERE epoch <> ?5 OR (health_sess, health_up) < (?3, ?2)",
            (bytes(claims.body), claims.up, health.sess, claims.iss, claims.epoch, at),
        )
        return written.rowcount == 1

    # Refusals

    def refuse(self, topic: str, token: bytes, *, reason: str, detail: str, at: str) -> None:
        """Count a message that was not believed, and keep its beginning."""
        self._write(
            "INSERT INTO refusals VALUES (?, 1) ON CONFLICT (reason) DO UPDATE SET count = count + 1",
            (reason,),
        )
        self._write(
            "INSERT INTO refused (at, topic, reason, detail, start) VALUES (?, ?, ?, ?, ?)",
            (at, topic[:200], reason, detail[:200], token[:KEPT_START_BYTES]),
        )

    # What people and auditors read

    def assets(self) -> list[dict[str, Any]]:
        """Return what is believed of every asset, with the changes it went through."""
        return reading.assets(self._connection)

    def gateways(self) -> list[dict[str, Any]]:
        """Return every gateway that was ever heard, with its current chain and what a person should look into."""
        return reading.gateways(self._connection)

    def refusals(self) -> dict[str, int]:
        """Return how often messages were refused, by reason."""
        return reading.refusals(self._connection)

    def refused(self) -> list[dict[str, Any]]:
        """Return the newest of what was refused, oldest first."""
        return reading.refused(self._connection)

    def tokens(self) -> Iterator[tuple[int, bytes, str]]:
        """Yield every record kept: the id of its row, the record, and when it came; chain by chain, in the order they were kept."""
        return reading.tokens(self._connection)

    def _write(self, statement: str, values: tuple[object, ...]) -> sqlite3.Cursor:
        """Write inside the current transaction, or begin one."""
        self.begin()
        return self._connection.execute(statement, values)

    def _chain_id(self, iss: str, epoch: str) -> int | None:
        found = self._chain_ids.get((iss, epoch))
        if found is None:
            row = self._connection.execute("SELECT id FROM chains WHERE iss = ? AND epoch = ?", (iss, epoch)).fetchone()
            if row is None:
                return None
            found = self._chain_ids[iss, epoch] = row["id"]
        return found

    def _asset(self, iss: str, asset: Asset, envelope: int | None, body: bytes) -> None:
        identified = body if asset.nameplate else None
        seen_at = asset.observed_at if asset.nameplate else None
        self._write(
            "INSERT INTO assets VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO UPDATE SET envelope = ?3, report = ?4,"
            " identified = coalesce(?5, identified), last_seen_at = coalesce(?6, last_seen_at)",
            (iss, asset.asset_id, envelope, body, identified, seen_at),
        )

    def _last_seen(self, iss: str, inventory: Inventory) -> None:
        for line in inventory.assets:
            self._write(
                "UPDATE assets SET last_seen_at = coalesce(?, last_seen_at) WHERE iss = ? AND asset_id = ?",
                (line.last_seen_at, iss, line.asset_id),
            )


def _chain(row: sqlite3.Row) -> Chain:
    head = Head(row["epoch"], row["head_seq"], row["head_digest"])
    return Chain(iss=row["iss"], kid=row["kid"], head=head, state=ChainState(row["state"]))


_COUNT = (
    "UPDATE chains SET records = records + ?, gaps = gaps + ?, forks = forks + ?, breaks = breaks + ?,"
    " last_received_at = max(coalesce(last_received_at, ''), ?) WHERE id = ?"
)
