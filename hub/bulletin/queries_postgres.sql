-- name: put items
INSERT INTO bulletin_items (kind, key, value, version)
SELECT * FROM unnest($1::bigint[], $2::bytea[], $3::bytea[], $4::bigint[])
ON CONFLICT (kind, key) DO UPDATE SET value = excluded.value, version = excluded.version
WHERE bulletin_items.value <> excluded.value
