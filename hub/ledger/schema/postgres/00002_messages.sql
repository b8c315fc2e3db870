-- +goose Up

-- What happened to the bytes of each sealed blob that a record names: no record
-- tells it, so a rebuild leaves it alone.
CREATE TABLE blobs (
    hash        BYTEA PRIMARY KEY, -- SHA-256 of the sealed bytes
    size        BIGINT NOT NULL, -- as the record that named it first says
    named_at    BIGINT NOT NULL, -- when that record arrived
    stored_at   BIGINT NOT NULL DEFAULT 0, -- whole and verified on the hub's disk; 0: not here
    archived_at BIGINT NOT NULL DEFAULT 0, -- read back from storage off the hub's disk; 0: not there
    deleted_at  BIGINT NOT NULL DEFAULT 0  -- deleted by law or by age, everywhere and for ever; 0: kept
);
CREATE INDEX blobs_waiting ON blobs (stored_at) WHERE stored_at > 0 AND archived_at = 0 AND deleted_at = 0;
CREATE INDEX blobs_missing ON blobs (named_at) WHERE stored_at = 0 AND deleted_at = 0;

-- Everything below can be made again from the segments.

-- Answers that name blobs or a receipt, numbered as in answers.
CREATE TABLE messages (
    answer  BIGINT PRIMARY KEY,
    id      BYTEA NOT NULL UNIQUE,
    receipt BYTEA NOT NULL,    -- tag of the receipt, or empty
    kind    TEXT NOT NULL,    -- first choice of the message form; empty in any other
    subject TEXT NOT NULL,    -- its second choice, or empty
    reader  BIGINT NOT NULL  -- feedback.Reader; named, when any blob is; 0 without blobs
);
CREATE INDEX messages_receipt ON messages (receipt) WHERE length(receipt) > 0;

-- The blobs of a message, as its record lists them.
CREATE TABLE attachments (
    answer   BIGINT NOT NULL,
    position BIGINT NOT NULL, -- in the record, counted from 0
    hash     BYTEA NOT NULL,
    size     BIGINT NOT NULL,
    kind     BIGINT NOT NULL, -- feedback.AttachmentKind
    reader   BIGINT NOT NULL, -- feedback.Reader
    PRIMARY KEY (answer, position)
);
CREATE INDEX attachments_hash ON attachments (hash);

-- What a resident agreed to: the proof is the hash of the text shown.
CREATE TABLE consents (
    answer   BIGINT NOT NULL,
    position BIGINT NOT NULL,
    purpose  TEXT NOT NULL,
    text     BYTEA NOT NULL, -- SHA-256
    PRIMARY KEY (answer, position)
);

-- Blobs with the records that name them.
CREATE VIEW named_blobs AS
SELECT x.answer, x.position, x.hash, x.size, x.kind, x.reader, b.size AS true_size,
       b.named_at, b.stored_at, b.archived_at, b.deleted_at, m.id, m.receipt, j.device, s.received_at
FROM attachments x
JOIN blobs b ON b.hash = x.hash
JOIN messages m ON m.answer = x.answer
JOIN segments s ON s.segment = x.answer / 32768
JOIN journals j ON j.journal = s.journal;

-- Messages as people see them: nothing of what is in them.
CREATE VIEW shown_messages AS
SELECT m.answer, m.id, m.receipt, m.kind, m.subject, m.reader, s.device, s.journal, s.seq, s.place,
       s.questionnaire, s.question, s.language, s.taken, s.width, s.received_at, s.state
FROM messages m
JOIN shown s ON s.answer = m.answer;
