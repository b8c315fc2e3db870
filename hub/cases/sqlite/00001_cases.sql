-- +goose Up

-- The number of the last change to any case. Its row is locked by whoever
-- changes one, so that numbers become visible in their order.
CREATE TABLE cases_counter (
    one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    n   INTEGER NOT NULL
) STRICT;
INSERT INTO cases_counter (one, n) VALUES (1, 0);

-- Keys of receipts, each sealed to the hub's cases identity. The code itself
-- is nowhere.
CREATE TABLE cases_receipts (
    tag    BLOB NOT NULL PRIMARY KEY CHECK (length(tag) = 16),
    key    BLOB NOT NULL, -- age
    record BLOB NOT NULL  -- id of the message's record; empty when only the code was known
) STRICT, WITHOUT ROWID;

-- How far the ward is with each message.
CREATE TABLE cases_states (
    tag        BLOB    NOT NULL PRIMARY KEY CHECK (length(tag) = 16), -- of the receipt
    record     BLOB    NOT NULL, -- id of the message's record, or empty
    state      TEXT    NOT NULL, -- feedback.CaseState
    version    INTEGER NOT NULL, -- of this case: 1, 2, …
    note       TEXT    NOT NULL, -- the ward's words to the resident, or empty
    box        BLOB    NOT NULL, -- state and note as kiosks get them: only the receipt opens it
    updated_us INTEGER NOT NULL,
    actor      TEXT    NOT NULL, -- operator's account; empty for the hub itself
    changed    INTEGER NOT NULL  -- number of the last change, of cases_counter
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX cases_states_changed ON cases_states (changed);

-- Every state a case was in.
CREATE TABLE cases_events (
    tag     BLOB    NOT NULL CHECK (length(tag) = 16),
    version INTEGER NOT NULL,
    state   TEXT    NOT NULL,
    note    TEXT    NOT NULL,
    at_us   INTEGER NOT NULL,
    actor   TEXT    NOT NULL,
    PRIMARY KEY (tag, version)
) STRICT, WITHOUT ROWID;

-- +goose Down
DROP TABLE cases_events;
DROP TABLE cases_states;
DROP TABLE cases_receipts;
DROP TABLE cases_counter;
