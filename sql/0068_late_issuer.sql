-- Proof of an issuer that comes after the alert, for one finding at a time.

SELECT set_config('citus.enable_ddl_propagation', 'off', true);

-- Findings that were taken out because what came later refuted them: the same again is no news.
ALTER TABLE alert ADD COLUMN refuted jsonb NOT NULL DEFAULT '[]';
COMMENT ON COLUMN alert.refuted IS 'Findings that the issuer was not known, taken out when it was proven; `refuted` in each says by what.';

-- Who signed certificates that were stored without a proof of it: the signature of the kept bytes was checked with this key.
CREATE TABLE late_issuer (
    tbs_fp      bytea PRIMARY KEY CHECK (length(tbs_fp) = 32),
    spki_sha256 bytea NOT NULL CHECK (length(spki_sha256) = 32),
    not_after   timestamptz NOT NULL, -- of the certificate
    proven_at   timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE late_issuer IS 'Certificates whose issuer was proven after they were stored, by the signature of the kept bytes.';

-- Does the finding say that nobody could prove who the issuer is? Where a policy is sure of a key, its text ends with it
-- alone in brackets. by_word: only what says that an allowed key is claimed by the log alone.
CREATE FUNCTION finding_unproven(f jsonb, by_word bool) RETURNS bool LANGUAGE sql IMMUTABLE AS $$
    SELECT f->>'kind' = 'unexpected_ca' AND coalesce(f->>'found', '') !~ '[(]spki:[0-9a-f]{64}[)]$'
        AND (NOT by_word OR f->>'found' ~ '[(]allowed, but by the word of the log alone[^()]*spki:[0-9a-f]+[)]$')
$$;

CREATE OR REPLACE FUNCTION alert_unproven(a alert) RETURNS bool LANGUAGE sql STABLE AS $$
    SELECT a.state IN ('new', 'notified') AND a.dedup IS NULL AND a.domain IS NOT NULL AND a.tbs_fp IS NOT NULL
        AND EXISTS (SELECT FROM jsonb_array_elements(a.findings) AS f WHERE finding_unproven(f, false))
$$;
DROP INDEX alert_unproven;
CREATE INDEX alert_unproven ON alert (id)
    WHERE state IN ('new', 'notified') AND dedup IS NULL AND findings @> '[{"kind": "unexpected_ca"}]';

-- The places of final certificates that an alert has, as first 8 bytes of their SHA-256; zero: not known of one. NULL: none.
CREATE FUNCTION alert_forms(alert_id int8) RETURNS bytea LANGUAGE sql STABLE AS $$
    SELECT string_agg(DISTINCT int8send(coalesce(p.sha8, 0)), ''::bytea)
    FROM alert_sighting AS s LEFT JOIN LATERAL log_place(s.log, s.idx) AS p ON true
    WHERE s.alert = alert_id AND s.form = 'final'
$$;

-- Why findings of the alert that nobody could prove the issuer are over; no row: they are not. By now it is stored that a CA
-- that the domain allows, or that another finding of the alert names,
--   signed the very bytes that every place of the alert shows; a row whose key is proven (facts, bit 53) was first seen
--   with the bytes that were checked; or, of an allowed one and what is said of its claim alone (by_word),
--   is the one that the log claimed (facts, bit 52), and a precertificate commits to it. Only while the TBS has one row:
--   a tile does not say for which key a place was claimed.
-- In plpgsql, because planning what looks into every partition takes longer than the look, and is done once in a session.
DROP FUNCTION alert_proof(int8);
CREATE FUNCTION alert_proof(alert_id int8) RETURNS TABLE (by_word bool, reason text) LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY WITH a AS (SELECT * FROM alert WHERE id = alert_id),
    rows AS (SELECT c.log, c.idx, c.facts, c.not_after, c.tbs_fp, i.spki_sha256,
                    EXISTS (SELECT 1 FROM domain_allow AS w WHERE w.domain = a.domain
                            AND w.spki_sha256 = i.spki_sha256) AS allowed, count(*) OVER () AS keys
             FROM a JOIN cert AS c ON c.tbs_fp = a.tbs_fp JOIN issuer AS i ON i.id = c.issuer),
    place AS (SELECT p.sha8 FROM alert_sighting AS s LEFT JOIN LATERAL log_place(s.log, s.idx) AS p ON true
              WHERE s.alert = alert_id AND s.form = 'final'),
    proof AS (
        SELECT false AS by_word, r.spki_sha256, r.allowed, r.log, r.idx,
               'the same certificate was seen with its issuer' AS what
        FROM a, rows AS r, log_place(r.log, r.idx) AS p
        WHERE r.facts & (1::int8 << 53) <> 0 AND p.form = 0 AND p.sha8 <> 0
          AND (r.allowed OR EXISTS (SELECT FROM jsonb_array_elements(a.findings) AS f
                                    WHERE f->>'found' LIKE '%(spki:' || encode(r.spki_sha256, 'hex') || ')'))
          AND EXISTS (SELECT FROM place) AND NOT EXISTS (SELECT FROM place AS q WHERE q.sha8 IS DISTINCT FROM p.sha8)
        UNION ALL
        SELECT true, r.spki_sha256, true, f.log_id, f.index, 'a precertificate commits to the key'
        FROM rows AS r, a, ct.by_fp8(ARRAY[('x' || encode(substring(r.tbs_fp FOR 8), 'hex'))::bit(64)::int8]) AS f
        WHERE r.allowed AND r.keys = 1 AND r.facts & (1::int8 << 52) <> 0 AND get_byte(f.info, 6) = 1
          AND EXISTS (SELECT FROM jsonb_array_elements(a.findings) AS g WHERE finding_unproven(g, true)))
    SELECT p.by_word, format('%s, spki:%s: %s in %s, entry %s',
                             CASE WHEN p.allowed THEN 'issued by an allowed CA' ELSE 'its issuer is known by now' END,
                             encode(p.spki_sha256, 'hex'), p.what, l.name, p.idx)
    FROM proof AS p JOIN log AS l ON l.id = p.log ORDER BY p.by_word, p.log, p.idx LIMIT 1;
END
$$;

SELECT set_config('citus.enable_ddl_propagation', 'on', true);
