-- name: next change
UPDATE cases_counter SET n = n + 1 WHERE one = 1 RETURNING n

-- name: keep receipt
INSERT INTO cases_receipts (tag, key, record) VALUES ($1, $2, $3)
ON CONFLICT (tag) DO UPDATE SET record = excluded.record
WHERE length(cases_receipts.record) = 0

-- name: receipt
SELECT key FROM cases_receipts WHERE tag = $1

-- name: receipt record
SELECT record FROM cases_receipts WHERE tag = $1

-- name: case
SELECT tag, record, state, version, note, updated_us, actor FROM cases_states WHERE tag = $1

-- name: cases
SELECT tag, record, state, version, note, updated_us, actor FROM cases_states
WHERE tag > $1 ORDER BY tag LIMIT $2

-- name: put case
INSERT INTO cases_states (tag, record, state, version, note, box, updated_us, actor, changed)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (tag) DO UPDATE SET record = excluded.record, state = excluded.state, version = excluded.version, note = excluded.note,
    box = excluded.box, updated_us = excluded.updated_us, actor = excluded.actor, changed = excluded.changed

-- name: name record
UPDATE cases_states SET record = $1 WHERE tag = $2 AND length(record) = 0

-- name: add event
INSERT INTO cases_events (tag, version, state, note, at_us, actor) VALUES ($1, $2, $3, $4, $5, $6)

-- name: events
SELECT version, state, note, at_us, actor FROM cases_events WHERE tag = $1 ORDER BY version

-- name: boxes
SELECT tag, box, changed FROM cases_states WHERE changed > $1 ORDER BY changed LIMIT $2

-- name: forget receipt
DELETE FROM cases_receipts WHERE tag = $1

-- name: forget case
DELETE FROM cases_states WHERE tag = $1

-- name: forget events
DELETE FROM cases_events WHERE tag = $1
