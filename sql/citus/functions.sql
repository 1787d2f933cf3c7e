-- What functions and views are on a Citus cluster: after layout.sql, and again after every step of the schema, which may
-- have brought those of a single server.

-- A unique index has to hold the column by which rows are spread. That does not weaken it: apex8 follows from the names of
-- the certificate and the one public suffix list of the database (psl_move_begin).
CREATE OR REPLACE FUNCTION partition_index(suffix text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE UNIQUE INDEX ON %I (tbs_fp, issuer, apex8)', 'cert_' || suffix);
    EXECUTE format('CREATE INDEX ON %I (apex8, not_before DESC)', 'cert_' || suffix);
    EXECUTE format('CREATE INDEX ON %I (substring(serial FOR 15))', 'cert_' || suffix);
    EXECUTE format('CREATE INDEX ON %I (substring(spki_sha256 FOR 8))', 'cert_' || suffix);
    EXECUTE format('CREATE INDEX ON %I USING brin (not_before)', 'cert_' || suffix);
    EXECUTE format('CREATE INDEX ON %I (apex8, not_before DESC)', 'cert_apex_' || suffix);
    EXECUTE format('CREATE UNIQUE INDEX ON %I (tbs_fp, issuer, apex8)', 'cert_apex_' || suffix);
    EXECUTE format('CREATE INDEX ON %I USING gist (ip inet_ops)', 'cert_ip_' || suffix);
    EXECUTE format('CREATE UNIQUE INDEX ON %I (tbs_fp, issuer, ip, apex8)', 'cert_ip_' || suffix);
END $$;

CREATE OR REPLACE FUNCTION partition_make(suffix text, lower timestamptz, upper timestamptz) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    base text;
BEGIN
    IF to_regclass('cert_' || suffix) IS NOT NULL THEN
        RETURN;
    END IF;
    FOREACH base IN ARRAY ARRAY['cert', 'cert_apex', 'cert_ip'] LOOP
        EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%s) TO (%s)', base || '_' || suffix, base,
                       partition_bound(lower), partition_bound(upper));
    END LOOP;
    PERFORM partition_index(suffix);
END $$;

-- Sizes are those of all shards with their indexes; rows are estimated from them. heap is no more than a sign: 0 where a leaf
-- is not larger than its empty indexes.
CREATE OR REPLACE VIEW partition_leaf AS
WITH size AS MATERIALIZED (
    SELECT s.logicalrelid::regclass::oid AS oid, sum(z.size)::int8 AS bytes, count(*) AS shards
    FROM citus_shard_sizes() AS z JOIN pg_dist_shard AS s ON s.shardid = z.shard_id GROUP BY 1
)
SELECT substr(c.relname, 6) AS suffix,
       CASE WHEN b.edge[1] = 'MINVALUE' THEN '-infinity' ELSE trim(BOTH '''' FROM b.edge[1])::timestamptz END AS lower,
       CASE WHEN b.edge[2] = 'MAXVALUE' THEN 'infinity' ELSE trim(BOTH '''' FROM b.edge[2])::timestamptz END AS upper,
       (greatest(0, z.bytes - 90112 * z.shards) / 600)::int8 AS rows,
       greatest(0, z.bytes - 90112 * z.shards)::int8 AS heap,
       (z.bytes + coalesce(a.bytes, 0) + coalesce(p.bytes, 0))::int8 AS bytes
FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid JOIN size AS z ON z.oid = c.oid
LEFT JOIN size AS a ON a.oid = to_regclass('cert_apex_' || substr(c.relname, 6))
LEFT JOIN size AS p ON p.oid = to_regclass('cert_ip_' || substr(c.relname, 6))
CROSS JOIN LATERAL (SELECT regexp_match(pg_get_expr(c.relpartbound, c.oid), 'FROM \((.*)\) TO \((.*)\)') AS edge) AS b
WHERE i.inhparent = 'cert'::regclass;

-- What rows of before would need, an index of their own in a new leaf, they get by being written again: a year is cut into
-- months before there is much in it. Nothing else is rewritten on a cluster.
CREATE OR REPLACE FUNCTION partition_begin(kind text, suffixes text[], edges timestamptz[]) RETURNS bool LANGUAGE plpgsql AS $$
DECLARE
    sources text[];
BEGIN
    IF kind <> 'split' THEN
        RAISE EXCEPTION 'this database is spread over a Citus cluster, where partitions are cut and dropped, not rewritten';
    END IF;
    DELETE FROM partition_job;
    SELECT array_agg(l.suffix ORDER BY l.lower) INTO sources FROM partition_leaf AS l
    WHERE l.lower >= edges[1] AND l.upper <= edges[cardinality(edges)]
    HAVING range_agg(tstzrange(l.lower, l.upper)) = tstzmultirange(tstzrange(edges[1], edges[cardinality(edges)]));
    IF sources IS NULL THEN
        RETURN false;
    END IF;
    INSERT INTO partition_job (kind, sources, targets, edges, bytes, step) VALUES (kind, sources, suffixes, edges, 0, 'frozen');
    RETURN true;
END $$;

-- Nobody cuts or drops what is still being copied: a leaf that is not there would be copied once more.
CREATE OR REPLACE FUNCTION partition_lock() RETURNS bool LANGUAGE sql AS $$
    SELECT CASE WHEN EXISTS (SELECT FROM scale_out WHERE state = 'moving') THEN false
           ELSE pg_try_advisory_lock(1668707433, 1885434484) END
$$;

CREATE OR REPLACE FUNCTION partition_catch(most int8) RETURNS int8 LANGUAGE sql AS $$ SELECT 0::int8 $$;

CREATE OR REPLACE FUNCTION partition_lock_all() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('lock_timeout', '200ms', true);
    UPDATE scale_out_turn SET turns = turns + 1;
    LOCK TABLE cert, cert_apex, cert_ip IN ACCESS EXCLUSIVE MODE;
END $$;

CREATE OR REPLACE FUNCTION partition_swap(most int8) RETURNS bool LANGUAGE plpgsql SET client_min_messages = warning AS $$
DECLARE
    job  partition_job;
    base text;
    leaf text;
BEGIN
    PERFORM set_config('citus.multi_shard_modify_mode', 'sequential', true);
    SELECT * INTO STRICT job FROM partition_job WHERE step = 'frozen' FOR UPDATE;
    PERFORM partition_lock_all();
    FOREACH base IN ARRAY ARRAY['cert', 'cert_apex', 'cert_ip'] LOOP
        EXECUTE format('CREATE TEMP TABLE %I ON COMMIT DROP AS SELECT * FROM %I WHERE not_after >= %L AND not_after < %L',
                       base || '_moving', base, job.edges[1], job.edges[cardinality(job.edges)]);
        FOREACH leaf IN ARRAY job.sources LOOP
            EXECUTE format('DROP TABLE %I', base || '_' || leaf);
        END LOOP;
    END LOOP;
    FOR i IN 1 .. cardinality(job.targets) LOOP
        PERFORM partition_make(job.targets[i], job.edges[i], job.edges[i + 1]);
    END LOOP;
    FOREACH base IN ARRAY ARRAY['cert', 'cert_apex', 'cert_ip'] LOOP
        EXECUTE format('INSERT INTO %I SELECT * FROM %I', base, base || '_moving');
    END LOOP;
    DELETE FROM partition_state WHERE suffix = ANY (job.sources);
    DELETE FROM partition_job;
    RETURN true;
END $$;

CREATE OR REPLACE FUNCTION partition_todo(at timestamptz, keep_days int8, most int8, patient bool)
RETURNS TABLE (act text, suffixes text[], edges timestamptz[], rows int8, bytes int8) LANGUAGE sql STABLE
SET TimeZone = 'UTC' AS $$
    WITH leaf AS MATERIALIZED (
        SELECT l.*, l.upper <= h.horizon OR (keep_days > 0 AND l.upper <= at - keep_days * interval '1 day') AS old
        FROM partition_leaf AS l CROSS JOIN cert_removal AS h
        WHERE NOT EXISTS (SELECT FROM scale_out WHERE state = 'moving')
    ), todo AS (
        SELECT 1 AS turn, 'drop' AS act, ARRAY[suffix] AS suffixes, ARRAY[lower, upper] AS edges, rows, bytes FROM leaf WHERE old
        UNION ALL
        SELECT 2, 'split', ARRAY(SELECT suffix || lpad(m::text, 2, '0') FROM generate_series(1, 12) AS m),
               ARRAY(SELECT lower + m * interval '1 month' FROM generate_series(0, 12) AS m), rows, bytes
        FROM leaf WHERE suffix ~ '^\d{4}$' AND lower <= at + interval '16 months' AND upper > at
    )
    SELECT t.act, t.suffixes, t.edges, t.rows, t.bytes FROM todo AS t ORDER BY t.turn, t.edges[1]
$$;

-- What rows expire between is not narrowed here: shards that hold nothing are passed over at once.
CREATE OR REPLACE FUNCTION span_look() RETURNS bool LANGUAGE sql AS $$ SELECT true $$;
UPDATE cert_span SET lower = '-infinity', upper = 'infinity';

-- The nodes need not know what follows: it is asked for here.
SET LOCAL citus.enable_ddl_propagation = 'off';

-- Places in logs are found by GIN indexes on the shards of log_tile, and place_block is empty.
CREATE OR REPLACE FUNCTION place_find(kind int2, keys int8[])
RETURNS TABLE (fp8 int8, sha8 int8, log_id int2, index int8, info bytea)
LANGUAGE plpgsql STABLE PARALLEL SAFE SECURITY DEFINER ROWS 8 AS $$
BEGIN
    IF place_find.kind <> 1 THEN
        RETURN QUERY SELECT u.fp8, u.sha8, t.log, t.first_index + u.n - 1, substring(t.info FROM (9 * u.n - 8)::int FOR 9)
        FROM log_tile AS t CROSS JOIN LATERAL unnest(t.fp8, t.sha8) WITH ORDINALITY AS u (fp8, sha8, n)
        WHERE t.fp8 && place_find.keys AND u.fp8 = ANY (place_find.keys) AND u.fp8 <> 0;
    ELSE
        RETURN QUERY SELECT u.fp8, u.sha8, t.log, t.first_index + u.n - 1, substring(t.info FROM (9 * u.n - 8)::int FOR 9)
        FROM log_tile AS t CROSS JOIN LATERAL unnest(t.fp8, t.sha8) WITH ORDINALITY AS u (fp8, sha8, n)
        WHERE t.sha8 && place_find.keys AND u.sha8 = ANY (place_find.keys) AND u.sha8 <> 0;
    END IF;
END $$;
DO $$
BEGIN
    EXECUTE format('ALTER FUNCTION place_find SET search_path = %I, pg_temp', current_schema());
END $$;

CREATE OR REPLACE FUNCTION place_fill() RETURNS int8 LANGUAGE sql AS $$ SELECT 0::int8 $$;

-- Those that join tiles with rows look into the tiles themselves.
CREATE OR REPLACE FUNCTION ct.sightings_of(tbs_fp bytea) RETURNS SETOF ct.sightings LANGUAGE sql STABLE PARALLEL SAFE BEGIN ATOMIC
    SELECT t.log_id, t.tile, t.first_index + u.n - 1, t.log_id::int8 << 40 | t.first_index + u.n - 1,
           timestamptz 'epoch' + ('x' || encode(substring(t.info FROM (9 * u.n - 8)::int FOR 6), 'hex'))::bit(48)::int8
               * interval '1 millisecond',
           (ARRAY['final', 'precert', 'unreadable', NULL, 'poisoned'])[get_byte(t.info, (9 * u.n - 3)::int) + 1],
           u.fp8, ct.bytes8(u.sha8),
           date 'epoch' + get_byte(t.info, (9 * u.n - 2)::int) * 256 + get_byte(t.info, (9 * u.n - 1)::int)
    FROM ct.tiles AS t CROSS JOIN LATERAL unnest(t.fp8, t.sha8) WITH ORDINALITY AS u (fp8, sha8, n)
    WHERE t.fp8 @> ARRAY[ct.prefix8(sightings_of.tbs_fp)] AND u.fp8 = ct.prefix8(sightings_of.tbs_fp)
      AND get_byte(t.info, (9 * u.n - 3)::int) IN (0, 1, 4);
END;

CREATE OR REPLACE FUNCTION ct.with_sha256(sha256 bytea) RETURNS SETOF ct.certificates LANGUAGE sql STABLE PARALLEL SAFE BEGIN ATOMIC
    SELECT c.* FROM (SELECT DISTINCT s.tbs_fp8, s.not_after_day FROM ct.tiles AS t
                     CROSS JOIN LATERAL (SELECT s.* FROM ct.sightings AS s WHERE s.log_id = t.log_id AND s.tile = t.tile OFFSET 0) AS s
                     WHERE t.sha8 @> ARRAY[ct.prefix8(with_sha256.sha256)] AND s.sha256_begin = substring(with_sha256.sha256 FOR 8)) AS s
    CROSS JOIN LATERAL ct.certificate_of(s.tbs_fp8, s.not_after_day) AS c;
END;

-- Local tables are not joined with distributed ones, so what looks at a certificate or a tile for a row of a local table is a
-- function of its own, in plpgsql, which is not made part of the statement that calls it.
CREATE OR REPLACE FUNCTION log_place(log_id int2, place int8, OUT form int, OUT sha8 int8) LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
BEGIN
    SELECT get_byte(t.info, 9 * (place - t.first_index)::int + 6), t.sha8[(place - t.first_index)::int + 1] INTO form, sha8
    FROM log_tile AS t WHERE t.log = log_id AND t.tile = place / 256 AND place BETWEEN t.first_index AND t.last_index;
END
$$;

CREATE OR REPLACE FUNCTION certs_of(fp bytea) RETURNS SETOF cert LANGUAGE plpgsql STABLE ROWS 1 AS $$
BEGIN
    RETURN QUERY SELECT c.* FROM cert AS c WHERE c.tbs_fp = fp;
END
$$;

CREATE OR REPLACE FUNCTION precerts_of(fp bytea) RETURNS TABLE (log_id int2, index int8, day int4)
LANGUAGE plpgsql STABLE ROWS 1 AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY SELECT t.log, t.first_index + u.n - 1,
                        get_byte(t.info, 9 * (u.n - 1)::int + 7) * 256 + get_byte(t.info, 9 * (u.n - 1)::int + 8)
    FROM log_tile AS t, unnest(t.fp8) WITH ORDINALITY AS u(fp8, n)
    WHERE t.fp8 @> ARRAY[ct.prefix8(fp)] AND u.fp8 = ct.prefix8(fp) AND get_byte(t.info, 9 * (u.n - 1)::int + 6) = 1;
END
$$;

CREATE OR REPLACE FUNCTION alert_proof(alert_id int8) RETURNS TABLE (by_word bool, reason text) LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
DECLARE
    fp      bytea := (SELECT tbs_fp FROM alert WHERE id = alert_id);
    fp_low  bytea := substring(fp FOR 8);
    fp_high bytea := fp_low || decode(repeat('ff', 24), 'hex');
    others  int4[]; -- days, as log_tile.info has them, of rows with another fingerprint that begins so; 64: too many
BEGIN
    SELECT coalesce(array_agg(s.day), '{}') INTO others
    FROM (SELECT least(greatest(floor(extract(epoch FROM c.not_after) / 86400), 0), 65535)::int4 AS day
          FROM cert AS c WHERE c.tbs_fp >= fp_low AND c.tbs_fp <= fp_high AND c.tbs_fp <> fp ORDER BY c.tbs_fp LIMIT 64) AS s;
    RETURN QUERY WITH a AS (SELECT * FROM alert WHERE id = alert_id),
    rows AS MATERIALIZED
            (SELECT c.log, c.idx, c.facts, c.tbs_fp, i.spki_sha256,
                    least(greatest(floor(extract(epoch FROM c.not_after) / 86400), 0), 65535)::int4 AS day,
                    EXISTS (SELECT 1 FROM domain_allow AS w WHERE w.domain = a.domain
                            AND w.spki_sha256 = i.spki_sha256) AS allowed, count(*) OVER () AS keys
             FROM a, certs_of(a.tbs_fp) AS c JOIN issuer AS i ON i.id = c.issuer),
    place AS MATERIALIZED (SELECT p.sha8 FROM alert_sighting AS s LEFT JOIN LATERAL log_place(s.log, s.idx) AS p ON true
              WHERE s.alert = alert_id AND s.form IN ('final', 'poisoned')),
    proof AS (
        SELECT false AS by_word, r.spki_sha256, r.allowed, r.log, r.idx,
               'the same certificate was seen with its issuer' AS what
        FROM a, rows AS r, log_place(r.log, r.idx) AS p
        WHERE r.facts & (1::int8 << 53) <> 0 AND p.form IN (0, 4) AND p.sha8 <> 0
          AND (r.allowed OR EXISTS (SELECT FROM jsonb_array_elements(a.findings) AS f
                                    WHERE f->>'found' LIKE '%(spki:' || encode(r.spki_sha256, 'hex') || ')'))
          AND EXISTS (SELECT FROM place) AND NOT EXISTS (SELECT FROM place AS q WHERE q.sha8 IS DISTINCT FROM p.sha8)
        UNION ALL
        SELECT true, r.spki_sha256, true, f.log_id, f.index, 'a precertificate commits to the key'
        FROM rows AS r, a, precerts_of(r.tbs_fp) AS f
        WHERE r.allowed AND r.keys = 1 AND r.facts & (1::int8 << 52) <> 0 AND r.facts & 4 = 0
          AND ((f.log_id = r.log AND f.index = r.idx)
               OR (f.day = r.day AND cardinality(others) < 64 AND r.day <> ALL (others)))
          AND EXISTS (SELECT FROM jsonb_array_elements(a.findings) AS g WHERE finding_unproven(g, true)))
    SELECT p.by_word, format('%s, spki:%s: %s in %s, entry %s',
                             CASE WHEN p.allowed THEN 'issued by an allowed CA' ELSE 'its issuer is known by now' END,
                             encode(p.spki_sha256, 'hex'), p.what, l.name, p.idx)
    FROM proof AS p JOIN log AS l ON l.id = p.log ORDER BY p.by_word, p.log, p.idx LIMIT 1;
END
$$;

SET LOCAL citus.enable_ddl_propagation = 'on';
