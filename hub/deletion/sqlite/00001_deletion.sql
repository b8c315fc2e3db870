-- +goose Up
-- Times are microseconds since 1970 UTC.

-- What was ordered to be deleted, by whom, when and why. Rows are never taken
-- away: a restore does everything in them again.
CREATE TABLE deletions (
    deletion  INTEGER NOT NULL PRIMARY KEY,
    kind      INTEGER NOT NULL, -- wire.DeletionKind: 1 a blob, 2 all of a receipt
    name      BLOB    NOT NULL, -- the blob's SHA-256, or the receipt's tag
    asked_us  INTEGER NOT NULL,
    actor     TEXT    NOT NULL, -- operator's account; empty: the hub itself
    reason    TEXT    NOT NULL,
    rule      TEXT    NOT NULL, -- of retention, with its version; empty: somebody asked
    told      INTEGER NOT NULL, -- 1: kiosks must hear of it
    marked_us INTEGER NOT NULL, -- noted in the archive too; 0: not yet
    done_us   INTEGER NOT NULL, -- all of it gone from the hub and the archive; 0: not yet
    UNIQUE (kind, name)
) STRICT;
CREATE INDEX deletions_undone ON deletions (deletion) WHERE done_us = 0;

-- What each of them took away: the proof.
CREATE TABLE deleted_blobs (
    hash       BLOB    NOT NULL,
    deletion   INTEGER NOT NULL,
    size       INTEGER NOT NULL, -- 0: no record had named it
    kind       INTEGER NOT NULL, -- feedback.AttachmentKind; 0 likewise
    record     BLOB    NOT NULL, -- that named it; empty likewise
    gone_us    INTEGER NOT NULL, -- looked for and not found in spool and archive; 0: not yet
    checked_us INTEGER NOT NULL, -- and once more later, when nothing could be on its way; 0: not yet
    PRIMARY KEY (deletion, hash)
) STRICT;
CREATE INDEX deleted_blobs_unchecked ON deleted_blobs (deletion) WHERE checked_us = 0;

-- +goose Down
DROP TABLE deleted_blobs;
DROP TABLE deletions;
