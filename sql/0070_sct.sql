-- Promises of logs (step 0060): the certificate stands apart from when it is looked at next, which is written again with each
-- look; and an entry that could not be read may be the one that a log promised.

CREATE TABLE sct_der (
    sha256 bytea PRIMARY KEY REFERENCES sct_look ON DELETE CASCADE,
    der    bytea NOT NULL
);
INSERT INTO sct_der (sha256, der) SELECT sha256, der FROM sct_look;
ALTER TABLE sct_look DROP COLUMN der;

-- Is there an entry between the two that was kept raw, and may have been taken in at that time?
CREATE FUNCTION raw_between(log_id int2, first_index int8, before_index int8, taken timestamptz) RETURNS bool
LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM malformed AS m CROSS JOIN LATERAL log_place(log_id, m.idx) AS p
                   WHERE m.log = log_id AND m.idx >= first_index AND m.idx < before_index
                     AND (m.timestamp IS NULL OR m.timestamp = taken) AND p.form > 1)
$$;

-- As in step 0060, but for entries that were kept raw: what may be the one that is looked for does not count as read.
CREATE OR REPLACE FUNCTION sct_reach(log_key bytea, taken timestamptz, place int8)
RETURNS TABLE (log int2, name text, key bytea, due timestamptz, due_size int8, whole bool, at_read bool,
              followed bool)
LANGUAGE sql STABLE AS $$
    SELECT l.id, l.name, l.key, d.at, h.size,
           coalesce(v.parts @> int8range(least(b.size, h.size), h.size), false)
               AND (place IS NOT NULL OR NOT raw_between(l.id, least(b.size, h.size), h.size, taken)),
           coalesce(v.parts @> place, false) AND NOT raw_between(l.id, place, place + 1, taken),
           l.followed AND l.state <> 'removed' AND l.ended = ''
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
