-- +goose Up

-- An audit of the archive may find that it lacks what was read back from it once.
ALTER TABLE blobs ADD COLUMN lost_at INTEGER NOT NULL DEFAULT 0; -- found so then, and not here since; 0: nothing is lost
CREATE INDEX blobs_lost ON blobs (lost_at) WHERE lost_at > 0;

-- +goose Down
DROP INDEX blobs_lost;
ALTER TABLE blobs DROP COLUMN lost_at;
