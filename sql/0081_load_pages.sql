-- Values of what a backfill puts down stand in the rows themselves, two of them in a page: in pieces of two kilobytes in another table,
-- each with an entry of an index, they cost twice as much to write and to read. So what is read of them has to be found: a slot that is
-- closed gets an index, by which a leaf is read at the cost of what it has and not of what there is.

-- The nodes of a cluster need none of this; elsewhere this says nothing.
SELECT set_config('citus.enable_ddl_propagation', 'off', true);

-- As in 0064_load_run.sql, and so that a value stays in its row while that fits into a page.
CREATE OR REPLACE FUNCTION load_make(slot int8) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    base text;
BEGIN
    FOREACH base IN ARRAY ARRAY['cert_load', 'cert_load_key', 'cert_load_ip', 'cert_load_run'] LOOP
        IF to_regclass(base || '_' || slot) IS NULL THEN
            EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES IN (%s) WITH (autovacuum_enabled = off)',
                           base || '_' || slot, base, slot);
        END IF;
    END LOOP;
    EXECUTE format('ALTER TABLE %I SET (toast_tuple_target = 8160)', 'cert_load_run_' || slot);
END $$;
SELECT load_make(s.slot) FROM load_state AS s;

-- For the slots that are closed, once each; no row comes into them any more.
CREATE FUNCTION load_index(closed int8) RETURNS void LANGUAGE plpgsql SET client_min_messages = warning AS $$
DECLARE
    part text;
BEGIN
    FOR part IN SELECT c.relname FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
                WHERE i.inhparent = 'cert_load_run'::regclass AND NOT c.relhasindex
                AND substring(c.relname FROM '[0-9]+$')::int8 <= closed LOOP
        EXECUTE format('CREATE INDEX ON %I (kind, bucket, lower)', part);
        EXECUTE format('ANALYZE %I (slot, kind, bucket, lower, upper)', part);
    END LOOP;
END $$;

-- As in 0064_load_run.sql; the leaves are looked at once and not for each value.
CREATE OR REPLACE FUNCTION load_leaves(closed int8)
RETURNS TABLE (suffix text, lower timestamptz, upper timestamptz, rows int8) LANGUAGE sql STABLE AS $$
    WITH leaf AS MATERIALIZED (SELECT p.suffix, p.lower, p.upper FROM partition_leaf AS p)
    SELECT l.suffix, l.lower, l.upper, sum(d.n)::int8
    FROM (SELECT c.slot, min(c.not_after) AS first, max(c.not_after) AS last, count(*) AS n FROM cert_load AS c WHERE c.slot <= closed
          GROUP BY c.slot, (c.not_after AT TIME ZONE 'UTC')::date
          UNION ALL SELECT r.slot, min(r.lower), max(r.upper), sum(r.count) FROM cert_load_run AS r WHERE r.slot <= closed AND r.kind = 0
          GROUP BY r.slot, (r.lower AT TIME ZONE 'UTC')::date, (r.upper AT TIME ZONE 'UTC')::date) AS d
    JOIN leaf AS l ON d.last >= l.lower AND d.first < l.upper
    WHERE NOT EXISTS (SELECT FROM load_done AS x WHERE x.slot >= d.slot AND l.lower >= x.lower AND l.upper <= x.upper)
    AND l.upper > (SELECT horizon FROM cert_removal)
    GROUP BY 1, 2, 3 ORDER BY 2
$$;

-- As in 0064_load_run.sql, by the index: what a value holds expires within one month.
CREATE OR REPLACE FUNCTION load_sizes(closed int8, low timestamptz, high timestamptz)
RETURNS TABLE (kind int8, bucket int8, bytes int8, held bool, loose bool) LANGUAGE plpgsql STABLE AS $$
DECLARE
    held    bool := EXISTS (SELECT FROM cert AS c WHERE c.not_after >= low AND c.not_after < high);
    loose   bool := EXISTS (SELECT FROM cert_load AS c WHERE c.slot <= closed);
    besides int8 := 0;
BEGIN
    IF held THEN
        SELECT j.bytes / 16 INTO STRICT besides FROM partition_job AS j;
    END IF;
    IF loose THEN
        besides := besides + (SELECT coalesce(sum(pg_relation_size(i.inhrelid)), 0)::int8 / 16 FROM pg_inherits AS i
                              WHERE i.inhparent = 'cert_load'::regclass);
    END IF;
    RETURN QUERY SELECT k::int8, b::int8, (r.bytes + besides)::int8, held, loose
    FROM generate_series(0, 2) AS k CROSS JOIN generate_series(0, 15) AS b
    CROSS JOIN LATERAL (SELECT coalesce(sum(octet_length(v.rows)), 0) AS bytes FROM cert_load_run AS v WHERE v.slot <= closed
                        AND v.kind = k::int2 AND v.bucket = b::int2 AND v.lower < high AND v.lower >= low - interval '32 days'
                        AND v.upper >= low) AS r
    ORDER BY 1, 2;
END $$;

SELECT set_config('citus.enable_ddl_propagation', 'on', true);
