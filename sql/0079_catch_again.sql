-- The nodes of a cluster need none of this; elsewhere this says nothing.
SELECT set_config('citus.enable_ddl_propagation', 'off', true);

-- held: it was in the leaf when that was read. The others were put down by a backfill, and somebody else stored them meanwhile.
ALTER TABLE load_old ADD COLUMN held bool NOT NULL DEFAULT true;

-- As in 0064_load_run.sql; what somebody else stored meanwhile and took away again stays as the backfill has it, and counts again:
-- it was lost when a catch came between. Which rows are there is settled once, and they stay until this ends: rows that go while
-- one statement follows another would be in neither.
CREATE OR REPLACE FUNCTION load_catch(most int8) RETURNS int8 LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
    base   text;
    afters timestamptz[];
    fps    bytea[];
    owners int4[];
    stored bool[];
BEGIN
    IF NOT EXISTS (SELECT FROM partition_late) THEN
        RETURN 0;
    END IF;
    WITH took AS (DELETE FROM partition_late AS l
        WHERE l.ctid = ANY (ARRAY(SELECT x.ctid FROM partition_late AS x LIMIT most)) RETURNING l.*)
    SELECT array_agg(k.not_after), array_agg(k.tbs_fp), array_agg(k.issuer) INTO afters, fps, owners
    FROM (SELECT DISTINCT * FROM took) AS k;
    PERFORM 1 FROM unnest(afters, fps, owners) AS k (not_after, tbs_fp, issuer)
    CROSS JOIN LATERAL (SELECT FROM cert AS c WHERE c.not_after = k.not_after AND c.tbs_fp = k.tbs_fp AND c.issuer = k.issuer
                        FOR KEY SHARE) AS c;
    SELECT array_agg(EXISTS (SELECT FROM cert AS c WHERE c.not_after = k.not_after AND c.tbs_fp = k.tbs_fp AND c.issuer = k.issuer)
                     ORDER BY k.nth) INTO stored
    FROM unnest(afters, fps, owners) WITH ORDINALITY AS k (not_after, tbs_fp, issuer, nth);
    WITH theirs AS (INSERT INTO load_old (tbs_fp, issuer, held)
        SELECT k.tbs_fp, k.issuer, false FROM unnest(fps, owners, stored) AS k (tbs_fp, issuer, stored)
        WHERE k.stored AND NOT EXISTS (SELECT FROM load_old AS o WHERE o.tbs_fp = k.tbs_fp AND o.issuer = k.issuer)
        RETURNING tbs_fp, issuer),
    ours AS (DELETE FROM load_old AS o USING unnest(fps, owners, stored) AS k (tbs_fp, issuer, stored)
        WHERE NOT k.stored AND NOT o.held AND o.tbs_fp = k.tbs_fp AND o.issuer = k.issuer RETURNING o.tbs_fp, o.issuer)
    INSERT INTO load_count (issuer, day, n)
    SELECT b.issuer, (b.not_before AT TIME ZONE 'UTC')::date, sum(t.n)
    FROM (SELECT tbs_fp, issuer, -1 AS n FROM theirs UNION ALL SELECT tbs_fp, issuer, 1 FROM ours) AS t
    CROSS JOIN LATERAL (SELECT * FROM cert_build AS c WHERE c.tbs_fp = t.tbs_fp AND c.issuer = t.issuer OFFSET 0) AS b
    GROUP BY 1, 2;
    FOREACH base IN ARRAY ARRAY['cert', 'cert_apex', 'cert_ip'] LOOP
        EXECUTE format('DELETE FROM %I AS b USING unnest($1, $2, $3) AS k (not_after, tbs_fp, issuer)'
                       ' WHERE b.not_after = k.not_after AND b.tbs_fp = k.tbs_fp AND b.issuer = k.issuer'
                       ' AND EXISTS (SELECT FROM load_old AS o WHERE o.tbs_fp = k.tbs_fp AND o.issuer = k.issuer)',
                       base || '_build') USING afters, fps, owners;
        EXECUTE format('INSERT INTO %I SELECT c.* FROM unnest($1, $2, $3, $4) AS k (not_after, tbs_fp, issuer, stored)'
                       ' CROSS JOIN LATERAL (SELECT * FROM %I AS x WHERE x.not_after = k.not_after'
                       '  AND x.tbs_fp = k.tbs_fp AND x.issuer = k.issuer OFFSET 0) AS c'
                       ' WHERE k.stored ON CONFLICT DO NOTHING',
                       base || '_build', base) USING afters, fps, owners, stored;
    END LOOP;
    RETURN coalesce(cardinality(fps), 0);
END $$;

-- As in 0059_pending_place.sql, and for every step that is applied: one with a lower number may come later.
CREATE OR REPLACE FUNCTION domain_scan_state(of_domain int8) RETURNS bytea LANGUAGE sql STABLE AS $$
    SELECT sha256(convert_to(concat_ws('|', d.name, d.kind, d.exact, d.wildcard_allowed, d.policy::text,
        (SELECT string_agg(encode(a.spki_sha256, 'hex'), ',' ORDER BY a.spki_sha256, a.label) FROM domain_allow AS a WHERE a.domain = d.id),
        (SELECT max(p.version) FROM psl AS p),
        (SELECT string_agg(m.version::text, ',' ORDER BY m.version) FROM schema_migration AS m)), 'UTF8'))
    FROM domain AS d WHERE d.id = of_domain
$$;

-- As in 0024_research.sql, and in both spellings, as `search` asks: an IPv4 address may stand in a certificate as ::ffff:192.0.2.7.
CREATE OR REPLACE FUNCTION ct.address(range inet) RETURNS SETOF ct.certificates LANGUAGE sql STABLE PARALLEL SAFE BEGIN ATOMIC
    SELECT c.* FROM (SELECT DISTINCT a.tbs_fp, a.not_after, a.issuer_id FROM ct.addresses AS a
        WHERE a.ip <<= range
        OR a.ip <<= (CASE WHEN family(range) = 4 THEN ('::ffff:' || host(range) || '/' || 96 + masklen(range))::inet
                          WHEN masklen(range) >= 96 AND range <<= '::ffff:0.0.0.0/96'
                          THEN (substring(host(range) FROM '[0-9.]+$') || '/' || masklen(range) - 96)::inet END)) AS a
    CROSS JOIN LATERAL ct.certificate(a.tbs_fp, a.not_after, a.issuer_id) AS c;
END;
COMMENT ON FUNCTION ct.address IS 'Certificates for an address, or for one in a range such as 192.0.2.0/24; IPv4 also where it is spelled as IPv6.';

SELECT set_config('citus.enable_ddl_propagation', 'on', true);
