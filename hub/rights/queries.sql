-- Named queries of rights, for both engines.

-- name: put
INSERT INTO rights_requests (record, tag, about, place, asked_us, day_only, received_us, proof,
    acknowledged_us, acknowledged_by, told, settled_us, settled_by, refused, answer)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, '', '', 0, '', 0, '')
ON CONFLICT (record) DO NOTHING

-- name: known
SELECT count(*) FROM rights_requests WHERE record = $1

-- name: open
SELECT request, record, tag, about, place, asked_us, day_only, received_us, proof, acknowledged_us, acknowledged_by, told,
       settled_us, settled_by, refused, answer
FROM rights_requests WHERE settled_us = 0 AND proof <> 'forged' ORDER BY asked_us, request LIMIT 1000

-- name: waiting by day
SELECT about, acknowledged, min(asked_us), count(*)
FROM (SELECT about, asked_us, CASE WHEN acknowledged_us > 0 THEN 1 ELSE 0 END AS acknowledged,
             row_number() OVER (PARTITION BY tag, about, proof ORDER BY asked_us, request) AS time
      FROM rights_requests WHERE settled_us = 0 AND proof <> 'forged') AS waiting
WHERE time = 1 GROUP BY about, acknowledged, (asked_us + $1) / 86400000000

-- name: settled
SELECT request, record, tag, about, place, asked_us, day_only, received_us, proof, acknowledged_us, acknowledged_by, told,
       settled_us, settled_by, refused, answer
FROM rights_requests WHERE settled_us > 0 ORDER BY settled_us DESC, request DESC LIMIT $1

-- name: forged
SELECT request, record, tag, about, place, asked_us, day_only, received_us, proof, acknowledged_us, acknowledged_by, told,
       settled_us, settled_by, refused, answer
FROM rights_requests WHERE proof = 'forged' ORDER BY request DESC LIMIT $1

-- name: request
SELECT request, record, tag, about, place, asked_us, day_only, received_us, proof, acknowledged_us, acknowledged_by, told,
       settled_us, settled_by, refused, answer
FROM rights_requests WHERE request = $1

-- name: of receipt
SELECT request, record, tag, about, place, asked_us, day_only, received_us, proof, acknowledged_us, acknowledged_by, told,
       settled_us, settled_by, refused, answer
FROM rights_requests WHERE tag = $1 AND proof <> 'forged' ORDER BY request

-- name: unproven
SELECT record FROM rights_requests WHERE settled_us = 0 AND proof = 'unknown' ORDER BY request DESC LIMIT 1000

-- name: prove
UPDATE rights_requests SET proof = $1 WHERE record = $2 AND proof = 'unknown'

-- name: acknowledge
UPDATE rights_requests SET acknowledged_us = $1, acknowledged_by = $2, told = $3
WHERE tag = $4 AND about = $5 AND proof = $6 AND settled_us = 0 AND acknowledged_us = 0

-- name: settle
UPDATE rights_requests SET settled_us = $1, settled_by = $2, refused = $3, answer = $4, told = $5
WHERE tag = $6 AND about = $7 AND proof = $8 AND settled_us = 0

-- name: forget answers
UPDATE rights_requests SET answer = '', told = '' WHERE tag = $1 AND (answer <> '' OR told <> '')
