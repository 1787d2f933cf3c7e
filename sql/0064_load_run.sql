-- What a backfill puts down is packed by the writer: rows of a month and of a sixteenth of all domains in one value, which is put
-- into its leaf as it is, after it was sorted with the others. A row of a table for each issuance cost the server as
-- much to write as to store it for good, and four times that to sort, to tell from others and to freeze. Who drives it: db/db_load.c, db/loadfill.c.

-- The nodes of a cluster need none of this; elsewhere this says nothing.
SELECT set_config('citus.enable_ddl_propagation', 'off', true);

-- kind: 0 rows of cert, 1 of cert_apex, 2 of cert_ip (db/loadrow.h says how they are packed). bucket: the first four bits of
-- apex8 after its sign was turned, so that buckets are in the order of apex8; 0 for addresses. lower and upper: the first
-- and the last not_after. The same issuance may be there several times. What an older program put down, and what is
-- larger than a value may be, stands in cert_load, cert_load_key and cert_load_ip, as it did before.
CREATE TABLE cert_load_run (
    slot   int8 NOT NULL,
    kind   int2 NOT NULL,
    bucket int2 NOT NULL,
    lower  timestamptz NOT NULL,
    upper  timestamptz NOT NULL,
    count  int4 NOT NULL,
    rows   bytea NOT NULL
) PARTITION BY LIST (slot);
ALTER TABLE cert_load_run ALTER COLUMN rows SET STORAGE EXTERNAL; -- hashes do not get smaller

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
END $$;
SELECT load_make(s.slot) FROM load_state AS s;

-- As before, and with what is packed.
CREATE OR REPLACE FUNCTION load_close() RETURNS int8 LANGUAGE plpgsql AS $$
DECLARE
    open int8;
BEGIN
    PERFORM set_config('lock_timeout', '5s', true);
    SELECT slot INTO STRICT open FROM load_state FOR UPDATE;
    IF pg_relation_size(format('cert_load_%s', open)::regclass) > 0
       OR pg_relation_size(format('cert_load_run_%s', open)::regclass) > 0 THEN
        UPDATE load_state SET slot = slot + 1;
        PERFORM load_make(open + 1);
        RETURN open;
    END IF;
    RETURN open - 1;
END $$;

-- rows: about, where a value reaches over the edge of a leaf.
CREATE OR REPLACE FUNCTION load_leaves(closed int8)
RETURNS TABLE (suffix text, lower timestamptz, upper timestamptz, rows int8) LANGUAGE sql STABLE AS $$
    SELECT l.suffix, l.lower, l.upper, sum(d.n)::int8
    FROM (SELECT c.slot, min(c.not_after) AS first, max(c.not_after) AS last, count(*) AS n FROM cert_load AS c WHERE c.slot <= closed
          GROUP BY c.slot, (c.not_after AT TIME ZONE 'UTC')::date
          UNION ALL SELECT r.slot, r.lower, r.upper, sum(r.count) FROM cert_load_run AS r WHERE r.slot <= closed AND r.kind = 0
          GROUP BY r.slot, r.lower, r.upper) AS d
    JOIN partition_leaf AS l ON d.last >= l.lower AND d.first < l.upper
    WHERE NOT EXISTS (SELECT FROM load_done AS x WHERE x.slot >= d.slot AND l.lower >= x.lower AND l.upper <= x.upper)
    AND l.upper > (SELECT horizon FROM cert_removal)
    GROUP BY 1, 2, 3 ORDER BY 2
$$;

CREATE OR REPLACE FUNCTION load_end(closed int8) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    part text;
BEGIN
    PERFORM set_config('lock_timeout', '5s', true);
    FOR part IN SELECT i.inhrelid::regclass::text FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
                WHERE i.inhparent IN ('cert_load'::regclass, 'cert_load_key'::regclass, 'cert_load_ip'::regclass,
                                      'cert_load_run'::regclass)
                AND substring(c.relname FROM '[0-9]+$')::int8 <= closed LOOP
        EXECUTE format('DROP TABLE %s', part);
    END LOOP;
    DELETE FROM load_done WHERE slot <= closed;
    DELETE FROM load_place WHERE slot <= closed;
    -- Who still waits for rows that came meanwhile says so again.
    DELETE FROM load_wanted;
END $$;

-- How much the job has to read of each kind and bucket, packed or not, and of what is in the leaf. A cluster's tables have
-- other columns, and none of this is called there.
CREATE FUNCTION load_sizes(closed int8, low timestamptz, high timestamptz)
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
    RETURN QUERY SELECT k::int8, b::int8, (coalesce(sum(octet_length(r.rows)), 0) + besides)::int8, held, loose
    FROM generate_series(0, 2) AS k CROSS JOIN generate_series(0, 15) AS b
    LEFT JOIN cert_load_run AS r ON r.slot <= closed AND r.kind = k AND r.bucket = b AND r.lower < high AND r.upper >= low
    GROUP BY 1, 2 ORDER BY 1, 2;
END $$;

-- What is in the leaf already, and what stands in rows of its own: in the columns of the tables that are built.
CREATE FUNCTION load_held_certs(low timestamptz, high timestamptz, first int8, last int8)
RETURNS TABLE (not_after timestamptz, not_before timestamptz, first_seen timestamptz, apex8 int8, idx int8, facts int8, issuer int4, log int2,
               tbs_fp bytea, serial bytea, spki_sha256 bytea, names text, cn text, findings bytea, others text) LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN QUERY SELECT c.not_after, c.not_before, c.first_seen, c.apex8, c.idx, c.facts, c.issuer, c.log, c.tbs_fp, c.serial, c.spki_sha256,
                        c.names, c.cn, c.findings, c.others
    FROM cert AS c WHERE c.not_after >= low AND c.not_after < high AND c.apex8 >= first AND c.apex8 <= last;
END $$;
CREATE FUNCTION load_held_keys(low timestamptz, high timestamptz, first int8, last int8)
RETURNS TABLE (not_after timestamptz, not_before timestamptz, apex8 int8, issuer int4, tbs_fp bytea) LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN QUERY SELECT c.not_after, c.not_before, c.apex8, c.issuer, c.tbs_fp
    FROM cert_apex AS c WHERE c.not_after >= low AND c.not_after < high AND c.apex8 >= first AND c.apex8 <= last;
END $$;
CREATE FUNCTION load_held_ips(low timestamptz, high timestamptz)
RETURNS TABLE (not_after timestamptz, not_before timestamptz, issuer int4, tbs_fp bytea, ip inet) LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN QUERY SELECT c.not_after, c.not_before, c.issuer, c.tbs_fp, c.ip FROM cert_ip AS c WHERE c.not_after >= low AND c.not_after < high;
END $$;
CREATE FUNCTION load_loose_keys(closed int8, low timestamptz, high timestamptz, first int8, last int8)
RETURNS TABLE (not_after timestamptz, not_before timestamptz, apex8 int8, issuer int4, tbs_fp bytea) LANGUAGE sql STABLE AS $$
    SELECT DISTINCT c.not_after, c.not_before, k.apex8, k.issuer, k.tbs_fp FROM cert_load_key AS k
    JOIN cert_load AS c ON c.slot = k.slot AND c.tbs_fp = k.tbs_fp AND c.issuer = k.issuer
    WHERE k.slot <= closed AND c.not_after >= low AND c.not_after < high AND k.apex8 >= first AND k.apex8 <= last
$$;
CREATE FUNCTION load_loose_ips(closed int8, low timestamptz, high timestamptz)
RETURNS TABLE (not_after timestamptz, not_before timestamptz, issuer int4, tbs_fp bytea, ip inet) LANGUAGE sql STABLE AS $$
    SELECT DISTINCT c.not_after, c.not_before, k.issuer, k.tbs_fp, k.ip FROM cert_load_ip AS k
    JOIN cert_load AS c ON c.slot = k.slot AND c.tbs_fp = k.tbs_fp AND c.issuer = k.issuer
    WHERE k.slot <= closed AND c.not_after >= low AND c.not_after < high
$$;

-- Of the job that is under way. What was built is fresh, and counted here, unless it stands in load_old: that was in the leaf
-- before, or somebody else stored it meanwhile, and counted it. n may be less than 0; there may be several rows of an issuer and day.
CREATE TABLE load_count (
    issuer int4 NOT NULL,
    day    date NOT NULL,
    n      int8 NOT NULL
) WITH (autovacuum_enabled = off);
CREATE TABLE load_old (
    tbs_fp bytea NOT NULL,
    issuer int4 NOT NULL
) WITH (autovacuum_enabled = off);
CREATE INDEX load_old_fp ON load_old (tbs_fp, issuer);

DROP FUNCTION load_swap(int8, int8);
DROP FUNCTION load_catch(int8, int8, bool);
DROP FUNCTION load_copy(timestamptz[], bytea[], int4[]);
DROP FUNCTION load_fill(int8);
DROP FUNCTION load_columns();
DROP TABLE load_fresh;

-- As partition_catch, for a job of the kind "load": what others stored meanwhile replaces what was built of it, and what they
-- took away goes, but for what is fresh: nobody has it, and it stays.
CREATE FUNCTION load_catch(most int8) RETURNS int8 LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
    base   text;
    afters timestamptz[];
    fps    bytea[];
    owners int4[];
BEGIN
    IF NOT EXISTS (SELECT FROM partition_late) THEN
        RETURN 0;
    END IF;
    WITH took AS (DELETE FROM partition_late AS l
        WHERE l.ctid = ANY (ARRAY(SELECT x.ctid FROM partition_late AS x LIMIT most)) RETURNING l.*)
    SELECT array_agg(k.not_after), array_agg(k.tbs_fp), array_agg(k.issuer) INTO afters, fps, owners
    FROM (SELECT DISTINCT * FROM took) AS k;
    WITH theirs AS (INSERT INTO load_old (tbs_fp, issuer)
        SELECT k.tbs_fp, k.issuer FROM unnest(afters, fps, owners) AS k (not_after, tbs_fp, issuer)
        WHERE EXISTS (SELECT FROM cert AS c WHERE c.not_after = k.not_after AND c.tbs_fp = k.tbs_fp AND c.issuer = k.issuer)
        AND NOT EXISTS (SELECT FROM load_old AS o WHERE o.tbs_fp = k.tbs_fp AND o.issuer = k.issuer)
        RETURNING tbs_fp, issuer)
    INSERT INTO load_count (issuer, day, n)
    SELECT b.issuer, (b.not_before AT TIME ZONE 'UTC')::date, -count(*)
    FROM theirs AS t CROSS JOIN LATERAL (SELECT * FROM cert_build AS c WHERE c.tbs_fp = t.tbs_fp AND c.issuer = t.issuer OFFSET 0) AS b
    GROUP BY 1, 2;
    FOREACH base IN ARRAY ARRAY['cert', 'cert_apex', 'cert_ip'] LOOP
        EXECUTE format('DELETE FROM %I AS b USING unnest($1, $2, $3) AS k (not_after, tbs_fp, issuer)'
                       ' WHERE b.not_after = k.not_after AND b.tbs_fp = k.tbs_fp AND b.issuer = k.issuer'
                       ' AND EXISTS (SELECT FROM load_old AS o WHERE o.tbs_fp = k.tbs_fp AND o.issuer = k.issuer)',
                       base || '_build') USING afters, fps, owners;
        -- Each statement sees for itself: what was gone above may be there again, and is late again.
        EXECUTE format('INSERT INTO %I SELECT c.* FROM unnest($1, $2, $3) AS k (not_after, tbs_fp, issuer)'
                       ' CROSS JOIN LATERAL (SELECT * FROM %I AS x WHERE x.not_after = k.not_after'
                       '  AND x.tbs_fp = k.tbs_fp AND x.issuer = k.issuer OFFSET 0) AS c'
                       ' ON CONFLICT DO NOTHING',
                       base || '_build', base) USING afters, fps, owners;
    END LOOP;
    RETURN coalesce(cardinality(fps), 0);
END $$;

-- An issuance that stands under two domains in what was put down, as it may where programs of two versions did it, was built twice:
-- one row of it stays, that of the leaf if there is one. Before the job has its indexes.
CREATE FUNCTION load_single() RETURNS int8 LANGUAGE plpgsql AS $$
DECLARE
    total int8;
BEGIN
    WITH rows AS (SELECT b.ctid AS at, row_number() OVER (PARTITION BY b.tbs_fp, b.issuer ORDER BY EXISTS (SELECT FROM cert AS c
                   WHERE c.not_after = b.not_after AND c.tbs_fp = b.tbs_fp AND c.issuer = b.issuer AND c.apex8 = b.apex8) DESC,
                   b.first_seen, b.apex8) AS nth FROM cert_build_1 AS b),
    gone AS (DELETE FROM cert_build_1 AS b WHERE b.ctid IN (SELECT r.at FROM rows AS r WHERE r.nth > 1) RETURNING b.issuer, b.not_before),
    less AS (INSERT INTO load_count (issuer, day, n)
             SELECT g.issuer, (g.not_before AT TIME ZONE 'UTC')::date, -count(*) FROM gone AS g GROUP BY 1, 2)
    SELECT count(*) INTO total FROM gone;
    UPDATE partition_job SET rows = rows - total;
    RETURN total;
END $$;

-- As partition_swap; with the roll-up. It has another name than before: a program of before that filled a leaf while this came
-- would put it in place, and none of it was counted. An error (lock_not_available), and nothing done, where the lock is not given or
-- more than `most` rows are late.
CREATE FUNCTION load_exchange(closed int8, most int8) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    job partition_job;
BEGIN
    SELECT * INTO STRICT job FROM partition_job WHERE kind = 'load' AND step = 'frozen' FOR UPDATE;
    INSERT INTO issued (issuer, day, n) SELECT c.issuer, c.day, sum(c.n)::int8 FROM load_count AS c
    GROUP BY 1, 2 HAVING sum(c.n) > 0 ORDER BY 1, 2 ON CONFLICT (issuer, day) DO UPDATE SET n = issued.n + excluded.n;
    DELETE FROM load_count;
    PERFORM partition_lock_all();
    IF (SELECT count(*) FROM (SELECT FROM partition_late LIMIT most + 1) AS l) > most THEN
        RAISE lock_not_available USING MESSAGE = 'too many rows came meanwhile';
    END IF;
    PERFORM load_catch(most);
    UPDATE issued AS i SET n = i.n + c.n FROM (SELECT l.issuer, l.day, sum(l.n)::int8 AS n FROM load_count AS l GROUP BY 1, 2) AS c
    WHERE i.issuer = c.issuer AND i.day = c.day;
    DELETE FROM issued AS i USING load_count AS c WHERE i.issuer = c.issuer AND i.day = c.day AND i.n = 0;
    PERFORM span_widen(job.edges[1], job.edges[cardinality(job.edges)]);
    IF NOT partition_swap(0) THEN
        RAISE lock_not_available USING MESSAGE = 'rows came meanwhile';
    END IF;
    INSERT INTO load_done (slot, lower, upper) VALUES (closed, job.edges[1], job.edges[2]);
    TRUNCATE load_count, load_old;
END $$;

-- As in 0034_suffixes_load.sql, and for what is packed.
CREATE OR REPLACE FUNCTION psl_move_begin(sha256 bytea, list text, pattern text) RETURNS int4 LANGUAGE plpgsql AS $$
DECLARE
    waiting bool := false;
BEGIN
    INSERT INTO psl_move (sha256, list, pattern) VALUES (sha256, list, pattern) ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        RETURN 0;
    END IF;
    -- Waits for everybody who is writing; so whatever was put down by the old list alone is seen below.
    UPDATE cert_removal SET lists = lists + 1;
    IF to_regclass('cert_load') IS NOT NULL THEN
        EXECUTE 'SELECT EXISTS (SELECT FROM cert_load)' INTO waiting;
    END IF;
    IF NOT waiting AND to_regclass('cert_load_run') IS NOT NULL THEN
        EXECUTE 'SELECT EXISTS (SELECT FROM cert_load_run)' INTO waiting;
    END IF;
    IF waiting THEN
        UPDATE cert_removal SET lists = lists - 1;
        DELETE FROM psl_move;
        RETURN 2;
    END IF;
    RETURN 1;
END $$;

SELECT set_config('citus.enable_ddl_propagation', 'on', true);
