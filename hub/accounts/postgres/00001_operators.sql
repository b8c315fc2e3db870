-- +goose Up

CREATE TABLE operators (
    name        TEXT   NOT NULL PRIMARY KEY,
    password    TEXT   NOT NULL,
    roles       TEXT   NOT NULL,
    created_us  BIGINT NOT NULL,
    changed_us  BIGINT NOT NULL,
    disabled_us BIGINT
);
COMMENT ON TABLE operators IS 'Who may sign in to the console.';
COMMENT ON COLUMN operators.password IS 'PHC string: $argon2id$v=19$m=…,t=…,p=…$salt$hash';
COMMENT ON COLUMN operators.roles IS 'words with one space between: "admin operator"';
COMMENT ON COLUMN operators.disabled_us IS 'NULL while the operator may sign in';

CREATE TABLE operator_sessions (
    token    TEXT   NOT NULL PRIMARY KEY,
    operator TEXT   NOT NULL REFERENCES operators (name),
    data     BYTEA  NOT NULL,
    begun_us BIGINT NOT NULL,
    seen_us  BIGINT NOT NULL
);
CREATE INDEX operator_sessions_operator ON operator_sessions (operator);
COMMENT ON TABLE operator_sessions IS 'Who is signed in; the token only as its SHA-256.';

CREATE TABLE operator_events (
    id       BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at_us    BIGINT NOT NULL,
    kind     TEXT   NOT NULL,
    operator TEXT   NOT NULL,
    actor    TEXT   NOT NULL,
    remote   TEXT   NOT NULL,
    detail   TEXT   NOT NULL
);
COMMENT ON TABLE operator_events IS 'What happened to accounts and what operators did, never with a password.';

-- +goose Down
DROP TABLE operator_events;
DROP TABLE operator_sessions;
DROP TABLE operators;
