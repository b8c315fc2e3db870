-- name: first
INSERT INTO operators (name, password, roles, created_us, changed_us)
SELECT CAST($1 AS TEXT), CAST($2 AS TEXT), CAST($3 AS TEXT), CAST($4 AS BIGINT), CAST($5 AS BIGINT)
WHERE NOT EXISTS (SELECT 1 FROM operators)
ON CONFLICT DO NOTHING

-- name: count
SELECT count(*) FROM operators

-- name: create
INSERT INTO operators (name, password, roles, created_us, changed_us)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT DO NOTHING

-- name: get
SELECT name, password, roles, created_us, changed_us, coalesce(disabled_us, 0)
FROM operators WHERE name = $1

-- name: list
SELECT name, password, roles, created_us, changed_us, coalesce(disabled_us, 0)
FROM operators ORDER BY name

-- name: set password
UPDATE operators SET password = $1, changed_us = $2 WHERE name = $3

-- name: rehash
UPDATE operators SET password = $1 WHERE name = $2 AND password = $3

-- name: set roles
UPDATE operators SET roles = $1 WHERE name = $2

-- name: set disabled
UPDATE operators SET disabled_us = $1 WHERE name = $2

-- name: active admins
SELECT count(*) FROM operators
WHERE disabled_us IS NULL AND ' ' || roles || ' ' LIKE '% admin %'

-- name: find session
SELECT s.data, s.begun_us, s.seen_us
FROM operator_sessions s JOIN operators o ON o.name = s.operator
WHERE s.token = $1 AND o.disabled_us IS NULL

-- name: commit session
INSERT INTO operator_sessions (token, operator, data, begun_us, seen_us)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (token) DO UPDATE SET operator = excluded.operator, data = excluded.data, seen_us = excluded.seen_us

-- name: touch session
UPDATE operator_sessions SET seen_us = $1 WHERE token = $2

-- name: delete session
DELETE FROM operator_sessions WHERE token = $1

-- name: delete sessions of
DELETE FROM operator_sessions WHERE operator = $1

-- name: delete ended sessions
DELETE FROM operator_sessions WHERE seen_us < $1 OR begun_us < $2

-- name: add event
INSERT INTO operator_events (at_us, kind, operator, actor, remote, detail)
VALUES ($1, $2, $3, $4, $5, $6)

-- name: events
SELECT id, at_us, kind, operator, actor, remote, detail
FROM operator_events WHERE id < $1 ORDER BY id DESC LIMIT $2

-- name: events by
SELECT id, at_us, kind, operator, actor, remote, detail
FROM operator_events WHERE actor = $1 AND kind = $2 AND at_us >= $3 ORDER BY id DESC LIMIT 500
