-- crt.sh's front door: the views and functions that clients of its public database ask, in the schema crtsh, so that their
-- SQL runs on the indexes that are here. What is not the same is written in docs/research.md.
--
-- A client's certificate is a row instead of bytes. identities() and x509_..() only take fields of it, and the planner
-- replaces them by the columns: so plainto_tsquery(..) @@ identities(CERTIFICATE) becomes a comparison with the lookup key.
CREATE SCHEMA crtsh;
COMMENT ON SCHEMA crtsh IS 'Views and functions with the names and columns of crt.sh''s public database, for its clients.';

CREATE TEXT SEARCH CONFIGURATION crtsh.certwatch (COPY = pg_catalog.simple);

CREATE TYPE crtsh.x509 AS (
    id         int8,
    key        int8,
    issuer     int4,
    not_before timestamptz,
    not_after  timestamptz,
    serial     bytea,
    spki       bytea,
    tbs_fp     bytea,
    facts      int8,
    names      text COLLATE "C",
    cn         text,
    others     text COLLATE "C"
);
COMMENT ON TYPE crtsh.x509 IS 'What is kept of a certificate, where crt.sh has its bytes. key: of the registrable domain under which this row is found.';
CREATE TYPE crtsh.identity_set AS (key int8, names text COLLATE "C");
COMMENT ON TYPE crtsh.identity_set IS 'What identities() gives: the lookup key, and the names with labels in reverse order.';

-- Its bytes are not kept in a form that SQL could read.
CREATE FUNCTION crtsh.der(cert crtsh.x509) RETURNS bytea LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN NULL::bytea;
CREATE CAST (crtsh.x509 AS bytea) WITH FUNCTION crtsh.der(crtsh.x509) AS IMPLICIT;
CREATE FUNCTION crtsh.digest(cert crtsh.x509, algorithm text) RETURNS bytea LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN NULL::bytea;

-- Without a configuration: a constant like the other one. Found before the built-in one by a search_path that ends with
-- pg_catalog.
CREATE FUNCTION crtsh.plainto_tsquery(words text) RETURNS tsquery LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN pg_catalog.plainto_tsquery('crtsh.certwatch'::regconfig, words);

-- The words of a query; the parser tears A-labels in two.
CREATE FUNCTION crtsh.words(query tsquery) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT coalesce(array_agg(replace(m[1], '''''', '''')), '{}')
    FROM regexp_matches(regexp_replace(query::text, 'xn'' & ''', 'xn--', 'g'), '''((?:[^'']|'''')*)''', 'g') AS m
$$;

-- The name of the query: its first word with a dot.
CREATE FUNCTION crtsh.name_of(query tsquery) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT w FROM unnest(crtsh.words(query)) WITH ORDINALITY AS u (w, n) WHERE w LIKE '%.%' ORDER BY n LIMIT 1
$$;

-- These two read the public suffix list and are called immutable all the same: they must be constants when the query is
-- planned. A query that was planned before another list came into force finds by the old one.
CREATE FUNCTION crtsh.key_of(query tsquery) RETURNS int8 LANGUAGE sql IMMUTABLE AS $$
    SELECT ct.domain_key(ct.registrable_domain(crtsh.name_of(query)))
$$;
-- Below a public suffix are many keys; a query without a name has none.
CREATE FUNCTION crtsh.has_key(query tsquery) RETURNS bool LANGUAGE sql IMMUTABLE AS $$
    SELECT crtsh.name_of(query) IS NOT NULL AND NOT ct.is_suffix(crtsh.name_of(query))
$$;

-- Every word is a name or what names lie below.
CREATE FUNCTION crtsh.patterns(query tsquery) RETURNS text[] LANGUAGE sql IMMUTABLE AS $$
    SELECT array_agg('% ' || regexp_replace(ct.reversed_name(w), '([\\%_])', '\\\1', 'g') || '.%') FROM unnest(crtsh.words(query)) AS w
$$;

CREATE FUNCTION crtsh.matches(query tsquery, names crtsh.identity_set) RETURNS bool LANGUAGE sql IMMUTABLE
RETURN (NOT crtsh.has_key(query) OR (names).key = crtsh.key_of(query))
    AND ' ' || replace((names).names, ' ', '. ') || '.' LIKE ALL (crtsh.patterns(query));
CREATE FUNCTION crtsh.matches(names crtsh.identity_set, query tsquery) RETURNS bool LANGUAGE sql IMMUTABLE
RETURN (NOT crtsh.has_key(query) OR (names).key = crtsh.key_of(query))
    AND ' ' || replace((names).names, ' ', '. ') || '.' LIKE ALL (crtsh.patterns(query));
CREATE OPERATOR crtsh.@@ (FUNCTION = crtsh.matches, LEFTARG = tsquery, RIGHTARG = crtsh.identity_set);
CREATE OPERATOR crtsh.@@ (FUNCTION = crtsh.matches, LEFTARG = crtsh.identity_set, RIGHTARG = tsquery);

CREATE FUNCTION crtsh.identities(cert crtsh.x509) RETURNS crtsh.identity_set LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN ROW((cert).key, (cert).names)::crtsh.identity_set;

-- What libx509pq reads from the bytes and the row knows as well.
CREATE FUNCTION crtsh.x509_notbefore(cert crtsh.x509) RETURNS timestamp LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (cert).not_before AT TIME ZONE 'UTC';
CREATE FUNCTION crtsh.x509_notafter(cert crtsh.x509) RETURNS timestamp LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (cert).not_after AT TIME ZONE 'UTC';
CREATE FUNCTION crtsh.x509_serialnumber(cert crtsh.x509) RETURNS ct.serial LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (cert).serial::ct.serial;
CREATE FUNCTION crtsh.x509_commonname(cert crtsh.x509) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN (cert).facts & (1::int8 << 54) <> 0 THEN ct.reversed_name(split_part((cert).names, ' ', 1)) ELSE (cert).cn END;
CREATE FUNCTION crtsh.x509_altnames(cert crtsh.x509) RETURNS SETOF text LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT ct.reversed_name(n) FROM unnest(string_to_array((cert).names, ' ')) AS n WHERE n <> '' $$;
CREATE FUNCTION crtsh.x509_altnames(cert crtsh.x509, type int) RETURNS SETOF text LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT ct.reversed_name(n) FROM unnest(string_to_array((cert).names, ' ')) AS n WHERE n <> '' AND type = 2 $$;
CREATE FUNCTION crtsh.x509_nameattributes(cert crtsh.x509, attribute text, is_subject bool DEFAULT true) RETURNS SETOF text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT crtsh.x509_commonname(cert) WHERE is_subject AND lower(attribute) IN ('commonname', 'cn', '2.5.4.3')
      AND crtsh.x509_commonname(cert) IS NOT NULL $$;
CREATE FUNCTION crtsh.x509_keyalgorithm(cert crtsh.x509) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (ARRAY['RSA', 'RSA', 'EC', 'ED25519', 'ED448', 'DSA', 'ML-DSA'])[((cert).facts >> 32 & 15)::int];
CREATE FUNCTION crtsh.x509_keysize(cert crtsh.x509) RETURNS int LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN ((cert).facts >> 36 & 65535)::int;
CREATE FUNCTION crtsh.x509_canissuecerts(cert crtsh.x509) RETURNS bool LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (cert).facts & 1 <> 0;
CREATE FUNCTION crtsh.x509_isekupermitted(cert crtsh.x509, oid text) RETURNS bool LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN (cert).facts & 2048 = 0 OR (cert).facts & 32 <> 0 THEN true WHEN oid = '1.3.6.1.5.5.7.3.1' THEN (cert).facts & 8 <> 0
            WHEN oid = '1.3.6.1.5.5.7.3.2' THEN (cert).facts & 16 <> 0 END;
-- The poison of a precertificate: is that the form that was stored first? Of other extensions nothing is known here.
CREATE FUNCTION crtsh.x509_hasextension(cert crtsh.x509, oid text, critical bool DEFAULT NULL) RETURNS bool
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN oid = '1.3.6.1.4.1.11129.2.4.3' THEN (cert).facts & 4 <> 0 AND critical IS NOT FALSE END;
-- The key's bytes are not kept, its hash is: digest(x509_publicKey(CERTIFICATE), 'sha256') gives it, and is found by it.
CREATE TYPE crtsh.public_key AS (spki bytea);
CREATE FUNCTION crtsh.x509_publickey(cert crtsh.x509) RETURNS crtsh.public_key LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN ROW((cert).spki)::crtsh.public_key;
CREATE FUNCTION crtsh.digest(key crtsh.public_key, algorithm text) RETURNS ct.spki LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN algorithm = 'sha256' THEN (key).spki::ct.spki END;
-- And what it does not know.
CREATE FUNCTION crtsh.x509_subjectname(cert crtsh.x509) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN NULL::text;
CREATE FUNCTION crtsh.x509_name(cert crtsh.x509) RETURNS bytea LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN NULL::bytea;
CREATE FUNCTION crtsh.x509_subjectkeyidentifier(cert crtsh.x509) RETURNS bytea LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN NULL::bytea;
CREATE FUNCTION crtsh.x509_authoritykeyid(cert crtsh.x509) RETURNS bytea LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN NULL::bytea;
CREATE FUNCTION crtsh.x509_signaturehashalgorithm(cert crtsh.x509) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN NULL::text;
CREATE FUNCTION crtsh.x509_signaturekeyalgorithm(cert crtsh.x509) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN NULL::text;
CREATE FUNCTION crtsh.x509_publickeymd5(cert crtsh.x509) RETURNS bytea LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN NULL::bytea;
CREATE FUNCTION crtsh.x509_rsamodulus(cert crtsh.x509) RETURNS bytea LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN NULL::bytea;
CREATE FUNCTION crtsh.x509_print(cert crtsh.x509) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN NULL::text;
CREATE FUNCTION crtsh.pem_cert(cert crtsh.x509) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN NULL::text;

-- A DN as crt.sh writes it: in its own order, with ", " between.
CREATE FUNCTION crtsh.dn_text(rfc4514 text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT string_agg(regexp_replace(m[1], '\\(.)', '\1', 'g'), ', ' ORDER BY n DESC)
    FROM regexp_matches(rfc4514, '((?:[^,\\]|\\.)+)', 'g') WITH ORDINALITY AS r (m, n)
$$;
CREATE FUNCTION crtsh.x509_issuername(cert crtsh.x509) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT crtsh.dn_text(i.name) FROM ct.issuers AS i WHERE i.issuer_id = (cert).issuer;
END;

-- One row per certificate and registrable domain: each is what one entry of the lookup index leads to. "= ANY (ARRAY[..])" can
-- be asked of an index from either side and can not be hashed: for a domain with many certificates the planner would hash all
-- of cert.
CREATE VIEW crtsh.found AS
SELECT ROW(c.log::int8 << 40 | c.idx, c.apex8, c.issuer, c.not_before, c.not_after, c.serial, c.spki_sha256, c.tbs_fp, c.facts,
           c.names, c.cn, c.others)::crtsh.x509 AS certificate
FROM cert AS c
UNION ALL
SELECT ROW(c.log::int8 << 40 | c.idx, a.apex8, c.issuer, c.not_before, c.not_after, c.serial, c.spki_sha256, c.tbs_fp, c.facts,
           c.names, c.cn, c.others)::crtsh.x509
FROM cert_apex AS a JOIN cert AS c
  ON c.tbs_fp = ANY (ARRAY[a.tbs_fp]) AND c.not_after = ANY (ARRAY[a.not_after]) AND c.issuer = ANY (ARRAY[a.issuer])
 AND a.tbs_fp = ANY (ARRAY[c.tbs_fp]) AND a.not_after = ANY (ARRAY[c.not_after]) AND a.issuer = ANY (ARRAY[c.issuer]);
COMMENT ON VIEW crtsh.found IS 'What the other views are made of: a certificate once for each of its lookup keys.';
COMMENT ON COLUMN crtsh.found.certificate IS 'The certificate.';

CREATE VIEW crtsh.certificate AS
SELECT (f.certificate).id, (f.certificate).issuer AS issuer_ca_id, f.certificate FROM crtsh.found AS f;
COMMENT ON VIEW crtsh.certificate IS 'As crt.sh''s table. Without a condition by identities() a certificate comes once for each of its registrable domains.';
COMMENT ON COLUMN crtsh.certificate.id IS 'Number of the sighting that was stored first. Not indexed; see ct.certificate_by_id.';
COMMENT ON COLUMN crtsh.certificate.issuer_ca_id IS 'Row of ca.';
COMMENT ON COLUMN crtsh.certificate.certificate IS 'For identities() and the functions x509_...';

CREATE VIEW crtsh.certificate_and_identities AS
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
    SELECT CASE split_part(o, ':', 1) WHEN 'email' THEN 'san:rfc822Name' WHEN 'uri' THEN 'san:uniformResourceIdentifier'
           ELSE '2.5.4.10' END, replace(substring(o FROM position(':' IN o) + 1), '\x20', ' ')
    FROM unnest(string_to_array((f.certificate).others, ' ')) AS o WHERE o ~ '^(email|uri|org):'
) AS i;
COMMENT ON VIEW crtsh.certificate_and_identities IS 'As crt.sh''s view: a row for the common name, the organisation and each alternative name.';
COMMENT ON COLUMN crtsh.certificate_and_identities.certificate_id IS 'certificate.id';
COMMENT ON COLUMN crtsh.certificate_and_identities.certificate IS 'certificate.certificate';
COMMENT ON COLUMN crtsh.certificate_and_identities.name_type IS '2.5.4.3 (commonName), 2.5.4.10 (organizationName), san:dNSName, san:iPAddress, san:rfc822Name or san:uniformResourceIdentifier.';
COMMENT ON COLUMN crtsh.certificate_and_identities.name_value IS 'The name; bytes that are not printable as \xHH.';
COMMENT ON COLUMN crtsh.certificate_and_identities.issuer_ca_id IS 'Row of ca.';

CREATE VIEW crtsh.ca AS
SELECT i.issuer_id AS id, NULL::int8[] AS num_issued, NULL::int8[] AS num_expired, NULL::int8 AS last_certificate_id,
       NULL::timestamp AS last_not_after, NULL::timestamp AS next_not_after, false AS linting_applies,
       crtsh.dn_text(i.name) AS name, NULL::bytea AS public_key
FROM ct.issuers AS i;
COMMENT ON VIEW crtsh.ca IS 'As crt.sh''s table: who issues.';
COMMENT ON COLUMN crtsh.ca.id IS 'issuer_ca_id of certificate.';
COMMENT ON COLUMN crtsh.ca.num_issued IS 'NULL: see ct.issuance.';
COMMENT ON COLUMN crtsh.ca.num_expired IS 'NULL.';
COMMENT ON COLUMN crtsh.ca.last_certificate_id IS 'NULL.';
COMMENT ON COLUMN crtsh.ca.last_not_after IS 'NULL.';
COMMENT ON COLUMN crtsh.ca.next_not_after IS 'NULL.';
COMMENT ON COLUMN crtsh.ca.linting_applies IS 'false: nothing is linted here.';
COMMENT ON COLUMN crtsh.ca.name IS 'Distinguished name as crt.sh writes it: C=US, O=Example, CN=Example CA.';
COMMENT ON COLUMN crtsh.ca.public_key IS 'NULL: its hash is in ct.issuers.';

CREATE VIEW crtsh.ct_log AS
SELECT l.log_id::int AS id, l.operator, CASE l.protocol WHEN 'rfc6962' THEN 'rfc6962' ELSE 'static' END AS type, l.url,
       l.name, l.key_der AS public_key, l.followed AS is_active, l.head_time AT TIME ZONE 'UTC' AS latest_sth_timestamp,
       l.mmd_s AS mmd_in_seconds, l.known_size AS tree_size
FROM ct.logs AS l;
COMMENT ON VIEW crtsh.ct_log IS 'As crt.sh''s table: the logs.';
COMMENT ON COLUMN crtsh.ct_log.id IS 'ct_log_id of ct_log_entry.';
COMMENT ON COLUMN crtsh.ct_log.operator IS 'Who runs it.';
COMMENT ON COLUMN crtsh.ct_log.type IS 'rfc6962 or static.';
COMMENT ON COLUMN crtsh.ct_log.url IS 'Where it is read.';
COMMENT ON COLUMN crtsh.ct_log.name IS 'Name.';
COMMENT ON COLUMN crtsh.ct_log.public_key IS 'Its key.';
COMMENT ON COLUMN crtsh.ct_log.is_active IS 'Is it read?';
COMMENT ON COLUMN crtsh.ct_log.latest_sth_timestamp IS 'When its largest head was signed.';
COMMENT ON COLUMN crtsh.ct_log.mmd_in_seconds IS 'Maximum merge delay.';
COMMENT ON COLUMN crtsh.ct_log.tree_size IS 'Entries it is known to have.';

CREATE VIEW crtsh.ct_log_operator AS
SELECT DISTINCT l.operator, l.operator AS display_string FROM ct.logs AS l WHERE l.operator <> '';
COMMENT ON VIEW crtsh.ct_log_operator IS 'As crt.sh''s table: who runs logs.';
COMMENT ON COLUMN crtsh.ct_log_operator.operator IS 'Name.';
COMMENT ON COLUMN crtsh.ct_log_operator.display_string IS 'The same.';

-- A certificate's number that leads back to where it stands: comparing it with a number asks the tile of that place. It is
-- written as a row; cast it to bigint where it is selected.
CREATE TYPE crtsh.certificate_id AS (log int2, tile int8, id int8);
CREATE FUNCTION crtsh.number(place crtsh.certificate_id) RETURNS int8 LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN (place).id;
CREATE CAST (crtsh.certificate_id AS int8) WITH FUNCTION crtsh.number(crtsh.certificate_id) AS IMPLICIT;
CREATE FUNCTION crtsh.id_is(place crtsh.certificate_id, number int8) RETURNS bool LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (place).log = ANY (ARRAY[(number >> 40)::int2]) AND (place).tile = ANY (ARRAY[(number & 1099511627775) / 256])
   AND (place).id = ANY (ARRAY[number]);
CREATE FUNCTION crtsh.id_is(number int8, place crtsh.certificate_id) RETURNS bool LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (place).log = ANY (ARRAY[(number >> 40)::int2]) AND (place).tile = ANY (ARRAY[(number & 1099511627775) / 256])
   AND (place).id = ANY (ARRAY[number]);
CREATE OPERATOR crtsh.= (FUNCTION = crtsh.id_is, LEFTARG = crtsh.certificate_id, RIGHTARG = int8, COMMUTATOR = OPERATOR(crtsh.=));
CREATE OPERATOR crtsh.= (FUNCTION = crtsh.id_is, LEFTARG = int8, RIGHTARG = crtsh.certificate_id, COMMUTATOR = OPERATOR(crtsh.=));

CREATE VIEW crtsh.placed AS
SELECT ROW(k.log_id, k.tile, k.id)::crtsh.certificate_id AS certificate_id, c.tbs_fp, c.issuer_id, c.serial, c.not_before, c.not_after
FROM ct.sightings AS k CROSS JOIN LATERAL ct.certificate_of(k.tbs_fp8, k.not_after_day) AS c WHERE c.id = k.id;
COMMENT ON VIEW crtsh.placed IS 'Certificates, found by their number.';
COMMENT ON COLUMN crtsh.placed.certificate_id IS 'certificate.id';
COMMENT ON COLUMN crtsh.placed.tbs_fp IS 'ct.certificates.tbs_fp';
COMMENT ON COLUMN crtsh.placed.issuer_id IS 'ct.certificates.issuer_id';
COMMENT ON COLUMN crtsh.placed.serial IS 'ct.certificates.serial';
COMMENT ON COLUMN crtsh.placed.not_before IS 'ct.certificates.not_before';
COMMENT ON COLUMN crtsh.placed.not_after IS 'ct.certificates.not_after';

CREATE VIEW crtsh.ct_log_entry AS
SELECT p.certificate_id, s.index AS entry_id, s.logged_at AT TIME ZONE 'UTC' AS entry_timestamp, s.log_id::int AS ct_log_id
FROM crtsh.placed AS p CROSS JOIN LATERAL ct.sightings_of(p.tbs_fp) AS s;
COMMENT ON VIEW crtsh.ct_log_entry IS 'As crt.sh''s table: where logs show a certificate, in either form. Found by certificate_id; by log and index see ct.sighting_at.';
COMMENT ON COLUMN crtsh.ct_log_entry.certificate_id IS 'certificate.id; = uses an index. Where it is selected write certificate_id::bigint.';
COMMENT ON COLUMN crtsh.ct_log_entry.entry_id IS 'Index in the log.';
COMMENT ON COLUMN crtsh.ct_log_entry.entry_timestamp IS 'The log''s timestamp (UTC).';
COMMENT ON COLUMN crtsh.ct_log_entry.ct_log_id IS 'Row of ct_log.';

CREATE VIEW crtsh.certificate_lifecycle AS
SELECT p.certificate_id, 'Certificate' AS certificate_type, p.serial AS serial_number, p.not_before AT TIME ZONE 'UTC' AS not_before,
       p.not_after AT TIME ZONE 'UTC' AS not_after
FROM crtsh.placed AS p;
COMMENT ON VIEW crtsh.certificate_lifecycle IS 'As far as it is known here: the validity of a certificate, found by certificate_id.';
COMMENT ON COLUMN crtsh.certificate_lifecycle.certificate_id IS 'certificate.id; = uses an index.';
COMMENT ON COLUMN crtsh.certificate_lifecycle.certificate_type IS 'Certificate: both forms are one here.';
COMMENT ON COLUMN crtsh.certificate_lifecycle.serial_number IS 'Serial number.';
COMMENT ON COLUMN crtsh.certificate_lifecycle.not_before IS 'Begin of validity (UTC).';
COMMENT ON COLUMN crtsh.certificate_lifecycle.not_after IS 'End of validity (UTC).';
