-- +goose Up

-- How an answer was tapped, by the names of the rules that its kiosk's flags
-- tell. It is counted all the same; bit 16 of answers.state says that it is here.
CREATE TABLE flags (
    answer INTEGER NOT NULL,
    rule   TEXT NOT NULL,
    PRIMARY KEY (answer, rule)
) STRICT, WITHOUT ROWID;

ALTER TABLE counts ADD COLUMN flagged INTEGER NOT NULL DEFAULT 0; -- how many of n have a flag

-- What later records say of answers the hub does not hold yet.
CREATE TABLE amendments (
    earlier BLOB NOT NULL,
    boot    INTEGER NOT NULL, -- of the later record
    rule    TEXT NOT NULL,    -- the answer is flagged by it; empty: another took its place
    PRIMARY KEY (earlier, boot, rule)
) STRICT, WITHOUT ROWID;
INSERT INTO amendments (earlier, boot, rule) SELECT earlier, boot, '' FROM replacements;
DROP TABLE replacements;

-- +goose Down
-- Answers that took the place of one the hub did not hold yet.
CREATE TABLE replacements (
    earlier BLOB NOT NULL,
    boot    INTEGER NOT NULL,
    PRIMARY KEY (earlier, boot)
) STRICT, WITHOUT ROWID;
INSERT INTO replacements (earlier, boot) SELECT earlier, boot FROM amendments WHERE rule = '';
DROP TABLE amendments;
ALTER TABLE counts DROP COLUMN flagged;
UPDATE answers SET state = state - 16 WHERE state & 16 <> 0;
DROP TABLE flags;
