-- The journal: what was seen, in the order in which it was seen. Written by collect alone, read by publish.

PRAGMA application_id = 0x6e706a6c;  -- "npjl"

CREATE TABLE journal (  -- one row
    id TEXT NOT NULL    -- random, made with the file: a new file is a new journal
) STRICT;

CREATE TABLE record (                       -- appended, folded by publish, then trimmed from the front
    seq     INTEGER PRIMARY KEY AUTOINCREMENT,  -- from 1; never used twice, not even after trimming
    kind    TEXT NOT NULL,                  -- what the body is
    subject TEXT NOT NULL,                  -- what it is about
    at      TEXT NOT NULL,                  -- RFC 3339, UTC
    body    BLOB NOT NULL,                  -- JSON text
    crc     INTEGER NOT NULL                -- CRC-32 over "<length>:<column>" of seq, kind, subject, at, body
) STRICT;

CREATE TABLE state (                        -- the newest state of each subject; overwritten
    number  INTEGER PRIMARY KEY,
    kind    TEXT NOT NULL,
    subject TEXT NOT NULL,
    at      TEXT NOT NULL,                  -- RFC 3339, UTC
    body    BLOB NOT NULL,                  -- JSON text
    crc     INTEGER NOT NULL,               -- as above, with seq 0
    UNIQUE (kind, subject)
) STRICT;

INSERT INTO journal (id) VALUES (lower(hex(randomblob(16))));
