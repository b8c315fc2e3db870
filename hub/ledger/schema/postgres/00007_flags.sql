-- +goose Up

-- How an answer was tapped, by the names of the rules that its kiosk's flags
-- tell. It is counted all the same; bit 16 of answers.state says that it is here.
CREATE TABLE flags (
    answer BIGINT NOT NULL,
    rule   TEXT NOT NULL,
    PRIMARY KEY (answer, rule)
);

ALTER TABLE counts ADD COLUMN flagged BIGINT NOT NULL DEFAULT 0; -- how many of n have a flag

-- What later records say of answers the hub does not hold yet.
CREATE TABLE amendments (
    earlier BYTEA NOT NULL,
    boot    BIGINT NOT NULL, -- of the later record
    rule    TEXT NOT NULL,   -- the answer is flagged by it; empty: another took its place
    PRIMARY KEY (earlier, boot, rule)
);
INSERT INTO amendments (earlier, boot, rule) SELECT earlier, boot, '' FROM replacements;
DROP TABLE replacements;

-- +goose Down
-- Answers that took the place of one the hub did not hold yet.
CREATE TABLE replacements (
    earlier BYTEA NOT NULL,
    boot    BIGINT NOT NULL,
    PRIMARY KEY (earlier, boot)
);
INSERT INTO replacements (earlier, boot) SELECT earlier, boot FROM amendments WHERE rule = '';
DROP TABLE amendments;
ALTER TABLE counts DROP COLUMN flagged;
UPDATE answers SET state = state - 16 WHERE state & 16 <> 0;
DROP TABLE flags;
