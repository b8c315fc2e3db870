-- +goose Up

-- Receipts of messages that were left at this kiosk: who has the code of one may
-- ask here about what is kept of them, long after its record was pruned. No row
-- tells a time. A message that is still held back has its row in held.db.
CREATE TABLE receipt (
    tag   BLOB PRIMARY KEY CHECK (length(tag) = 16),
    named INTEGER NOT NULL CHECK (named IN (0, 1)) -- 1: to named officers, or not known
) STRICT, WITHOUT ROWID;

INSERT INTO receipt (tag, named) SELECT DISTINCT receipt, 1 FROM blob;

-- What was claimed here last under a receipt, as the journal has it: one reply
-- to its case, and each right to its data. No row tells a time.
CREATE TABLE claim (
    tag     BLOB NOT NULL CHECK (length(tag) = 16),
    about   TEXT NOT NULL,    -- the right; empty for the reply
    version INTEGER NOT NULL, -- of the case that was seen, for a reply
    reopen  INTEGER NOT NULL CHECK (reopen IN (0, 1)),
    PRIMARY KEY (tag, about)
) STRICT, WITHOUT ROWID;

-- +goose Down
DROP TABLE claim;
DROP TABLE receipt;
