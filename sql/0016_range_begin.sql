-- A log may be read at several places at once: each range then begins with a frontier that was proven.
ALTER TABLE log_range
    ADD COLUMN begin_frontier bytea; -- compact range of size range_begin, proven; NULL: not known, or nothing
