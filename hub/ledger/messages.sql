-- Named queries of the ledger's messages and blobs, for both engines.

-- name: put message
INSERT INTO messages (answer, id, receipt, kind, subject, reader) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (id) DO NOTHING
RETURNING answer

-- name: put blob
INSERT INTO blobs (hash, size, named_at) VALUES ($1, $2, $3) ON CONFLICT (hash) DO NOTHING

-- name: put attachment
INSERT INTO attachments (answer, position, hash, size, kind, reader) VALUES ($1, $2, $3, $4, $5, $6)

-- name: put consent
INSERT INTO consents (answer, position, purpose, text) VALUES ($1, $2, $3, $4)

-- name: wipe messages
DELETE FROM messages

-- name: wipe attachments
DELETE FROM attachments

-- name: wipe consents
DELETE FROM consents

-- name: list messages
SELECT s.answer, s.id, s.receipt, s.kind, s.subject, s.reader, s.device, s.journal, s.seq, s.place,
       s.questionnaire, s.question, s.language, s.taken, s.width, s.received_at, s.state, v.choices
FROM shown_messages s JOIN answers a ON a.answer = s.answer JOIN replies v ON v.reply = a.reply
WHERE s.answer < $1
  AND ($2 = '' OR s.kind = $2) AND ($3 = '' OR s.subject = $3) AND ($4 = 0 OR s.reader = $4)
  AND ($5 = '' OR s.place = $5) AND s.taken >= $6 AND s.taken < $7
  AND ($8 = '' OR $8 = (
      SELECT CASE WHEN count(CASE WHEN b.deleted_at = 0 AND (b.stored_at = 0 OR b.size <> x.size) THEN 1 END) > 0 THEN 'incomplete'
                  WHEN count(CASE WHEN b.deleted_at > 0 THEN 1 END) > 0 THEN 'deleted'
                  ELSE 'whole' END
      FROM attachments x JOIN blobs b ON b.hash = x.hash
      WHERE x.answer = s.answer))
ORDER BY s.answer DESC LIMIT $9

-- name: message by id
SELECT s.answer, s.id, s.receipt, s.kind, s.subject, s.reader, s.device, s.journal, s.seq, s.place,
       s.questionnaire, s.question, s.language, s.taken, s.width, s.received_at, s.state, v.choices
FROM shown_messages s JOIN answers a ON a.answer = s.answer JOIN replies v ON v.reply = a.reply
WHERE s.id = $1

-- name: messages of receipt
SELECT s.answer, s.id, s.receipt, s.kind, s.subject, s.reader, s.device, s.journal, s.seq, s.place,
       s.questionnaire, s.question, s.language, s.taken, s.width, s.received_at, s.state, v.choices
FROM shown_messages s JOIN answers a ON a.answer = s.answer JOIN replies v ON v.reply = a.reply
WHERE s.receipt = $1 AND length(s.receipt) > 0
ORDER BY s.answer

-- name: blobs of message
SELECT answer, position, hash, size, kind, reader, true_size, named_at, stored_at, archived_at, deleted_at, id, receipt,
       device, received_at, holder
FROM named_blobs WHERE answer = $1 ORDER BY position

-- name: consents of message
SELECT purpose, text FROM consents WHERE answer = $1 ORDER BY position

-- name: blob
SELECT answer, position, hash, size, kind, reader, true_size, named_at, stored_at, archived_at, deleted_at, id, receipt,
       device, received_at, holder
FROM named_blobs WHERE hash = $1 AND size = true_size
ORDER BY answer, position LIMIT 1

-- name: blobs unarchived
SELECT answer, position, hash, size, kind, reader, true_size, named_at, stored_at, archived_at, deleted_at, id, receipt,
       device, received_at, holder
FROM named_blobs n
WHERE stored_at > 0 AND archived_at = 0 AND deleted_at = 0 AND (CAST($1 AS TEXT) = '' OR holder = $1)
  AND NOT EXISTS (SELECT 1 FROM attachments e WHERE e.hash = n.hash
      AND (e.answer < n.answer OR e.answer = n.answer AND e.position < n.position))
ORDER BY stored_at LIMIT $2

-- name: blobs after
SELECT answer, position, hash, size, kind, reader, true_size, named_at, stored_at, archived_at, deleted_at, id, receipt,
       device, received_at, holder
FROM named_blobs
WHERE deleted_at = 0 AND (answer > $1 OR answer = $1 AND position > $2) AND received_at < $3
ORDER BY answer, position LIMIT 500

-- name: blobs stored
SELECT answer, position, hash, size, kind, reader, true_size, named_at, stored_at, archived_at, deleted_at, id, receipt,
       device, received_at, holder
FROM named_blobs
WHERE deleted_at = 0 AND stored_at > 0 AND stored_at >= $1 AND (stored_at > $1 OR hash > $2)
ORDER BY stored_at, hash LIMIT 500

-- name: blob stored
UPDATE blobs SET stored_at = $1, holder = $2, lost_at = 0
WHERE hash = $3 AND deleted_at = 0 AND (stored_at = 0 OR archived_at = 0 AND holder <> $2)

-- name: blob lost
UPDATE blobs SET stored_at = 0, archived_at = 0, holder = ''
WHERE hash = $1 AND deleted_at = 0 AND (CAST($2 AS TEXT) = '' OR holder = $2)

-- name: blob missed
UPDATE blobs SET stored_at = 0, archived_at = 0, holder = '', lost_at = $1
WHERE hash = $2 AND archived_at > 0 AND deleted_at = 0
RETURNING size

-- name: blobs shelved
SELECT hash, size, stored_at, archived_at, deleted_at, lost_at FROM blobs WHERE hash > $1 ORDER BY hash LIMIT 500

-- name: blobs lost of device
SELECT hash, size, stored_at, archived_at, deleted_at, lost_at FROM blobs b
WHERE lost_at > 0 AND EXISTS (SELECT 1 FROM attachments x JOIN segments s ON s.segment = x.answer / 32768
    JOIN journals j ON j.journal = s.journal WHERE x.hash = b.hash AND j.device = $1)
ORDER BY hash LIMIT 1000

-- name: blob archived
UPDATE blobs SET archived_at = $1, lost_at = 0, stored_at = CASE WHEN stored_at = 0 THEN $1 ELSE stored_at END
WHERE hash = $2 AND archived_at = 0 AND deleted_at = 0

-- name: blob deleted
UPDATE blobs SET deleted_at = $1, lost_at = 0 WHERE hash = $2 AND deleted_at = 0

-- name: blob known
SELECT deleted_at FROM blobs WHERE hash = $1

-- name: blob totals
SELECT count(*), count(CASE WHEN deleted_at > 0 THEN 1 END),
       count(CASE WHEN archived_at > 0 AND deleted_at = 0 THEN 1 END),
       CAST(coalesce(sum(CASE WHEN archived_at > 0 AND deleted_at = 0 THEN size END), 0) AS BIGINT),
       count(CASE WHEN stored_at > 0 AND archived_at = 0 AND deleted_at = 0 THEN 1 END),
       CAST(coalesce(sum(CASE WHEN stored_at > 0 AND archived_at = 0 AND deleted_at = 0 THEN size END), 0) AS BIGINT),
       coalesce(min(CASE WHEN stored_at > 0 AND archived_at = 0 AND deleted_at = 0 THEN stored_at END), 0),
       count(CASE WHEN stored_at = 0 AND deleted_at = 0 THEN 1 END),
       coalesce(min(CASE WHEN stored_at = 0 AND deleted_at = 0 THEN named_at END), 0),
       count(CASE WHEN lost_at > 0 THEN 1 END),
       coalesce(min(CASE WHEN lost_at > 0 THEN lost_at END), 0)
FROM blobs

-- name: audit message
SELECT id, receipt, kind, subject, reader FROM messages WHERE answer = $1

-- name: audit attachments
SELECT position, hash, size, kind, reader FROM attachments WHERE answer = $1 ORDER BY position

-- name: audit messages
SELECT (SELECT count(*) FROM messages), (SELECT count(*) FROM attachments), (SELECT count(*) FROM consents),
       (SELECT count(*) FROM attachments x WHERE NOT EXISTS (SELECT 1 FROM blobs b WHERE b.hash = x.hash)),
       (SELECT count(*) FROM blobs b WHERE NOT EXISTS (
           SELECT 1 FROM attachments x JOIN segments s ON s.segment = x.answer / 32768
           WHERE x.hash = b.hash AND x.size = b.size AND s.received_at = b.named_at))

-- name: audit consents
SELECT position, purpose, text FROM consents WHERE answer = $1 ORDER BY position
