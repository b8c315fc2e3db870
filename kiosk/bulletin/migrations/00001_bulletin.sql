-- +goose Up

-- Where this kiosk stands.
CREATE TABLE standing (
    one       INTEGER PRIMARY KEY CHECK (one = 1), -- there is one row
    version   INTEGER NOT NULL, -- newest bulletin applied; 0 for none
    forgotten INTEGER NOT NULL, -- what came by a version up to this, and not again since, is gone
    custody   BLOB NOT NULL     -- key of the hub whose word this is; empty for none yet
) STRICT;
INSERT INTO standing (one, version, forgotten, custody) VALUES (1, 0, 0, x'');

-- The part of the bulletin that is always sent whole.
CREATE TABLE sheet (
    one  INTEGER PRIMARY KEY CHECK (one = 1), -- there is one row, or none
    body BLOB NOT NULL -- a bulletin's body that holds the sheet alone
) STRICT;

-- Every version of every questionnaire that was ever on a sheet: whoever has
-- begun with one may finish it.
CREATE TABLE questionnaire (
    id      TEXT NOT NULL,
    version INTEGER NOT NULL,
    text    BLOB NOT NULL, -- JSON
    PRIMARY KEY (id, version)
) STRICT, WITHOUT ROWID;

-- Case boxes, by the tag of their receipt.
CREATE TABLE box (
    tag  BLOB NOT NULL PRIMARY KEY CHECK (length(tag) = 16),
    box  BLOB NOT NULL,
    came INTEGER NOT NULL -- version that brought it
) STRICT, WITHOUT ROWID;

-- Devices that are trusted no longer.
CREATE TABLE revoked (
    device TEXT NOT NULL PRIMARY KEY,
    came   INTEGER NOT NULL -- version that brought it
) STRICT, WITHOUT ROWID;

-- What was deleted by law and must not be held here.
CREATE TABLE deleted (
    kind INTEGER NOT NULL, -- wire.DeletionKind
    name BLOB NOT NULL,    -- hash of a blob, or tag of a receipt
    came INTEGER NOT NULL, -- version that brought it
    PRIMARY KEY (kind, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX deleted_came ON deleted (came);

-- +goose Down
DROP TABLE deleted;
DROP TABLE revoked;
DROP TABLE box;
DROP TABLE questionnaire;
DROP TABLE sheet;
DROP TABLE standing;
