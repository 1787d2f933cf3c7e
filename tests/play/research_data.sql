-- A database for the plays of research: :certs certificates of the last 18 months in three logs, each derived from its number.
-- Most logged within an hour, some late, some never as a final certificate; keys that return, wildcards, addresses, absurd dates, weak keys.
BEGIN;
SET LOCAL timezone = 'UTC';
INSERT INTO log (name, operator, protocol, url, log_id, key, mmd_s, listed, list_state, list_revision, from_spec)
SELECT 'Log ' || n, 'Operator ' || o, 'rfc6962', 'https://log' || n || '.example/', sha256(convert_to('log' || n, 'UTF8')),
       convert_to('key' || n, 'UTF8'), 86400, true, 'usable', 1, '0'
FROM (VALUES (1, 'A'), (2, 'B'), (3, 'B')) AS l (n, o);
INSERT INTO log_list (source, revision, version, made_at, fetched_at, logs) VALUES ('list', 1, '1', now(), now(), 3);

INSERT INTO issuer (spki_sha256, dn_sha256, dn, dn_text)
SELECT CASE WHEN n = 20 THEN decode(repeat('00', 32), 'hex') ELSE sha256(convert_to('ca' || n, 'UTF8')) END,
       sha256(convert_to('dn' || n, 'UTF8')), convert_to('dn' || n, 'UTF8'), 'CN=CA ' || n || ',O=Trust\, Inc. ' || n % 5 || ',C=US'
FROM generate_series(1, 20) AS n;
-- The certificates of all issuers but the last ones; each signed by the first.
INSERT INTO issuer_cert (sha256, spki_sha256, subject, der, issuer, is_ca, self_signed, not_before, not_after, edges_at)
SELECT sha256(convert_to('cacert' || n, 'UTF8')), sha256(convert_to('ca' || n, 'UTF8')), convert_to('dn' || n, 'UTF8'),
       convert_to('der' || n, 'UTF8'), convert_to('dn1', 'UTF8'), true, n = 1, timestamptz '2020-01-01', timestamptz '2035-01-01', now()
FROM generate_series(1, 17) AS n;
INSERT INTO ca_edge (child_sha256, parent_sha256)
SELECT sha256(convert_to('cacert' || n, 'UTF8')), sha256(convert_to('cacert1', 'UTF8')) FROM generate_series(2, 17) AS n;

-- d: number of the domain, the small ones many times; h: a hash to choose by.
CREATE TEMP TABLE made ON COMMIT DROP AS
SELECT i, h, 1 + h % 20 AS issuer, d,
       CASE WHEN d % 50 = 0 THEN 'shop' || d || '.github.io' WHEN d % 30 = 0 THEN 'firma' || d || '.co.uk' ELSE 'site' || d || '.com' END AS domain,
       CASE WHEN i % 5000 = 77 THEN timestamptz '0001-01-01' ELSE date_trunc('month', now()) - interval '540 days' + date_trunc('second', i * interval '540 days' / :certs) END AS nb,
       CASE WHEN i % 1000 = 3 THEN 900 WHEN h % 3 = 0 THEN 90 WHEN h % 3 = 1 THEN 47 WHEN h % 7 = 0 THEN 6 ELSE 199 END AS days
FROM (SELECT i, (get_byte(x, 0) * 65536 + get_byte(x, 1) * 256 + get_byte(x, 2)) AS h,
             1 + floor(power(get_byte(x, 3) * 256 + get_byte(x, 4), 2) / 4294967296 * (:certs / 8))::int AS d
      FROM (SELECT i, sha256(convert_to('made' || i, 'UTF8')) AS x FROM generate_series(1, :certs) AS i) AS g) AS g;

CREATE TEMP TABLE given ON COMMIT DROP AS
SELECT m.*, CASE WHEN i % 5000 = 99 THEN timestamptz '9999-12-31 23:59:59' ELSE nb + days * interval '1 day' - interval '1 second' END AS na,
       sha256(convert_to('fp' || i, 'UTF8')) AS fp,
       CASE WHEN h % 6 = 0 THEN sha256(convert_to('key' || d % 40, 'UTF8')) ELSE sha256(convert_to('key of ' || i, 'UTF8')) END AS spki,
       ARRAY[domain, 'www.' || domain] || CASE WHEN h % 4 = 0 THEN ARRAY['*.' || domain] ELSE '{}' END
           || CASE WHEN h % 5 = 0 THEN ARRAY['mail.other' || d || '.net'] ELSE '{}' END
           || CASE WHEN i % 700 = 5 THEN ARRAY['co.uk'] ELSE '{}' END
           || CASE WHEN i % 900 = 7 THEN ARRAY['evil\x00\x1b[31m.' || domain, 'a%b_c.' || domain] ELSE '{}' END AS names
FROM made AS m;

INSERT INTO cert (not_after, not_before, first_seen, apex8, idx, facts, issuer, log, tbs_fp, serial, spki_sha256, names, cn)
SELECT na, nb, nb + CASE WHEN i % 400 = 9 THEN interval '9 days' ELSE interval '20 minutes' END,
       ct.domain_key(ct.registrable_domain(domain)), i - 1,
       8 + 128 + 2048 + (CASE WHEN i % 500 = 11 THEN 1::int8 ELSE 3 END << 32)
           + (CASE WHEN i % 500 = 11 THEN 1024::int8 ELSE 256 END << 36) + (1::int8 << 52) + (1::int8 << 54)
           + CASE WHEN i % 90 = 0 THEN 1::int8 << 56 ELSE 0 END,
       issuer, 1, fp, '\x03'::bytea || substring(fp FOR CASE WHEN i % 50 = 0 THEN 20 ELSE 16 END), spki,
       (SELECT string_agg(ct.reversed_name(n), ' ' ORDER BY o) FROM unnest(names) WITH ORDINALITY AS u (n, o)), NULL
FROM given;
INSERT INTO cert_apex (not_after, not_before, apex8, issuer, tbs_fp)
SELECT DISTINCT g.na, g.nb, ct.domain_key(ct.registrable_domain(n)), g.issuer, g.fp
FROM given AS g, unnest(g.names) AS n WHERE n NOT LIKE '%' || domain ON CONFLICT DO NOTHING;
INSERT INTO cert_ip (not_after, not_before, issuer, tbs_fp, ip)
SELECT na, nb, issuer, fp, '198.51.100.0'::inet + i % 256 FROM given WHERE i % 100 = 1
UNION ALL SELECT na, nb, issuer, fp, '::ffff:203.0.113.0'::inet + i % 256 FROM given WHERE i % 100 = 2
UNION ALL SELECT na, nb, issuer, fp, '203.0.113.0'::inet + i % 256 FROM given WHERE i % 100 = 3;
-- Every 40th has an organisation, every 150th an address, every 200th a URI, every 600th a name that is none.
UPDATE cert AS c SET others = concat_ws(' ', CASE WHEN i % 40 = 0 THEN 'org:Company\x20' || d % 7 END,
                                        CASE WHEN i % 150 = 0 THEN 'email:joe@site' || d % 9 || '.com' END,
                                        CASE WHEN i % 200 = 0 THEN 'uri:spiffe://trust' || d % 3 || '.example/ns/' || i END,
                                        CASE WHEN i % 600 = 0 THEN 'rawdns:=cmd()|\x00' || i END)
FROM given AS g WHERE c.tbs_fp = g.fp AND c.not_after = g.na AND (g.i % 40 = 0 OR g.i % 150 = 0 OR g.i % 200 = 0);
INSERT INTO cert_apex (not_after, not_before, apex8, issuer, tbs_fp)
SELECT g.na, g.nb, k.key, g.issuer, g.fp FROM given AS g
CROSS JOIN LATERAL (VALUES (40, ct.domain_key('org:company ' || g.d % 7)), (150, ct.domain_key('email:site' || g.d % 9 || '.com')),
                           (200, ct.domain_key('uri:trust' || g.d % 3 || '.example')), (600, ct.domain_key('?'))) AS k (every, key)
WHERE g.i % k.every = 0;
-- Every 70th has a common name that is no host.
UPDATE cert AS c SET cn = 'Server  of Müller ' || g.d % 5, facts = c.facts & ~(1::int8 << 54)
FROM given AS g WHERE c.tbs_fp = g.fp AND c.not_after = g.na AND g.i % 70 = 0;
INSERT INTO cert_apex (not_after, not_before, apex8, issuer, tbs_fp)
SELECT g.na, g.nb, ct.text_key('cn:', ct.text_form(ct.escaped(convert_to('Server of Müller ' || g.d % 5, 'UTF8')))), g.issuer, g.fp
FROM given AS g WHERE g.i % 70 = 0;
-- Every third is kept whole.
INSERT INTO cert_sha256 (tbs_fp, issuer, not_after, sha256, precert)
SELECT g.fp, g.issuer, g.na, sha256(convert_to(CASE WHEN g.h % 10 <> 0 THEN '0.' ELSE '1.' END || g.i, 'UTF8')), g.h % 10 = 0
FROM given AS g WHERE g.i % 3 = 0;
INSERT INTO issued (issuer, day, n) SELECT issuer, (nb AT TIME ZONE 'UTC')::date, count(*) FROM given GROUP BY 1, 2;

-- Log 1 has all as precertificates, log 2 four of five of them, log 3 nine of ten as final certificates.
INSERT INTO log_tile (log, tile, first_index, last_index, fp8, sha8, info)
SELECT log, idx / 256, min(idx), max(idx), array_agg(ct.prefix8(fp) ORDER BY idx),
       array_agg(ct.prefix8(sha256(convert_to(form || '.' || i, 'UTF8'))) ORDER BY idx),
       string_agg(decode(lpad(to_hex((extract(epoch FROM seen) * 1000)::int8), 12, '0') || lpad(to_hex(form), 2, '0')
                  || lpad(to_hex(least(greatest(floor(extract(epoch FROM na) / 86400), 0), 65535)::int), 4, '0'), 'hex'), ''
                  ORDER BY idx)
FROM (SELECT l.log, row_number() OVER (PARTITION BY l.log ORDER BY i) - 1 AS idx, g.i, g.fp, g.na, (l.log < 3)::int AS form,
             greatest(g.nb, date_trunc('month', now()) - interval '540 days') + l.log * interval '20 minutes'
                 + CASE WHEN i % 400 = 9 THEN interval '9 days' ELSE interval '0' END AS seen
      FROM given AS g CROSS JOIN generate_series(1, 3) AS l (log)
      WHERE l.log = 1 OR (l.log = 2 AND h % 5 <> 0) OR (l.log = 3 AND h % 10 <> 0)) AS e
GROUP BY log, idx / 256;
-- Of log 2 there are 1000 entries more than were read, of log 3 the last 100 are not verified.
INSERT INTO log_range (log, range_begin, next, verified)
SELECT log, 0, max(last_index) + 1, max(last_index) + 1 - CASE log WHEN 3 THEN 100 ELSE 0 END FROM log_tile GROUP BY log;
INSERT INTO log_head (log, size, root, timestamp, raw, verified)
SELECT r.log, r.next + CASE r.log WHEN 2 THEN 1000 ELSE 0 END, sha256('root'), now(), '\x00', r.log = 1 FROM log_range AS r;
SELECT place_fill();
COMMIT;
ANALYZE;
