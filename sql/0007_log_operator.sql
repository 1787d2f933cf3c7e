-- Who has ever run logs in a list: a name that was never there before is worth a look.
CREATE TABLE log_operator (
    name     text PRIMARY KEY,
    revision int8 NOT NULL, -- of the list in which it stood first
    seen_at  timestamptz NOT NULL DEFAULT now()
);
INSERT INTO log_operator (name, revision)
SELECT DISTINCT operator, (SELECT max(revision) FROM log_list) FROM log WHERE listed AND operator <> '';
