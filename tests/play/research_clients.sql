-- What clients of crt.sh's public database ask, in their forms and in our words: one query each, begun by its name. $1 is the domain.
-- names: distinct names with a substring filter
SELECT DISTINCT x.name_value FROM certificate_and_identities x
WHERE plainto_tsquery('certwatch', $1) @@ identities(x.certificate) AND x.name_value ILIKE ('%' || $1 || '%')
-- plain: all names of what was found
SELECT x.NAME_VALUE FROM certificate_and_identities x WHERE plainto_tsquery('certwatch', $1) @@ identities(x.CERTIFICATE)
-- turned: the operands the other way round, and the default configuration
SELECT lower(x.name_value) FROM certificate_and_identities x
WHERE identities(x.certificate) @@ plainto_tsquery($1) AND lower(x.name_value) LIKE '%.' || $1 GROUP BY 1
-- reversed: a suffix as a prefix
SELECT DISTINCT name_value FROM certificate_and_identities
WHERE plainto_tsquery('certwatch', $1) @@ identities(certificate) AND reverse(lower(name_value)) LIKE reverse(lower('%.' || $1)) ORDER BY 1
-- grouped: a row per certificate with its first log entry and its issuer
WITH found AS (
    SELECT min(s.certificate_id) AS id, min(s.issuer_ca_id) AS ca, array_agg(DISTINCT s.name_value) AS names,
           x509_commonName(s.certificate) AS cn, x509_notBefore(s.certificate) AS since, x509_notAfter(s.certificate) AS until,
           encode(x509_serialNumber(s.certificate), 'hex') AS serial, digest(s.certificate, 'sha256') AS sha256
    FROM (SELECT * FROM certificate_and_identities y WHERE plainto_tsquery('certwatch', $1) @@ identities(y.certificate)
          AND y.name_value ILIKE ('%' || $1 || '%') LIMIT 10000) s
    GROUP BY s.certificate)
SELECT f.ca, ca.name, array_to_string(f.names, chr(10)), f.id, e.first, f.since, f.until, f.serial FROM found f
LEFT JOIN LATERAL (SELECT min(n.entry_timestamp) AS first FROM ct_log_entry n WHERE n.certificate_id = f.id) e ON true, ca
WHERE f.ca = ca.id ORDER BY e.first DESC NULLS LAST
-- options: constants from a list, common names and alternative names, what is valid
WITH wish (expired, below) AS (VALUES (true::bool, true::bool))
SELECT count(*) FROM (SELECT * FROM certificate_and_identities y, wish
    WHERE plainto_tsquery('certwatch', $1) @@ identities(y.certificate)
      AND (NOT wish.below AND y.name_value ILIKE $1 OR wish.below AND (y.name_value ILIKE $1 OR y.name_value ILIKE ('%.' || $1)))
      AND (y.name_type = '2.5.4.3' OR y.name_type = 'san:dNSName')
      AND (wish.expired OR coalesce(x509_notAfter(y.certificate), 'infinity'::timestamp) >= date_trunc('year', now() AT TIME ZONE 'UTC'))
    LIMIT 1000) s
-- altnames: certificates with functions beside them
SELECT c.id, a.name, x509_issuerName(c.certificate) FROM certificate c, LATERAL (SELECT x509_altNames(c.certificate) AS name) a
WHERE plainto_tsquery('certwatch', $1) @@ identities(c.certificate) AND c.id > 5
-- first: joined with log entries
SELECT min(e.entry_timestamp), x509_commonName(c.certificate) FROM certificate c JOIN ct_log_entry e ON e.certificate_id = c.id
WHERE plainto_tsquery('certwatch', $1) @@ identities(c.certificate) GROUP BY 2
-- serial: by serial number, with log entries
SELECT c.id, min(e.entry_timestamp) FROM certificate c, ct_log_entry e
WHERE c.id = e.certificate_id AND x509_serialNumber(c.certificate) = (SELECT x509_serialNumber(d.certificate) FROM certificate d
    WHERE plainto_tsquery('certwatch', $1) @@ identities(d.certificate) LIMIT 1) GROUP BY 1
-- key: by public key
SELECT count(*) FROM certificate c
WHERE digest(x509_publicKey(c.certificate), 'sha256') = (SELECT digest(x509_publicKey(d.certificate), 'sha256') FROM certificate d
    WHERE plainto_tsquery('certwatch', $1) @@ identities(d.certificate) LIMIT 1)
-- hash: the hash of each certificate
SELECT s.sha256 FROM (SELECT digest(y.certificate, 'sha256') AS sha256, min(y.certificate_id) AS id, array_agg(DISTINCT y.name_value) AS names
    FROM certificate_and_identities y WHERE plainto_tsquery('certwatch', $1) @@ identities(y.certificate) GROUP BY y.certificate) s
WHERE s.sha256 IS NOT NULL
-- named: names by the hash
SELECT DISTINCT name_value FROM certificate_and_identities WHERE digest(certificate, 'sha256') = (SELECT digest(d.certificate, 'sha256')
    FROM certificate d WHERE plainto_tsquery('certwatch', $1) @@ identities(d.certificate) AND digest(d.certificate, 'sha256') IS NOT NULL LIMIT 1)
    AND (name_type = '2.5.4.3' OR name_type = 'san:dNSName')
-- lifecycle: joined by number
SELECT s.name_value, l.not_after FROM (SELECT y.certificate_id, y.name_value FROM certificate_and_identities y
    WHERE plainto_tsquery('certwatch', $1) @@ identities(y.certificate) AND y.name_value ILIKE ('%.' || $1) LIMIT 100) s
JOIN certificate_lifecycle l ON s.certificate_id = l.certificate_id
