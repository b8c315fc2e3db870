-- Named queries of the ledger, for both engines. 4611686018427387904 is 2^62,
-- the end of a run that is still going on.

-- name: epoch
SELECT value FROM meta WHERE name = 'epoch'

-- name: raise epoch
UPDATE meta SET value = value + 1 WHERE name = 'epoch'

-- name: journal by name
SELECT j.journal, j.name, j.branch, j.device, j.base_seq, j.base_chain, j.received_seq, j.received_chain,
       j.safe_seq, j.safe_chain, coalesce(r.boot, 0)
FROM journals j
LEFT JOIN runs r ON r.journal = j.journal AND r.until_seq = 4611686018427387904
WHERE j.name = $1
ORDER BY j.branch

-- name: journal by number
SELECT j.journal, j.name, j.branch, j.device, j.base_seq, j.base_chain, j.received_seq, j.received_chain,
       j.safe_seq, j.safe_chain, coalesce(r.boot, 0)
FROM journals j
LEFT JOIN runs r ON r.journal = j.journal AND r.until_seq = 4611686018427387904
WHERE j.journal = $1

-- name: trunk
SELECT j.journal, j.name, j.branch, j.device, j.base_seq, j.base_chain, j.received_seq, j.received_chain,
       j.safe_seq, j.safe_chain, coalesce(r.boot, 0)
FROM journals j
LEFT JOIN runs r ON r.journal = j.journal AND r.until_seq = 4611686018427387904
WHERE j.name = $1 AND j.branch = 0

-- name: journals of a device around
SELECT journal FROM journals
WHERE device = $1 AND base_seq <= $2 AND received_seq >= $2 AND journal <> $3
ORDER BY journal

-- name: journals named around
SELECT journal FROM journals
WHERE name = $1 AND base_seq <= $2 AND received_seq >= $2 AND journal <> $3
ORDER BY journal

-- name: put journal
INSERT INTO journals (name, branch, device, base_seq, base_chain, received_seq, received_chain, first_seen, last_seen)
VALUES ($1, $2, $3, $4, $5, $4, $5, $6, $6)
RETURNING journal

-- name: move received
UPDATE journals SET received_seq = $1, received_chain = $2, last_seen = $3 WHERE journal = $4

-- name: reset received
UPDATE journals SET received_seq = $1, received_chain = $2 WHERE journal = $3

-- name: move safe
UPDATE journals SET safe_seq = $1, safe_chain = $2 WHERE journal = $3

-- name: list journals
SELECT j.journal, j.name, j.branch, j.device, j.base_seq, j.base_chain, j.received_seq, j.received_chain,
       j.safe_seq, j.safe_chain, j.first_seen, j.last_seen, coalesce(p.name, ''),
       coalesce(h.after_seq, 0), coalesce(h.until_seq, 0), coalesce(h.declared_at, 0), coalesce(h.filled_at, 0)
FROM journals j
LEFT JOIN runs r ON r.journal = j.journal AND r.until_seq = 4611686018427387904
LEFT JOIN boots b ON b.boot = r.boot
LEFT JOIN places p ON p.place = b.place
LEFT JOIN holes h ON h.journal = j.journal
ORDER BY j.device, j.journal

-- name: list forks
SELECT journal, seq, parent, cause, head_seq, head_chain, hub_seq, hub_chain FROM forks ORDER BY journal, seq

-- name: put segment
INSERT INTO segments (journal, base_seq, end_seq, end_chain, received_at, frame)
VALUES ($1, $2, $3, $4, $5, $6)
RETURNING segment

-- name: segment around
SELECT segment, end_seq, end_chain, frame FROM segments
WHERE journal = $1 AND end_seq >= $2 AND base_seq < $2
ORDER BY end_seq LIMIT 1

-- name: segments after
SELECT segment, journal, base_seq, end_seq, end_chain, received_at, frame FROM segments
WHERE segment > $1 ORDER BY segment LIMIT 64

-- name: put event
INSERT INTO events (at, kind, device, journal, seq, detail) VALUES ($1, $2, $3, $4, $5, $6)
RETURNING event

-- name: event happened
SELECT count(*) FROM (
    SELECT 1 AS found FROM events WHERE kind = $1 AND device = $2 AND journal = $3 LIMIT 1
) AS e

-- name: list events
SELECT event, at, kind, device, journal, seq, detail FROM events WHERE event > $1 ORDER BY event LIMIT $2

-- name: boot by id
SELECT boot, device, place, source, began, width, clock_seq, clock_id FROM boots WHERE id = $1

-- name: boot by number
SELECT boot, device, place, source, began, width, clock_seq, clock_id FROM boots WHERE boot = $1

-- name: last place of device
SELECT place FROM boots WHERE device = $1 ORDER BY boot DESC LIMIT 1

-- name: put boot
INSERT INTO boots (id, device, place, nonce, program, source, began, width, clock_seq, clock_id)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
RETURNING boot

-- name: change boot
UPDATE boots SET place = $1, source = $2, began = $3, width = $4, clock_seq = $5, clock_id = $6 WHERE boot = $7

-- name: drop boot
DELETE FROM boots WHERE boot = $1

-- name: is stand-in
SELECT count(*) FROM boots WHERE boot = $1 AND id IS NULL

-- name: stand-in of
SELECT b.boot FROM runs r JOIN boots b ON b.boot = r.boot
WHERE r.journal = $1 AND r.first_seq = $2 AND b.id IS NULL

-- name: end run
UPDATE runs SET until_seq = $1 WHERE journal = $2 AND until_seq = 4611686018427387904

-- name: drop run
DELETE FROM runs WHERE journal = $1 AND first_seq = $2

-- name: put run
INSERT INTO runs (journal, first_seq, until_seq, boot) VALUES ($1, $2, 4611686018427387904, $3)

-- name: run at
SELECT boot FROM runs WHERE journal = $1 AND first_seq <= $2 AND until_seq > $2

-- name: first run
SELECT boot FROM runs WHERE journal = $1 ORDER BY first_seq LIMIT 1

-- name: move runs
UPDATE runs SET boot = $1 WHERE boot = $2

-- name: move clocks
UPDATE clocks SET boot = $1 WHERE boot = $2

-- name: move amendments
UPDATE amendments SET boot = $1 WHERE boot = $2
  AND NOT EXISTS (SELECT 1 FROM amendments AS m WHERE m.earlier = amendments.earlier AND m.boot = $1 AND m.rule = amendments.rule)

-- name: put clock
INSERT INTO clocks (id, boot, seq, cause, uptime, wall, hub, width) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (id) DO NOTHING

-- name: fork known
SELECT count(*) FROM forks WHERE id = $1

-- name: put fork
INSERT INTO forks (journal, seq, id, parent, cause, head_seq, head_chain, hub_seq, hub_chain)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)

-- name: put hole
INSERT INTO holes (journal, after_seq, until_seq, declared_at, filled_at) VALUES ($1, 0, $2, $3, 0)

-- name: narrow hole
UPDATE holes SET after_seq = $1 WHERE journal = $2 AND after_seq < $1 AND until_seq > $1 AND filled_at = 0

-- name: fill hole
UPDATE holes SET filled_at = $1 WHERE journal = $2 AND filled_at = 0

-- name: open holes
SELECT j.journal FROM holes h JOIN journals j ON j.journal = h.journal
WHERE h.filled_at = 0 ORDER BY j.journal

-- name: place by name
SELECT place FROM places WHERE name = $1

-- name: put place
INSERT INTO places (name) VALUES ($1) RETURNING place

-- name: question by name
SELECT question FROM questions WHERE questionnaire = $1 AND version = $2 AND name = $3

-- name: put question
INSERT INTO questions (questionnaire, version, name) VALUES ($1, $2, $3) RETURNING question

-- name: reply by content
SELECT reply FROM replies WHERE question = $1 AND language = $2 AND score = $3 AND skipped = $4 AND choices = $5

-- name: put reply
INSERT INTO replies (question, language, score, skipped, choices) VALUES ($1, $2, $3, $4, $5) RETURNING reply

-- name: answers of segment
SELECT answer, id, uptime, reply, state FROM answers WHERE answer >= $1 AND answer < $1 + 32768 ORDER BY answer

-- name: timed by id
SELECT t.answer, t.boot, t.place, t.taken / 3600000000, t.reply, t.state, b.device
FROM answers a
JOIN timed t ON t.answer = a.answer
JOIN boots b ON b.boot = t.boot
WHERE a.id = $1

-- name: set state
UPDATE answers SET state = $1 WHERE answer = $2

-- name: put flag
INSERT INTO flags (answer, rule) VALUES ($1, $2) ON CONFLICT (answer, rule) DO NOTHING

-- name: flags of answers
SELECT answer, rule FROM flags WHERE answer >= $1 AND answer <= $2 ORDER BY answer, rule

-- name: put amendment
INSERT INTO amendments (earlier, boot, rule) VALUES ($1, $2, $3) ON CONFLICT (earlier, boot, rule) DO NOTHING

-- name: drop amendments
DELETE FROM amendments WHERE earlier = $1

-- name: amendments
SELECT earlier, boot, rule FROM amendments ORDER BY earlier, boot, rule

-- name: amendments that arrived
SELECT m.earlier, m.boot, m.rule FROM amendments m JOIN answers a ON a.id = m.earlier ORDER BY m.earlier, m.boot, m.rule

-- name: drop empty counts
DELETE FROM counts WHERE n = 0

-- name: recount boot
INSERT INTO counts (place, hour, reply, n, flagged)
SELECT place, taken / 3600000000, reply, $1 * count(*), $1 * count(CASE WHEN state & 16 <> 0 THEN 1 END) FROM timed
WHERE boot = $2 AND state & 1 = 0
GROUP BY place, taken / 3600000000, reply
ON CONFLICT (place, hour, reply) DO UPDATE SET n = counts.n + excluded.n, flagged = counts.flagged + excluded.flagged

-- name: quarantine
INSERT INTO quarantine (id, journal, seq, at, reason, bytes) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (id) DO NOTHING

-- name: list quarantined
SELECT j.device, j.name, q.seq, q.id, q.at, q.reason, q.bytes
FROM quarantine q JOIN journals j ON j.journal = q.journal
ORDER BY q.at, j.name, q.seq

-- name: list answers
SELECT answer, device, journal, seq, id, place, questionnaire, version, question, language, score, skipped, choices,
       taken, width, received_at, state, source
FROM shown
WHERE answer > $1 AND answer <= $2
  AND ($3 = '' OR place = $3) AND ($4 = '' OR questionnaire = $4) AND ($5 = '' OR question = $5)
  AND ($6 = '' OR device = $6) AND taken >= $7 AND taken < $8
ORDER BY answer LIMIT 1000

-- name: newest of segment
SELECT answer, device, journal, seq, id, place, questionnaire, version, question, language, score, skipped, choices,
       taken, width, received_at, state, source
FROM shown
WHERE answer >= $1 AND answer < $1 + 32768 AND place = $2
ORDER BY answer DESC LIMIT $3

-- name: journals at place
SELECT r.journal, min(r.first_seq), max(r.until_seq)
FROM places p JOIN boots b ON b.place = p.place JOIN runs r ON r.boot = b.boot
WHERE p.name = $1
GROUP BY r.journal

-- name: segments back from
SELECT segment, base_seq FROM segments
WHERE journal = $1 AND base_seq + 1 < $2 AND end_seq >= $3 AND end_seq < $4
ORDER BY end_seq DESC LIMIT 64

-- name: list counts
SELECT p.name, q.questionnaire, q.version, q.name, c.hour, v.score, v.skipped, v.choices, c.n, c.flagged
FROM counts c
JOIN places p ON p.place = c.place
JOIN replies v ON v.reply = c.reply
JOIN questions q ON q.question = v.question
WHERE c.n <> 0 AND ($1 = '' OR p.name = $1) AND ($2 = '' OR q.questionnaire = $2) AND ($3 = '' OR q.name = $3)
  AND c.hour >= $4 AND c.hour < $5

-- name: last answer
SELECT coalesce(max(answer), 0) FROM answers

-- name: audit counts
SELECT place, hour, reply, CAST(sum(recounted) AS BIGINT), CAST(sum(held) AS BIGINT),
       CAST(sum(apart) AS BIGINT), CAST(sum(held_apart) AS BIGINT) FROM (
    SELECT place, taken / 3600000000 AS hour, reply, count(*) AS recounted, 0 AS held,
           count(CASE WHEN state & 16 <> 0 THEN 1 END) AS apart, 0 AS held_apart
    FROM timed WHERE state & 1 = 0 GROUP BY place, taken / 3600000000, reply
    UNION ALL
    SELECT place, hour, reply, 0, n, 0, flagged FROM counts
) AS both_sides
GROUP BY place, hour, reply
HAVING sum(recounted) <> sum(held) OR sum(apart) <> sum(held_apart)
ORDER BY place, hour, reply

-- name: audit totals
SELECT (SELECT count(*) FROM segments), (SELECT count(*) FROM answers), (SELECT count(*) FROM timed),
       (SELECT count(*) FROM quarantine),
       (SELECT count(*) FROM boots), (SELECT count(*) FROM forks)

-- name: audit amended
SELECT (SELECT count(*) FROM answers WHERE state & 1 <> 0), (SELECT count(*) FROM flags),
       (SELECT count(*) FROM answers WHERE state & 16 <> 0)

-- name: audit flag
SELECT count(*) FROM flags WHERE answer = $1 AND rule = $2

-- name: audit boots
SELECT b.boot, b.id, b.device, p.name, b.nonce, b.program, b.source, b.began, b.width, b.clock_seq, b.clock_id
FROM boots b JOIN places p ON p.place = b.place

-- name: audit runs
SELECT first_seq, until_seq, boot FROM runs WHERE journal = $1 ORDER BY first_seq

-- name: audit replies
SELECT v.reply, q.questionnaire, q.version, q.name, v.language, v.score, v.skipped, v.choices
FROM replies v JOIN questions q ON q.question = v.question

-- name: number of answer
SELECT answer FROM answers WHERE id = $1

-- name: wipe boots
DELETE FROM boots

-- name: wipe runs
DELETE FROM runs

-- name: wipe clocks
DELETE FROM clocks

-- name: wipe forks
DELETE FROM forks

-- name: wipe holes
DELETE FROM holes

-- name: wipe answers
DELETE FROM answers

-- name: wipe flags
DELETE FROM flags

-- name: wipe amendments
DELETE FROM amendments

-- name: wipe counts
DELETE FROM counts

-- name: wipe quarantine
DELETE FROM quarantine

-- name: rewind journals
UPDATE journals SET received_seq = base_seq, received_chain = base_chain

-- name: segments of journal after
SELECT segment, journal, base_seq, end_seq, end_chain, received_at, frame FROM segments
WHERE journal = $1 AND end_seq > $2 ORDER BY end_seq LIMIT 64

-- name: journals beyond safe
SELECT j.journal, j.name, j.branch, j.device, j.base_seq, j.base_chain, j.received_seq, j.received_chain,
       j.safe_seq, j.safe_chain, CAST(0 AS BIGINT)
FROM journals j WHERE j.received_seq > j.safe_seq AND j.received_seq > j.base_seq
ORDER BY j.journal

-- name: journals with safe
SELECT j.journal, j.name, j.branch, j.device, j.base_seq, j.base_chain, j.received_seq, j.received_chain,
       j.safe_seq, j.safe_chain, CAST(0 AS BIGINT)
FROM journals j WHERE j.safe_seq > j.base_seq
ORDER BY j.journal

-- name: ends of segments
SELECT end_seq, end_chain FROM segments WHERE journal = $1 AND end_seq <= $2 ORDER BY end_seq

-- name: any beyond safe
SELECT count(*) FROM (
    SELECT 1 AS found FROM journals WHERE received_seq > safe_seq AND received_seq > base_seq LIMIT 1
) AS j

-- name: set epoch
UPDATE meta SET value = $1 WHERE name = 'epoch'

-- name: drop safe
UPDATE journals SET safe_seq = 0, safe_chain = $1
