-- +goose Up

-- What was said by receipt code: of a case, or of the data kept of somebody. It
-- can be made again from the segments. Whether a MAC is right, no table tells.
CREATE TABLE claims (
    claim   INTEGER PRIMARY KEY, -- numbered as answers are
    id      BLOB NOT NULL UNIQUE,
    uptime  INTEGER NOT NULL,    -- microseconds since the boot; 0: it was held back, its time is nobody's business
    receipt BLOB NOT NULL,       -- tag, as the record says
    about   TEXT NOT NULL,       -- feedback.Right; empty: a reply to the case
    version INTEGER NOT NULL,    -- of the case that was seen, for a reply
    reopen  INTEGER NOT NULL,    -- 1 reopens, 0 confirms
    score   INTEGER NOT NULL,    -- 1 … 5 satisfaction with the answer, 0 when not given
    mac     BLOB NOT NULL
) STRICT;

-- Claims with their time, as of answers.
CREATE VIEW shown_claims AS
SELECT c.claim, c.id, c.receipt, c.about, c.version, c.reopen, c.score, c.mac, j.device, p.name AS place, s.received_at,
       CASE WHEN c.uptime = 0 THEN s.received_at
            WHEN b.source = 2 THEN b.began + c.uptime
            WHEN b.source = 1 AND b.began + c.uptime < s.received_at THEN b.began + c.uptime
            ELSE s.received_at END AS taken,
       CASE WHEN c.uptime = 0 THEN 0
            WHEN b.source = 2 THEN b.width
            WHEN b.source = 1 AND b.began + c.uptime < s.received_at THEN s.received_at - b.began - c.uptime
            ELSE 0 END AS width,
       CASE WHEN c.uptime > 0 AND EXISTS (SELECT 1 FROM messages m WHERE m.receipt = c.receipt AND length(m.receipt) > 0)
                 AND NOT EXISTS (SELECT 1 FROM messages m WHERE m.receipt = c.receipt AND length(m.receipt) > 0 AND m.reader <> 1)
            THEN 0 ELSE 1 END AS day_only -- unless all that came under the receipt is for the ward
FROM claims c
JOIN segments s ON s.segment = c.claim / 32768
JOIN journals j ON j.journal = s.journal
JOIN runs r ON r.journal = s.journal AND r.first_seq <= s.base_seq + c.claim % 32768 + 1
    AND r.until_seq > s.base_seq + c.claim % 32768 + 1
JOIN boots b ON b.boot = r.boot
JOIN places p ON p.place = b.place;

-- +goose Down
DROP VIEW shown_claims;
DROP TABLE claims;
