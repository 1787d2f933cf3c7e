-- A URI without a host (urn:x, tag:...) is found by all of it, as it is written (db/others.c): in small letters, 512 bytes of the
-- key at most. Two keys may find one certificate, which is one row.
CREATE OR REPLACE FUNCTION ct.uri(uri text) RETURNS SETOF ct.certificates LANGUAGE sql STABLE PARALLEL SAFE BEGIN ATOMIC
    SELECT c.* FROM (SELECT DISTINCT d.tbs_fp, d.not_after, d.issuer_id FROM ct.domain_keys AS d
                     WHERE d.further
                       AND d.domain_key IN ((SELECT ct.text_key('uri:', ct.uri_host(uri.uri))),
                                            (SELECT ct.prefix8(sha256(substring(convert_to('uri:' || lower(uri.uri COLLATE "C"), 'UTF8')
                                                                                FOR 512)))))) AS k
    CROSS JOIN LATERAL ct.certificate(k.tbs_fp, k.not_after, k.issuer_id) AS c
    WHERE EXISTS (SELECT FROM ct.names AS n WHERE n.tbs_fp = c.tbs_fp AND n.not_after = c.not_after AND n.issuer_id = c.issuer_id
                  AND n.kind = 'uri'
                  AND CASE WHEN uri.uri LIKE '%:%' THEN lower(n.name COLLATE "C") = lower(ct.escaped(convert_to(uri.uri, 'UTF8')) COLLATE "C")
                      ELSE ct.uri_host(n.name) = (SELECT ct.uri_host(uri.uri)) END OFFSET 0);
END;
