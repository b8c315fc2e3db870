-- +goose Up
-- What residents may have agreed to: a record names the hash of the text they
-- read. Rows stay when a ward is renamed or merged.
CREATE TABLE consent_texts (
    text     BYTEA   NOT NULL PRIMARY KEY, -- SHA-256
    promise  BIGINT  NOT NULL, -- feedback.Promise.Version
    purpose  TEXT NOT NULL,
    language TEXT NOT NULL,
    ward     TEXT NOT NULL
);

-- +goose Down
DROP TABLE consent_texts;
