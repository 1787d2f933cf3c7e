-- Names of CAs that stand for several keys.

-- One key may be allowed under several names (two CAA domains of one CA): none of them is forgotten.
ALTER TABLE domain_allow DROP CONSTRAINT domain_allow_pkey;
ALTER TABLE domain_allow ADD CONSTRAINT domain_allow_pkey PRIMARY KEY (domain, spki_sha256, label);

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
        SELECT 2, r.spki_sha256, t.log, t.first_index + u.n - 1, 'a precertificate commits to the key'
        FROM rows AS r, a, log_tile AS t, unnest(t.fp8) WITH ORDINALITY AS u(fp8, n)
        WHERE r.allowed AND r.keys = 1 AND r.facts & (1::int8 << 52) <> 0 AND a.severity = 'low'
          AND t.fp8 @> ARRAY[('x' || encode(substring(r.tbs_fp FOR 8), 'hex'))::bit(64)::int8]
          AND u.fp8 = ('x' || encode(substring(r.tbs_fp FOR 8), 'hex'))::bit(64)::int8
          AND get_byte(t.info, 9 * (u.n - 1)::int + 6) = 1)
    SELECT format('issued by an allowed CA, spki:%s: %s in %s, entry %s', encode(p.spki_sha256, 'hex'), p.what, l.name,
                  p.idx)
    FROM proof AS p JOIN log AS l ON l.id = p.log ORDER BY p.rank, p.log, p.idx LIMIT 1
$$;
