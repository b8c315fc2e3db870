-- All of this is of held.db; blob is a table of both files.

-- name: find held
SELECT body FROM held WHERE request = :request;

-- name: hold
INSERT INTO held (request, body, day, due, bytes, sum) VALUES (:request, :body, :day, :due, :bytes, :sum);

-- name: name held blob
INSERT INTO blob (hash, receipt, request) VALUES (:hash, :receipt, :request);

-- name: held messages
SELECT count(*) FROM held WHERE due IS NOT NULL;

-- name: due
SELECT request, body, day, bytes, sum FROM held WHERE due <= :ran ORDER BY due LIMIT 1;

-- name: blobs of held
SELECT hash, receipt FROM blob WHERE request = :request;

-- name: leave behind
UPDATE held SET due = NULL WHERE request = :request;

-- name: let go of blobs
DELETE FROM blob WHERE request = :request;

-- name: let go
DELETE FROM held WHERE request = :request;

-- name: ran
SELECT ran FROM run;

-- name: run on
UPDATE run SET ran = :ran;
