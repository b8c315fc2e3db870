-- +goose Up

-- A running SHA-256 over rows that no kiosk signed and nothing else can prove,
-- each kind in the order written: a row that changed or went shows in an audit.
-- It guards against accidents, not against who can write this table too.
CREATE TABLE sums (
    name   TEXT PRIMARY KEY, -- events; arrivals: when each segment came; journals: when each was first seen
    n      BIGINT NOT NULL,  -- rows added up; -1: those from before this table still have to be
    last   BIGINT NOT NULL,  -- number of the newest of them
    digest BYTEA NOT NULL    -- 32 octets
);
INSERT INTO sums (name, n, last, digest) VALUES
    ('events', -1, 0, decode(repeat('00', 32), 'hex')), ('arrivals', -1, 0, decode(repeat('00', 32), 'hex')),
    ('journals', -1, 0, decode(repeat('00', 32), 'hex'));
