"""The books: every record as it came, the chains they form, what is believed of each asset, and what was refused.

Decides how it is stored; with `database`, the only module of the receiver that knows SQLite. Must never answer for a record before
`commit` has returned: WAL with synchronous=FULL, so what is committed survives a power cut. Nothing is ever updated in `envelopes`.

Several receivers may write the same books: whatever is read to decide is read between `begin` and `commit`, and nobody else writes
meanwhile.
"""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Self

from evidence.chain import Head
from evidence.keys import public_from_jwk
from evidence.kinds import Asset, Change, Health, Inventory
from evidence.trust import Handover
from isms.database import InventoryError, connect
from isms.receive import Chain, ChainState, Presence, Report, Verdict

KEPT_REFUSALS: Final = 1000
KEPT_START_BYTES: Final = 200
HELD_RECORDS: Final = 1024  # of one gateway, waiting for their predecessors
HELD_BYTES: Final = 4_194_304  # of one gateway


class Books:
    """One open database. Changes belong to one transaction until `commit`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._chain_ids: dict[tuple[str, str], int] = {}

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
        """Enter a new chain; it is the current one of its gateway from now on."""
        head = chain.head
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
        claims = report.claims
        values = (self._chain_id(claims.iss, claims.epoch), claims.seq, report.envelope.digest, claims.type)
        written = self._write(
            "INSERT OR IGNORE INTO envelopes (chain, seq, digest, type, verdict, received_at, token) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (*values, verdict, at, report.envelope.token),
        )
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
            self._write("INSERT OR IGNORE INTO held VALUES (?, ?, ?, ?, ?)", (claims.iss, claims.epoch, claims.seq, topic, token))

    def take_held(self, iss: str, head: Head) -> tuple[str, bytes] | None:
        """Take out the record that comes after an end: its topic and token. What the end has passed by is let go of."""
        row = self._connection.execute(
            "SELECT topic, token FROM held WHERE iss = ? AND epoch = ? AND seq = ?", (iss, head.epoch, head.seq + 1)
        ).fetchone()
        self._write("DELETE FROM held WHERE iss = ? AND (epoch <> ? OR seq <= ?)", (iss, head.epoch, head.seq + 1))
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
        rows = self._connection.execute("SELECT * FROM assets ORDER BY iss, asset_id")
        return [self._asset_view(row) for row in rows.fetchall()]

    def gateways(self) -> list[dict[str, Any]]:
        """Return every gateway that was ever heard, with its current chain and what a person should look into."""
        issuers = self._connection.execute("SELECT iss FROM chains UNION SELECT iss FROM gateways ORDER BY iss").fetchall()
        return [self._gateway_view(row["iss"]) for row in issuers]

    def refusals(self) -> dict[str, int]:
        """Return how often messages were refused, by reason."""
        return {row["reason"]: row["count"] for row in self._connection.execute("SELECT * FROM refusals ORDER BY reason")}

    def refused(self) -> list[dict[str, Any]]:
        """Return the newest of what was refused, oldest first."""
        rows = self._connection.execute("SELECT at, topic, reason, detail FROM refused ORDER BY id")
        return [dict(row) for row in rows]

    def tokens(self) -> Iterator[tuple[int, bytes, str]]:
        """Yield every record kept: the id of its row, the record, and when it came; chain by chain, in the order they were kept."""
        for row in self._connection.execute("SELECT id, token, received_at FROM envelopes ORDER BY chain, id"):
            yield row["id"], row["token"], row["received_at"]

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

    def _asset_view(self, row: sqlite3.Row) -> dict[str, Any]:
        """Return one asset: its newest look, the nameplate that was last read, and its changes."""
        report = json.loads(row["report"])
        known = json.loads(row["identified"]) if row["identified"] else report
        changes = self._connection.execute(
            "SELECT change FROM changes WHERE iss = ? AND asset_id = ? ORDER BY envelope", (row["iss"], row["asset_id"])
        )
        return {
            "iss": row["iss"],
            **report,
            "nameplate": known["nameplate"],
            "identified_at": known["observed_at"] if known["nameplate"] else None,
            "last_seen_at": row["last_seen_at"],
            "changes": [json.loads(change["change"]) for change in changes],
        }

    def _hole(self, iss: str, chain: sqlite3.Row | None) -> list[int] | None:
        """Return first and last of the records that are missing while later ones wait."""
        first = self.first_held(iss, chain["epoch"]) if chain and chain["state"] == ChainState.SOUND else None
        return [chain["head_seq"] + 1, first - 1] if chain and first is not None else None

    def _gateway_view(self, iss: str) -> dict[str, Any]:
        """Return one gateway: its presence, its current chain, counts over all its chains, and its health."""
        gateway = self._connection.execute("SELECT * FROM gateways WHERE iss = ?", (iss,)).fetchone()
        chains = self._connection.execute("SELECT * FROM chains WHERE iss = ? ORDER BY id", (iss,)).fetchall()
        counted = self._connection.execute(
            "SELECT verdict, type = 'gap/1' AS is_gap, count(*) AS n, max(received_at) AS at FROM envelopes"
            " WHERE chain IN (SELECT id FROM chains WHERE iss = ?) GROUP BY verdict, is_gap",
            (iss,),
        ).fetchall()
        current = chains[-1] if chains else None
        known = gateway is not None and gateway["sess"] >= 0
        counts = {
            verdict: sum(row["n"] for row in counted if row["verdict"] == verdict) for verdict in ("accepted", "forked", "broken")
        }
        return {
            "iss": iss,
            "status": ("online" if gateway["online"] else "offline") if known else "unknown",
            "status_at": gateway["status_at"] if known else None,
            "sess": gateway["sess"] if known else None,
            "epoch": current["epoch"] if current else None,
            "seq": current["head_seq"] if current else None,
            "state": current["state"] if current else None,
            "kid": current["kid"] if current else None,
            "epochs": len(chains),
            "records": counts["accepted"],
            "forks": counts["forked"],
            "breaks": counts["broken"],
            "gaps": sum(row["n"] for row in counted if row["is_gap"] and row["verdict"] == "accepted"),
            "last_received_at": max((row["at"] for row in counted), default=None),
            "review": [f"{chain['epoch']}: {note}" for chain in chains for note in _notes(chain)],
            "health": json.loads(gateway["health"]) if gateway and gateway["health"] else None,
            "hole": self._hole(iss, current),
        }


def _notes(chain: sqlite3.Row) -> list[str]:
    """Return what a person should look into about one chain."""
    unsound = [] if chain["state"] == ChainState.SOUND else [f"{chain['state']} after {chain['head_seq']}: frozen"]
    return unsound + ([chain["review"]] if chain["review"] else [])


def _chain(row: sqlite3.Row) -> Chain:
    head = Head(row["epoch"], row["head_seq"], row["head_digest"])
    return Chain(iss=row["iss"], kid=row["kid"], head=head, state=ChainState(row["state"]))
