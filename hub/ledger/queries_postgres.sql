-- name: check engine
SHOW data_checksums

-- One writer of the ledger at a time, whichever hub it is in. A row lock, not
-- an advisory one: engines that speak PostgreSQL's protocol have those too.
-- name: lock
SELECT value FROM meta WHERE name = 'epoch' FOR UPDATE

-- name: put answers
INSERT INTO answers (answer, id, uptime, reply, state)
SELECT * FROM unnest($1::bigint[], $2::bytea[], $3::bigint[], $4::bigint[], $5::bigint[])
ON CONFLICT (id) DO NOTHING

-- name: add counts
INSERT INTO counts (place, hour, reply, n, flagged)
SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[])
ON CONFLICT (place, hour, reply) DO UPDATE SET n = counts.n + excluded.n, flagged = counts.flagged + excluded.flagged
