-- How many rows stand in what a sealing reads: whoever reads fewer of them does not put the partition in its place (db/loadread.c).

SELECT set_config('citus.enable_ddl_propagation', 'off', true);

-- As in 0081_load_pages.sql; and the rows of the values.
DROP FUNCTION load_sizes(int8, timestamptz, timestamptz);
CREATE FUNCTION load_sizes(closed int8, low timestamptz, high timestamptz)
RETURNS TABLE (kind int8, bucket int8, bytes int8, held bool, loose bool, rows int8) LANGUAGE plpgsql STABLE AS $$
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
    RETURN QUERY SELECT k::int8, b::int8, (r.bytes + besides)::int8, held, loose, r.count::int8
    FROM generate_series(0, 2) AS k CROSS JOIN generate_series(0, 15) AS b
    CROSS JOIN LATERAL (SELECT coalesce(sum(octet_length(v.rows)), 0) AS bytes, coalesce(sum(v.count), 0) AS count FROM cert_load_run AS v
                        WHERE v.slot <= closed AND v.kind = k::int2 AND v.bucket = b::int2 AND v.lower < high
                        AND v.lower >= low - interval '32 days' AND v.upper >= low) AS r
    ORDER BY 1, 2;
END $$;

SELECT set_config('citus.enable_ddl_propagation', 'on', true);
