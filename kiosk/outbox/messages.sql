-- name: find released
SELECT body FROM released WHERE request = :request;

-- name: note released
INSERT INTO released (request, body, day) VALUES (:request, :body, :day);

-- A day in the future means that the clock was wrong: it protects nothing.
-- name: forgettable
SELECT request FROM released WHERE NOT (day >= :since AND day <= :today);

-- name: forget released
DELETE FROM released WHERE request = :request;

-- name: name blob
INSERT INTO blob (hash, receipt) VALUES (:hash, :receipt);

-- name: names
SELECT 1 FROM blob WHERE hash = :hash;

-- name: forget blob
DELETE FROM blob WHERE hash = :hash;

-- name: all blobs
SELECT hash FROM blob;

-- name: blobs of receipt
SELECT hash FROM blob WHERE receipt = :receipt;

-- name: pages
SELECT (SELECT page_count FROM pragma_page_count) - (SELECT freelist_count FROM pragma_freelist_count),
       (SELECT freelist_count FROM pragma_freelist_count), (SELECT page_size FROM pragma_page_size);

-- The newest record, and the one :most before it or the first one held.
-- name: pace
SELECT b.seq - a.seq, b.wall - a.wall FROM record AS a, record AS b
WHERE b.seq = (SELECT max(seq) FROM record)
  AND a.seq = (SELECT min(seq) FROM record WHERE seq >= b.seq - :most);
