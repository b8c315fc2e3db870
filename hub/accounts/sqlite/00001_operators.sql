-- +goose Up

-- Who may sign in to the console.
CREATE TABLE operators (
    name        TEXT    NOT NULL PRIMARY KEY, -- lower case, as typed at sign-in
    password    TEXT    NOT NULL,             -- PHC string: $argon2id$v=19$m=…,t=…,p=…$salt$hash
    roles       TEXT    NOT NULL,             -- words with one space between: "admin operator"
    created_us  INTEGER NOT NULL,
    changed_us  INTEGER NOT NULL,             -- when the password was last set
    disabled_us INTEGER                       -- NULL while the operator may sign in
) STRICT;

-- Who is signed in. The browser holds the token, this table only its hash.
CREATE TABLE operator_sessions (
    token    TEXT    NOT NULL PRIMARY KEY,    -- SHA-256, hexadecimal
    operator TEXT    NOT NULL REFERENCES operators (name),
    data     BLOB    NOT NULL,                -- as the session library encodes it
    begun_us INTEGER NOT NULL,                -- ends 12 h later
    seen_us  INTEGER NOT NULL                 -- ends 30 min later; moved at most once a minute
) STRICT;
CREATE INDEX operator_sessions_operator ON operator_sessions (operator);

-- What happened to accounts and what operators did, never with a password.
CREATE TABLE operator_events (
    id       INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    at_us    INTEGER NOT NULL,
    kind     TEXT    NOT NULL,                -- "sign-in", "refused", "device-revoked", …
    operator TEXT    NOT NULL,                -- whom it is about; empty when the name typed is unknown
    actor    TEXT    NOT NULL,                -- who did it; empty for the hub itself
    remote   TEXT    NOT NULL,                -- address it came from, or empty
    detail   TEXT    NOT NULL
) STRICT;

-- +goose Down
DROP TABLE operator_events;
DROP TABLE operator_sessions;
DROP TABLE operators;
