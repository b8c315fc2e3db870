-- name: meet device
INSERT INTO vitals_devices (device) VALUES ($1) ON CONFLICT DO NOTHING

-- name: device to change
SELECT device, contact_us, settled_us, connected, program, clock_ahead_us, reported_us, vitals, period_us, grace_us, paused_until_us, pause_reason
FROM vitals_devices WHERE device = $1

-- name: device
SELECT device, contact_us, settled_us, connected, program, clock_ahead_us, reported_us, vitals, period_us, grace_us, paused_until_us, pause_reason
FROM vitals_devices WHERE device = $1

-- name: fleet
SELECT device, contact_us, settled_us, connected, program, clock_ahead_us, reported_us, vitals, period_us, grace_us, paused_until_us, pause_reason
FROM vitals_devices ORDER BY device

-- name: keep device
UPDATE vitals_devices
SET contact_us = $1, settled_us = $2, connected = $3, program = $4, clock_ahead_us = $5, reported_us = $6, vitals = $7,
    period_us = $8, grace_us = $9, paused_until_us = $10, pause_reason = $11
WHERE device = $12

-- name: add to hour
INSERT INTO vitals_hours (device, hour, online_us, waiting_us, late_us, lost_us, paused_us)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (device, hour) DO UPDATE SET
    online_us  = vitals_hours.online_us  + excluded.online_us,
    waiting_us = vitals_hours.waiting_us + excluded.waiting_us,
    late_us    = vitals_hours.late_us    + excluded.late_us,
    lost_us    = vitals_hours.lost_us    + excluded.lost_us,
    paused_us  = vitals_hours.paused_us  + excluded.paused_us

-- name: hours
SELECT device, hour, online_us, waiting_us, late_us, lost_us, paused_us
FROM vitals_hours WHERE device = $1 AND hour >= $2 ORDER BY hour

-- name: hours of all
SELECT device, hour, online_us, waiting_us, late_us, lost_us, paused_us
FROM vitals_hours WHERE hour >= $1 ORDER BY device, hour

-- name: forget hours
DELETE FROM vitals_hours WHERE hour < $1
