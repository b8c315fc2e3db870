-- +goose Up

-- Every sealed blob that a record names: while the row is here the blob should
-- be, in the spool beside this file. It outlives the record, which may be pruned
-- before its blobs are archived.
CREATE TABLE blob (
    hash    BLOB PRIMARY KEY CHECK (length(hash) = 32), -- SHA-256 of the sealed bytes
    receipt BLOB NOT NULL CHECK (length(receipt) = 16) -- tag by which all that came with it is found
) STRICT, WITHOUT ROWID;

CREATE INDEX blob_receipt ON blob (receipt);

-- Messages that were held back and are in the journal now: no row of held.db
-- may enter it twice, and a page that repeats its request is answered. Nothing
-- here was written before the release.
CREATE TABLE released (
    request TEXT PRIMARY KEY CHECK (length(request) BETWEEN 1 AND 64), -- minted by the page
    body    BLOB NOT NULL CHECK (length(body) = 32), -- keyed hash of what was asked
    day     INTEGER NOT NULL -- days since 1970-01-01 local, as the machine believed when it came
) STRICT, WITHOUT ROWID;

-- +goose Down
DROP TABLE released;
DROP TABLE blob;
