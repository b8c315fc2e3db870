-- +goose Up

-- A running SHA-256 over rows that no kiosk signed and nothing else can prove,
-- each kind in the order written: a row that changed or went shows in an audit.
-- It guards against accidents, not against who can write this table too.
CREATE TABLE sums (
    name   TEXT PRIMARY KEY,  -- events; arrivals: when each segment came; journals: when each was first seen
    n      INTEGER NOT NULL,  -- rows added up; -1: those from before this table still have to be
    last   INTEGER NOT NULL,  -- number of the newest of them
    digest BLOB NOT NULL      -- 32 octets
) STRICT, WITHOUT ROWID;
INSERT INTO sums (name, n, last, digest) VALUES
    ('events', -1, 0, zeroblob(32)), ('arrivals', -1, 0, zeroblob(32)), ('journals', -1, 0, zeroblob(32));
