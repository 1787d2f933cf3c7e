-- Certificates by what is no name of a host: organisation, e-mail address, URI. The keys are the ones that writers make
-- (db/others.c); keys find, and the words of the row decide.

-- As organisations are compared: letters A to Z in lower case (other letters as they are: what is one letter in two cases
-- depends on language and version of Unicode, and a key must not), white space around left out and any inside one blank.
CREATE FUNCTION ct.text_form(name text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN btrim(regexp_replace(lower(name COLLATE "C"), '( |\\x20|\\x09|\\x0[a-d])+', ' ', 'g'), ' ');
COMMENT ON FUNCTION ct.text_form IS 'A text of ct.names, or of ct.escaped, as texts are compared: A to Z in lower case, white space one blank.';

-- A longer text is found by its beginning: 511 bytes, which do not end in a blank.
CREATE FUNCTION ct.text_key(kind text, form text) RETURNS int8 LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT ct.prefix8(sha256(substring(t.bytes FOR CASE WHEN substring(t.bytes FROM 511 FOR 1) = ' '::bytea THEN 512 ELSE 511 END)))
    FROM (SELECT convert_to(kind, 'UTF8') || ct.unescaped(form) AS bytes) AS t
$$;
COMMENT ON FUNCTION ct.text_key IS 'The key in ct.domain_keys of org:, email: or uri: and a text as ct.text_form gives it.';

CREATE FUNCTION ct.uri_host(uri text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN a.host LIKE '[%' THEN substring(a.host FROM '^.([^]]*)') ELSE rtrim(substring(a.host FROM '^[^:;,]*'), '.') END
    FROM (SELECT lower(regexp_replace(coalesce(substring(uri FROM '://([^/?#]*)'), substring(uri FROM '^[^:]*:([^/?#]*)'), uri),
                                      '^.*@', '') COLLATE "C") AS host) AS a
$$;
COMMENT ON FUNCTION ct.uri_host IS 'The host of a URI, of an address of the kind sip:user@host, or of what is a host already; in small letters.';

-- OFFSET 0: otherwise the planner hashes all names.
CREATE FUNCTION ct.organisation(name text) RETURNS SETOF ct.certificates LANGUAGE sql STABLE PARALLEL SAFE BEGIN ATOMIC
    SELECT c.* FROM ct.domain_keys AS k CROSS JOIN LATERAL ct.certificate(k.tbs_fp, k.not_after, k.issuer_id) AS c
    WHERE k.further
      AND k.domain_key = (SELECT ct.text_key('org:', ct.text_form(ct.escaped(convert_to(organisation.name, 'UTF8')))))
      AND EXISTS (SELECT FROM ct.names AS n WHERE n.tbs_fp = c.tbs_fp AND n.not_after = c.not_after AND n.issuer_id = c.issuer_id
                  AND n.kind = 'org'
                  AND ct.text_form(n.name) = (SELECT ct.text_form(ct.escaped(convert_to(organisation.name, 'UTF8')))) OFFSET 0);
END;
COMMENT ON FUNCTION ct.organisation IS 'Certificates whose subject has this organisation, whatever the case of its letters A to Z.';

CREATE FUNCTION ct.mail_end(address text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN '@' || CASE WHEN position('@' IN address) > 1 THEN lower(regexp_replace(address, '@[^@]*$', '') COLLATE "C") || '@' ELSE '' END
    || ct.normal_name(regexp_replace(address, '^.*@', ''));
COMMENT ON FUNCTION ct.mail_end IS 'What an @ and an e-mail address must end with to be this one: @joe@example.com, or @example.com for any there.';

CREATE FUNCTION ct.email(address text) RETURNS SETOF ct.certificates LANGUAGE sql STABLE PARALLEL SAFE BEGIN ATOMIC
    SELECT c.* FROM ct.domain_keys AS k CROSS JOIN LATERAL ct.certificate(k.tbs_fp, k.not_after, k.issuer_id) AS c
    WHERE k.further AND k.domain_key = (SELECT ct.text_key('email:', ct.normal_name(regexp_replace(address, '^.*@', ''))))
      AND EXISTS (SELECT FROM ct.names AS n WHERE n.tbs_fp = c.tbs_fp AND n.not_after = c.not_after AND n.issuer_id = c.issuer_id
                  AND n.kind = 'email'
                  AND right('@' || lower(n.name COLLATE "C"), length(ct.mail_end(address))) = ct.mail_end(address) OFFSET 0);
END;
COMMENT ON FUNCTION ct.email IS 'Certificates for an e-mail address, or for any at a host: joe@example.com, example.com.';

CREATE FUNCTION ct.uri(uri text) RETURNS SETOF ct.certificates LANGUAGE sql STABLE PARALLEL SAFE BEGIN ATOMIC
    SELECT c.* FROM ct.domain_keys AS k CROSS JOIN LATERAL ct.certificate(k.tbs_fp, k.not_after, k.issuer_id) AS c
    WHERE k.further AND k.domain_key = (SELECT ct.text_key('uri:', ct.uri_host(uri.uri)))
      AND EXISTS (SELECT FROM ct.names AS n WHERE n.tbs_fp = c.tbs_fp AND n.not_after = c.not_after AND n.issuer_id = c.issuer_id
                  AND n.kind = 'uri'
                  AND CASE WHEN uri.uri LIKE '%:%' THEN lower(n.name COLLATE "C") = lower(ct.escaped(convert_to(uri.uri, 'UTF8')) COLLATE "C")
                      ELSE ct.uri_host(n.name) = (SELECT ct.uri_host(uri.uri)) END OFFSET 0);
END;
COMMENT ON FUNCTION ct.uri IS 'Certificates for a URI, or for any with this host: spiffe://trust.example/a, trust.example.';
