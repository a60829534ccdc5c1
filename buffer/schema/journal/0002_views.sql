-- For a person with the sqlite3 shell. The program reads neither of these views.
--   sqlite3 -readonly journal.db "SELECT * FROM written"

CREATE VIEW written AS      -- what was written down and is not trimmed yet, in order
SELECT seq, at, kind, subject, CAST(body AS TEXT) AS text FROM record ORDER BY seq;

CREATE VIEW newest AS       -- what is believed now: of each asset, each endpoint, and the gateway itself
SELECT kind, subject, at, CAST(body AS TEXT) AS text FROM state ORDER BY kind, subject;
