-- Named queries of what was said by receipt code, for both engines.

-- name: put claim
INSERT INTO claims (claim, id, uptime, receipt, about, version, reopen, score, mac)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (id) DO NOTHING

-- name: wipe claims
DELETE FROM claims

-- name: replies after
SELECT claim, id, receipt, about, version, reopen, score, mac, device, place, taken, width, received_at, day_only
FROM shown_claims WHERE about = '' AND claim > $1 ORDER BY claim LIMIT 500

-- name: rights after
SELECT claim, id, receipt, about, version, reopen, score, mac, device, place, taken, width, received_at, day_only
FROM shown_claims WHERE about <> '' AND claim > $1 ORDER BY claim LIMIT 500

-- name: claim
SELECT claim, id, receipt, about, version, reopen, score, mac, device, place, taken, width, received_at, day_only
FROM shown_claims WHERE id = $1

-- name: last claim
SELECT coalesce(max(claim), 0) FROM claims

-- name: audit claim
SELECT id, uptime, receipt, about, version, reopen, score, mac FROM claims WHERE claim = $1

-- name: number of claim
SELECT claim FROM claims WHERE id = $1

-- name: audit claims
SELECT (SELECT count(*) FROM claims), (SELECT count(*) FROM shown_claims)
