-- For a person with the sqlite3 shell. The program reads neither of these views.
-- The outbox is locked while publish runs: stop publish, or look at a copy of outbox.db and outbox.db-wal.
--   sqlite3 -readonly outbox.db "SELECT * FROM waiting"
--   sqlite3 -readonly outbox.db "SELECT token FROM waiting LIMIT 1" | cut -d. -f2 | basenc --base64url -di

CREATE VIEW waiting AS      -- what has no receipt yet, in the order of delivery
SELECT position, epoch, seq, at, kind, subject, length(token) AS bytes, CAST(token AS TEXT) AS token FROM parcel ORDER BY position;

CREATE VIEW noted AS        -- where the chain ends, how far the journal is folded, how far receipts reach
SELECT name, CAST(value AS TEXT) AS text FROM note ORDER BY name;
