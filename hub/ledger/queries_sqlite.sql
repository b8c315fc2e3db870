-- name: check engine
PRAGMA integrity_check(1)

-- name: lock
SELECT value FROM meta WHERE name = 'epoch'

-- name: put answers
INSERT INTO answers (answer, id, uptime, reply, state) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (id) DO NOTHING

-- name: add counts
INSERT INTO counts (place, hour, reply, n, flagged) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (place, hour, reply) DO UPDATE SET n = counts.n + excluded.n, flagged = counts.flagged + excluded.flagged
