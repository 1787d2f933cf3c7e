-- Which keys are not the first one of their certificate: a look-up reads each certificate once.
CREATE OR REPLACE VIEW ct.domain_keys AS
SELECT c.apex8 AS domain_key, c.not_before, c.not_after, c.tbs_fp, c.issuer AS issuer_id, false AS further
FROM cert AS c WHERE c.apex8 <> 0
UNION ALL
SELECT a.apex8, a.not_before, a.not_after, a.tbs_fp, a.issuer, true FROM cert_apex AS a;
COMMENT ON COLUMN ct.domain_keys.further IS 'Is it another domain than that of the certificate''s first name?';

CREATE OR REPLACE FUNCTION ct.subtree(domain text) RETURNS SETOF ct.certificates LANGUAGE sql STABLE PARALLEL SAFE BEGIN ATOMIC
    SELECT c.* FROM ct.certificates AS c
    WHERE c.domain_key = (SELECT ct.domain_key(ct.registrable_domain(domain)))
      AND ct.lies_below(c.reversed_names, ct.reversed_name(ct.normal_name(domain)))
    UNION ALL
    SELECT c.* FROM ct.domain_keys AS k CROSS JOIN LATERAL ct.certificate(k.tbs_fp, k.not_after, k.issuer_id) AS c
    WHERE k.further AND k.domain_key = (SELECT ct.domain_key(ct.registrable_domain(domain))) AND c.domain_key <> k.domain_key
      AND ct.lies_below(c.reversed_names, ct.reversed_name(ct.normal_name(domain)));
END;

CREATE OR REPLACE FUNCTION ct.host(host text) RETURNS SETOF ct.certificates LANGUAGE sql STABLE PARALLEL SAFE BEGIN ATOMIC
    SELECT c.* FROM ct.certificates AS c
    WHERE c.domain_key = (SELECT ct.domain_key(ct.registrable_domain(host)))
      AND (ct.has_name(c.reversed_names, ct.reversed_name(ct.normal_name(host))) OR ct.has_name(c.reversed_names,
           ct.reversed_name(ct.normal_name(regexp_replace(host, '^[^.]*', '*')))))
    UNION ALL
    SELECT c.* FROM ct.domain_keys AS k CROSS JOIN LATERAL ct.certificate(k.tbs_fp, k.not_after, k.issuer_id) AS c
    WHERE k.further AND k.domain_key = (SELECT ct.domain_key(ct.registrable_domain(host))) AND c.domain_key <> k.domain_key
      AND (ct.has_name(c.reversed_names, ct.reversed_name(ct.normal_name(host))) OR ct.has_name(c.reversed_names,
           ct.reversed_name(ct.normal_name(regexp_replace(host, '^[^.]*', '*')))));
END;
