-- +goose Up

CREATE TABLE cases_replies (
    record   BYTEA  NOT NULL PRIMARY KEY CHECK (length(record) = 16),
    number   BIGINT NOT NULL,
    tag      BYTEA  NOT NULL,
    version  BIGINT NOT NULL,
    reopen   BIGINT NOT NULL,
    score    BIGINT NOT NULL,
    place    TEXT   NOT NULL,
    said_us  BIGINT NOT NULL,
    day_only BIGINT NOT NULL,
    outcome  TEXT   NOT NULL,
    made     BIGINT NOT NULL
);
CREATE INDEX cases_replies_number ON cases_replies (number);
CREATE INDEX cases_replies_tag ON cases_replies (tag);
CREATE INDEX cases_replies_unproven ON cases_replies (tag) WHERE outcome = 'unproven';
COMMENT ON TABLE cases_replies IS 'What residents said by receipt code of how their case was handled, and what became of it. A row stays when the case is forgotten: a reply is judged once.';
COMMENT ON COLUMN cases_replies.record IS 'id of its record';
COMMENT ON COLUMN cases_replies.number IS 'ledger.Claim.Number';
COMMENT ON COLUMN cases_replies.tag IS 'of the receipt, as the record says';
COMMENT ON COLUMN cases_replies.version IS 'of the case that was seen';
COMMENT ON COLUMN cases_replies.score IS '1 … 5, 0 when not given';
COMMENT ON COLUMN cases_replies.day_only IS '1: said_us is a whole day, nothing else may be shown';
COMMENT ON COLUMN cases_replies.outcome IS 'Outcome';
COMMENT ON COLUMN cases_replies.made IS 'version of the case it made; 0: none';

-- +goose Down
DROP TABLE cases_replies;
