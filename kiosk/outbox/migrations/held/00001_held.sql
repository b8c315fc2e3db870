-- +goose Up

-- Messages to named officers. Each waits for a random moment before it enters
-- the journal, so that nobody can tell who stood before the screen when. Rows
-- lie in the order of their random request ids and tell no time but the day.
CREATE TABLE held (
    request TEXT PRIMARY KEY CHECK (length(request) BETWEEN 1 AND 64), -- minted by the page
    body    BLOB NOT NULL CHECK (length(body) = 32), -- keyed hash of what was asked
    day     INTEGER NOT NULL, -- days since 1970-01-01 local, as the machine believed
    due     INTEGER, -- of run.ran; NULL for one that is damaged and stays behind
    bytes   BLOB NOT NULL, -- the record that will be appended
    sum     BLOB NOT NULL CHECK (length(sum) = 32) -- SHA-256 of bytes
) STRICT, WITHOUT ROWID;

CREATE INDEX held_due ON held (due) WHERE due IS NOT NULL;

-- The sealed blobs they name, in the spool beside this file.
CREATE TABLE blob (
    hash    BLOB PRIMARY KEY CHECK (length(hash) = 32), -- SHA-256 of the sealed bytes
    receipt BLOB NOT NULL CHECK (length(receipt) = 16), -- tag by which all that came with it is found
    request TEXT NOT NULL REFERENCES held (request)
) STRICT, WITHOUT ROWID;

CREATE INDEX blob_receipt ON blob (receipt);
CREATE INDEX blob_request ON blob (request);

-- How long this kiosk has run. No clock can set it, so a wrong one neither holds
-- a message for ever nor sends it early.
CREATE TABLE run (
    only INTEGER PRIMARY KEY CHECK (only = 1), -- there is one row
    ran  INTEGER NOT NULL -- microseconds, up to when they were last counted
) STRICT;

INSERT INTO run (only, ran) VALUES (1, 0);

-- +goose Down
DROP TABLE run;
DROP TABLE blob;
DROP TABLE held;
