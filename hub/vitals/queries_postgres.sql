-- name: device to change
SELECT device, contact_us, settled_us, connected, program, clock_ahead_us, reported_us, vitals, period_us, grace_us, paused_until_us, pause_reason
FROM vitals_devices WHERE device = $1
FOR UPDATE
