-- What a dump of PostgreSQL asks of the server's catalogue.

-- name: columns
SELECT c.relname, a.attname
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid
WHERE n.nspname = current_schema() AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
ORDER BY c.relname, a.attnum

-- name: references
SELECT c.relname, r.relname
FROM pg_constraint k
JOIN pg_class c ON c.oid = k.conrelid
JOIN pg_class r ON r.oid = k.confrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE k.contype = 'f' AND n.nspname = current_schema() AND c.oid <> r.oid
ORDER BY c.relname, r.relname

-- Statements that put each sequence behind the highest number in its column.
-- name: sequences
SELECT format('SELECT setval(%L, coalesce(max(%I), 0) + 1, false) FROM %I', s.sequence, s.attname, s.relname)
FROM (
    SELECT c.relname, a.attname, pg_get_serial_sequence(quote_ident(c.relname), a.attname) AS sequence
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_attribute a ON a.attrelid = c.oid
    WHERE n.nspname = current_schema() AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
) AS s
WHERE s.sequence IS NOT NULL

-- Statements that say how far each package's tables were brought up to date.
-- name: versions
SELECT format('SELECT max(version_id) FROM %I', c.relname)
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = current_schema() AND c.relkind = 'r' AND c.relname LIKE '%\_migrations'
ORDER BY c.relname

-- name: no scratch
DROP SCHEMA IF EXISTS nghe_scratch CASCADE

-- name: scratch
CREATE SCHEMA nghe_scratch
