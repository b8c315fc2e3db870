-- +goose Up

-- What residents said by receipt code of how their case was handled, and what
-- became of it. A row stays when the case is forgotten: a reply is judged once.
CREATE TABLE cases_replies (
    record   BLOB    NOT NULL PRIMARY KEY CHECK (length(record) = 16), -- id of its record
    number   INTEGER NOT NULL, -- ledger.Claim.Number
    tag      BLOB    NOT NULL, -- of the receipt, as the record says
    version  INTEGER NOT NULL, -- of the case that was seen
    reopen   INTEGER NOT NULL,
    score    INTEGER NOT NULL, -- 1 … 5, 0 when not given
    place    TEXT    NOT NULL,
    said_us  INTEGER NOT NULL,
    day_only INTEGER NOT NULL, -- 1: said_us is a whole day, nothing else may be shown
    outcome  TEXT    NOT NULL, -- Outcome
    made     INTEGER NOT NULL  -- version of the case it made; 0: none
) STRICT, WITHOUT ROWID;
CREATE INDEX cases_replies_number ON cases_replies (number);
CREATE INDEX cases_replies_tag ON cases_replies (tag);
CREATE INDEX cases_replies_unproven ON cases_replies (tag) WHERE outcome = 'unproven';

-- +goose Down
DROP TABLE cases_replies;
