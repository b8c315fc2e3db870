-- +goose Up

-- What the hub does by itself, and when it is due again. Times are microseconds
-- since 1970 UTC by the hub's clock; 0: never.
CREATE TABLE chores (
    name          TEXT    NOT NULL PRIMARY KEY,
    due_us        INTEGER NOT NULL,
    lease_us      INTEGER NOT NULL DEFAULT 0,  -- whoever runs it is believed alive until then
    lease_by      TEXT    NOT NULL DEFAULT '', -- that run; empty: nobody runs it
    last_start_us INTEGER NOT NULL DEFAULT 0,
    last_end_us   INTEGER NOT NULL DEFAULT 0,  -- of the last run that came to an end
    last_error    TEXT    NOT NULL DEFAULT '', -- empty: it went well
    runs          INTEGER NOT NULL DEFAULT 0,  -- that came to an end
    failures      INTEGER NOT NULL DEFAULT 0,  -- of those
    in_a_row      INTEGER NOT NULL DEFAULT 0   -- failures since it last went well
) STRICT;

-- +goose Down
DROP TABLE chores;
