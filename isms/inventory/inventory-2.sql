-- Keys that were handed over inside a chain, records that wait for their predecessors, and the order of a gateway's epochs.

CREATE TABLE handovers (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    kid     TEXT    NOT NULL UNIQUE,          -- who signs from then on
    old_kid TEXT    NOT NULL UNIQUE,          -- who signed until then, and never again
    iss     TEXT    NOT NULL,
    jwk     BLOB    NOT NULL,
    at      TEXT    NOT NULL
) STRICT;

-- Here and not in a process: whichever receiver gets the missing record goes on with these.
CREATE TABLE held (
    iss     TEXT    NOT NULL,
    epoch   TEXT    NOT NULL,
    seq     INTEGER NOT NULL,
    topic   TEXT    NOT NULL,
    token   BLOB    NOT NULL,
    PRIMARY KEY (iss, epoch, seq)
) STRICT, WITHOUT ROWID;

-- Every epoch in which a gateway spoke of its connection; the newest id counts, the others were left for good.
CREATE TABLE epochs (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    iss     TEXT    NOT NULL,
    epoch   TEXT    NOT NULL,
    UNIQUE (iss, epoch)
) STRICT;
INSERT INTO epochs (iss, epoch) SELECT iss, epoch FROM gateways;
