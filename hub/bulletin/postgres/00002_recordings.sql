-- +goose Up
CREATE TABLE bulletin_recordings (
    name  TEXT  NOT NULL PRIMARY KEY,
    sound BYTEA NOT NULL
);
COMMENT ON TABLE bulletin_recordings IS 'What the ward recorded to be read aloud, published last. Kiosks are told of it piece by piece.';
COMMENT ON COLUMN bulletin_recordings.name IS 'clip.Name of the text it speaks';
COMMENT ON COLUMN bulletin_recordings.sound IS 'Ogg Opus';
COMMENT ON COLUMN bulletin_items.kind IS '1 case box, 2 revoked device, 3 deleted blob, 4 deleted receipt, 5 piece of a recording';
COMMENT ON COLUMN bulletin_items.key IS 'tag, device or hash; of a piece the name of the recording, 0 and its place';
COMMENT ON COLUMN bulletin_items.value IS 'the box, or the piece behind the hash of the whole and the number of pieces; empty for one that is gone, and for other kinds';

-- +goose Down
DELETE FROM bulletin_items WHERE kind = 5;
DROP TABLE bulletin_recordings;
