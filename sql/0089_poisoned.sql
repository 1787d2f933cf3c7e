-- A certificate with the poison of a precertificate that a log took in as a final one (x509_entry) had the form of a precertificate:
-- who can have such a thing logged made it look as if there were a precertificate that announced the final one, commits to the key that a
-- log claimed, or keeps the promise of an SCT. It has a form of its own from here on: 4 in log_tile.info, 'poisoned' in words.
-- What is stored keeps what it says.

SELECT set_config('citus.enable_ddl_propagation', 'off', true);

ALTER TABLE alert_sighting
    DROP CONSTRAINT alert_sighting_form_check,
    ADD CONSTRAINT alert_sighting_form_check CHECK (form IN ('final', 'precert', 'poisoned', 'unparsed'));

-- As in step 0068, and no client takes these, but their bytes may prove who signed them.
CREATE OR REPLACE FUNCTION alert_forms(alert_id int8) RETURNS bytea LANGUAGE sql STABLE AS $$
    SELECT string_agg(DISTINCT int8send(coalesce(p.sha8, 0)), ''::bytea)
    FROM alert_sighting AS s LEFT JOIN LATERAL log_place(s.log, s.idx) AS p ON true
    WHERE s.alert = alert_id AND s.form IN ('final', 'poisoned')
$$;

-- As in step 0080. A row that was first seen so is proven by no precertificate: older versions stored its places as such.
CREATE OR REPLACE FUNCTION alert_proof(alert_id int8) RETURNS TABLE (by_word bool, reason text) LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
DECLARE
    fp_low  bytea := (SELECT substring(tbs_fp FOR 8) FROM alert WHERE id = alert_id);
    fp_high bytea := fp_low || decode(repeat('ff', 24), 'hex');
    fp      bytea := (SELECT tbs_fp FROM alert WHERE id = alert_id);
    others  int4[]; -- days, as log_tile.info has them, of rows with another fingerprint that begins so; 64: too many
BEGIN
    SELECT coalesce(array_agg(s.day), '{}') INTO others
    FROM (SELECT least(greatest(floor(extract(epoch FROM c.not_after) / 86400), 0), 65535)::int4 AS day
          FROM cert AS c WHERE c.tbs_fp >= fp_low AND c.tbs_fp <= fp_high AND c.tbs_fp <> fp ORDER BY c.tbs_fp LIMIT 64) AS s;
    RETURN QUERY WITH a AS (SELECT * FROM alert WHERE id = alert_id),
    rows AS (SELECT c.log, c.idx, c.facts, c.tbs_fp, i.spki_sha256,
                    least(greatest(floor(extract(epoch FROM c.not_after) / 86400), 0), 65535)::int4 AS day,
                    EXISTS (SELECT 1 FROM domain_allow AS w WHERE w.domain = a.domain
                            AND w.spki_sha256 = i.spki_sha256) AS allowed, count(*) OVER () AS keys
             FROM a JOIN cert AS c ON c.tbs_fp = a.tbs_fp JOIN issuer AS i ON i.id = c.issuer),
    place AS (SELECT p.sha8 FROM alert_sighting AS s LEFT JOIN LATERAL log_place(s.log, s.idx) AS p ON true
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
        FROM rows AS r, a, ct.by_fp8(ARRAY[('x' || encode(substring(r.tbs_fp FOR 8), 'hex'))::bit(64)::int8]) AS f
        WHERE r.allowed AND r.keys = 1 AND r.facts & (1::int8 << 52) <> 0 AND r.facts & 4 = 0 AND get_byte(f.info, 6) = 1
          AND ((f.log_id = r.log AND f.index = r.idx)
               OR (get_byte(f.info, 7) * 256 + get_byte(f.info, 8) = r.day
                   AND cardinality(others) < 64 AND r.day <> ALL (others)))
          AND EXISTS (SELECT FROM jsonb_array_elements(a.findings) AS g WHERE finding_unproven(g, true)))
    SELECT p.by_word, format('%s, spki:%s: %s in %s, entry %s',
                             CASE WHEN p.allowed THEN 'issued by an allowed CA' ELSE 'its issuer is known by now' END,
                             encode(p.spki_sha256, 'hex'), p.what, l.name, p.idx)
    FROM proof AS p JOIN log AS l ON l.id = p.log ORDER BY p.by_word, p.log, p.idx LIMIT 1;
END
$$;

-- As in step 0024.
CREATE OR REPLACE VIEW ct.sightings AS
SELECT t.log AS log_id, t.tile, t.first_index + u.n - 1 AS index, t.log::int8 << 40 | t.first_index + u.n - 1 AS id,
       timestamptz 'epoch' + ('x' || encode(substring(t.info FROM (9 * u.n - 8)::int FOR 6), 'hex'))::bit(48)::int8
           * interval '1 millisecond' AS logged_at,
       (ARRAY['final', 'precert', 'unreadable', NULL, 'poisoned'])[get_byte(t.info, (9 * u.n - 3)::int) + 1] AS form,
       u.fp8 AS tbs_fp8, ct.bytes8(u.sha8) AS sha256_begin,
       date 'epoch' + get_byte(t.info, (9 * u.n - 2)::int) * 256 + get_byte(t.info, (9 * u.n - 1)::int) AS not_after_day
FROM log_tile AS t CROSS JOIN LATERAL unnest(t.fp8, t.sha8) WITH ORDINALITY AS u (fp8, sha8, n)
WHERE get_byte(t.info, (9 * u.n - 3)::int) <> 3;
COMMENT ON COLUMN ct.sightings.form IS 'final, precert, unreadable, or poisoned: with the poison of a precertificate in an entry for final ones.';

-- As in step 0061.
CREATE OR REPLACE FUNCTION ct.sightings_of(tbs_fp bytea) RETURNS SETOF ct.sightings LANGUAGE sql STABLE PARALLEL SAFE BEGIN ATOMIC
    SELECT f.log_id, f.index / 256, f.index, f.log_id::int8 << 40 | f.index,
           timestamptz 'epoch' + ('x' || encode(substring(f.info FOR 6), 'hex'))::bit(48)::int8 * interval '1 millisecond',
           (ARRAY['final', 'precert', 'unreadable', NULL, 'poisoned'])[get_byte(f.info, 6) + 1], f.fp8, ct.bytes8(f.sha8),
           date 'epoch' + get_byte(f.info, 7) * 256 + get_byte(f.info, 8)
    FROM ct.by_fp8(ARRAY[ct.prefix8(sightings_of.tbs_fp)]) AS f WHERE get_byte(f.info, 6) IN (0, 1, 4);
END;

SELECT set_config('citus.enable_ddl_propagation', 'on', true);
