-- +goose Up

CREATE TABLE registry_authority (
    pin      TEXT   NOT NULL PRIMARY KEY,
    since_us BIGINT NOT NULL
);
COMMENT ON TABLE registry_authority IS 'Which authority the devices trust. One row; a hub with another key folder would be a stranger to every kiosk.';

CREATE TABLE registry_units (
    id        TEXT   NOT NULL PRIMARY KEY,
    kind      TEXT   NOT NULL,
    name      TEXT   NOT NULL,
    code      TEXT   NOT NULL,
    parent    TEXT   NOT NULL,
    aliases   TEXT   NOT NULL,
    from_day  TEXT   NOT NULL,
    until_day TEXT   NOT NULL,
    successor TEXT   NOT NULL,
    sample    BIGINT NOT NULL
);
COMMENT ON TABLE registry_units IS 'Administrative units. What the ward changed is never overwritten by the seed.';
COMMENT ON COLUMN registry_units.parent IS 'a unit''s id, empty for a province';
COMMENT ON COLUMN registry_units.aliases IS 'JSON list of former and popular names';
COMMENT ON COLUMN registry_units.until_day IS 'YYYY-MM-DD, empty while valid';
COMMENT ON COLUMN registry_units.sample IS '1: invented for demonstration';

CREATE TABLE registry_places (
    id     TEXT   NOT NULL PRIMARY KEY,
    name   TEXT   NOT NULL,
    unit   TEXT   NOT NULL REFERENCES registry_units (id),
    sample BIGINT NOT NULL
);
COMMENT ON TABLE registry_places IS 'Where kiosks stand. History belongs to the place, not to the device.';

CREATE TABLE registry_tickets (
    id         TEXT   NOT NULL PRIMARY KEY,
    key        BYTEA  NOT NULL,
    place      TEXT   NOT NULL REFERENCES registry_places (id),
    created_us BIGINT NOT NULL,
    created_by TEXT   NOT NULL,
    expires_us BIGINT NOT NULL,
    device     TEXT,
    used_us    BIGINT
);
CREATE INDEX registry_tickets_open ON registry_tickets (place, expires_us) WHERE device IS NULL;
COMMENT ON TABLE registry_tickets IS 'What kits carry. The secret itself is in the kit only.';
COMMENT ON COLUMN registry_tickets.key IS 'SHA-256 of the secret; key of the enrolment MACs';
COMMENT ON COLUMN registry_tickets.expires_us IS 'by the hub''s clock';
COMMENT ON COLUMN registry_tickets.device IS 'who used it; NULL while open';

CREATE TABLE registry_devices (
    id          TEXT   NOT NULL PRIMARY KEY,
    public_key  BYTEA  NOT NULL,
    place       TEXT   NOT NULL REFERENCES registry_places (id),
    state       TEXT   NOT NULL CHECK (state IN ('active', 'revoked', 'superseded')),
    serial      TEXT   NOT NULL,
    enrolled_us BIGINT NOT NULL,
    ticket      TEXT   NOT NULL REFERENCES registry_tickets (id),
    program     TEXT   NOT NULL,
    identity    TEXT   NOT NULL,
    ended_us    BIGINT,
    reason      TEXT   NOT NULL DEFAULT '',
    ended_by    TEXT   NOT NULL DEFAULT ''
);
CREATE INDEX registry_devices_place ON registry_devices (place);
COMMENT ON TABLE registry_devices IS 'Machines that were ever admitted. A row is never deleted.';
COMMENT ON COLUMN registry_devices.id IS 'derived from the public key';
COMMENT ON COLUMN registry_devices.public_key IS 'PKIX';
COMMENT ON COLUMN registry_devices.serial IS 'of the certificate, hexadecimal';
COMMENT ON COLUMN registry_devices.ticket IS 'by which it was last enrolled';
COMMENT ON COLUMN registry_devices.program IS 'agent''s version at enrolment';
COMMENT ON COLUMN registry_devices.identity IS 'JSON it was answered with: a lost answer is given again';
COMMENT ON COLUMN registry_devices.ended_us IS 'NULL while active';
COMMENT ON COLUMN registry_devices.reason IS 'why it is not active, in an operator''s words';

CREATE TABLE registry_events (
    id     BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at_us  BIGINT NOT NULL,
    kind   TEXT   NOT NULL,
    device TEXT   NOT NULL,
    ticket TEXT   NOT NULL,
    place  TEXT   NOT NULL,
    actor  TEXT   NOT NULL,
    detail TEXT   NOT NULL
);
CREATE INDEX registry_events_ticket ON registry_events (ticket, kind, device);
COMMENT ON TABLE registry_events IS 'What happened to kits and devices.';
COMMENT ON COLUMN registry_events.kind IS '"kit-made", "enrolled", "refused-used", "revoked", …';
COMMENT ON COLUMN registry_events.actor IS 'operator''s account; empty for the device itself';

-- +goose Down
DROP TABLE registry_events;
DROP TABLE registry_devices;
DROP TABLE registry_tickets;
DROP TABLE registry_places;
DROP TABLE registry_units;
DROP TABLE registry_authority;
