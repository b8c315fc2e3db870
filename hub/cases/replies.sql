-- name: put reply
INSERT INTO cases_replies (record, number, tag, version, reopen, score, place, said_us, day_only, outcome, made)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
ON CONFLICT (record) DO UPDATE SET outcome = excluded.outcome, made = excluded.made

-- name: outcome
SELECT outcome FROM cases_replies WHERE record = $1

-- name: provable
SELECT r.record FROM cases_replies r WHERE r.outcome = 'unproven'
AND EXISTS (SELECT 1 FROM cases_receipts k WHERE k.tag = r.tag) ORDER BY r.number LIMIT 500

-- name: replies of
SELECT number, record, tag, version, reopen, score, place, said_us, day_only, outcome, made FROM cases_replies
WHERE tag = $1 ORDER BY number

-- name: replies before
SELECT number, record, tag, version, reopen, score, place, said_us, day_only, outcome, made FROM cases_replies
WHERE number < $1 ORDER BY number DESC LIMIT $2

-- name: replies that count
SELECT number, record, tag, version, reopen, score, place, said_us, day_only, outcome, made FROM cases_replies
WHERE outcome IN ('applied', 'unchanged') ORDER BY number
