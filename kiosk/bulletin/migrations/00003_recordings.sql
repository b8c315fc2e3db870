-- +goose Up

-- Pieces of what the ward recorded to be read aloud.
CREATE TABLE recording (
    name   TEXT    NOT NULL, -- clip.Name of the text it speaks
    part   INTEGER NOT NULL, -- its place, from 0
    parts  INTEGER NOT NULL, -- of the recording
    sum    BLOB    NOT NULL CHECK (length(sum) = 32), -- SHA-256 of the whole recording
    octets BLOB    NOT NULL,
    came   INTEGER NOT NULL, -- version that brought it
    PRIMARY KEY (name, part)
) STRICT;

-- An earlier program was told everything but recordings: all is told again.
UPDATE standing SET version = 0;

-- +goose Down
DROP TABLE recording;
