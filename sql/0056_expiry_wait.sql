-- Logs that are being caught up with: what they took in meanwhile is not known, and who looks for certificates that run out
-- waits for it. A row as long as there is such a stretch.

CREATE TABLE expiry_wait (
    log        int2 PRIMARY KEY REFERENCES log ON DELETE CASCADE,
    since      timestamptz NOT NULL DEFAULT now(), -- when it was noticed
    read_until timestamptz,                        -- what it took in later may be missing; NULL: nothing of it is known
    places     int8 NOT NULL,                      -- sum of the positions in what is caught up with
    moved_at   timestamptz NOT NULL DEFAULT now(), -- when that was seen to change last
    looked_at  timestamptz NOT NULL DEFAULT now(), -- when one of `still` was counted
    still      int4 NOT NULL DEFAULT 0,            -- looks since then that found it where it was
    given_up   bool NOT NULL DEFAULT false         -- it is not waited for: it does not go on
);
COMMENT ON TABLE expiry_wait IS 'Logs that are being caught up with, which expiry waits for (docs/expiry.md).';
