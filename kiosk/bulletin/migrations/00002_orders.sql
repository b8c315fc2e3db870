-- +goose Up

-- How long this program ran under each order: a clock that stands wrong cannot
-- make an order hold for longer than that, over any number of restarts.
CREATE TABLE order_ran (
    id  TEXT NOT NULL PRIMARY KEY,
    ran INTEGER NOT NULL -- microseconds
) STRICT, WITHOUT ROWID;

-- +goose Down
DROP TABLE order_ran;
