-- +goose Up

-- Where the bulletin stands. Its row is locked by whoever composes or
-- publishes, so that versions become visible in their order.
CREATE TABLE bulletin_head (
    one     INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    version INTEGER NOT NULL, -- newest; wire.BulletinVersion
    cases   INTEGER NOT NULL, -- number of the last change of a case taken in
    edits   INTEGER NOT NULL, -- publishing and orders, counted
    taken   INTEGER NOT NULL, -- of those, how many the newest version holds
    whole   INTEGER NOT NULL  -- 1: all there is was taken in since the restore epoch began
) STRICT;
INSERT INTO bulletin_head (one, version, cases, edits, taken, whole) VALUES (1, 0, 0, 0, 0, 0);

-- What was published last: a bulletin body whose sheet has no orders.
CREATE TABLE bulletin_content (
    one   INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    body  BLOB    NOT NULL,
    at_us INTEGER NOT NULL,
    actor TEXT    NOT NULL
) STRICT;

-- The sheet kiosks get now: what was published, with the orders.
CREATE TABLE bulletin_sheet (
    one     INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    body    BLOB    NOT NULL, -- a bulletin body that holds it alone
    version INTEGER NOT NULL  -- with which it came
) STRICT;

-- Every version of every questionnaire ever published. A row is never changed:
-- answers name it.
CREATE TABLE bulletin_questionnaires (
    id      TEXT    NOT NULL,
    version INTEGER NOT NULL,
    digest  BLOB    NOT NULL CHECK (length(digest) = 32), -- SHA-256 of its meaning
    text    TEXT    NOT NULL, -- JSON
    at_us   INTEGER NOT NULL,
    PRIMARY KEY (id, version)
) STRICT;

-- What kiosks are told piece by piece: case boxes, revoked devices, deletions.
CREATE TABLE bulletin_items (
    kind    INTEGER NOT NULL, -- 1 case box, 2 revoked device, 3 deleted blob, 4 deleted receipt
    key     BLOB    NOT NULL, -- tag, device or hash
    value   BLOB    NOT NULL, -- the box; empty for a box that is gone, and for other kinds
    version INTEGER NOT NULL, -- with which it came
    PRIMARY KEY (kind, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX bulletin_items_version ON bulletin_items (version);

-- Orders given to kiosks.
CREATE TABLE bulletin_orders (
    id        TEXT    NOT NULL PRIMARY KEY,
    kind      INTEGER NOT NULL, -- wire.OrderKind
    device    TEXT    NOT NULL, -- empty: every kiosk
    issued_us INTEGER NOT NULL,
    until_us  INTEGER NOT NULL, -- it ends by itself
    actor     TEXT    NOT NULL,
    cancelled INTEGER NOT NULL  -- 1: taken back
) STRICT;
CREATE INDEX bulletin_orders_until ON bulletin_orders (until_us);

-- +goose Down
DROP TABLE bulletin_orders;
DROP TABLE bulletin_items;
DROP TABLE bulletin_questionnaires;
DROP TABLE bulletin_sheet;
DROP TABLE bulletin_content;
DROP TABLE bulletin_head;
