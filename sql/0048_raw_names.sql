-- Names as they stand in a certificate, where their normal form does not say it: words "rawdns:", "rawcn:", "rawemail:" and
-- "rawip:" in cert.others (db/others.h). Rows of before have none.
INSERT INTO search_since SELECT 'raw', now() WHERE EXISTS (SELECT FROM cert);

CREATE FUNCTION ct.escaped(bytes bytea) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT coalesce(string_agg(CASE WHEN b BETWEEN 33 AND 126 AND b <> 92 THEN chr(b) ELSE '\x' || lpad(to_hex(b), 2, '0') END, ''
                               ORDER BY n), '')
    FROM (SELECT n, get_byte(bytes, n) AS b FROM generate_series(0, length(bytes) - 1) AS n) AS g WHERE bytes IS NOT NULL
$$;
COMMENT ON FUNCTION ct.escaped IS 'Bytes as names are stored: those outside 0x21 to 0x7e and the backslash as \xHH.';

CREATE FUNCTION ct.unescaped(name text) RETURNS bytea LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT coalesce(string_agg(CASE WHEN m[1] ~ '^\\x[0-9a-f]{2}$' THEN decode(substring(m[1] FROM 3), 'hex') ELSE convert_to(m[1], 'UTF8') END,
                               ''::bytea ORDER BY n), ''::bytea)
    FROM regexp_matches(name, '(\\x[0-9a-f]{2}|[^\\]+|\\)', 'g') WITH ORDINALITY AS r (m, n)
$$;
COMMENT ON FUNCTION ct.unescaped IS 'The bytes of a name that is written with \xHH, as in ct.names.';

CREATE OR REPLACE VIEW ct.names AS
SELECT ct.reversed_name(n.stored) AS name, 'dns' AS kind, n.stored AS reversed_name, right(n.stored, 1) = '*' AS wildcard,
       c.tbs_fp, c.issuer AS issuer_id, c.not_before, c.not_after
FROM cert AS c CROSS JOIN LATERAL unnest(string_to_array(c.names, ' ')) AS n (stored) WHERE n.stored <> ''
UNION ALL
SELECT host(p.ip), 'ip', NULL, false, p.tbs_fp, p.issuer, p.not_before, p.not_after FROM cert_ip AS p
UNION ALL
SELECT replace(substring(o.word FROM position(':' IN o.word) + 1), '\x20', ' '), split_part(o.word, ':', 1), NULL, false, c.tbs_fp,
       c.issuer, c.not_before, c.not_after
FROM cert AS c CROSS JOIN LATERAL unnest(string_to_array(c.others, ' ')) AS o (word)
WHERE o.word ~ '^(email|uri|org|rawdns|rawcn|rawemail|rawip):';
COMMENT ON VIEW ct.names IS 'One row per name of a certificate: DNS names, addresses, e-mail addresses, URIs, organisations; and once more those whose bytes are others than that. A condition on tbs_fp uses an index, one on the name does not: see ct.subtree.';
COMMENT ON COLUMN ct.names.name IS 'The name, escaped as in ct.certificates.names (ct.unescaped gives the bytes), or the address.';
COMMENT ON COLUMN ct.names.kind IS 'dns, ip, email, uri or org (organisation of the subject); rawdns, rawcn, rawemail, rawip: as it stands in the certificate, of a name that can not be read or is written in another way than by the case of its letters. All but dns and ip are not there for certificates that an old version stored.';

CREATE OR REPLACE FUNCTION crtsh.x509_altnames(cert crtsh.x509) RETURNS SETOF text LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT ct.reversed_name(n) FROM unnest(string_to_array((cert).names, ' ')) AS n WHERE n <> ''
      UNION ALL SELECT replace(substring(o FROM 8), '\x20', ' ') FROM unnest(string_to_array((cert).others, ' ')) AS o
      WHERE o LIKE 'rawdns:%' $$;

CREATE OR REPLACE VIEW crtsh.certificate_and_identities AS
SELECT (f.certificate).id AS certificate_id, f.certificate, i.name_type, i.name_value, (f.certificate).issuer AS issuer_ca_id
FROM crtsh.found AS f CROSS JOIN LATERAL (
    SELECT '2.5.4.3' AS name_type, crtsh.x509_commonname(f.certificate) AS name_value
    WHERE crtsh.x509_commonname(f.certificate) IS NOT NULL
    UNION ALL
    SELECT 'san:dNSName', ct.reversed_name(n) FROM unnest(string_to_array((f.certificate).names, ' ')) AS n WHERE n <> ''
    UNION ALL
    SELECT 'san:iPAddress', host(a.ip) FROM ct.addresses AS a
    WHERE a.not_after = (f.certificate).not_after AND a.tbs_fp = (f.certificate).tbs_fp AND a.issuer_id = (f.certificate).issuer
    UNION ALL
    SELECT CASE split_part(o, ':', 1) WHEN 'email' THEN 'san:rfc822Name' WHEN 'rawemail' THEN 'san:rfc822Name'
           WHEN 'uri' THEN 'san:uniformResourceIdentifier' WHEN 'rawdns' THEN 'san:dNSName' WHEN 'rawip' THEN 'san:iPAddress'
           WHEN 'rawcn' THEN '2.5.4.3' ELSE '2.5.4.10' END, replace(substring(o FROM position(':' IN o) + 1), '\x20', ' ')
    FROM unnest(string_to_array((f.certificate).others, ' ')) AS o WHERE o ~ '^(email|uri|org|rawdns|rawcn|rawemail|rawip):'
) AS i;
COMMENT ON VIEW crtsh.certificate_and_identities IS 'As crt.sh''s view: a row for the common name, the organisation and each alternative name; of one that can not be read a row with its bytes beside the one with ?.';
