-- +goose Up

-- What each kiosk last said of itself, and when it was last heard.
CREATE TABLE vitals_devices (
    device          TEXT    NOT NULL PRIMARY KEY,
    contact_us      INTEGER NOT NULL DEFAULT 0,  -- last sign of life by the hub's clock; 0: never
    settled_us      INTEGER NOT NULL DEFAULT 0,  -- silence up to here stands in vitals_hours; 0 or before contact_us: none
    connected       INTEGER NOT NULL DEFAULT 0,  -- 1 while a session is open
    program         TEXT    NOT NULL DEFAULT '', -- version of its agent
    clock_ahead_us  INTEGER NOT NULL DEFAULT 0,  -- how far its clock is ahead of the hub's
    reported_us     INTEGER NOT NULL DEFAULT 0,  -- when vitals last came; 0: never
    vitals          BLOB,                        -- those, as the frame came; NULL: none
    period_us       INTEGER NOT NULL DEFAULT 0,  -- declared time between two contacts; 0: always connected
    grace_us        INTEGER NOT NULL DEFAULT 0,  -- how much later is still in order; 0: the usual
    paused_until_us INTEGER NOT NULL DEFAULT 0,  -- nobody is to be alarmed before
    pause_reason    TEXT    NOT NULL DEFAULT ''
) STRICT;

-- How long each kiosk was in which state in each hour.
CREATE TABLE vitals_hours (
    device     TEXT    NOT NULL,
    hour       INTEGER NOT NULL, -- hours since 1970 UTC
    online_us  INTEGER NOT NULL,
    waiting_us INTEGER NOT NULL, -- offline as its schedule says
    late_us    INTEGER NOT NULL,
    lost_us    INTEGER NOT NULL,
    paused_us  INTEGER NOT NULL,
    PRIMARY KEY (device, hour)
) STRICT, WITHOUT ROWID;
CREATE INDEX vitals_hours_hour ON vitals_hours (hour);

-- +goose Down
DROP TABLE vitals_hours;
DROP TABLE vitals_devices;
