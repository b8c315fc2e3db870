-- +goose Up
-- Times are microseconds since 1970 UTC; 0: never.

-- How far time has surely come, whatever the hub's clock says, and why nothing
-- is deleted by age now. One row.
CREATE TABLE retention (
    one          BIGINT  NOT NULL PRIMARY KEY CHECK (one = 1),
    proven_us    BIGINT  NOT NULL, -- some other clock agreed, or the hub has run since one did
    looked_us    BIGINT  NOT NULL, -- proven_us of the last look that counted arrivals
    waits        TEXT    NOT NULL, -- 'clock', 'many', or empty
    waiting      BIGINT  NOT NULL, -- blobs
    waits_us     BIGINT  NOT NULL, -- since when, by the hub's clock
    confirmed_us BIGINT  NOT NULL, -- what the clock said when an operator last said that it is right
    confirmed_by TEXT    NOT NULL
);
INSERT INTO retention VALUES (1, 0, 0, '', 0, 0, 0, '');

-- From when the time of each blob counts: its arrival by the hub's clock, or
-- when it was first looked at, where that clock was wrong.
CREATE TABLE arrivals (
    hash    BYTEA   NOT NULL PRIMARY KEY,
    from_us BIGINT  NOT NULL
);

-- +goose Down
DROP TABLE arrivals;
DROP TABLE retention;
