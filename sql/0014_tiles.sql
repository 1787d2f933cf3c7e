-- Some RFC 6962 logs have data tiles under the same URL, which no log list says: found out once per log and URL.
ALTER TABLE log
    ADD COLUMN tiles bool,                    -- NULL: not known
    ADD COLUMN tiles_tried_at timestamptz;
