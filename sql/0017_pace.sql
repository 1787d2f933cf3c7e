-- How fast operators may be asked, as all processes have learned it together.

-- One row for each operator and each of our source addresses. What stands in reals and whole is struct pace
-- (model/pace.h), moved by ingest/tempo.c alone; the columns beside them show it to people. Times are those of this
-- server. Worth little: without it everything is learned anew.
CREATE TABLE operator_pace (
    operator   text NOT NULL,               -- name given to log add, or registrable domain, or address and port
    source     text NOT NULL DEFAULT '',    -- '': as the system chooses
    turn       int8 NOT NULL,               -- raised by every change: compare-and-set
    reals      float8[] NOT NULL,
    whole      int8[] NOT NULL,
    rate       float8 NOT NULL,             -- requests per second that may go out now
    ceiling    float8 NOT NULL,             -- the rate that was refused last; 0: none is known
    hold_until timestamptz NOT NULL,        -- nothing is asked before
    requests   float8 NOT NULL,             -- of the last minutes, the older the less,
    refused    float8 NOT NULL,             -- and how many of them were refused
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (operator, source)
) WITH (fillfactor = 20); -- changed four times a second

ALTER TABLE log
    ADD COLUMN operator_key text NOT NULL DEFAULT '', -- as given to log add --operator; '': by its URL
    ADD COLUMN page         int4 NOT NULL DEFAULT 0 CHECK (page >= 0),      -- get-entries: learned; 0: not yet
    ADD COLUMN page_align   int4 NOT NULL DEFAULT 0 CHECK (page_align >= 0);
