-- What a chain counts stands beside it, so that nobody has to read a million records to say how many there are.
ALTER TABLE chains ADD COLUMN records          INTEGER NOT NULL DEFAULT 0;   -- accepted, gaps among them
ALTER TABLE chains ADD COLUMN gaps             INTEGER NOT NULL DEFAULT 0;
ALTER TABLE chains ADD COLUMN forks            INTEGER NOT NULL DEFAULT 0;
ALTER TABLE chains ADD COLUMN breaks           INTEGER NOT NULL DEFAULT 0;
ALTER TABLE chains ADD COLUMN last_received_at TEXT;
UPDATE chains SET (records, gaps, forks, breaks, last_received_at) = (
    SELECT count(*) FILTER (WHERE verdict = 'accepted'),
           count(*) FILTER (WHERE verdict = 'accepted' AND type = 'gap/1'),
           count(*) FILTER (WHERE verdict = 'forked'),
           count(*) FILTER (WHERE verdict = 'broken'),
           max(received_at)
    FROM envelopes WHERE chain = chains.id
);

-- A record that waits and is a gap says which records it accounts for: it is tried again when the chain has come that far.
ALTER TABLE held ADD COLUMN gap_from INTEGER;
ALTER TABLE held ADD COLUMN gap_to   INTEGER;
