-- Late truth: promises beside entries that were kept raw, who issued a row, and since when what a backfill puts down waits.

-- The nodes of a cluster need none of this; elsewhere this says nothing.
SELECT set_config('citus.enable_ddl_propagation', 'off', true);

-- What a log promised is known byte for byte, so an entry that was kept raw is it, or is not: one that is not no longer makes
-- the promises of a day unanswerable, as it did since step 0070.
CREATE INDEX malformed_leaf ON malformed (sha256(leaf));

-- As in step 0070, without what asked for them.
CREATE OR REPLACE FUNCTION sct_reach(log_key bytea, taken timestamptz, place int8)
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
DROP FUNCTION raw_between(int2, int8, int8, timestamptz);

-- A TBS may have several rows, each under the key that a log claimed for it, and what proves the issuer of one says nothing of
-- another that came later. claimed: the key of the row, zero where it has none. What was noted before holds for that one.
ALTER TABLE late_issuer ADD COLUMN claimed bytea NOT NULL DEFAULT decode(repeat('00', 32), 'hex') CHECK (length(claimed) = 32);
ALTER TABLE late_issuer DROP CONSTRAINT late_issuer_pkey, ADD PRIMARY KEY (tbs_fp, claimed);

-- What waits in the slot was put down later than this: writers let those who put it into its partitions begin a few times a day,
-- and see by it whether they did.
ALTER TABLE load_state ADD COLUMN since timestamptz NOT NULL DEFAULT now();
CREATE FUNCTION load_state_since() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.since := now();
    RETURN NEW;
END $$;
CREATE TRIGGER since BEFORE UPDATE OF slot ON load_state FOR EACH ROW EXECUTE FUNCTION load_state_since();

SELECT set_config('citus.enable_ddl_propagation', 'on', true);
