-- The index by which a search goes through the rows in steps of time is made where those of a leaf are listed, so that
-- a leaf that is rewritten has it before it is attached.
DROP INDEX cert_not_before;

CREATE OR REPLACE FUNCTION partition_index(suffix text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE UNIQUE INDEX ON %I (tbs_fp, issuer)', 'cert_' || suffix);
    EXECUTE format('CREATE INDEX ON %I (apex8, not_before DESC)', 'cert_' || suffix);
    EXECUTE format('CREATE INDEX ON %I (substring(serial FOR 15))', 'cert_' || suffix);
    EXECUTE format('CREATE INDEX ON %I (substring(spki_sha256 FOR 8))', 'cert_' || suffix);
    EXECUTE format('CREATE INDEX ON %I USING brin (not_before)', 'cert_' || suffix);
    EXECUTE format('CREATE INDEX ON %I (apex8, not_before DESC)', 'cert_apex_' || suffix);
    EXECUTE format('CREATE UNIQUE INDEX ON %I (tbs_fp, issuer, apex8)', 'cert_apex_' || suffix);
    EXECUTE format('CREATE INDEX ON %I USING gist (ip inet_ops)', 'cert_ip_' || suffix);
    EXECUTE format('CREATE UNIQUE INDEX ON %I (tbs_fp, issuer, ip)', 'cert_ip_' || suffix);
END $$;

DO $$
DECLARE
    leaf regclass;
BEGIN
    FOR leaf IN SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent = 'cert'::regclass LOOP
        EXECUTE format('CREATE INDEX ON %s USING brin (not_before)', leaf);
    END LOOP;
END $$;
