-- Named queries of the ledger's audit, for both engines.

-- name: sum
SELECT n, last, digest FROM sums WHERE name = $1

-- name: move sum
UPDATE sums SET n = $1, last = $2, digest = $3 WHERE name = $4

-- name: sums to begin
SELECT count(*) FROM sums WHERE n = -1

-- name: rows of events
SELECT event, at, kind, device, journal, seq, detail FROM events ORDER BY event

-- name: rows of arrivals
SELECT segment, journal, received_at FROM segments ORDER BY segment

-- name: rows of journals
SELECT journal, name, branch, device, base_seq, base_chain, first_seen FROM journals ORDER BY journal

-- name: last restore
SELECT detail FROM events WHERE kind = 'restore' ORDER BY event DESC LIMIT 1

-- name: audit clock
SELECT boot, seq, cause, uptime, wall, hub, width FROM clocks WHERE id = $1

-- name: audit fork
SELECT id, parent, cause, head_seq, head_chain, hub_seq, hub_chain FROM forks WHERE journal = $1 AND seq = $2

-- name: audit quarantined
SELECT journal, seq, at, bytes FROM quarantine WHERE id = $1

-- name: audit rows
SELECT (SELECT count(*) FROM clocks), (SELECT count(*) FROM holes), (SELECT count(*) FROM runs)

-- name: segments that came at
SELECT count(*) FROM segments WHERE received_at = $1

-- name: drop amendments of boot
DELETE FROM amendments WHERE boot = $1
