-- The SHA-256 of certificates that are kept whole, for whoever asks in SQL: rows of cert have none, and tiles hold 8 bytes
-- of it. Of the final certificate; of the precertificate where that alone is kept. What was kept before has none, until
-- a log shows it again.
CREATE TABLE cert_sha256 (
    tbs_fp    bytea NOT NULL CHECK (length(tbs_fp) = 32),
    issuer    int4 NOT NULL,        -- as in cert
    not_after timestamptz NOT NULL, -- as in cert
    sha256    bytea NOT NULL CHECK (length(sha256) = 32),
    precert   bool NOT NULL,
    PRIMARY KEY (tbs_fp, issuer)
);
CREATE INDEX cert_sha256_of ON cert_sha256 (substring(sha256 FOR 8));
CREATE INDEX cert_sha256_end ON cert_sha256 (not_after);

-- As before, and the hashes go with the bytes.
CREATE OR REPLACE FUNCTION der_drop(most int8) RETURNS int8 LANGUAGE sql AS $$
    WITH gone AS (DELETE FROM der_chunk WHERE id IN (SELECT d.id FROM der_chunk AS d, cert_removal AS r
        WHERE d.month < date_trunc('month', r.horizon AT TIME ZONE 'UTC')::date ORDER BY d.month LIMIT most) RETURNING 1),
    hashes AS (DELETE FROM cert_sha256 WHERE (tbs_fp, issuer) IN (SELECT h.tbs_fp, h.issuer FROM cert_sha256 AS h
        WHERE h.not_after < (SELECT date_trunc('month', r.horizon, 'UTC') FROM cert_removal AS r)
        ORDER BY h.not_after LIMIT 64 * most) RETURNING 1)
    SELECT greatest((SELECT count(*) FROM gone), (SELECT (count(*) + 63) / 64 FROM hashes))
$$;

-- Views and what they are made of stay on the coordinator of a cluster; elsewhere this says nothing.
SELECT set_config('citus.enable_ddl_propagation', 'off', true);

-- digest(certificate, 'sha256') gives it, and = on it asks the index, as with serial numbers and keys. Not called sha256: that would hide the function.
CREATE DOMAIN crtsh.fingerprint AS bytea;
COMMENT ON DOMAIN crtsh.fingerprint IS 'SHA-256 of a certificate. Compared with = it is found by an index.';
CREATE FUNCTION crtsh.fingerprint_is(a crtsh.fingerprint, b bytea) RETURNS bool LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN substring(a::bytea FOR 8) = substring(b FOR 8) AND a::bytea = b;
CREATE FUNCTION crtsh.fingerprint_is(a bytea, b crtsh.fingerprint) RETURNS bool LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN substring(a FOR 8) = substring(b::bytea FOR 8) AND a = b::bytea;
CREATE FUNCTION crtsh.fingerprint_is(a crtsh.fingerprint, b crtsh.fingerprint) RETURNS bool LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN substring(a::bytea FOR 8) = substring(b::bytea FOR 8) AND a::bytea = b::bytea;
CREATE OPERATOR crtsh.= (FUNCTION = crtsh.fingerprint_is, LEFTARG = crtsh.fingerprint, RIGHTARG = bytea);
CREATE OPERATOR crtsh.= (FUNCTION = crtsh.fingerprint_is, LEFTARG = bytea, RIGHTARG = crtsh.fingerprint);
CREATE OPERATOR crtsh.= (FUNCTION = crtsh.fingerprint_is, LEFTARG = crtsh.fingerprint, RIGHTARG = crtsh.fingerprint);

ALTER TYPE crtsh.x509 ADD ATTRIBUTE sha256 bytea;

-- Each arm joins both ways with "= ANY (ARRAY[..])", which can be asked of an index from either side and can not be hashed.
-- A condition on the hash makes an inner join of the outer one, and begins with the hash.
CREATE OR REPLACE VIEW crtsh.found AS
SELECT ROW(c.log::int8 << 40 | c.idx, c.apex8, c.issuer, c.not_before, c.not_after, c.serial, c.spki_sha256, c.tbs_fp, c.facts,
           c.names, c.cn, c.others, h.sha256)::crtsh.x509 AS certificate
FROM cert AS c LEFT JOIN cert_sha256 AS h
  ON h.tbs_fp = ANY (ARRAY[c.tbs_fp]) AND c.tbs_fp = ANY (ARRAY[h.tbs_fp]) AND c.not_after = ANY (ARRAY[h.not_after])
 AND h.issuer = ANY (ARRAY[c.issuer]) AND c.issuer = ANY (ARRAY[h.issuer])
UNION ALL
SELECT ROW(c.log::int8 << 40 | c.idx, a.apex8, c.issuer, c.not_before, c.not_after, c.serial, c.spki_sha256, c.tbs_fp, c.facts,
           c.names, c.cn, c.others, h.sha256)::crtsh.x509
FROM cert_apex AS a JOIN cert AS c
  ON c.tbs_fp = ANY (ARRAY[a.tbs_fp]) AND c.not_after = ANY (ARRAY[a.not_after]) AND c.issuer = ANY (ARRAY[a.issuer])
 AND a.tbs_fp = ANY (ARRAY[c.tbs_fp]) AND a.not_after = ANY (ARRAY[c.not_after]) AND a.issuer = ANY (ARRAY[c.issuer])
LEFT JOIN cert_sha256 AS h
  ON h.tbs_fp = ANY (ARRAY[c.tbs_fp]) AND c.tbs_fp = ANY (ARRAY[h.tbs_fp]) AND c.not_after = ANY (ARRAY[h.not_after])
 AND h.issuer = ANY (ARRAY[c.issuer]) AND c.issuer = ANY (ARRAY[h.issuer]);

DROP FUNCTION crtsh.digest(crtsh.x509, text);
CREATE FUNCTION crtsh.digest(cert crtsh.x509, algorithm text) RETURNS crtsh.fingerprint LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN lower(algorithm) = 'sha256' THEN (cert).sha256::crtsh.fingerprint END;

-- More of what the row knows: e-mail addresses, URIs and addresses among the alternative names (1, 6 and 7 of GeneralName), the
-- organisation of the subject.
CREATE OR REPLACE FUNCTION crtsh.x509_altnames(cert crtsh.x509, type int) RETURNS SETOF text LANGUAGE sql STABLE PARALLEL SAFE
AS $$ SELECT ct.reversed_name(n) FROM unnest(string_to_array((cert).names, ' ')) AS n WHERE n <> '' AND type = 2
      UNION ALL SELECT replace(substring(o FROM position(':' IN o) + 1), '\x20', ' ')
      FROM unnest(string_to_array((cert).others, ' ')) AS o
      WHERE split_part(o, ':', 1) = (CASE type WHEN 1 THEN 'email' WHEN 2 THEN 'rawdns' WHEN 6 THEN 'uri' END)
      UNION ALL SELECT host(a.ip) FROM ct.addresses AS a
      WHERE type = 7 AND a.not_after = (cert).not_after AND a.tbs_fp = (cert).tbs_fp AND a.issuer_id = (cert).issuer $$;
CREATE OR REPLACE FUNCTION crtsh.x509_nameattributes(cert crtsh.x509, attribute text, is_subject bool DEFAULT true)
RETURNS SETOF text LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT crtsh.x509_commonname(cert) WHERE is_subject AND lower(attribute) IN ('commonname', 'cn', '2.5.4.3')
      AND crtsh.x509_commonname(cert) IS NOT NULL
      UNION ALL SELECT replace(substring(o FROM 5), '\x20', ' ') FROM unnest(string_to_array((cert).others, ' ')) AS o
      WHERE is_subject AND o LIKE 'org:%' AND lower(attribute) IN ('organizationname', 'o', '2.5.4.10') $$;
SELECT set_config('citus.enable_ddl_propagation', 'on', true);
