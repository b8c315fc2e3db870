-- What every connection sets beyond what its DSN can say, and what it reads
-- back before it is used. The driver runs PRAGMA synchronous=NORMAL on every
-- connection unless told otherwise, and ignores DSN keys it does not know, so
-- only what is read back counts.

-- name: set
PRAGMA trusted_schema = OFF;
PRAGMA cell_size_check = ON;
PRAGMA journal_size_limit = 16777216;
PRAGMA temp_store = MEMORY;

-- name: journal_mode
PRAGMA journal_mode;
-- name: synchronous
PRAGMA synchronous;
-- name: foreign_keys
PRAGMA foreign_keys;
-- name: busy_timeout
PRAGMA busy_timeout;
-- name: secure_delete
PRAGMA secure_delete;
-- name: trusted_schema
PRAGMA trusted_schema;
-- name: cell_size_check
PRAGMA cell_size_check;
-- name: journal_size_limit
PRAGMA journal_size_limit;
-- name: temp_store
PRAGMA temp_store;
-- name: query_only
PRAGMA query_only;

-- name: checkpoint
PRAGMA wal_checkpoint(TRUNCATE);
-- name: check
PRAGMA quick_check(1);
-- name: copy
VACUUM INTO $1;
