-- Named queries of the backup, for both engines.

-- name: note
INSERT INTO backup_notes (name, text) VALUES ($1, $2)
ON CONFLICT (name) DO UPDATE SET text = excluded.text

-- name: notes
SELECT name, text FROM backup_notes
