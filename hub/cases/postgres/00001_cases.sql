-- +goose Up

CREATE TABLE cases_counter (
    one BIGINT NOT NULL PRIMARY KEY CHECK (one = 1),
    n   BIGINT NOT NULL
);
COMMENT ON TABLE cases_counter IS 'The number of the last change to any case. Its row is locked by whoever changes one, so that numbers become visible in their order.';
INSERT INTO cases_counter (one, n) VALUES (1, 0);

CREATE TABLE cases_receipts (
    tag    BYTEA NOT NULL PRIMARY KEY CHECK (length(tag) = 16),
    key    BYTEA NOT NULL,
    record BYTEA NOT NULL
);
COMMENT ON TABLE cases_receipts IS 'Keys of receipts, each sealed to the hub''s cases identity. The code itself is nowhere.';
COMMENT ON COLUMN cases_receipts.record IS 'id of the message''s record; empty when only the code was known';

CREATE TABLE cases_states (
    tag        BYTEA  NOT NULL PRIMARY KEY CHECK (length(tag) = 16),
    record     BYTEA  NOT NULL,
    state      TEXT   NOT NULL,
    version    BIGINT NOT NULL,
    note       TEXT   NOT NULL,
    box        BYTEA  NOT NULL,
    updated_us BIGINT NOT NULL,
    actor      TEXT   NOT NULL,
    changed    BIGINT NOT NULL
);
CREATE UNIQUE INDEX cases_states_changed ON cases_states (changed);
COMMENT ON TABLE cases_states IS 'How far the ward is with each message.';
COMMENT ON COLUMN cases_states.note IS 'the ward''s words to the resident, or empty';
COMMENT ON COLUMN cases_states.box IS 'state and note as kiosks get them: only the receipt opens it';
COMMENT ON COLUMN cases_states.actor IS 'operator''s account; empty for the hub itself';
COMMENT ON COLUMN cases_states.changed IS 'number of the last change, of cases_counter';

CREATE TABLE cases_events (
    tag     BYTEA  NOT NULL CHECK (length(tag) = 16),
    version BIGINT NOT NULL,
    state   TEXT   NOT NULL,
    note    TEXT   NOT NULL,
    at_us   BIGINT NOT NULL,
    actor   TEXT   NOT NULL,
    PRIMARY KEY (tag, version)
);
COMMENT ON TABLE cases_events IS 'Every state a case was in.';

-- +goose Down
DROP TABLE cases_events;
DROP TABLE cases_states;
DROP TABLE cases_receipts;
DROP TABLE cases_counter;
