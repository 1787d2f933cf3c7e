-- Where a hash is found in the logs. Two GIN indexes over log_tile took a quarter of what storing an entry costs, and more the
-- larger they were, since every key went to a page of its own. Here keys are gathered in blocks that are written once, read
-- by a range of hashes, and merged into blocks of narrower ranges when there are many (db/placemerge.h).

-- Nobody who does not write here stores a place any more: who is at it ends first, and who comes after finds a newer schema.
-- A commit locks domain_generation before log_tile, whoever mends what is stored the other way round: so neither is held while
-- the other is waited for long. EXCLUSIVE keeps out FOR SHARE, not those who read. A cluster keeps its indexes and its rows.
DO $$
DECLARE
    patience text := current_setting('lock_timeout');
BEGIN
    LOOP
        BEGIN
            LOCK TABLE domain_generation IN EXCLUSIVE MODE;
            IF to_regclass('public.scale_out') IS NULL THEN
                PERFORM set_config('lock_timeout', '3s', true); -- an autovacuum of it is ended by the server after one
                LOCK TABLE log_tile IN SHARE ROW EXCLUSIVE MODE;
                PERFORM set_config('lock_timeout', patience, true);
            END IF;
            EXIT;
        EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
            PERFORM pg_sleep(0.5);
        END;
    END LOOP;
END $$;

-- The nodes of a cluster need not know the functions, which functions.sql there makes anew; elsewhere this says nothing.
SELECT set_config('citus.enable_ddl_propagation', 'off', true);

-- kind: 0 the first 8 bytes of tbs_fp, 1 those of SHA-256. bucket: the first 3 * level bits of all its keys, which are
-- sorted; places has 7 bytes for each, log << 40 | index. A block only finds: what is at that place by now, log_tile says.
CREATE TABLE place_block (
    kind   int2 NOT NULL,
    level  int2 NOT NULL,
    bucket int4 NOT NULL,
    keys   int8[] NOT NULL,
    places bytea NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 2000, autovacuum_analyze_scale_factor = 0.5);
ALTER TABLE place_block ALTER COLUMN keys SET STORAGE PLAIN; -- four blocks fill a page
ALTER TABLE place_block ALTER COLUMN places SET STORAGE PLAIN;
CREATE INDEX place_block_bucket ON place_block (kind, level, bucket);

-- Who merges a level has its row; next: the bucket to go on with.
CREATE TABLE place_level (
    kind  int2 NOT NULL,
    level int2 NOT NULL,
    next  int4 NOT NULL DEFAULT 0,
    PRIMARY KEY (kind, level)
) WITH (fillfactor = 50);
INSERT INTO place_level (kind, level) SELECT k, l FROM generate_series(0, 1) AS k, generate_series(0, 8) AS l;

-- The bucket of a key.
CREATE FUNCTION place_bucket(key int8, level int) RETURNS int4 LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN level = 0 THEN 0 ELSE ((key >> (64 - 3 * level)) & ((1::int8 << (3 * level)) - 1))::int4 END
$$;

-- All blocks anew from log_tile, for who put tiles there by hand; nobody stores meanwhile.
CREATE FUNCTION place_fill() RETURNS int8 LANGUAGE plpgsql SET client_min_messages = warning SET work_mem = '64MB'
AS $$
DECLARE
    total int8;
    deep  int := 0;
BEGIN
    TRUNCATE place_block;
    UPDATE place_level SET next = 0;
    SELECT coalesce(sum(cardinality(fp8)), 0) INTO total FROM log_tile;
    WHILE deep < 8 AND total >> (3 * (deep + 1)) >= 64 LOOP
        deep := deep + 1;
    END LOOP;
    INSERT INTO place_block (kind, level, bucket, keys, places)
    SELECT p.kind, deep, p.bucket, array_agg(p.key ORDER BY p.nth), string_agg(substring(int8send(p.place) FROM 2), '' ORDER BY p.nth)
    FROM (SELECT k.kind, k.key, k.place, place_bucket(k.key, deep) AS bucket,
                 row_number() OVER (PARTITION BY k.kind, place_bucket(k.key, deep) ORDER BY k.key, k.place) AS nth
          FROM (SELECT v.kind::int2, v.key, t.log::int8 << 40 | t.first_index + u.n - 1 AS place
                FROM log_tile AS t CROSS JOIN LATERAL unnest(t.fp8, t.sha8) WITH ORDINALITY AS u (fp8, sha8, n)
                CROSS JOIN LATERAL (VALUES (0, u.fp8), (1, u.sha8)) AS v (kind, key) WHERE v.key <> 0) AS k) AS p
    GROUP BY p.kind, p.bucket, (p.nth - 1) / 128 ORDER BY p.kind, p.bucket;
    RETURN total;
END $$;

-- Places in logs where the first 8 bytes of tbs_fp (kind 0) or of SHA-256 (1) are one of these, as log_tile has them now.
-- OFFSET 0 and the settings: a plan that was made while there was little must do when there is much.
CREATE FUNCTION place_find(kind int2, keys int8[]) RETURNS TABLE (fp8 int8, sha8 int8, log_id int2, index int8, info bytea)
LANGUAGE plpgsql STABLE PARALLEL SAFE SECURITY DEFINER ROWS 8
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_bitmapscan = off SET enable_memoize = off SET jit = off
SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    RETURN QUERY SELECT t.fp8[g.nth], t.sha8[g.nth], f.log, f.idx, substring(t.info FROM 9 * g.nth - 8 FOR 9)
    FROM (SELECT DISTINCT k.key, (d.place >> 40)::int2 AS log, d.place & 1099511627775 AS idx
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

-- It reads what whoever asks may not: nobody else's business. As in 0026_reader.sql, and this.
REVOKE EXECUTE ON FUNCTION place_find(int2, int8[]) FROM PUBLIC;
CREATE OR REPLACE FUNCTION reader_lacks() RETURNS SETOF text LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'ctvigil_reader') THEN
        RETURN NEXT 'CREATE ROLE ctvigil_reader NOLOGIN;';
        RETURN NEXT 'GRANT USAGE ON SCHEMA ct, crtsh TO ctvigil_reader;';
        RETURN NEXT 'GRANT SELECT ON ALL TABLES IN SCHEMA ct, crtsh TO ctvigil_reader;';
        RETURN NEXT 'GRANT EXECUTE ON FUNCTION public.place_find(int2, int8[]) TO ctvigil_reader;';
        RETURN;
    END IF;
    IF NOT (has_schema_privilege('ctvigil_reader', 'ct', 'USAGE') AND has_schema_privilege('ctvigil_reader', 'crtsh', 'USAGE')) THEN
        RETURN NEXT 'GRANT USAGE ON SCHEMA ct, crtsh TO ctvigil_reader;';
    END IF;
    IF EXISTS (SELECT FROM pg_class AS c WHERE c.relnamespace IN ('ct'::regnamespace, 'crtsh'::regnamespace) AND c.relkind = 'v'
               AND NOT has_table_privilege('ctvigil_reader', c.oid, 'SELECT')) THEN
        RETURN NEXT 'GRANT SELECT ON ALL TABLES IN SCHEMA ct, crtsh TO ctvigil_reader;';
    END IF;
    IF NOT has_function_privilege('ctvigil_reader', 'public.place_find(int2, int8[])', 'EXECUTE') THEN
        RETURN NEXT 'GRANT EXECUTE ON FUNCTION public.place_find(int2, int8[]) TO ctvigil_reader;';
    END IF;
END $$;

CREATE FUNCTION ct.by_fp8(keys int8[]) RETURNS TABLE (fp8 int8, sha8 int8, log_id int2, index int8, info bytea)
LANGUAGE sql STABLE PARALLEL SAFE BEGIN ATOMIC
    SELECT p.fp8, p.sha8, p.log_id, p.index, p.info FROM place_find(0::int2, by_fp8.keys) AS p;
END;
CREATE FUNCTION ct.by_sha8(keys int8[]) RETURNS TABLE (fp8 int8, sha8 int8, log_id int2, index int8, info bytea)
LANGUAGE sql STABLE PARALLEL SAFE BEGIN ATOMIC
    SELECT p.fp8, p.sha8, p.log_id, p.index, p.info FROM place_find(1::int2, by_sha8.keys) AS p;
END;

COMMENT ON FUNCTION ct.by_fp8 IS 'Entries of logs where ct.prefix8 of tbs_fp is one of these. info as in ct.tiles, of this entry.';
COMMENT ON FUNCTION ct.by_sha8 IS 'Entries of logs where ct.prefix8 of the certificate''s SHA-256 is one of these. info as in ct.tiles, of this entry.';
COMMENT ON COLUMN ct.tiles.fp8 IS 'ct.prefix8 of tbs_fp of each entry. ct.by_fp8 looks for one.';
COMMENT ON COLUMN ct.tiles.sha8 IS 'ct.prefix8 of SHA-256 of each certificate. ct.by_sha8 looks for one.';

-- What looked into the indexes.
CREATE OR REPLACE FUNCTION ct.sightings_of(tbs_fp bytea) RETURNS SETOF ct.sightings LANGUAGE sql STABLE PARALLEL SAFE BEGIN ATOMIC
    SELECT f.log_id, f.index / 256, f.index, f.log_id::int8 << 40 | f.index,
           timestamptz 'epoch' + ('x' || encode(substring(f.info FOR 6), 'hex'))::bit(48)::int8 * interval '1 millisecond',
           (ARRAY['final', 'precert', 'unreadable'])[get_byte(f.info, 6) + 1], f.fp8, ct.bytes8(f.sha8),
           date 'epoch' + get_byte(f.info, 7) * 256 + get_byte(f.info, 8)
    FROM ct.by_fp8(ARRAY[ct.prefix8(sightings_of.tbs_fp)]) AS f WHERE get_byte(f.info, 6) < 2;
END;
CREATE OR REPLACE FUNCTION ct.with_sha256(sha256 bytea) RETURNS SETOF ct.certificates LANGUAGE sql STABLE PARALLEL SAFE BEGIN ATOMIC
    SELECT c.* FROM (SELECT DISTINCT f.fp8, date 'epoch' + get_byte(f.info, 7) * 256 + get_byte(f.info, 8) AS not_after_day
                     FROM ct.by_sha8(ARRAY[ct.prefix8(with_sha256.sha256)]) AS f) AS s
    CROSS JOIN LATERAL ct.certificate_of(s.fp8, s.not_after_day) AS c;
END;

-- Why such an alert is over; NULL: it is not. By now it is stored that a CA that the domain allows
--   signed the very bytes that every place of the alert shows; a row whose key is proven (facts, bit 53) was first seen
--   with the bytes that were checked; or
--   is the one that the log claimed (facts, bit 52), and a precertificate commits to it. Only while the TBS has one row:
--   a tile does not say for which key a place was claimed.
CREATE OR REPLACE FUNCTION alert_proof(alert_id int8) RETURNS text LANGUAGE sql STABLE AS $$
    WITH a AS (SELECT * FROM alert WHERE id = alert_id),
    rows AS (SELECT c.log, c.idx, c.facts, c.not_after, c.tbs_fp, i.spki_sha256,
                    EXISTS (SELECT 1 FROM domain_allow AS w WHERE w.domain = a.domain
                            AND w.spki_sha256 = i.spki_sha256) AS allowed, count(*) OVER () AS keys
             FROM a JOIN cert AS c ON c.tbs_fp = a.tbs_fp JOIN issuer AS i ON i.id = c.issuer),
    place AS (SELECT p.sha8 FROM alert_sighting AS s LEFT JOIN LATERAL log_place(s.log, s.idx) AS p ON true
              WHERE s.alert = alert_id AND s.form = 'final'),
    proof AS (
        SELECT 1 AS rank, r.spki_sha256, r.log, r.idx, 'the same certificate was seen with its issuer' AS what
        FROM rows AS r, log_place(r.log, r.idx) AS p
        WHERE r.allowed AND r.facts & (1::int8 << 53) <> 0 AND p.form = 0 AND p.sha8 <> 0
          AND EXISTS (SELECT FROM place) AND NOT EXISTS (SELECT FROM place AS q WHERE q.sha8 IS DISTINCT FROM p.sha8)
        UNION ALL
        SELECT 2, r.spki_sha256, f.log_id, f.index, 'a precertificate commits to the key'
        FROM rows AS r, a, ct.by_fp8(ARRAY[('x' || encode(substring(r.tbs_fp FOR 8), 'hex'))::bit(64)::int8]) AS f
        WHERE r.allowed AND r.keys = 1 AND r.facts & (1::int8 << 52) <> 0 AND a.severity = 'low'
          AND get_byte(f.info, 6) = 1)
    SELECT format('issued by an allowed CA, spki:%s: %s in %s, entry %s', encode(p.spki_sha256, 'hex'), p.what, l.name,
                  p.idx)
    FROM proof AS p JOIN log AS l ON l.id = p.log ORDER BY p.rank, p.log, p.idx LIMIT 1
$$;

DO $$
BEGIN
    IF to_regclass('public.scale_out') IS NULL THEN -- a cluster keeps them (sql/citus/functions.sql)
        PERFORM place_fill();
        DROP INDEX IF EXISTS log_tile_fp8, log_tile_sha8;
    END IF;
END $$;

SELECT set_config('citus.enable_ddl_propagation', 'on', true);
