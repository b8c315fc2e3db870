-- name: note authority
INSERT INTO registry_authority (pin, since_us)
SELECT CAST($1 AS TEXT), CAST($2 AS BIGINT)
WHERE NOT EXISTS (SELECT 1 FROM registry_authority)
ON CONFLICT DO NOTHING

-- name: authority
SELECT pin FROM registry_authority

-- name: seed unit
INSERT INTO registry_units (id, kind, name, code, parent, aliases, from_day, until_day, successor, sample)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT (id) DO NOTHING

-- name: seed place
INSERT INTO registry_places (id, name, unit, sample) VALUES ($1, $2, $3, $4)
ON CONFLICT (id) DO NOTHING

-- name: units
SELECT id, kind, name, code, parent, aliases, from_day, until_day, successor, sample
FROM registry_units ORDER BY id

-- name: places
SELECT id, name, unit, sample FROM registry_places ORDER BY id

-- name: open tickets
SELECT count(*) FROM registry_tickets WHERE place = $1 AND device IS NULL AND expires_us > $2

-- name: add ticket
INSERT INTO registry_tickets (id, key, place, created_us, created_by, expires_us)
VALUES ($1, $2, $3, $4, $5, $6)

-- name: ticket
SELECT key, place, expires_us, coalesce(device, ''), coalesce(used_us, 0)
FROM registry_tickets WHERE id = $1

-- name: ticket to look at
SELECT key, place, expires_us, coalesce(device, ''), coalesce(used_us, 0)
FROM registry_tickets WHERE id = $1

-- name: use ticket
UPDATE registry_tickets SET device = $1, used_us = $2 WHERE id = $3 AND device IS NULL

-- name: device
SELECT id, public_key, place, state, serial, enrolled_us, ticket, program, identity, coalesce(ended_us, 0), reason, ended_by
FROM registry_devices WHERE id = $1

-- name: device to change
SELECT id, public_key, place, state, serial, enrolled_us, ticket, program, identity, coalesce(ended_us, 0), reason, ended_by
FROM registry_devices WHERE id = $1

-- name: devices
SELECT id, public_key, place, state, serial, enrolled_us, ticket, program, identity, coalesce(ended_us, 0), reason, ended_by
FROM registry_devices ORDER BY place, enrolled_us, id

-- name: put device
INSERT INTO registry_devices (id, public_key, place, state, serial, enrolled_us, ticket, program, identity)
VALUES ($1, $2, $3, 'active', $4, $5, $6, $7, $8)
ON CONFLICT (id) DO UPDATE SET place = excluded.place, state = 'active', serial = excluded.serial,
    enrolled_us = excluded.enrolled_us, ticket = excluded.ticket, program = excluded.program,
    identity = excluded.identity, ended_us = NULL, reason = '', ended_by = ''
WHERE registry_devices.state <> 'revoked'

-- name: end device
UPDATE registry_devices SET state = $1, ended_us = $2, reason = $3, ended_by = $4 WHERE id = $5

-- name: add event
INSERT INTO registry_events (at_us, kind, device, ticket, place, actor, detail)
VALUES ($1, $2, $3, $4, $5, $6, $7)

-- name: add event once
INSERT INTO registry_events (at_us, kind, device, ticket, place, actor, detail)
SELECT CAST($1 AS BIGINT), CAST($2 AS TEXT), CAST($3 AS TEXT), CAST($4 AS TEXT), CAST($5 AS TEXT), CAST($6 AS TEXT), CAST($7 AS TEXT)
WHERE NOT EXISTS (SELECT 1 FROM registry_events WHERE kind = $2 AND device = $3 AND ticket = $4)

-- name: events
SELECT id, at_us, kind, device, ticket, place, actor, detail
FROM registry_events WHERE id < $1 ORDER BY id DESC LIMIT $2

-- name: hub
SELECT location, run, seen_us FROM registry_hubs WHERE id = $1

-- name: take hub
INSERT INTO registry_hubs (id, location, run, seen_us) VALUES ($1, $2, $3, $4)
ON CONFLICT (id) DO UPDATE SET location = excluded.location, run = excluded.run, seen_us = excluded.seen_us

-- name: hub lives
UPDATE registry_hubs SET seen_us = $1 WHERE id = $2 AND run = $3

-- name: hub leaves
UPDATE registry_hubs SET seen_us = 0 WHERE id = $1 AND run = $2
