-- +goose Up
-- What residents may have agreed to: a record names the hash of the text they
-- read. Rows stay when a ward is renamed or merged.
CREATE TABLE consent_texts (
    text     BLOB    NOT NULL PRIMARY KEY, -- SHA-256
    promise  INTEGER NOT NULL, -- feedback.Promise.Version
    purpose  TEXT NOT NULL,
    language TEXT NOT NULL,
    ward     TEXT NOT NULL
) STRICT;

-- +goose Down
DROP TABLE consent_texts;
