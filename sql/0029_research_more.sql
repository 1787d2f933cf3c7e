-- A transaction of a reader with a short limit is ended sooner: after twice the limit, ten seconds more at most.
CREATE OR REPLACE FUNCTION reader_watch(otherwise int4) RETURNS TABLE (name text, process int4, seconds int8, what text) LANGUAGE sql AS $$
    WITH session AS (
        SELECT a.usename::text AS who, a.pid, a.state, extract(epoch FROM clock_timestamp() - a.query_start)::int8 AS query_s,
               extract(epoch FROM clock_timestamp() - a.xact_start)::int8 AS xact_s, coalesce(r.timeout_s, otherwise) AS most,
               EXISTS (SELECT FROM pg_locks AS k WHERE k.pid = a.pid AND k.locktype = 'advisory') AS locks
        FROM pg_stat_activity AS a JOIN pg_auth_members AS m ON m.member = a.usesysid
        JOIN pg_roles AS g ON g.oid = m.roleid AND g.rolname = 'ctvigil_reader' LEFT JOIN reader AS r ON r.name = a.usename
        WHERE a.datname = current_database() AND a.backend_type = 'client backend' AND a.usename <> current_user
    ), verdict AS (
        SELECT s.who, s.pid, coalesce(s.xact_s, s.query_s, 0) AS seconds,
               CASE WHEN s.locks THEN 'ended: it held an advisory lock'
                    WHEN s.xact_s > s.most + least(s.most, 10) THEN 'ended: its transaction was open for too long'
                    WHEN s.state = 'active' AND s.query_s > s.most THEN 'cancelled: it ran for too long' END AS what
        FROM session AS s
    )
    SELECT v.who, v.pid, v.seconds, v.what FROM verdict AS v
    WHERE v.what IS NOT NULL
      AND CASE WHEN v.what LIKE 'ended%' THEN pg_terminate_backend(v.pid) ELSE pg_cancel_backend(v.pid) END
$$;

-- What was read and is not all here: a count over it is too small.
CREATE VIEW ct.thin AS
SELECT t.log AS log_id, t.range_begin, t.range_end, t.since, t.until FROM log_thin AS t;
COMMENT ON VIEW ct.thin IS 'Entries of which only those were stored that concern a registered domain (db.store: watched).';
COMMENT ON COLUMN ct.thin.log_id IS 'Row of ct.logs.';
COMMENT ON COLUMN ct.thin.range_begin IS 'First index.';
COMMENT ON COLUMN ct.thin.range_end IS 'The index behind the last one.';
COMMENT ON COLUMN ct.thin.since IS 'When the first of them was read,';
COMMENT ON COLUMN ct.thin.until IS 'and when the last one.';

CREATE VIEW ct.retention AS SELECT r.horizon FROM cert_removal AS r;
COMMENT ON VIEW ct.retention IS 'One row.';
COMMENT ON COLUMN ct.retention.horizon IS 'Certificates that expired before this are not kept (sightings and counts of issuance are); -infinity: all are.';

-- 90 days are 90 days, and not 89 days and 24 hours.
CREATE OR REPLACE VIEW ct.certificates AS
SELECT c.log::int8 << 40 | c.idx AS id, c.tbs_fp, c.issuer AS issuer_id, c.serial::ct.serial AS serial,
       c.spki_sha256::ct.spki AS spki_sha256, c.not_before, c.not_after,
       c.not_after + interval '1 second' - c.not_before AS lifetime, c.first_seen AS first_logged,
       CASE WHEN c.facts & (1::int8 << 54) <> 0 THEN ct.reversed_name(split_part(c.names, ' ', 1)) ELSE c.cn END AS common_name,
       ARRAY(SELECT ct.reversed_name(n) FROM unnest(string_to_array(c.names, ' ')) AS n) AS names,
       cardinality(string_to_array(c.names, ' ')) AS name_count,
       c.names || ' ' LIKE '%.* %' AS wildcard,
       c.names AS reversed_names,
       (ARRAY['RSA', 'RSA-PSS', 'EC', 'Ed25519', 'Ed448', 'DSA', 'ML-DSA'])[(c.facts >> 32 & 15)::int] AS key_type,
       (c.facts >> 36 & 65535)::int AS key_bits,
       CASE WHEN c.facts & 1024 <> 0 THEN 'EV' WHEN c.facts & 256 <> 0 THEN 'OV' WHEN c.facts & 512 <> 0 THEN 'IV'
            WHEN c.facts & 128 <> 0 THEN 'DV' END AS validation,
       c.facts & 1 <> 0 AS is_ca,
       c.facts & 40 <> 0 OR c.facts & 2048 = 0 AS server_auth,
       c.facts & 48 <> 0 OR c.facts & 2048 = 0 AS client_auth,
       c.facts & (1::int8 << 53) <> 0 AS issuer_proven,
       c.facts & (1::int8 << 56) <> 0 AS odd,
       c.facts & ((1::int8 << 57) | (1::int8 << 55)) <> 0 AS unreadable,
       c.log AS first_log_id, c.idx AS first_index, c.apex8 AS domain_key
FROM cert AS c;
