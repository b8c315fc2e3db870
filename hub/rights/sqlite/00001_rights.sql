-- +goose Up
-- Times are microseconds since 1970 UTC; 0: not yet.

-- What residents asked by receipt code about the data kept of them, and what the
-- ward did about it. Rows are never taken away: they are the proof.
CREATE TABLE rights_requests (
    request         INTEGER NOT NULL PRIMARY KEY,
    record          BLOB    NOT NULL UNIQUE CHECK (length(record) = 16), -- id of its record
    tag             BLOB    NOT NULL, -- of the receipt, as the record says
    about           TEXT    NOT NULL, -- feedback.Right
    place           TEXT    NOT NULL, -- where it was asked
    asked_us        INTEGER NOT NULL,
    day_only        INTEGER NOT NULL, -- 1: asked_us and received_us are whole days, nothing else may be shown
    received_us     INTEGER NOT NULL,
    proof           TEXT    NOT NULL, -- cases.Proof
    acknowledged_us INTEGER NOT NULL,
    acknowledged_by TEXT    NOT NULL,
    told            TEXT    NOT NULL, -- what the case's note says of it now
    settled_us      INTEGER NOT NULL,
    settled_by      TEXT    NOT NULL,
    refused         INTEGER NOT NULL, -- 1: settled by a refusal
    answer          TEXT    NOT NULL  -- to the resident; empty once what it is about is deleted
) STRICT;
CREATE INDEX rights_requests_open ON rights_requests (asked_us) WHERE settled_us = 0;
CREATE INDEX rights_requests_tag ON rights_requests (tag);

-- +goose Down
DROP TABLE rights_requests;
