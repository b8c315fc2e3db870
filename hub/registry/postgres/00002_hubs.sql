-- +goose Up

-- Hubs that serve from this database, each with blobs on a disk of its own.
CREATE TABLE registry_hubs (
    id       TEXT NOT NULL PRIMARY KEY, -- kept in the hub's data folder
    location TEXT NOT NULL,             -- machine and folder, for people
    run      TEXT NOT NULL,             -- of the process that has the place
    seen_us  BIGINT NOT NULL            -- when it last said that it lives, by its clock
);

-- +goose Down
DROP TABLE registry_hubs;
