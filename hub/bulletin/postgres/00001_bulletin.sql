-- +goose Up

CREATE TABLE bulletin_head (
    one     BIGINT NOT NULL PRIMARY KEY CHECK (one = 1),
    version BIGINT NOT NULL,
    cases   BIGINT NOT NULL,
    edits   BIGINT NOT NULL,
    taken   BIGINT NOT NULL,
    whole   BIGINT NOT NULL
);
COMMENT ON TABLE bulletin_head IS 'Where the bulletin stands. Its row is locked by whoever composes or publishes, so that versions become visible in their order.';
COMMENT ON COLUMN bulletin_head.version IS 'newest; wire.BulletinVersion';
COMMENT ON COLUMN bulletin_head.cases IS 'number of the last change of a case taken in';
COMMENT ON COLUMN bulletin_head.edits IS 'publishing and orders, counted';
COMMENT ON COLUMN bulletin_head.taken IS 'of those, how many the newest version holds';
COMMENT ON COLUMN bulletin_head.whole IS '1: all there is was taken in since the restore epoch began';
INSERT INTO bulletin_head (one, version, cases, edits, taken, whole) VALUES (1, 0, 0, 0, 0, 0);

CREATE TABLE bulletin_content (
    one   BIGINT NOT NULL PRIMARY KEY CHECK (one = 1),
    body  BYTEA  NOT NULL,
    at_us BIGINT NOT NULL,
    actor TEXT   NOT NULL
);
COMMENT ON TABLE bulletin_content IS 'What was published last: a bulletin body whose sheet has no orders.';

CREATE TABLE bulletin_sheet (
    one     BIGINT NOT NULL PRIMARY KEY CHECK (one = 1),
    body    BYTEA  NOT NULL,
    version BIGINT NOT NULL
);
COMMENT ON TABLE bulletin_sheet IS 'The sheet kiosks get now: what was published, with the orders.';
COMMENT ON COLUMN bulletin_sheet.body IS 'a bulletin body that holds it alone';
COMMENT ON COLUMN bulletin_sheet.version IS 'with which it came';

CREATE TABLE bulletin_questionnaires (
    id      TEXT   NOT NULL,
    version BIGINT NOT NULL,
    digest  BYTEA  NOT NULL CHECK (length(digest) = 32),
    text    TEXT   NOT NULL,
    at_us   BIGINT NOT NULL,
    PRIMARY KEY (id, version)
);
COMMENT ON TABLE bulletin_questionnaires IS 'Every version of every questionnaire ever published. A row is never changed: answers name it.';
COMMENT ON COLUMN bulletin_questionnaires.digest IS 'SHA-256 of its meaning';
COMMENT ON COLUMN bulletin_questionnaires.text IS 'JSON';

CREATE TABLE bulletin_items (
    kind    BIGINT NOT NULL,
    key     BYTEA  NOT NULL,
    value   BYTEA  NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (kind, key)
);
COMMENT ON TABLE bulletin_items IS 'What kiosks are told piece by piece: case boxes, revoked devices, deletions.';
COMMENT ON COLUMN bulletin_items.kind IS '1 case box, 2 revoked device, 3 deleted blob, 4 deleted receipt';
COMMENT ON COLUMN bulletin_items.key IS 'tag, device or hash';
COMMENT ON COLUMN bulletin_items.value IS 'the box; empty for a box that is gone, and for other kinds';
COMMENT ON COLUMN bulletin_items.version IS 'with which it came';
CREATE INDEX bulletin_items_version ON bulletin_items (version);

CREATE TABLE bulletin_orders (
    id        TEXT   NOT NULL PRIMARY KEY,
    kind      BIGINT NOT NULL,
    device    TEXT   NOT NULL,
    issued_us BIGINT NOT NULL,
    until_us  BIGINT NOT NULL,
    actor     TEXT   NOT NULL,
    cancelled BIGINT NOT NULL
);
COMMENT ON TABLE bulletin_orders IS 'Orders given to kiosks.';
COMMENT ON COLUMN bulletin_orders.kind IS 'wire.OrderKind';
COMMENT ON COLUMN bulletin_orders.device IS 'empty: every kiosk';
COMMENT ON COLUMN bulletin_orders.until_us IS 'it ends by itself';
COMMENT ON COLUMN bulletin_orders.cancelled IS '1: taken back';
CREATE INDEX bulletin_orders_until ON bulletin_orders (until_us);

-- +goose Down
DROP TABLE bulletin_orders;
DROP TABLE bulletin_items;
DROP TABLE bulletin_questionnaires;
DROP TABLE bulletin_sheet;
DROP TABLE bulletin_content;
DROP TABLE bulletin_head;
