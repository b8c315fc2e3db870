-- Named queries of the chores, for both engines.

-- name: put
INSERT INTO chores (name, due_us) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING

-- name: all
SELECT name, due_us, lease_us, lease_by, last_start_us, last_end_us, last_error, runs, failures, in_a_row
FROM chores ORDER BY name

-- A run is taken when nobody has it, when who has it has not been heard of in
-- time, or when its lease was given by a clock that has been set back since; and
-- only while due still says what the taker read.
-- name: take
UPDATE chores SET lease_us = $1, lease_by = $2, last_start_us = $3
WHERE name = $4 AND due_us = $5 AND (lease_by = '' OR lease_us <= $3 OR lease_us > $6)

-- name: renew
UPDATE chores SET lease_us = $1 WHERE name = $2 AND lease_by = $3

-- name: went well
UPDATE chores SET due_us = $1, lease_us = 0, lease_by = '', last_end_us = $2, last_error = '', runs = runs + 1, in_a_row = 0
WHERE name = $3 AND lease_by = $4

-- name: failed
UPDATE chores SET due_us = $1, lease_us = 0, lease_by = '', last_end_us = $2, last_error = $3, runs = runs + 1,
    failures = failures + 1, in_a_row = in_a_row + 1
WHERE name = $4 AND lease_by = $5

-- name: put down
UPDATE chores SET lease_us = 0, lease_by = '' WHERE name = $1 AND lease_by = $2

-- name: put all down
UPDATE chores SET lease_us = 0, lease_by = '' WHERE lease_by <> ''
