-- name: head
SELECT version, cases, edits, taken, whole FROM bulletin_head

-- name: lock head
UPDATE bulletin_head SET version = version RETURNING version, cases, edits, taken, whole

-- name: move head
UPDATE bulletin_head SET version = $1, cases = $2, taken = $3, whole = $4

-- name: count edit
UPDATE bulletin_head SET edits = edits + 1

-- name: content
SELECT body FROM bulletin_content

-- name: put content
INSERT INTO bulletin_content (one, body, at_us, actor) VALUES (1, $1, $2, $3)
ON CONFLICT (one) DO UPDATE SET body = excluded.body, at_us = excluded.at_us, actor = excluded.actor

-- name: sheet
SELECT body, version FROM bulletin_sheet

-- name: put sheet
INSERT INTO bulletin_sheet (one, body, version) VALUES (1, $1, $2)
ON CONFLICT (one) DO UPDATE SET body = excluded.body, version = excluded.version

-- name: questionnaires
SELECT id, version, digest FROM bulletin_questionnaires

-- name: asked
SELECT text FROM bulletin_questionnaires ORDER BY id, version

-- name: add questionnaire
INSERT INTO bulletin_questionnaires (id, version, digest, text, at_us) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (id, version) DO NOTHING

-- name: put items
INSERT INTO bulletin_items (kind, key, value, version) VALUES ($1, $2, $3, $4)
ON CONFLICT (kind, key) DO UPDATE SET value = excluded.value, version = excluded.version
WHERE bulletin_items.value <> excluded.value

-- name: forget items
DELETE FROM bulletin_items

-- name: known items
SELECT key FROM bulletin_items WHERE kind = $1

-- name: items
SELECT kind, key, value, version FROM bulletin_items WHERE version > $1 ORDER BY version, kind, key LIMIT $2

-- name: orders
SELECT id, kind, device, issued_us, until_us, actor FROM bulletin_orders
WHERE cancelled = 0 AND until_us > $1 ORDER BY issued_us, id

-- name: add order
INSERT INTO bulletin_orders (id, kind, device, issued_us, until_us, actor, cancelled) VALUES ($1, $2, $3, $4, $5, $6, 0)

-- name: cancel order
UPDATE bulletin_orders SET cancelled = 1 WHERE id = $1 AND cancelled = 0 AND until_us > $2

-- name: recordings
SELECT name, sound FROM bulletin_recordings ORDER BY name

-- name: told recordings
SELECT key, substr(value, 1, $1) FROM bulletin_items WHERE kind = $2

-- name: drop recordings
DELETE FROM bulletin_recordings

-- name: add recording
INSERT INTO bulletin_recordings (name, sound) VALUES ($1, $2)
