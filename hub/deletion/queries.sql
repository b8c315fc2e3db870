-- Named queries of deletions, for both engines.

-- name: put
INSERT INTO deletions (kind, name, asked_us, actor, reason, rule, told, marked_us, done_us)
VALUES ($1, $2, $3, $4, $5, $6, $7, 0, 0)
ON CONFLICT (kind, name) DO NOTHING

-- name: find
SELECT deletion, kind, name, asked_us, actor, reason, rule, marked_us, done_us FROM deletions WHERE kind = $1 AND name = $2

-- name: tell
UPDATE deletions SET told = 1 WHERE kind = $1 AND name = $2

-- name: undone
SELECT deletion, kind, name, asked_us, actor, reason, rule, marked_us, done_us FROM deletions
WHERE done_us = 0 AND deletion > $1 ORDER BY deletion LIMIT 100

-- name: receipts
SELECT deletion, kind, name, asked_us, actor, reason, rule, marked_us, done_us FROM deletions
WHERE kind = 2 AND deletion > $1 ORDER BY deletion LIMIT 100

-- name: list
SELECT deletion, kind, name, asked_us, actor, reason, rule, marked_us, done_us FROM deletions
WHERE deletion < $1 ORDER BY deletion DESC LIMIT $2

-- name: told
SELECT kind, name FROM deletions WHERE told = 1 ORDER BY deletion

-- name: any undone
SELECT count(*) FROM (SELECT 1 AS found FROM deletions WHERE done_us = 0 LIMIT 1) AS d

-- name: any unchecked
SELECT count(*) FROM (SELECT 1 AS found FROM deleted_blobs WHERE checked_us = 0 AND gone_us > 0 AND gone_us < $1 LIMIT 1) AS b

-- name: marked
UPDATE deletions SET marked_us = $1 WHERE deletion = $2

-- name: done
UPDATE deletions SET done_us = $1 WHERE deletion = $2

-- name: put blob
INSERT INTO deleted_blobs (hash, deletion, size, kind, record, gone_us, checked_us)
VALUES ($1, $2, $3, $4, $5, 0, 0)
ON CONFLICT (deletion, hash) DO UPDATE SET size = excluded.size, kind = excluded.kind, record = excluded.record
WHERE deleted_blobs.size = 0

-- name: blobs of
SELECT deletion, hash, size, kind, record, gone_us, checked_us FROM deleted_blobs WHERE deletion = $1 ORDER BY hash

-- name: unchecked
SELECT deletion, hash, size, kind, record, gone_us, checked_us FROM deleted_blobs
WHERE checked_us = 0 AND gone_us > 0 AND gone_us < $1 ORDER BY deletion, hash LIMIT 500

-- name: unnamed
SELECT deletion, hash, size, kind, record, gone_us, checked_us FROM deleted_blobs WHERE size = 0 ORDER BY deletion, hash LIMIT 500

-- name: gone
UPDATE deleted_blobs SET gone_us = $1, checked_us = 0 WHERE deletion = $2 AND hash = $3

-- name: checked
UPDATE deleted_blobs SET checked_us = $1 WHERE deletion = $2 AND hash = $3

-- name: named
UPDATE deleted_blobs SET size = $1, kind = $2, record = $3 WHERE deletion = $4 AND hash = $5

-- name: undo done
UPDATE deletions SET done_us = 0, marked_us = 0

-- name: undo gone
UPDATE deleted_blobs SET gone_us = 0, checked_us = 0

-- name: text
SELECT promise, purpose, language, ward FROM consent_texts WHERE text = $1

-- name: note text
INSERT INTO consent_texts (text, promise, purpose, language, ward) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (text) DO NOTHING

-- name: retention
SELECT proven_us, looked_us, waits, waiting, waits_us, confirmed_us, confirmed_by FROM retention

-- name: looked
UPDATE retention SET proven_us = $1, looked_us = $2, waits = $3, waiting = $4, waits_us = $5

-- name: confirm
UPDATE retention SET confirmed_us = $1, confirmed_by = $2

-- name: arrivals
SELECT hash, from_us FROM arrivals

-- name: put arrival
INSERT INTO arrivals (hash, from_us) VALUES ($1, $2) ON CONFLICT (hash) DO UPDATE SET from_us = excluded.from_us
