-- How far the history scan of a domain with very many certificates came: it is done a piece at a time, so that it keeps
-- neither other domains nor other work waiting, and a process that is killed loses one piece.
CREATE TABLE domain_place (
    domain      int8 PRIMARY KEY REFERENCES domain ON DELETE CASCADE,
    state       bytea NOT NULL, -- of the domain's rules, the public suffix list and the schema: another one begins anew
    part        int4 NOT NULL,  -- see db/db_domain.h: struct db_domain_history_place
    not_before  timestamptz NOT NULL,
    tbs_fp      bytea NOT NULL,
    issuer      int4 NOT NULL,
    changed_at  timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE domain_place IS 'Domains whose history scan is under way, and how far it came.';

CREATE FUNCTION domain_scan_state(of_domain int8) RETURNS bytea LANGUAGE sql STABLE AS $$
    SELECT sha256(convert_to(concat_ws('|', d.name, d.kind, d.exact, d.wildcard_allowed, d.policy::text,
        (SELECT string_agg(encode(a.spki_sha256, 'hex'), ',' ORDER BY a.spki_sha256, a.label) FROM domain_allow AS a WHERE a.domain = d.id),
        (SELECT max(p.version) FROM psl AS p), (SELECT max(m.version) FROM schema_migration AS m)), 'UTF8'))
    FROM domain AS d WHERE d.id = of_domain
$$;
