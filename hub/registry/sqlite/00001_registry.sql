-- +goose Up

-- Which authority the devices below trust. One row; a hub with another key
-- folder would be a stranger to every kiosk.
CREATE TABLE registry_authority (
    pin      TEXT    NOT NULL PRIMARY KEY, -- sha256-…, as in kits
    since_us INTEGER NOT NULL
) STRICT;

-- Administrative units: province, ward, neighbourhood. What the ward changed is
-- never overwritten by the seed.
CREATE TABLE registry_units (
    id        TEXT    NOT NULL PRIMARY KEY,
    kind      TEXT    NOT NULL,            -- "province", "ward", "neighbourhood"
    name      TEXT    NOT NULL,            -- with its kind: "Phường Quảng Tiến"
    code      TEXT    NOT NULL,            -- national code, or empty
    parent    TEXT    NOT NULL,            -- a unit's id, empty for a province
    aliases   TEXT    NOT NULL,            -- JSON list of former and popular names
    from_day  TEXT    NOT NULL,            -- YYYY-MM-DD, or empty
    until_day TEXT    NOT NULL,            -- YYYY-MM-DD, empty while valid
    successor TEXT    NOT NULL,            -- a unit's id, or empty
    sample    INTEGER NOT NULL             -- 1: invented for demonstration
) STRICT;

-- Where kiosks stand. History belongs to the place, not to the device.
CREATE TABLE registry_places (
    id     TEXT    NOT NULL PRIMARY KEY,   -- short and stable: "qt-07"
    name   TEXT    NOT NULL,
    unit   TEXT    NOT NULL REFERENCES registry_units (id),
    sample INTEGER NOT NULL
) STRICT;

-- What kits carry. The secret itself is in the kit only.
CREATE TABLE registry_tickets (
    id         TEXT    NOT NULL PRIMARY KEY,
    key        BLOB    NOT NULL,           -- SHA-256 of the secret; key of the enrolment MACs
    place      TEXT    NOT NULL REFERENCES registry_places (id),
    created_us INTEGER NOT NULL,
    created_by TEXT    NOT NULL,           -- operator's account
    expires_us INTEGER NOT NULL,           -- by the hub's clock
    device     TEXT,                       -- who used it; NULL while open
    used_us    INTEGER
) STRICT;
CREATE INDEX registry_tickets_open ON registry_tickets (place, expires_us) WHERE device IS NULL;

-- Machines that were ever admitted. A row is never deleted.
CREATE TABLE registry_devices (
    id          TEXT    NOT NULL PRIMARY KEY, -- derived from the public key
    public_key  BLOB    NOT NULL,             -- PKIX
    place       TEXT    NOT NULL REFERENCES registry_places (id),
    state       TEXT    NOT NULL CHECK (state IN ('active', 'revoked', 'superseded')),
    serial      TEXT    NOT NULL,             -- of the certificate, hexadecimal
    enrolled_us INTEGER NOT NULL,
    ticket      TEXT    NOT NULL REFERENCES registry_tickets (id), -- by which it was last enrolled
    program     TEXT    NOT NULL,             -- agent's version at that moment
    identity    TEXT    NOT NULL,             -- JSON it was answered with: a lost answer is given again
    ended_us    INTEGER,                      -- NULL while active
    reason      TEXT    NOT NULL DEFAULT '',  -- why it is not active, in an operator's words
    ended_by    TEXT    NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX registry_devices_place ON registry_devices (place);

-- What happened to kits and devices.
CREATE TABLE registry_events (
    id     INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    at_us  INTEGER NOT NULL,
    kind   TEXT    NOT NULL,               -- "kit-made", "enrolled", "refused-used", "revoked", …
    device TEXT    NOT NULL,               -- or empty
    ticket TEXT    NOT NULL,               -- or empty
    place  TEXT    NOT NULL,               -- or empty
    actor  TEXT    NOT NULL,               -- operator's account; empty for the device itself
    detail TEXT    NOT NULL
) STRICT;
CREATE INDEX registry_events_ticket ON registry_events (ticket, kind, device);

-- +goose Down
DROP TABLE registry_events;
DROP TABLE registry_devices;
DROP TABLE registry_tickets;
DROP TABLE registry_places;
DROP TABLE registry_units;
DROP TABLE registry_authority;
