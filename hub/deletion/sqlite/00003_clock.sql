-- +goose Up
-- Times are microseconds since 1970 UTC; 0: never.

-- How far time has surely come, whatever the hub's clock says, and why nothing
-- is deleted by age now. One row.
CREATE TABLE retention (
    one          INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    proven_us    INTEGER NOT NULL, -- some other clock agreed, or the hub has run since one did
    looked_us    INTEGER NOT NULL, -- proven_us of the last look that counted arrivals
    waits        TEXT    NOT NULL, -- 'clock', 'many', or empty
    waiting      INTEGER NOT NULL, -- blobs
    waits_us     INTEGER NOT NULL, -- since when, by the hub's clock
    confirmed_us INTEGER NOT NULL, -- what the clock said when an operator last said that it is right
    confirmed_by TEXT    NOT NULL
) STRICT;
INSERT INTO retention VALUES (1, 0, 0, '', 0, 0, 0, '');

-- From when the time of each blob counts: its arrival by the hub's clock, or
-- when it was first looked at, where that clock was wrong.
CREATE TABLE arrivals (
    hash    BLOB    NOT NULL PRIMARY KEY,
    from_us INTEGER NOT NULL
) STRICT;

-- +goose Down
DROP TABLE arrivals;
DROP TABLE retention;
