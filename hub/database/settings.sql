-- What the hub's SQLite writer wants beyond what shared/sqlite sets.

-- A kiosk can do with 2 MiB. The hub inserts ids in no order: 64 MiB keep the
-- pages of their index from being read and written again within one commit.
-- name: cache
PRAGMA cache_size = -65536
