-- name: ticket
SELECT key, place, expires_us, coalesce(device, ''), coalesce(used_us, 0)
FROM registry_tickets WHERE id = $1
FOR UPDATE

-- name: device to change
SELECT id, public_key, place, state, serial, enrolled_us, ticket, program, identity, coalesce(ended_us, 0), reason, ended_by
FROM registry_devices WHERE id = $1
FOR UPDATE
