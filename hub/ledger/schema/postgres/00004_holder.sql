-- +goose Up

-- Several hubs may share a database, each with a disk of its own.
ALTER TABLE blobs ADD COLUMN holder TEXT NOT NULL DEFAULT ''; -- hub on whose disk the blob is; empty: there is one hub

DROP VIEW named_blobs;
CREATE VIEW named_blobs AS
SELECT x.answer, x.position, x.hash, x.size, x.kind, x.reader, b.size AS true_size,
       b.named_at, b.stored_at, b.archived_at, b.deleted_at, m.id, m.receipt, j.device, s.received_at, b.holder
FROM attachments x
JOIN blobs b ON b.hash = x.hash
JOIN messages m ON m.answer = x.answer
JOIN segments s ON s.segment = x.answer / 32768
JOIN journals j ON j.journal = s.journal;

-- +goose Down
DROP VIEW named_blobs;
ALTER TABLE blobs DROP COLUMN holder;
