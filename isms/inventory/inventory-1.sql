-- The receiver's books. One writer (`nameplated-isms receive`), any number of readers.
-- Times are UTC in RFC 3339. Tokens are the exact bytes that were signed: nothing here is needed to prove them but a key.

-- One row for each chain of evidence that a gateway ever began; the newest id of an issuer is its current one.
CREATE TABLE chains (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    iss         TEXT    NOT NULL,             -- urn:nameplated:<plant>:<gateway>
    epoch       TEXT    NOT NULL,
    kid         TEXT    NOT NULL,             -- the key that signs it
    state       TEXT    NOT NULL,             -- sound | forked | broken; not sound: frozen, no receipts
    head_seq    INTEGER NOT NULL,
    head_digest BLOB    NOT NULL,             -- SHA-256 of the signing input of record head_seq
    review      TEXT    NOT NULL,             -- what a person should look into, or empty
    opened_at   TEXT    NOT NULL,
    UNIQUE (iss, epoch)
) STRICT;

-- Every record of every chain, as it came. Two rows for one place: the proof of a fork.
CREATE TABLE envelopes (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    chain       INTEGER NOT NULL REFERENCES chains (id),
    seq         INTEGER NOT NULL,
    digest      BLOB    NOT NULL,
    type        TEXT    NOT NULL,             -- kind of the body: asset/1, change/1, …
    verdict     TEXT    NOT NULL,             -- accepted | forked | broken
    received_at TEXT    NOT NULL,
    token       BLOB    NOT NULL,             -- the compact JWS
    UNIQUE (chain, seq, digest)
) STRICT;

-- What is believed of each asset now. Bodies are JSON as it was signed.
CREATE TABLE assets (
    iss          TEXT    NOT NULL,
    asset_id     TEXT    NOT NULL,
    envelope     INTEGER NOT NULL REFERENCES envelopes (id),   -- the newest look
    report       BLOB    NOT NULL,            -- body of the newest look
    identified   BLOB,                        -- body of the newest look that found a nameplate
    last_seen_at TEXT,
    PRIMARY KEY (iss, asset_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE changes (
    envelope    INTEGER PRIMARY KEY REFERENCES envelopes (id),
    iss         TEXT    NOT NULL,
    asset_id    TEXT    NOT NULL,
    change      BLOB    NOT NULL              -- body of change/1
) STRICT;
CREATE INDEX changes_of_asset ON changes (iss, asset_id);

-- What each gateway last said of itself.
CREATE TABLE gateways (
    iss         TEXT    PRIMARY KEY,
    epoch       TEXT    NOT NULL,
    sess        INTEGER NOT NULL,
    online      INTEGER NOT NULL,
    status_at   TEXT    NOT NULL,
    health      BLOB,                         -- body of the newest health/1
    health_up   INTEGER NOT NULL DEFAULT -1,  -- its uptime: within a session, only a later one counts
    health_sess INTEGER NOT NULL DEFAULT -1
) STRICT, WITHOUT ROWID;

-- What was not believed: all of it counted, the newest thousand kept.
CREATE TABLE refusals (
    reason TEXT    PRIMARY KEY,
    count  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE refused (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    at      TEXT NOT NULL,
    topic   TEXT NOT NULL,
    reason  TEXT NOT NULL,
    detail  TEXT NOT NULL,
    start   BLOB NOT NULL                     -- first bytes of the message
) STRICT;
