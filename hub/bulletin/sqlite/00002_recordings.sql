-- +goose Up

-- What the ward recorded to be read aloud, published last. Kiosks are told of it
-- piece by piece, as items of kind 5.
CREATE TABLE bulletin_recordings (
    name  TEXT NOT NULL PRIMARY KEY, -- clip.Name of the text it speaks
    sound BLOB NOT NULL              -- Ogg Opus
) STRICT;

-- +goose Down
DELETE FROM bulletin_items WHERE kind = 5;
DROP TABLE bulletin_recordings;
