-- The outbox: signed envelopes awaiting a receipt, in order. Written and read by publish alone, over one connection.

PRAGMA application_id = 0x6e706f78;  -- "npox"

CREATE TABLE parcel (                            -- deleted when settled
    position INTEGER PRIMARY KEY AUTOINCREMENT,  -- order of delivery; never used twice
    epoch    TEXT NOT NULL,                      -- random id of one chain
    seq      INTEGER NOT NULL,                   -- gap-free inside an epoch
    kind     TEXT NOT NULL,
    subject  TEXT NOT NULL,
    at       TEXT NOT NULL,                      -- RFC 3339, UTC
    token    BLOB NOT NULL,                      -- the signed envelope, exactly as it is sent
    digest   BLOB NOT NULL,                      -- hash that the next envelope of the chain refers to
    crc      INTEGER NOT NULL,                   -- CRC-32 over "<length>:<column>" of all columns before it
    UNIQUE (epoch, seq)                          -- one number, one envelope: a chain never forks here
) STRICT;

CREATE TABLE note (           -- small named values that change together with the parcels
    number INTEGER PRIMARY KEY,
    name   TEXT NOT NULL UNIQUE,
    value  BLOB NOT NULL,
    crc    INTEGER NOT NULL   -- CRC-32 over "<length>:<column>" of name and value
) STRICT;
