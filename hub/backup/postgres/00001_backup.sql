-- +goose Up

-- What programs beside the hub that serves want to know of it: which store is
-- off its disk, when the last copy was made.
CREATE TABLE backup_notes (
    name TEXT NOT NULL PRIMARY KEY,
    text TEXT NOT NULL
);

-- +goose Down
DROP TABLE backup_notes;
