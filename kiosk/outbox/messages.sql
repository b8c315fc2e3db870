-- name: find held
SELECT body FROM held WHERE request = :request;

-- name: hold
INSERT INTO held (request, body, day, due, bytes, sum) VALUES (:request, :body, :day, :due, :bytes, :sum);

-- name: name blob
INSERT INTO blob (hash, receipt, request) VALUES (:hash, :receipt, :request);

-- name: names
SELECT request IS NOT NULL FROM blob WHERE hash = :hash;

-- name: forget blob
DELETE FROM blob WHERE hash = :hash;

-- name: all blobs
SELECT hash FROM blob;

-- name: blobs of receipt
SELECT hash FROM blob WHERE receipt = :receipt;

-- name: held messages
SELECT count(*) FROM held WHERE due IS NOT NULL;

-- name: due
SELECT request, bytes, sum FROM held WHERE due <= :ran ORDER BY due LIMIT 1;

-- name: release
UPDATE held SET due = NULL, bytes = NULL, sum = NULL WHERE request = :request;

-- name: leave behind
UPDATE held SET due = NULL WHERE request = :request;

-- name: release blobs
UPDATE blob SET request = NULL WHERE request = :request;

-- A day in the future means that the clock was wrong: it protects nothing.
-- name: forget released
DELETE FROM held WHERE due IS NULL AND bytes IS NULL AND NOT (day >= :since AND day <= :today);

-- name: ran
SELECT ran FROM run;

-- name: run on
UPDATE run SET ran = :ran;

-- name: pages
SELECT (SELECT page_count FROM pragma_page_count) - (SELECT freelist_count FROM pragma_freelist_count),
       (SELECT freelist_count FROM pragma_freelist_count), (SELECT page_size FROM pragma_page_size);

-- The newest record, and the one :most before it or the first one held.
-- name: pace
SELECT b.seq - a.seq, b.wall - a.wall FROM record AS a, record AS b
WHERE b.seq = (SELECT max(seq) FROM record)
  AND a.seq = (SELECT min(seq) FROM record WHERE seq >= b.seq - :most);
