-- The life of a partition: made ahead, cut, sealed, merged, dropped, while rows are written and asked for.
-- Who drives it: db/db_part.c. Locks and how long they are held: docs/data-model.md.
-- A leaf is rewritten by whoever has partition_lock(), each line a transaction of its own:
--   partition_begin(kind, suffixes, edges)   from here on it is noted which rows of the sources change
--   partition_fill()                         copies the rows, sorted; or INSERT INTO cert_build ... by the caller,
--                                            then UPDATE partition_job SET step = 'filled'
--   partition_index_all()
--   VACUUM (FREEZE, ANALYZE) cert_build, cert_apex_build, cert_ip_build; UPDATE partition_job SET step = 'frozen'
--   partition_catch(n) until it gives less than n, then partition_swap(n), and again as long as it is false

-- The leaves of cert; cert_apex_SUFFIX and cert_ip_SUFFIX have the same bounds. Rows are an estimate.
CREATE VIEW partition_leaf AS
SELECT substr(c.relname, 6) AS suffix,
       CASE WHEN b.edge[1] = 'MINVALUE' THEN '-infinity' ELSE trim(BOTH '''' FROM b.edge[1])::timestamptz END AS lower,
       CASE WHEN b.edge[2] = 'MAXVALUE' THEN 'infinity' ELSE trim(BOTH '''' FROM b.edge[2])::timestamptz END AS upper,
       CASE WHEN s.heap = 0 THEN 0
            WHEN c.relpages > 0 AND c.reltuples >= 0
            THEN (c.reltuples * (s.heap / current_setting('block_size')::int8) / c.relpages)::int8
            ELSE s.heap / 250 END AS rows,
       s.heap,
       (SELECT coalesce(sum(pg_total_relation_size(r.oid)), 0)::int8 FROM pg_class AS r
        WHERE r.relnamespace = c.relnamespace AND r.relname IN (c.relname, 'cert_apex_' || substr(c.relname, 6),
                                                               'cert_ip_' || substr(c.relname, 6))) AS bytes
FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
CROSS JOIN LATERAL (SELECT regexp_match(pg_get_expr(c.relpartbound, c.oid), 'FROM \((.*)\) TO \((.*)\)') AS edge) AS b
CROSS JOIN LATERAL (SELECT pg_relation_size(c.oid) AS heap) AS s
WHERE i.inhparent = 'cert'::regclass;

-- What is known of a leaf beside what the server knows.
CREATE TABLE partition_state (
    suffix    text PRIMARY KEY,
    sealed_at timestamptz, -- NULL: never
    heap      int8,        -- bytes of its heap when it was sealed: what came later is not sorted
    seen_heap int8,        -- and since when it has had that size
    seen_at   timestamptz
);

-- The rewriting that is under way, one at a time: the leaves `sources` become the leaves `targets`, and edges holds
-- the bounds of these, one more than there are. Every step is a transaction of its own; whoever is killed is followed
-- by somebody who goes on with the step behind.
CREATE TABLE partition_job (
    one      bool PRIMARY KEY DEFAULT true CHECK (one),
    kind     text NOT NULL CHECK (kind IN ('seal', 'merge', 'split', 'load')),
    sources  text[] NOT NULL,
    targets  text[] NOT NULL,
    edges    timestamptz[] NOT NULL,
    step     text NOT NULL DEFAULT 'begun' CHECK (step IN ('begun', 'filled', 'indexed', 'frozen')),
    rows     int8 NOT NULL DEFAULT 0,
    bytes    int8 NOT NULL, -- of the sources
    begun_at timestamptz NOT NULL DEFAULT now(),
    step_at  timestamptz NOT NULL DEFAULT now()
);

-- Issuances of the sources that were stored, changed or removed since the job began: copied anew before the swap.
CREATE TABLE partition_late (
    not_after timestamptz NOT NULL,
    tbs_fp    bytea NOT NULL,
    issuer    int4 NOT NULL
);

-- What expired before this is not stored: the partitions are gone. Never goes back.
ALTER TABLE cert_removal ADD COLUMN horizon timestamptz NOT NULL DEFAULT '-infinity';

CREATE FUNCTION partition_capture() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        DELETE FROM partition_job; -- what was copied so far stands for nothing
        RETURN NULL;
    END IF;
    IF TG_OP <> 'INSERT' THEN
        INSERT INTO partition_late (not_after, tbs_fp, issuer) VALUES (OLD.not_after, OLD.tbs_fp, OLD.issuer);
    END IF;
    IF TG_OP <> 'DELETE' THEN
        INSERT INTO partition_late (not_after, tbs_fp, issuer) VALUES (NEW.not_after, NEW.tbs_fp, NEW.issuer);
    END IF;
    RETURN NULL;
END $$;

-- The three tables of a leaf.
CREATE FUNCTION partition_tables(suffix text) RETURNS text[] LANGUAGE sql IMMUTABLE AS $$
    SELECT ARRAY['cert_' || suffix, 'cert_apex_' || suffix, 'cert_ip_' || suffix]
$$;

-- The indexes of a leaf: the only place that lists them.
-- An index entry takes up whole 8 bytes: 15 of a serial cost as much as 8, and the order among equal not_before is
-- sorted when it is asked for.
-- Uniqueness is local to a partition because not_after is part of what tbs_fp commits to.
CREATE FUNCTION partition_index(suffix text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE UNIQUE INDEX ON %I (tbs_fp, issuer)', 'cert_' || suffix);
    EXECUTE format('CREATE INDEX ON %I (apex8, not_before DESC)', 'cert_' || suffix);
    EXECUTE format('CREATE INDEX ON %I (substring(serial FOR 15))', 'cert_' || suffix);
    EXECUTE format('CREATE INDEX ON %I (substring(spki_sha256 FOR 8))', 'cert_' || suffix);
    EXECUTE format('CREATE INDEX ON %I (apex8, not_before DESC)', 'cert_apex_' || suffix);
    EXECUTE format('CREATE UNIQUE INDEX ON %I (tbs_fp, issuer, apex8)', 'cert_apex_' || suffix);
    EXECUTE format('CREATE INDEX ON %I USING gist (ip inet_ops)', 'cert_ip_' || suffix);
    EXECUTE format('CREATE UNIQUE INDEX ON %I (tbs_fp, issuer, ip)', 'cert_ip_' || suffix);
END $$;

CREATE FUNCTION partition_bound(edge timestamptz) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT CASE edge WHEN '-infinity' THEN 'MINVALUE' WHEN 'infinity' THEN 'MAXVALUE' ELSE quote_literal(edge) END
$$;

-- Is somebody at it? For the length of a session.
CREATE FUNCTION partition_lock() RETURNS bool LANGUAGE sql AS $$ SELECT pg_try_advisory_lock(1668707433, 1885434484) $$;
CREATE FUNCTION partition_unlock() RETURNS bool LANGUAGE sql AS $$ SELECT pg_advisory_unlock(1668707433, 1885434484) $$;

-- Gives a job up: nothing of it stays. The sources were never touched.
CREATE FUNCTION partition_abandon() RETURNS void LANGUAGE plpgsql SET client_min_messages = warning AS $$
DECLARE
    part text;
BEGIN
    PERFORM set_config('lock_timeout', '1500ms', true);
    FOR part IN SELECT t.tgrelid::regclass::text FROM pg_trigger AS t WHERE t.tgname = 'partition_late' LOOP
        EXECUTE format('DROP TRIGGER partition_late ON %s', part);
        EXECUTE format('DROP TRIGGER partition_void ON %s', part);
        EXECUTE format('ALTER TABLE %s RESET (autovacuum_enabled, toast.autovacuum_enabled)', part);
    END LOOP;
    DROP TABLE IF EXISTS cert_build, cert_apex_build, cert_ip_build;
    DELETE FROM partition_late;
    DELETE FROM partition_job;
END $$;

-- Begins to rewrite the leaves between the first edge and the last into `suffixes`. False: these leaves do not fill
-- what is between. From here on it is noted which of their rows change. The lock on a source waits for those who are
-- writing into it, and writers of it wait for that; whoever vacuums it is cancelled after a second.
CREATE FUNCTION partition_begin(kind text, suffixes text[], edges timestamptz[]) RETURNS bool LANGUAGE plpgsql AS $$
DECLARE
    count   int := cardinality(suffixes);
    leaf    text;
    part    text;
    base    text;
    bounds  text;
    sources text[];
    size    int8;
BEGIN
    PERFORM partition_abandon();
    SELECT array_agg(l.suffix ORDER BY l.lower), sum(l.bytes) INTO sources, size FROM partition_leaf AS l
    WHERE l.lower >= edges[1] AND l.upper <= edges[count + 1]
    HAVING range_agg(tstzrange(l.lower, l.upper)) = tstzmultirange(tstzrange(edges[1], edges[count + 1]));
    IF sources IS NULL THEN
        RETURN false;
    END IF;
    FOREACH leaf IN ARRAY sources LOOP
        FOREACH part IN ARRAY partition_tables(leaf) LOOP
            EXECUTE format('ALTER TABLE %I SET (autovacuum_enabled = off, toast.autovacuum_enabled = off)', part);
            EXECUTE format('CREATE TRIGGER partition_late AFTER INSERT OR UPDATE OR DELETE ON %I FOR EACH ROW'
                           ' EXECUTE FUNCTION partition_capture()', part);
            EXECUTE format('CREATE TRIGGER partition_void AFTER TRUNCATE ON %I FOR EACH STATEMENT'
                           ' EXECUTE FUNCTION partition_capture()', part);
        END LOOP;
    END LOOP;
    FOREACH base IN ARRAY ARRAY['cert', 'cert_apex', 'cert_ip'] LOOP
        EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL) PARTITION BY RANGE (not_after)', base || '_build', base);
        FOR i IN 1 .. count LOOP
            bounds := concat_ws(' AND ', CASE WHEN edges[i] > '-infinity' THEN format('not_after >= %L', edges[i]) END,
                                CASE WHEN edges[i + 1] < 'infinity' THEN format('not_after < %L', edges[i + 1]) END);
            -- The constraint lets the table be attached without a look at its rows.
            EXECUTE format('CREATE TABLE %I PARTITION OF %I (CONSTRAINT partition_bounds CHECK (%s))'
                           ' FOR VALUES FROM (%s) TO (%s) WITH (autovacuum_enabled = off)', base || '_build_' || i,
                           base || '_build', coalesce(nullif(bounds, ''), 'true'), partition_bound(edges[i]),
                           partition_bound(edges[i + 1]));
        END LOOP;
    END LOOP;
    INSERT INTO partition_job (kind, sources, targets, edges, bytes) VALUES (kind, sources, suffixes, edges, size);
    RETURN true;
END $$;

-- Copies the rows, sorted as they are asked for. The result is how many issuances.
CREATE FUNCTION partition_fill() RETURNS int8 LANGUAGE plpgsql AS $$
DECLARE
    job   partition_job;
    count int8;
    most  timestamptz;
BEGIN
    SELECT * INTO STRICT job FROM partition_job WHERE step = 'begun' FOR UPDATE;
    most := job.edges[cardinality(job.edges)];
    EXECUTE format('INSERT INTO cert_build SELECT * FROM cert WHERE not_after >= %L AND not_after < %L'
                   ' ORDER BY apex8, not_before DESC', job.edges[1], most);
    GET DIAGNOSTICS count = ROW_COUNT;
    EXECUTE format('INSERT INTO cert_apex_build SELECT * FROM cert_apex WHERE not_after >= %L AND not_after < %L'
                   ' ORDER BY apex8, not_before DESC', job.edges[1], most);
    EXECUTE format('INSERT INTO cert_ip_build SELECT * FROM cert_ip WHERE not_after >= %L AND not_after < %L'
                   ' ORDER BY ip, not_before DESC', job.edges[1], most);
    UPDATE partition_job SET step = 'filled', step_at = now(), rows = count;
    RETURN count;
END $$;

CREATE FUNCTION partition_index_all() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    job partition_job;
BEGIN
    SELECT * INTO STRICT job FROM partition_job WHERE step = 'filled' FOR UPDATE;
    FOR i IN 1 .. cardinality(job.targets) LOOP
        PERFORM partition_index('build_' || i);
    END LOOP;
    UPDATE partition_job SET step = 'indexed', step_at = now();
END $$;

-- Copies at most so many late issuances anew; the result is how many. What is taken off the list is read after that,
-- so what changes meanwhile is on the list again.
CREATE FUNCTION partition_catch(most int8) RETURNS int8 LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
    base   text;
    afters timestamptz[];
    fps    bytea[];
    owners int4[];
BEGIN
    WITH took AS (DELETE FROM partition_late AS l
        WHERE l.ctid = ANY (ARRAY(SELECT x.ctid FROM partition_late AS x LIMIT most)) RETURNING l.*)
    SELECT array_agg(k.not_after), array_agg(k.tbs_fp), array_agg(k.issuer) INTO afters, fps, owners
    FROM (SELECT DISTINCT * FROM took) AS k;
    FOREACH base IN ARRAY ARRAY['cert', 'cert_apex', 'cert_ip'] LOOP
        EXECUTE format('DELETE FROM %I AS b USING unnest($1, $2, $3) AS k (not_after, tbs_fp, issuer)'
                       ' WHERE b.not_after = k.not_after AND b.tbs_fp = k.tbs_fp AND b.issuer = k.issuer',
                       base || '_build') USING afters, fps, owners;
        EXECUTE format('INSERT INTO %I SELECT c.* FROM unnest($1, $2, $3) AS k (not_after, tbs_fp, issuer)'
                       ' CROSS JOIN LATERAL (SELECT * FROM %I AS x WHERE x.not_after = k.not_after'
                       '  AND x.tbs_fp = k.tbs_fp AND x.issuer = k.issuer OFFSET 0) AS c',
                       base || '_build', base) USING afters, fps, owners;
    END LOOP;
    RETURN coalesce(cardinality(fps), 0);
END $$;

-- What nobody may read or write meanwhile; waits no longer than a fifth of a second, which is less than it takes
-- PostgreSQL to look for a deadlock: of two that stand in each other's way it is always this one that leaves.
CREATE FUNCTION partition_lock_all() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('lock_timeout', '200ms', true);
    LOCK TABLE ONLY cert, ONLY cert_apex, ONLY cert_ip IN ACCESS EXCLUSIVE MODE;
END $$;

-- Puts what was built in the place of the sources. False: more than `most` rows are late, nothing was done.
CREATE FUNCTION partition_swap(most int8) RETURNS bool LANGUAGE plpgsql AS $$
DECLARE
    job  partition_job;
    base text;
    leaf text;
    part text;
    name text;
BEGIN
    SELECT * INTO STRICT job FROM partition_job WHERE step = 'frozen' FOR UPDATE;
    PERFORM partition_lock_all();
    IF (SELECT count(*) FROM (SELECT FROM partition_late LIMIT most + 1) AS l) > most THEN
        RETURN false;
    END IF;
    PERFORM partition_catch(most);
    FOREACH leaf IN ARRAY job.sources LOOP
        FOREACH part IN ARRAY partition_tables(leaf) LOOP
            EXECUTE format('DROP TABLE %I', part);
        END LOOP;
    END LOOP;
    FOREACH base IN ARRAY ARRAY['cert', 'cert_apex', 'cert_ip'] LOOP
        FOR i IN 1 .. cardinality(job.targets) LOOP
            part := base || '_build_' || i;
            leaf := base || '_' || job.targets[i];
            EXECUTE format('ALTER TABLE %I DETACH PARTITION %I', base || '_build', part);
            FOR name IN SELECT c.relname FROM pg_index AS x JOIN pg_class AS c ON c.oid = x.indexrelid
                        WHERE x.indrelid = part::regclass LOOP
                EXECUTE format('ALTER INDEX %I RENAME TO %I', name, replace(name, part, leaf));
            END LOOP;
            EXECUTE format('ALTER TABLE %I RENAME TO %I', part, leaf);
            IF base = 'cert' THEN
                EXECUTE format('CREATE TRIGGER removed AFTER DELETE OR TRUNCATE ON %I FOR EACH STATEMENT'
                               ' EXECUTE FUNCTION cert_removed()', leaf);
            END IF;
            EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%s) TO (%s)', base, leaf,
                           partition_bound(job.edges[i]), partition_bound(job.edges[i + 1]));
            EXECUTE format('ALTER TABLE %I DROP CONSTRAINT partition_bounds, RESET (autovacuum_enabled)', leaf);
        END LOOP;
        EXECUTE format('DROP TABLE %I', base || '_build');
    END LOOP;
    DELETE FROM partition_state WHERE suffix = ANY (job.sources);
    INSERT INTO partition_state (suffix, sealed_at, heap)
    SELECT t.suffix, now(), pg_relation_size('cert_' || t.suffix) FROM unnest(job.targets) AS t (suffix)
    WHERE job.kind <> 'split';
    DELETE FROM partition_late;
    DELETE FROM partition_job;
    RETURN true;
END $$;

-- Takes back what expires before `until`. First the word goes out: who writes later writes no such row. Then the
-- leaves go, one by one (partition_drop).
CREATE FUNCTION partition_forget(until timestamptz) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE cert_removal SET removals = removals + 1, horizon = until WHERE horizon < until;
END $$;

CREATE FUNCTION partition_drop(leaf text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    part text;
BEGIN
    IF NOT EXISTS (SELECT FROM partition_leaf AS l JOIN cert_removal AS r ON l.upper <= r.horizon WHERE l.suffix = leaf) THEN
        RAISE EXCEPTION 'partition % is not behind the horizon', leaf;
    END IF;
    PERFORM partition_lock_all();
    FOREACH part IN ARRAY partition_tables(leaf) LOOP
        EXECUTE format('DROP TABLE %I', part);
    END LOOP;
    DELETE FROM partition_state WHERE suffix = leaf;
END $$;

-- Looks at the leaves that should not grow any more.
CREATE FUNCTION partition_note(at timestamptz) RETURNS void LANGUAGE sql AS $$
    INSERT INTO partition_state AS s (suffix, seen_heap, seen_at)
    SELECT l.suffix, l.heap, at FROM partition_leaf AS l WHERE l.upper <= at AND l.heap > 0
    ON CONFLICT (suffix) DO UPDATE SET seen_heap = excluded.seen_heap, seen_at = excluded.seen_at
    WHERE s.seen_heap IS DISTINCT FROM excluded.seen_heap
$$;

-- What is to be done at that time, in this order. keep_days: how long what expired is kept, 0 for ever; most: rows up
-- to which leaves are merged, and from which a month is cut into weeks. patient: what has grown within a day is left
-- alone. Months are kept for 16 months ahead; a week begins on the 1st, 8th, 15th and 22nd.
CREATE FUNCTION partition_todo(at timestamptz, keep_days int8, most int8, patient bool)
RETURNS TABLE (act text, suffixes text[], edges timestamptz[], rows int8, bytes int8) LANGUAGE sql STABLE
SET TimeZone = 'UTC' AS $$
    WITH leaf AS MATERIALIZED (
        SELECT l.*, keep_days > 0 AND l.upper <= at - keep_days * interval '1 day' AS old,
               l.upper <= at - interval '7 days' AS over,
               s.sealed_at IS NULL OR l.heap > s.heap + s.heap / 10 + 65536 AS unsealed,
               NOT patient OR (s.seen_heap = l.heap AND s.seen_at <= at - interval '1 day') AS quiet
        FROM partition_leaf AS l LEFT JOIN partition_state AS s ON s.suffix = l.suffix
    ), year AS (
        SELECT extract(year FROM lower)::int::text AS suffix, date_trunc('year', lower) AS lower,
               date_trunc('year', lower) + interval '1 year' AS upper, sum(rows)::int8 AS rows, sum(bytes)::int8 AS bytes
        FROM leaf WHERE lower > '-infinity' AND upper < 'infinity' AND keep_days = 0
        GROUP BY 1, 2, 3
        HAVING count(*) > 1 AND bool_and(over AND quiet) AND sum(rows) <= most
    ), todo AS (
        SELECT 1 AS turn, 'drop' AS act, ARRAY[suffix] AS suffixes, ARRAY[lower, upper] AS edges, rows, bytes FROM leaf WHERE old
        UNION ALL
        SELECT 2, 'split', ARRAY(SELECT suffix || lpad(m::text, 2, '0') FROM generate_series(1, 12) AS m),
               ARRAY(SELECT lower + m * interval '1 month' FROM generate_series(0, 12) AS m), rows, bytes
        FROM leaf WHERE suffix ~ '^\d{4}$' AND lower <= at + interval '16 months' AND upper > at
        UNION ALL
        SELECT 3, 'split', ARRAY(SELECT suffix || 'w' || w FROM generate_series(1, 4) AS w),
               ARRAY[lower, lower + interval '7 days', lower + interval '14 days', lower + interval '21 days', upper], rows, bytes
        FROM leaf WHERE suffix ~ '^\d{6}$' AND upper > at AND (rows > most OR (heap = 0 AND lower > at
             AND EXISTS (SELECT FROM leaf AS w WHERE w.suffix ~ 'w\d$' AND w.upper > at)))
        UNION ALL
        SELECT 4, 'merge', ARRAY[suffix], ARRAY[lower, upper], rows, bytes FROM year
        UNION ALL
        SELECT 5, 'seal', ARRAY[suffix], ARRAY[lower, upper], rows, bytes FROM leaf AS l
        WHERE over AND NOT old AND unsealed AND quiet AND heap > 0
         AND NOT EXISTS (SELECT FROM year AS y WHERE l.lower >= y.lower AND l.upper <= y.upper)
    )
    SELECT t.act, t.suffixes, t.edges, t.rows, t.bytes FROM todo AS t ORDER BY t.turn, t.edges[1]
$$;

-- As before, and with the one list of indexes.
CREATE OR REPLACE FUNCTION partition_make(suffix text, lower timestamptz, upper timestamptz) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    base text;
BEGIN
    IF to_regclass('cert_' || suffix) IS NOT NULL THEN
        RETURN;
    END IF;
    FOREACH base IN ARRAY ARRAY['cert', 'cert_apex', 'cert_ip'] LOOP
        -- Attaching keeps nobody waiting, as creating it as a partition would.
        EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL)', base || '_' || suffix, base);
        EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%s) TO (%s)', base, base || '_' || suffix,
                       partition_bound(lower), partition_bound(upper));
    END LOOP;
    EXECUTE format('CREATE TRIGGER removed AFTER DELETE OR TRUNCATE ON %I FOR EACH STATEMENT'
                   ' EXECUTE FUNCTION cert_removed()', 'cert_' || suffix);
    PERFORM partition_index(suffix);
END $$;
