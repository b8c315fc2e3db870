-- name: table
CREATE TABLE bare (seq INTEGER NOT NULL PRIMARY KEY, id BLOB NOT NULL, uptime INTEGER NOT NULL, score INTEGER NOT NULL) STRICT

-- name: insert
INSERT INTO bare (seq, id, uptime, score) VALUES ($1, $2, $3, $4)
