-- +goose Up
-- Times are microseconds since 1970 UTC. Chains are 32 octets, ids 16.

-- Numbers about the whole ledger. epoch: raised by every restore of the hub.
CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO meta (name, value) VALUES ('epoch', 1);

-- One row per journal, and one more per branch of it that did not fit.
CREATE TABLE journals (
    journal        INTEGER PRIMARY KEY,
    name           BLOB NOT NULL,    -- the id kiosks use
    branch         INTEGER NOT NULL, -- 0: the one kiosks speak of; else kept by a replay
    device         TEXT NOT NULL,    -- first device that committed to it
    base_seq       INTEGER NOT NULL,
    base_chain     BLOB NOT NULL,
    received_seq   INTEGER NOT NULL, -- highest contiguous record held
    received_chain BLOB NOT NULL,
    safe_seq       INTEGER NOT NULL DEFAULT 0, -- held off this disk up to here
    safe_chain     BLOB NOT NULL DEFAULT (zeroblob(32)),
    first_seen     INTEGER NOT NULL,
    last_seen      INTEGER NOT NULL, -- last time records were appended
    UNIQUE (name, branch)
) STRICT;
CREATE INDEX journals_device ON journals (device);

-- Accepted batches exactly as signed. Never changed.
CREATE TABLE segments (
    segment     INTEGER PRIMARY KEY,
    journal     INTEGER NOT NULL REFERENCES journals,
    base_seq    INTEGER NOT NULL, -- holds base_seq+1 … end_seq
    end_seq     INTEGER NOT NULL,
    end_chain   BLOB NOT NULL,
    received_at INTEGER NOT NULL,
    frame       BLOB NOT NULL,    -- a wire Batch frame; its signature is over end
    UNIQUE (journal, end_seq)
) STRICT;

-- The hub's own log: forks seen, holes, quarantine, restores. Append only.
CREATE TABLE events (
    event   INTEGER PRIMARY KEY,
    at      INTEGER NOT NULL,
    kind    TEXT NOT NULL,
    device  TEXT NOT NULL,
    journal BLOB NOT NULL, -- empty when about no journal
    seq     INTEGER NOT NULL,
    detail  TEXT NOT NULL
) STRICT;

-- Everything below can be made again from the segments.

-- Runs of a kiosk's agent, each with the best knowledge of when it began.
CREATE TABLE boots (
    boot      INTEGER PRIMARY KEY,
    id        BLOB UNIQUE,      -- of the boot record; NULL: the hub does not hold it
    device    TEXT NOT NULL,
    place     INTEGER NOT NULL,
    nonce     BLOB NOT NULL,
    program   TEXT NOT NULL,
    source    INTEGER NOT NULL, -- 0 began unknown, 1 by the machine's own clock, 2 by the hub's
    began     INTEGER NOT NULL, -- what uptime 0 means: it lies in [began, began+width]
    width     INTEGER NOT NULL,
    clock_seq INTEGER NOT NULL, -- the clock record that told it; 0: the boot record
    clock_id  BLOB NOT NULL     -- breaks the tie between copies of one machine
) STRICT;
CREATE INDEX boots_place ON boots (place);
CREATE INDEX boots_device ON boots (device);

-- Which stretch of a journal belongs to which boot.
CREATE TABLE runs (
    journal   INTEGER NOT NULL,
    first_seq INTEGER NOT NULL,
    until_seq INTEGER NOT NULL, -- first record of the next run; 2^62 while it runs
    boot      INTEGER NOT NULL,
    PRIMARY KEY (journal, first_seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX runs_boot ON runs (boot);

-- Readings of a machine's clocks.
CREATE TABLE clocks (
    id     BLOB PRIMARY KEY,
    boot   INTEGER NOT NULL,
    seq    INTEGER NOT NULL,
    cause  INTEGER NOT NULL, -- wire.ClockCause
    uptime INTEGER NOT NULL,
    wall   INTEGER NOT NULL,
    hub    INTEGER NOT NULL,
    width  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX clocks_boot ON clocks (boot);

-- Where a branch left its parent and why, as its kiosk saw it.
CREATE TABLE forks (
    journal    INTEGER NOT NULL,
    seq        INTEGER NOT NULL, -- of the fork record; the highest is the journal's own
    id         BLOB NOT NULL,
    parent     BLOB NOT NULL,    -- name of the journal left behind
    cause      INTEGER NOT NULL, -- wire.ForkCause
    head_seq   INTEGER NOT NULL, -- where the kiosk stood in it
    head_chain BLOB NOT NULL,
    hub_seq    INTEGER NOT NULL, -- where the hub stood in it
    hub_chain  BLOB NOT NULL,
    PRIMARY KEY (journal, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX forks_id ON forks (id);

-- Records before a journal's base that no journal here holds: declared lost.
CREATE TABLE holes (
    journal     INTEGER PRIMARY KEY,
    after_seq   INTEGER NOT NULL, -- missing: after_seq+1 … until_seq
    until_seq   INTEGER NOT NULL,
    declared_at INTEGER NOT NULL,
    filled_at   INTEGER NOT NULL  -- 0 while open
) STRICT;

-- Where answers were given, as their boot records name it.
CREATE TABLE places (
    place INTEGER PRIMARY KEY,
    name  TEXT NOT NULL UNIQUE -- as the boot record says; empty when not known
) STRICT;

-- What answers were given to, as they name it.
CREATE TABLE questions (
    question      INTEGER PRIMARY KEY,
    questionnaire TEXT NOT NULL,
    version       INTEGER NOT NULL,
    name          TEXT NOT NULL,
    UNIQUE (questionnaire, version, name)
) STRICT;

-- Each different thing anybody ever answered, once: an answer names it by a
-- small number.
CREATE TABLE replies (
    reply    INTEGER PRIMARY KEY,
    question INTEGER NOT NULL,
    language TEXT NOT NULL,
    score    INTEGER NOT NULL,
    skipped  INTEGER NOT NULL,
    choices  TEXT NOT NULL, -- JSON array of option ids in the order given, or empty
    UNIQUE (question, language, score, skipped, choices)
) STRICT;

-- One row per answer, however many journals hold its record.
CREATE TABLE answers (
    answer INTEGER PRIMARY KEY, -- segment × 32768 + place in the segment, counted from 0
    id     BLOB NOT NULL UNIQUE,
    uptime INTEGER NOT NULL,    -- microseconds since the boot; a day since 1970 where state says so
    reply  INTEGER NOT NULL,
    state  INTEGER NOT NULL     -- bits: 1 replaced, 2 uptime is a day, 4 names blobs, 8 replaces another
) STRICT;

-- Answers that took the place of one the hub did not hold yet.
CREATE TABLE replacements (
    earlier BLOB NOT NULL,
    boot    INTEGER NOT NULL, -- of the later one
    PRIMARY KEY (earlier, boot)
) STRICT, WITHOUT ROWID;

-- How many gave this reply at this place in this hour.
CREATE TABLE counts (
    place INTEGER NOT NULL,
    hour  INTEGER NOT NULL, -- hours since 1970 UTC
    reply INTEGER NOT NULL,
    n     INTEGER NOT NULL,
    PRIMARY KEY (place, hour, reply)
) STRICT, WITHOUT ROWID;
CREATE INDEX counts_empty ON counts (n) WHERE n = 0;

-- Records this program cannot read, kept for one that can.
CREATE TABLE quarantine (
    id     BLOB PRIMARY KEY,
    journal INTEGER NOT NULL,
    seq     INTEGER NOT NULL,
    at      INTEGER NOT NULL,
    reason  TEXT NOT NULL,
    bytes   BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- Answers with their time: an answer was given in [taken, taken+width]. Without
-- a reading against the hub it cannot be later than its arrival, and nothing
-- bounds it from below: width reaches to the arrival.
CREATE VIEW timed AS
SELECT a.answer, a.id, a.reply, a.state, s.journal, s.received_at, s.base_seq + a.answer % 32768 + 1 AS seq,
       r.boot, b.place, b.source,
       CASE WHEN a.state & 2 <> 0 THEN a.uptime * 86400000000 - 25200000000 -- local midnight, UTC+7
            WHEN b.source = 2 THEN b.began + a.uptime
            WHEN b.source = 1 AND b.began + a.uptime < s.received_at THEN b.began + a.uptime
            ELSE s.received_at END AS taken,
       CASE WHEN a.state & 2 <> 0 THEN 86400000000
            WHEN b.source = 2 THEN b.width
            WHEN b.source = 1 AND b.began + a.uptime < s.received_at THEN s.received_at - b.began - a.uptime
            ELSE 0 END AS width
FROM runs r
JOIN boots b ON b.boot = r.boot
JOIN segments s ON s.journal = r.journal AND s.end_seq >= r.first_seq AND s.base_seq + 1 < r.until_seq
JOIN answers a ON a.answer >= s.segment * 32768 AND a.answer < (s.segment + 1) * 32768
    AND s.segment = a.answer / 32768
    AND s.base_seq + a.answer % 32768 + 1 >= r.first_seq AND s.base_seq + a.answer % 32768 + 1 < r.until_seq;

-- Answers as people and exports see them.
CREATE VIEW shown AS
SELECT t.answer, j.device, j.name AS journal, t.seq, t.id, p.name AS place, q.questionnaire, q.version,
       q.name AS question, v.language, v.score, v.skipped, v.choices, t.taken, t.width, t.received_at, t.state, t.source
FROM timed t
JOIN journals j ON j.journal = t.journal
JOIN places p ON p.place = t.place
JOIN replies v ON v.reply = t.reply
JOIN questions q ON q.question = v.question;
