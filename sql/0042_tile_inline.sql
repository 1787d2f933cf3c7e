-- A tile is 6.5 kB, so one fills a page. In pieces of 2 kB in a table beside it, as PostgreSQL keeps what is large, it took
-- the same room, six more rows and index entries to write, and three more lookups to read. Tiles that are there stay as
-- they are, and are read like these.
ALTER TABLE log_tile SET (toast_tuple_target = 8160);
