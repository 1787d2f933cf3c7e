-- How late a log takes in what it promised: an entry that is not in a tree and was promised before that tree was signed has
-- waited at least for that long.

ALTER TABLE log
    ADD COLUMN merge_size    int8,        -- looked at up to here: the size of a head
    ADD COLUMN merge_at      timestamptz, -- and when that was signed
    ADD COLUMN merge_delay_s int4 NOT NULL DEFAULT 0, -- the longest delay seen; the true one may be longer
    ADD COLUMN mmd_exceeded  int8 NOT NULL DEFAULT 0; -- entries that waited longer than the maximum merge delay
