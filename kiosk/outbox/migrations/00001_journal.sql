-- +goose Up

-- The journal this kiosk writes now. Every point is a sequence number and the
-- chain after that record.
CREATE TABLE journal (
    only           INTEGER PRIMARY KEY CHECK (only = 1), -- there is one row
    id             BLOB NOT NULL CHECK (length(id) = 16), -- random; a new one at every fork
    base_seq       INTEGER NOT NULL, -- parent point: 0, or the floor when this journal forked
    base_chain     BLOB NOT NULL CHECK (length(base_chain) = 32),
    floor_seq      INTEGER NOT NULL, -- last pruned record; the chain held begins after it
    floor_chain    BLOB NOT NULL CHECK (length(floor_chain) = 32),
    floor_reach    INTEGER NOT NULL, -- record.reach of the last pruned record
    floor_epoch    INTEGER NOT NULL, -- restore epoch of the hub when the floor last rose
    received_seq   INTEGER NOT NULL, -- the hub has committed up to here
    received_chain BLOB NOT NULL CHECK (length(received_chain) = 32),
    safe_seq       INTEGER NOT NULL, -- and holds up to here off its own disk
    safe_chain     BLOB NOT NULL CHECK (length(safe_chain) = 32),
    epoch          INTEGER NOT NULL, -- highest restore epoch of the hub seen
    CHECK (0 <= base_seq AND base_seq <= floor_seq AND floor_seq <= safe_seq AND safe_seq <= received_seq)
) STRICT;

-- Every record still held: one chain without gaps, floor_seq + 1 to the head,
-- whatever journals it was begun under.
CREATE TABLE record (
    seq   INTEGER PRIMARY KEY CHECK (seq > 0),
    chain BLOB NOT NULL CHECK (length(chain) = 32), -- SHA-256(chain before, bytes); its first half is the record's id
    bytes BLOB NOT NULL, -- canonical, as signed and sent
    reach INTEGER NOT NULL, -- bytes of all records up to and with this one: a difference of two is a backlog's size
    wall  INTEGER NOT NULL  -- microseconds since 1970 UTC as the machine believed, for pruning and for status only
) STRICT;

-- Which request of the page became which record, so that repeating it changes
-- nothing. Kept for 48 hours and for the newest 10,000, whichever is longer.
CREATE TABLE request (
    id   TEXT PRIMARY KEY CHECK (length(id) BETWEEN 1 AND 64), -- minted by the page
    body BLOB NOT NULL CHECK (length(body) = 32), -- SHA-256 of what was asked: the record with uptime 0
    seq  INTEGER NOT NULL,
    rid  BLOB NOT NULL CHECK (length(rid) = 16), -- id of the record, which may be pruned before this row
    wall INTEGER NOT NULL -- microseconds since 1970 UTC as the machine believed
) STRICT, WITHOUT ROWID;

-- +goose Down
DROP TABLE request;
DROP TABLE record;
DROP TABLE journal;
