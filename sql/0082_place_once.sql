-- To read a column of log_tile is most of what a place costs, since each is stored apart from its row, and a place took four of them:
-- the hash once to compare it and once to tell it. And a block with keys that are no plain list (NULL among them, two dimensions), which
-- nobody writes, ended every look for a hash of its bucket in an error.

-- The nodes of a cluster need not know the function, which functions.sql there makes anew; elsewhere this says nothing.
SELECT set_config('citus.enable_ddl_propagation', 'off', true);

-- As in 0077_place_log.sql. kind 2: as 0, for who needs no sha8, which is NULL then. Of a block that is no plain list each place is looked
-- at that it names: log_tile says whether it is one.
CREATE OR REPLACE FUNCTION place_find(kind int2, keys int8[]) RETURNS TABLE (fp8 int8, sha8 int8, log_id int2, index int8, info bytea)
LANGUAGE plpgsql STABLE PARALLEL SAFE SECURITY DEFINER ROWS 8
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_bitmapscan = off SET enable_memoize = off SET jit = off
SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    RETURN QUERY SELECT CASE WHEN place_find.kind = 1 THEN t.fp8[g.nth] ELSE f.key END,
        CASE place_find.kind WHEN 0 THEN t.sha8[g.nth] WHEN 1 THEN f.key END, t.log, f.idx, substring(t.info FROM 9 * g.nth - 8 FOR 9)
    FROM (SELECT DISTINCT k.key, (d.place >> 40)::int4 AS log, d.place & 1099511627775 AS idx
          FROM (SELECT DISTINCT x.key FROM unnest(place_find.keys) AS x (key) WHERE x.key <> 0) AS k
          CROSS JOIN generate_series(0, 8) AS l (level)
          CROSS JOIN LATERAL (SELECT b.keys, b.places, b.plain FROM (
                  SELECT o.keys, o.places, CASE WHEN array_ndims(o.keys) = 1 AND array_lower(o.keys, 1) = 1
                      THEN array_position(o.keys, NULL) IS NULL ELSE false END AS plain
                  FROM place_block AS o WHERE o.kind = (place_find.kind & 1::int2) AND o.level = l.level
                  AND o.bucket = place_bucket(k.key, l.level)) AS b
              WHERE CASE WHEN b.plain THEN b.keys[width_bucket(k.key, b.keys)] = k.key ELSE k.key = ANY (b.keys) END OFFSET 0) AS b
          CROSS JOIN LATERAL (SELECT ('x' || encode(substring(b.places FROM 7 * n - 6 FOR 7), 'hex'))::bit(56)::int8 AS place
                              FROM generate_series(CASE WHEN NOT b.plain OR b.keys[1] = k.key THEN 1
                                                        ELSE width_bucket(k.key - 1, b.keys) + 1 END,
                                                   CASE WHEN b.plain THEN width_bucket(k.key, b.keys) ELSE cardinality(b.keys) END) AS n
                              OFFSET 0) AS d) AS f
    CROSS JOIN LATERAL (SELECT * FROM log_tile AS o WHERE o.log = f.log AND o.tile = f.idx / 256 OFFSET 0) AS t
    CROSS JOIN LATERAL (SELECT (f.idx - t.first_index + 1)::int AS nth) AS g
    WHERE f.idx BETWEEN t.first_index AND t.last_index
    AND CASE WHEN place_find.kind = 1 THEN t.sha8[g.nth] ELSE t.fp8[g.nth] END = f.key;
END $$;
DO $$
BEGIN
    EXECUTE format('ALTER FUNCTION place_find SET search_path = %I, pg_temp', current_schema());
END $$;

SELECT set_config('citus.enable_ddl_propagation', 'on', true);
