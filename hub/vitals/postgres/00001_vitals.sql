-- +goose Up

CREATE TABLE vitals_devices (
    device          TEXT   NOT NULL PRIMARY KEY,
    contact_us      BIGINT NOT NULL DEFAULT 0,
    settled_us      BIGINT NOT NULL DEFAULT 0,
    connected       BIGINT NOT NULL DEFAULT 0,
    program         TEXT   NOT NULL DEFAULT '',
    clock_ahead_us  BIGINT NOT NULL DEFAULT 0,
    reported_us     BIGINT NOT NULL DEFAULT 0,
    vitals          BYTEA,
    period_us       BIGINT NOT NULL DEFAULT 0,
    grace_us        BIGINT NOT NULL DEFAULT 0,
    paused_until_us BIGINT NOT NULL DEFAULT 0,
    pause_reason    TEXT   NOT NULL DEFAULT ''
);
COMMENT ON TABLE vitals_devices IS 'What each kiosk last said of itself, and when it was last heard.';
COMMENT ON COLUMN vitals_devices.contact_us IS 'last sign of life by the hub''s clock; 0: never';
COMMENT ON COLUMN vitals_devices.settled_us IS 'silence up to here stands in vitals_hours; 0 or before contact_us: none';
COMMENT ON COLUMN vitals_devices.connected IS '1 while a session is open';
COMMENT ON COLUMN vitals_devices.program IS 'version of its agent';
COMMENT ON COLUMN vitals_devices.clock_ahead_us IS 'how far its clock is ahead of the hub''s';
COMMENT ON COLUMN vitals_devices.reported_us IS 'when vitals last came; 0: never';
COMMENT ON COLUMN vitals_devices.vitals IS 'those, as the frame came; NULL: none';
COMMENT ON COLUMN vitals_devices.period_us IS 'declared time between two contacts; 0: always connected';
COMMENT ON COLUMN vitals_devices.grace_us IS 'how much later is still in order; 0: the usual';
COMMENT ON COLUMN vitals_devices.paused_until_us IS 'nobody is to be alarmed before';

CREATE TABLE vitals_hours (
    device     TEXT   NOT NULL,
    hour       BIGINT NOT NULL,
    online_us  BIGINT NOT NULL,
    waiting_us BIGINT NOT NULL,
    late_us    BIGINT NOT NULL,
    lost_us    BIGINT NOT NULL,
    paused_us  BIGINT NOT NULL,
    PRIMARY KEY (device, hour)
);
CREATE INDEX vitals_hours_hour ON vitals_hours (hour);
COMMENT ON TABLE vitals_hours IS 'How long each kiosk was in which state in each hour.';
COMMENT ON COLUMN vitals_hours.hour IS 'hours since 1970 UTC';
COMMENT ON COLUMN vitals_hours.waiting_us IS 'offline as its schedule says';

-- +goose Down
DROP TABLE vitals_hours;
DROP TABLE vitals_devices;
