-- A place of a damaged block may name a log that no smallint can: whoever looked for its hash got an error, also for the places that are
-- good. It is in no log_tile, and that is all.

-- The nodes of a cluster need not know the function, which functions.sql there makes anew; elsewhere this says nothing.
SELECT set_config('citus.enable_ddl_propagation', 'off', true);

-- As in 0061_place_block.sql.
CREATE OR REPLACE FUNCTION place_find(kind int2, keys int8[]) RETURNS TABLE (fp8 int8, sha8 int8, log_id int2, index int8, info bytea)
LANGUAGE plpgsql STABLE PARALLEL SAFE SECURITY DEFINER ROWS 8
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_bitmapscan = off SET enable_memoize = off SET jit = off
SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    RETURN QUERY SELECT t.fp8[g.nth], t.sha8[g.nth], t.log, f.idx, substring(t.info FROM 9 * g.nth - 8 FOR 9)
    FROM (SELECT DISTINCT k.key, (d.place >> 40)::int4 AS log, d.place & 1099511627775 AS idx
          FROM (SELECT DISTINCT x.key FROM unnest(place_find.keys) AS x (key) WHERE x.key <> 0) AS k
          CROSS JOIN generate_series(0, 8) AS l (level)
          CROSS JOIN LATERAL (SELECT b.keys, b.places FROM place_block AS b WHERE b.kind = place_find.kind AND b.level = l.level
                              AND b.bucket = place_bucket(k.key, l.level)
                              AND b.keys[width_bucket(k.key, b.keys)] = k.key OFFSET 0) AS b
          CROSS JOIN LATERAL (SELECT ('x' || encode(substring(b.places FROM 7 * n - 6 FOR 7), 'hex'))::bit(56)::int8 AS place
                              FROM generate_series(CASE WHEN b.keys[1] = k.key THEN 1 ELSE width_bucket(k.key - 1, b.keys) + 1
                               END, width_bucket(k.key, b.keys)) AS n OFFSET 0) AS d) AS f
    CROSS JOIN LATERAL (SELECT * FROM log_tile AS o WHERE o.log = f.log AND o.tile = f.idx / 256 OFFSET 0) AS t
    CROSS JOIN LATERAL (SELECT (f.idx - t.first_index + 1)::int AS nth) AS g
    WHERE f.idx BETWEEN t.first_index AND t.last_index
    AND CASE WHEN place_find.kind = 0 THEN t.fp8[g.nth] ELSE t.sha8[g.nth] END = f.key;
END $$;
DO $$
BEGIN
    EXECUTE format('ALTER FUNCTION place_find SET search_path = %I, pg_temp', current_schema());
END $$;
