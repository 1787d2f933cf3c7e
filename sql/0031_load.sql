-- Backfill: issuances that expired long ago, as archives bring them by the million, are put down without any index
-- (cert_load), and each leaf they belong to is rewritten once, at the end. Places in logs, alerts and the position are
-- stored as ever, in the transaction that puts the rows down. Who drives it: db/db_load.c.

-- The slot into which rows go. Who writes takes the row FOR SHARE; who raises it knows that nothing comes into the slots
-- before.
CREATE TABLE load_state (
    one  bool PRIMARY KEY DEFAULT true CHECK (one),
    slot int8 NOT NULL
);
INSERT INTO load_state (slot) VALUES (1);

-- The same issuance may be there several times. A column of cert that comes later comes here, too.
CREATE TABLE cert_load (slot int8 NOT NULL, LIKE cert) PARTITION BY LIST (slot);
CREATE TABLE cert_load_key (slot int8 NOT NULL, apex8 int8 NOT NULL, issuer int4 NOT NULL, tbs_fp bytea NOT NULL)
    PARTITION BY LIST (slot);
CREATE TABLE cert_load_ip (slot int8 NOT NULL, ip inet NOT NULL, issuer int4 NOT NULL, tbs_fp bytea NOT NULL)
    PARTITION BY LIST (slot);

CREATE FUNCTION load_make(slot int8) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    base text;
BEGIN
    FOREACH base IN ARRAY ARRAY['cert_load', 'cert_load_key', 'cert_load_ip'] LOOP
        EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES IN (%s) WITH (autovacuum_enabled = off)',
                       base || '_' || slot, base, slot);
    END LOOP;
END $$;
SELECT load_make(1);

-- Rows of the slots up to this one that expire between the two are in their leaf.
CREATE TABLE load_done (
    slot  int8 NOT NULL,
    lower timestamptz NOT NULL,
    upper timestamptz NOT NULL
);

-- What the job that is under way adds to its leaf: to be counted in issued, unless somebody else stores it first.
CREATE TABLE load_fresh (
    not_after  timestamptz NOT NULL,
    not_before timestamptz NOT NULL,
    issuer     int4 NOT NULL,
    tbs_fp     bytea NOT NULL
) WITH (autovacuum_enabled = off);

-- The last slot into which nothing comes any more.
CREATE FUNCTION load_close() RETURNS int8 LANGUAGE plpgsql AS $$
DECLARE
    open int8;
BEGIN
    PERFORM set_config('lock_timeout', '5s', true);
    SELECT slot INTO STRICT open FROM load_state FOR UPDATE;
    IF pg_relation_size(format('cert_load_%s', open)::regclass) > 0 THEN
        UPDATE load_state SET slot = slot + 1;
        PERFORM load_make(open + 1);
        RETURN open;
    END IF;
    RETURN open - 1;
END $$;

-- The leaves that rows of closed slots are still to go into. What expired beyond the retention horizon has none.
CREATE FUNCTION load_leaves(closed int8) RETURNS TABLE (suffix text, lower timestamptz, upper timestamptz, rows int8)
LANGUAGE sql STABLE AS $$
    SELECT l.suffix, l.lower, l.upper, sum(d.n)::int8
    FROM (SELECT c.slot, date_trunc('day', c.not_after, 'UTC') AS day, count(*) AS n FROM cert_load AS c
          WHERE c.slot <= closed GROUP BY 1, 2) AS d
    JOIN partition_leaf AS l ON d.day >= l.lower AND d.day < l.upper
    WHERE NOT EXISTS (SELECT FROM load_done AS x WHERE x.slot >= d.slot AND d.day >= x.lower AND d.day < x.upper)
    AND l.upper > (SELECT horizon FROM cert_removal)
    GROUP BY 1, 2, 3 ORDER BY 2
$$;

-- The columns that a row of cert has when it comes from here.
CREATE FUNCTION load_columns() RETURNS text LANGUAGE sql STABLE AS $$
    SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) FROM pg_attribute AS a
    WHERE a.attrelid = 'cert'::regclass AND a.attnum > 0 AND NOT a.attisdropped
$$;

-- Step "begun" of a job of the kind "load": what is in the leaf, and what is not yet, sorted.
CREATE FUNCTION load_fill(closed int8) RETURNS int8 LANGUAGE plpgsql AS $$
DECLARE
    job   partition_job;
    total int8;
    cols  text := load_columns();
BEGIN
    SELECT * INTO STRICT job FROM partition_job WHERE kind = 'load' AND step = 'begun' FOR UPDATE;
    TRUNCATE load_fresh;
    EXECUTE format('WITH fresh AS MATERIALIZED (SELECT * FROM (SELECT DISTINCT ON (c.tbs_fp, c.issuer) %1$s FROM cert_load AS c'
                   '  WHERE c.slot <= %2$s AND c.not_after >= %3$L AND c.not_after < %4$L'
                   '  ORDER BY c.tbs_fp, c.issuer, c.first_seen) AS o WHERE NOT EXISTS (SELECT FROM cert AS k'
                   '   WHERE k.not_after >= %3$L AND k.not_after < %4$L AND k.tbs_fp = o.tbs_fp AND k.issuer = o.issuer)),'
                   ' noted AS (INSERT INTO load_fresh SELECT not_after, not_before, issuer, tbs_fp FROM fresh)'
                   ' INSERT INTO cert_build (%1$s) SELECT %1$s FROM (SELECT %1$s FROM fresh UNION ALL'
                   '  SELECT %1$s FROM cert WHERE not_after >= %3$L AND not_after < %4$L) AS r'
                   ' ORDER BY apex8, not_before DESC', cols, closed, job.edges[1], job.edges[2]);
    GET DIAGNOSTICS total = ROW_COUNT;
    EXECUTE format('INSERT INTO cert_apex_build (not_after, not_before, apex8, issuer, tbs_fp) SELECT * FROM'
                   ' (SELECT f.not_after, f.not_before, k.apex8, k.issuer, k.tbs_fp FROM load_fresh AS f JOIN'
                   '   (SELECT DISTINCT apex8, issuer, tbs_fp FROM cert_load_key WHERE slot <= %s) AS k'
                   '   ON k.tbs_fp = f.tbs_fp AND k.issuer = f.issuer'
                   '  UNION ALL SELECT not_after, not_before, apex8, issuer, tbs_fp FROM cert_apex'
                   '  WHERE not_after >= %L AND not_after < %L) AS r ORDER BY apex8, not_before DESC',
                   closed, job.edges[1], job.edges[2]);
    EXECUTE format('INSERT INTO cert_ip_build (not_after, not_before, issuer, tbs_fp, ip) SELECT * FROM'
                   ' (SELECT f.not_after, f.not_before, k.issuer, k.tbs_fp, k.ip FROM load_fresh AS f JOIN'
                   '   (SELECT DISTINCT ip, issuer, tbs_fp FROM cert_load_ip WHERE slot <= %s) AS k'
                   '   ON k.tbs_fp = f.tbs_fp AND k.issuer = f.issuer'
                   '  UNION ALL SELECT not_after, not_before, issuer, tbs_fp, ip FROM cert_ip'
                   '  WHERE not_after >= %L AND not_after < %L) AS r ORDER BY ip, not_before DESC',
                   closed, job.edges[1], job.edges[2]);
    UPDATE partition_job SET step = 'filled', step_at = now(), rows = total;
    RETURN total;
END $$;

-- What is in the leaf now, of some issuances.
CREATE FUNCTION load_copy(afters timestamptz[], fps bytea[], owners int4[]) RETURNS void LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
    base text;
BEGIN
    FOREACH base IN ARRAY ARRAY['cert', 'cert_apex', 'cert_ip'] LOOP
        EXECUTE format('DELETE FROM %I AS b USING unnest($1, $2, $3) AS k (not_after, tbs_fp, issuer)'
                       ' WHERE b.not_after = k.not_after AND b.tbs_fp = k.tbs_fp AND b.issuer = k.issuer',
                       base || '_build') USING afters, fps, owners;
        EXECUTE format('INSERT INTO %I SELECT c.* FROM unnest($1, $2, $3) AS k (not_after, tbs_fp, issuer)'
                       ' CROSS JOIN LATERAL (SELECT * FROM %I AS x WHERE x.not_after = k.not_after'
                       '  AND x.tbs_fp = k.tbs_fp AND x.issuer = k.issuer OFFSET 0) AS c',
                       base || '_build', base) USING afters, fps, owners;
    END LOOP;
END $$;

-- As partition_catch, for a job of the kind "load". What others stored meanwhile they counted; what they took away
-- again is still to be added. `counted`: what is fresh stands in issued already.
CREATE FUNCTION load_catch(closed int8, most int8, counted bool) RETURNS int8 LANGUAGE plpgsql AS $$
DECLARE
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
    PERFORM load_copy(afters, fps, owners);
    WITH theirs AS (DELETE FROM load_fresh AS f USING unnest(afters, fps, owners) AS k (not_after, tbs_fp, issuer)
        WHERE f.tbs_fp = k.tbs_fp AND f.issuer = k.issuer AND EXISTS (SELECT FROM cert_build AS c
         WHERE c.not_after = k.not_after AND c.tbs_fp = k.tbs_fp AND c.issuer = k.issuer)
        RETURNING f.issuer, (f.not_before AT TIME ZONE 'UTC')::date AS day),
    one AS (SELECT t.issuer, t.day, count(*) AS n FROM theirs AS t GROUP BY 1, 2)
    UPDATE issued AS i SET n = i.n - o.n FROM one AS o WHERE counted AND i.issuer = o.issuer AND i.day = o.day;
    IF EXISTS (SELECT FROM load_fresh AS f JOIN unnest(fps, owners) AS k (tbs_fp, issuer)
               ON f.tbs_fp = k.tbs_fp AND f.issuer = k.issuer) THEN
        EXECUTE format('INSERT INTO cert_build (%1$s) SELECT DISTINCT ON (c.tbs_fp, c.issuer) %1$s FROM cert_load AS c'
                       ' WHERE c.slot <= $3 AND (c.tbs_fp, c.issuer) IN (SELECT f.tbs_fp, f.issuer FROM load_fresh AS f'
                       '  JOIN unnest($1, $2) AS k (tbs_fp, issuer) ON f.tbs_fp = k.tbs_fp AND f.issuer = k.issuer)'
                       ' ORDER BY c.tbs_fp, c.issuer, c.first_seen', load_columns()) USING fps, owners, closed;
        INSERT INTO cert_apex_build (not_after, not_before, apex8, issuer, tbs_fp)
        SELECT DISTINCT f.not_after, f.not_before, l.apex8, l.issuer, l.tbs_fp FROM cert_load_key AS l
        JOIN load_fresh AS f ON f.tbs_fp = l.tbs_fp AND f.issuer = l.issuer
        JOIN unnest(fps, owners) AS k (tbs_fp, issuer) ON f.tbs_fp = k.tbs_fp AND f.issuer = k.issuer
        WHERE l.slot <= closed;
        INSERT INTO cert_ip_build (not_after, not_before, issuer, tbs_fp, ip)
        SELECT DISTINCT f.not_after, f.not_before, l.issuer, l.tbs_fp, l.ip FROM cert_load_ip AS l
        JOIN load_fresh AS f ON f.tbs_fp = l.tbs_fp AND f.issuer = l.issuer
        JOIN unnest(fps, owners) AS k (tbs_fp, issuer) ON f.tbs_fp = k.tbs_fp AND f.issuer = k.issuer
        WHERE l.slot <= closed;
    END IF;
    RETURN coalesce(cardinality(fps), 0);
END $$;

-- As partition_swap; with the roll-up. An error (lock_not_available), and nothing done, where the lock is not given or
-- more than `most` rows are late.
CREATE FUNCTION load_swap(closed int8, most int8) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    job partition_job;
BEGIN
    SELECT * INTO STRICT job FROM partition_job WHERE kind = 'load' AND step = 'frozen' FOR UPDATE;
    INSERT INTO issued (issuer, day, n) SELECT f.issuer, (f.not_before AT TIME ZONE 'UTC')::date, count(*) FROM load_fresh AS f
    GROUP BY 1, 2 ORDER BY 1, 2 ON CONFLICT (issuer, day) DO UPDATE SET n = issued.n + excluded.n;
    PERFORM partition_lock_all();
    IF (SELECT count(*) FROM (SELECT FROM partition_late LIMIT most + 1) AS l) > most THEN
        RAISE lock_not_available USING MESSAGE = 'too many rows came meanwhile';
    END IF;
    PERFORM load_catch(closed, most, true);
    IF NOT partition_swap(0) THEN
        RAISE lock_not_available USING MESSAGE = 'rows came meanwhile';
    END IF;
    DELETE FROM issued WHERE n = 0;
    INSERT INTO load_done (slot, lower, upper) VALUES (closed, job.edges[1], job.edges[2]);
    TRUNCATE load_fresh;
END $$;

-- Everything of the slots up to this one is in its leaf.
CREATE FUNCTION load_end(closed int8) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    part text;
BEGIN
    PERFORM set_config('lock_timeout', '5s', true);
    FOR part IN SELECT i.inhrelid::regclass::text FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
                WHERE i.inhparent IN ('cert_load'::regclass, 'cert_load_key'::regclass, 'cert_load_ip'::regclass)
                AND substring(c.relname FROM '[0-9]+$')::int8 <= closed LOOP
        EXECUTE format('DROP TABLE %s', part);
    END LOOP;
    DELETE FROM load_done WHERE slot <= closed;
END $$;
