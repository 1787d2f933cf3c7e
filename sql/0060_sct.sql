-- What SCTs in certificates of registered domains promise: an entry in that log by the end of its merge delay.

-- A final certificate, written with its row, until every log has kept its word or the certificate is over.
CREATE TABLE sct_look (
    sha256    bytea PRIMARY KEY CHECK (length(sha256) = 32),
    tbs_fp    bytea NOT NULL CHECK (length(tbs_fp) = 32),
    not_after timestamptz NOT NULL,
    der       bytea NOT NULL,
    told      bool NOT NULL DEFAULT false, -- an alert may say that a promise was not kept
    looks     int2 NOT NULL DEFAULT 0,     -- so far; the pause doubles with each
    due_at    timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX sct_look_due ON sct_look (due_at);

CREATE INDEX log_head_time ON log_head (log, timestamp) WHERE verified;

-- What is known of the stretch of each log of this id in which an entry must be that it promised at `taken`: it came after
-- the last tree that was signed an hour before, and it is in the first one that was signed an hour after its merge delay
-- (clocks are not exact), and was seen when that was over: what a log dates into the future proves nothing yet. due_size: of that tree, NULL while there is none that was verified; whole: all of the stretch
-- is stored and verified; at_read: the entry `place` is.
-- followed: more of the log is read.
CREATE FUNCTION sct_reach(log_key bytea, taken timestamptz, place int8)
RETURNS TABLE (log int2, name text, key bytea, due timestamptz, due_size int8, whole bool, at_read bool,
              followed bool)
LANGUAGE sql STABLE AS $$
    SELECT l.id, l.name, l.key, d.at, h.size, coalesce(v.parts @> int8range(least(b.size, h.size), h.size), false),
           coalesce(v.parts @> place, false), l.followed AND l.state <> 'removed' AND l.ended = ''
    FROM log AS l
    CROSS JOIN LATERAL (SELECT taken + coalesce(
        l.mmd_s, (SELECT max(o.mmd_s) FROM log AS o WHERE o.log_id = l.log_id), 86400) * interval '1 second' AS at) AS d
    CROSS JOIN LATERAL (SELECT
        coalesce((SELECT range_agg(int8range(r.range_begin, r.verified)) FROM log_range AS r WHERE r.log = l.id), '{}')
        - coalesce((SELECT range_agg(int8range(g.range_begin, g.range_end)) FROM log_gap AS g WHERE g.log = l.id), '{}')
        AS parts) AS v
    LEFT JOIN LATERAL (SELECT x.size FROM log_head AS x WHERE x.log = l.id AND x.verified
                       AND x.timestamp >= d.at + interval '1 hour' AND x.seen_last >= d.at ORDER BY x.timestamp, x.size LIMIT 1) AS h ON true
    CROSS JOIN LATERAL (SELECT coalesce((SELECT x.size FROM log_head AS x WHERE x.log = l.id AND x.verified
                        AND x.timestamp <= taken - interval '1 hour' ORDER BY x.timestamp DESC, x.size LIMIT 1), 0)
                        AS size) AS b
    WHERE l.log_id = log_key ORDER BY l.id
$$;
