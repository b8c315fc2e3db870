-- +goose Up

-- What one operator did lately is looked up with every request for a recording.
CREATE INDEX operator_events_actor ON operator_events (actor, kind, at_us);

-- +goose Down
DROP INDEX operator_events_actor;
