-- More look-ups for researchers: by common name, by wildcard, and who issues.

-- Views, and functions that give rows of them, stay on the coordinator of a cluster; elsewhere this says nothing.
SELECT set_config('citus.enable_ddl_propagation', 'off', true);

-- A common name that is one of the DNS names is found by the domain; any other has a key of its own (db/others.h).
CREATE FUNCTION ct.common_name(name text) RETURNS SETOF ct.certificates LANGUAGE sql STABLE PARALLEL SAFE BEGIN ATOMIC
    SELECT c.* FROM ct.domain_keys AS k CROSS JOIN LATERAL ct.certificate(k.tbs_fp, k.not_after, k.issuer_id) AS c
    WHERE k.further
      AND k.domain_key = (SELECT ct.text_key('cn:', ct.text_form(ct.escaped(convert_to(common_name.name, 'UTF8')))))
      AND ct.text_form(c.common_name) = (SELECT ct.text_form(common_name.name))
      AND NOT ct.has_name(c.reversed_names, ct.reversed_name(ct.normal_name(common_name.name)))
    UNION ALL
    SELECT c.* FROM ct.named(common_name.name) AS c
    WHERE rtrim(lower(c.common_name COLLATE "C"), '.') = (SELECT ct.normal_name(common_name.name));
END;
COMMENT ON FUNCTION ct.common_name IS 'Certificates whose (last) common name is this, whatever the case of its letters A to Z.';

CREATE FUNCTION ct.wildcard(domain text) RETURNS SETOF ct.certificates LANGUAGE sql STABLE PARALLEL SAFE BEGIN ATOMIC
    SELECT c.* FROM ct.subtree(wildcard.domain) AS c
    WHERE EXISTS (SELECT FROM unnest(c.names) AS n WHERE n LIKE '*.%' AND (n = '*.' || ct.normal_name(wildcard.domain)
                  OR right(n, length(ct.normal_name(wildcard.domain)) + 1) = '.' || ct.normal_name(wildcard.domain)) OFFSET 0);
END;
COMMENT ON FUNCTION ct.wildcard IS 'Certificates with a wildcard for the domain or for a name below it. Of a public suffix: those of that very name.';

CREATE FUNCTION ct.issuer(name text) RETURNS SETOF ct.issuers LANGUAGE sql STABLE PARALLEL SAFE BEGIN ATOMIC
    SELECT i.* FROM ct.issuers AS i WHERE position(lower(issuer.name) IN lower(i.name)) > 0
        OR encode(i.spki_sha256, 'hex') = lower(issuer.name);
END;
COMMENT ON FUNCTION ct.issuer IS 'Issuers with these words in their name, in either case, or with this key (64 hex digits). There are some hundreds in all; their certificates have no index: bound not_after.';

SELECT set_config('citus.enable_ddl_propagation', 'on', true);
