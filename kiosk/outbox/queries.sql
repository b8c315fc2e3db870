-- name: branch
SELECT j.id, j.base_seq, j.base_chain, j.floor_seq, j.floor_chain,
       coalesce(r.seq, j.floor_seq), coalesce(r.chain, j.floor_chain),
       j.received_seq, j.received_chain, j.safe_seq, j.safe_chain, j.epoch, j.floor_epoch
FROM journal AS j LEFT JOIN record AS r ON r.seq = (SELECT max(seq) FROM record);

-- name: begin journal
INSERT INTO journal (only, id, base_seq, base_chain, floor_seq, floor_chain, floor_reach, floor_epoch,
                     received_seq, received_chain, safe_seq, safe_chain, epoch)
VALUES (1, :id, 0, :genesis, 0, :genesis, 0, 0, 0, :genesis, 0, :genesis, 0);

-- name: fork journal
UPDATE journal SET id = :id, base_seq = floor_seq, base_chain = floor_chain,
                   received_seq = floor_seq, received_chain = floor_chain,
                   safe_seq = floor_seq, safe_chain = floor_chain;

-- name: move marks
UPDATE journal SET received_seq = :received_seq, received_chain = :received_chain,
                   safe_seq = :safe_seq, safe_chain = :safe_chain, epoch = :epoch;

-- name: head
SELECT coalesce(r.seq, j.floor_seq), coalesce(r.chain, j.floor_chain), coalesce(r.reach, j.floor_reach)
FROM journal AS j LEFT JOIN record AS r ON r.seq = (SELECT max(seq) FROM record);

-- name: append
INSERT INTO record (seq, chain, bytes, reach, wall) VALUES (:seq, :chain, :bytes, :reach, :wall);

-- name: find request
SELECT body, seq, rid FROM request WHERE id = :id;

-- name: keep request
INSERT INTO request (id, body, seq, rid, wall) VALUES (:id, :body, :seq, :rid, :wall);

-- A page repeats within seconds; 48 hours and 10,000 requests are far beyond.
-- A time in the future means that the clock was wrong: it protects nothing.
-- name: forget requests
DELETE FROM request WHERE seq <= :seq AND NOT (wall > :since AND wall <= :now);

-- name: chain at
SELECT chain FROM record WHERE seq = :seq
UNION ALL SELECT floor_chain FROM journal WHERE floor_seq = :seq;

-- name: read
SELECT seq, chain, bytes FROM record WHERE seq > :after ORDER BY seq LIMIT :most;

-- name: newest
SELECT chain, bytes, wall FROM record ORDER BY seq DESC LIMIT :most;

-- name: backlog
SELECT (SELECT max(seq) FROM record) - first.seq + 1,
       (SELECT reach FROM record ORDER BY seq DESC LIMIT 1) - first.reach + length(first.bytes),
       first.wall
FROM record AS first
WHERE first.seq = (SELECT received_seq + 1 FROM journal);

-- The last record before the first one too young to go, at most :most away
-- from the floor and never beyond safe. A time in the future means that the
-- clock was wrong, and counts as old: what guards a record is safe.
-- name: prunable
WITH span AS (SELECT floor_seq AS low, min(safe_seq, floor_seq + :most) AS high FROM journal),
     upto AS (SELECT coalesce((SELECT min(r.seq) - 1 FROM record AS r, span
                               WHERE r.seq > low AND r.seq <= high AND r.wall > :since AND r.wall <= :now),
                              high) AS seq FROM span)
SELECT r.seq, r.chain, r.reach FROM record AS r, upto WHERE r.seq = upto.seq;

-- name: prune
DELETE FROM record WHERE seq <= :seq;

-- name: raise floor
UPDATE journal SET floor_seq = :seq, floor_chain = :chain, floor_reach = :reach, floor_epoch = epoch;
