-- Log lists: where the logs come from that nobody added by hand, and how a log ends.

-- The last good list of each source, with its bytes: what decides whether the next one is a step back.
CREATE TABLE log_list (
    source     text PRIMARY KEY,              -- URL or file
    revision   int8 NOT NULL DEFAULT 0,       -- of the last list applied, whatever its source; 0: none was
    version    text NOT NULL DEFAULT '',
    made_at    timestamptz,                   -- as the list says
    etag       text NOT NULL DEFAULT '',
    bytes      bytea,
    logs       int4 NOT NULL DEFAULT 0,
    fetched_at timestamptz,                   -- when it was last got, or said to be unchanged
    applied_at timestamptz,
    tried_at   timestamptz,
    next_at    timestamptz NOT NULL DEFAULT now(), -- not to be asked for before
    failures   int4 NOT NULL DEFAULT 0,       -- in a row
    refused    bool NOT NULL DEFAULT false,   -- the last one that came was not taken: signature, rollback, form
    last_error text NOT NULL DEFAULT ''
);

-- Logs of a list; those added by hand have the defaults, and no list ever changes them.
ALTER TABLE log
    ADD COLUMN listed         bool NOT NULL DEFAULT false,
    ADD COLUMN operator       text NOT NULL DEFAULT '',
    ADD COLUMN description    text NOT NULL DEFAULT '',
    ADD COLUMN list_state     text NOT NULL DEFAULT ''
        CHECK (list_state IN ('', 'pending', 'qualified', 'usable', 'readonly', 'retired', 'rejected')),
    ADD COLUMN list_state_at  timestamptz,
    ADD COLUMN list_revision  int8 NOT NULL DEFAULT 0, -- of the last list it stood in
    ADD COLUMN left_at        timestamptz,             -- when it was no longer in the list
    ADD COLUMN mmd_s          int4,                    -- maximum merge delay
    ADD COLUMN interval_begin timestamptz,             -- not_after of what it accepts: [begin, end)
    ADD COLUMN interval_end   timestamptz,
    ADD COLUMN final_size     int8,                    -- the tree that will not grow any more
    ADD COLUMN final_root     bytea,
    ADD COLUMN final_error    text NOT NULL DEFAULT '', -- why that tree is not known to be a part of ours
    ADD COLUMN followed       bool NOT NULL DEFAULT true,
    ADD COLUMN unfollowed     text NOT NULL DEFAULT '', -- why not
    -- complete: read, verified and consistent with its final tree head; ended: read to its last known head;
    -- lost: it answers no more, and what its last head promised was never seen.
    ADD COLUMN ended          text NOT NULL DEFAULT '' CHECK (ended IN ('', 'complete', 'ended', 'lost')),
    ADD COLUMN ended_at       timestamptz,
    ADD CHECK ((final_size IS NULL) = (final_root IS NULL));

CREATE INDEX log_log_id ON log (log_id);

-- Where each log stood in the last minutes, for rate and ETA; thinned out by whoever writes it.
CREATE TABLE log_pace (
    log       int2 NOT NULL,
    at        timestamptz NOT NULL,
    position  int8 NOT NULL,
    head_size int8 NOT NULL,
    PRIMARY KEY (log, at)
);
