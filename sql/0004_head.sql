-- What a log says of itself over time: which head it shows now, and which heads were compared with the tree.

ALTER TABLE log_head
    ADD COLUMN timestamp_ms int8, -- as signed, whatever year that is; NULL in rows of before
    ADD COLUMN seen_last timestamptz NOT NULL DEFAULT now(), -- to half a minute
    ADD COLUMN denied bool NOT NULL DEFAULT false; -- signed, and not a tree that the verified one begins with

-- Which one came last, and which ones nobody has judged yet.
CREATE INDEX log_head_seen ON log_head (log, seen_last);
CREATE INDEX log_head_claim ON log_head (log, size) WHERE NOT verified AND NOT denied;
