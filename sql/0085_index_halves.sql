-- The indexes of a leaf that a backfill fills are built over two connections, half of them each. One that is built by several processes
-- goes through files between them, and takes as long on two processors as one process takes for it.

-- The nodes of a cluster need none of this; elsewhere this says nothing.
SELECT set_config('citus.enable_ddl_propagation', 'off', true);

-- As in 0022_leaf_order.sql: the only place that lists them. The unique ones are odd, and two whose names the server would make alike are
-- of the same half.
CREATE FUNCTION partition_index_list(suffix text) RETURNS text[] LANGUAGE sql STABLE AS $$
    SELECT ARRAY[format('CREATE UNIQUE INDEX ON %I (tbs_fp, issuer)', 'cert_' || suffix),
                 format('CREATE INDEX ON %I (substring(serial FOR 15))', 'cert_' || suffix),
                 format('CREATE INDEX ON %I (apex8, not_before DESC)', 'cert_' || suffix),
                 format('CREATE INDEX ON %I (substring(spki_sha256 FOR 8))', 'cert_' || suffix),
                 format('CREATE UNIQUE INDEX ON %I (tbs_fp, issuer, apex8)', 'cert_apex_' || suffix),
                 format('CREATE INDEX ON %I USING brin (not_before)', 'cert_' || suffix),
                 format('CREATE UNIQUE INDEX ON %I (tbs_fp, issuer, ip)', 'cert_ip_' || suffix),
                 format('CREATE INDEX ON %I USING gist (ip inet_ops)', 'cert_ip_' || suffix),
                 format('CREATE INDEX ON %I (apex8, not_before DESC)', 'cert_apex_' || suffix)]
$$;

CREATE OR REPLACE FUNCTION partition_index(suffix text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    made text;
BEGIN
    FOREACH made IN ARRAY partition_index_list(suffix) LOOP
        EXECUTE made;
    END LOOP;
END $$;

-- Somebody else makes those of half 0.
ALTER TABLE partition_job ADD COLUMN halved bool NOT NULL DEFAULT false;

CREATE FUNCTION load_index_half(half int) RETURNS void LANGUAGE plpgsql
SET max_parallel_maintenance_workers = 0 SET maintenance_work_mem = '256MB' AS $$
DECLARE
    list text[] := partition_index_list('build_1');
BEGIN
    FOR i IN 1 .. cardinality(list) LOOP
        IF i % 2 = half THEN
            EXECUTE list[i];
        END IF;
    END LOOP;
END $$;

CREATE OR REPLACE FUNCTION partition_index_all() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    job partition_job;
BEGIN
    SELECT * INTO STRICT job FROM partition_job WHERE step = 'filled' FOR UPDATE;
    IF job.halved THEN
        PERFORM load_index_half(1);
    ELSE
        FOR i IN 1 .. cardinality(job.targets) LOOP
            PERFORM partition_index('build_' || i);
        END LOOP;
    END IF;
    UPDATE partition_job SET step = 'indexed', step_at = now();
END $$;

SELECT set_config('citus.enable_ddl_propagation', 'on', true);
