-- name: keep receipt
INSERT INTO receipt (tag, named) VALUES (:tag, :named) ON CONFLICT (tag) DO UPDATE SET named = max(named, excluded.named);

-- name: receipt
SELECT named FROM receipt WHERE tag = :tag;

-- name: keep claim
INSERT INTO claim (tag, about, version, reopen) VALUES (:tag, :about, :version, :reopen)
ON CONFLICT (tag, about) DO UPDATE SET version = excluded.version, reopen = excluded.reopen;

-- name: claims
SELECT about, version, reopen FROM claim WHERE tag = :tag ORDER BY about;

-- name: forget receipt
DELETE FROM receipt WHERE tag = :tag;

-- name: forget claims
DELETE FROM claim WHERE tag = :tag;

-- The rest is of held.db.

-- name: any held blob
SELECT 1 FROM blob WHERE receipt = :tag LIMIT 1;

-- name: held records
SELECT bytes FROM held WHERE due IS NOT NULL;
