-- A schema like crt.sh's, for comparison: certificates with their DER in partitions by notAfter, eleven b-trees over
-- what stands in the DER, full text over the names with all their suffixes and reversed, a row per log entry with four
-- b-trees. Kinder than the original: nothing is parsed on the server. The DER of bench_db has what an index wants at
-- fixed places: serial number at 1, SHA-256 of the key at 33, subject at 65, notBefore and notAfter (microseconds) at
-- 97 and 105, and the lexemes come ready-made.
CREATE SCHEMA baseline;
SET search_path = baseline;
CREATE FUNCTION der_time(der bytea, at int) RETURNS int8 LANGUAGE sql IMMUTABLE AS $$
    SELECT ('x' || encode(substring(der FROM at FOR 8), 'hex'))::bit(64)::int8
$$;
CREATE TABLE certificate (
    id           int8 NOT NULL,
    issuer_ca_id int4 NOT NULL,
    not_after    int8 NOT NULL,
    certificate  bytea NOT NULL,
    names        tsvector NOT NULL
) PARTITION BY RANGE (not_after);
ALTER TABLE certificate ALTER COLUMN certificate SET STORAGE EXTERNAL;
CREATE TABLE certificate_1 PARTITION OF certificate FOR VALUES FROM (MINVALUE) TO (1792000000000000);
CREATE TABLE certificate_2 PARTITION OF certificate FOR VALUES FROM (1792000000000000) TO (1797000000000000);
CREATE TABLE certificate_3 PARTITION OF certificate FOR VALUES FROM (1797000000000000) TO (1800000000000000);
CREATE TABLE certificate_4 PARTITION OF certificate FOR VALUES FROM (1800000000000000) TO (MAXVALUE);
CREATE INDEX ON certificate (id);
CREATE INDEX ON certificate (substring(sha256(certificate) FROM 13)); -- SHA-1: 20 bytes
CREATE INDEX ON certificate (sha256(certificate));
CREATE INDEX ON certificate (substring(certificate FROM 1 FOR 18));  -- serial number
CREATE INDEX ON certificate (substring(certificate FROM 33 FOR 32)); -- SHA-256 of the key
CREATE INDEX ON certificate (substring(certificate FROM 33 FOR 20)); -- SHA-1 of the key
CREATE INDEX ON certificate (md5(substring(certificate FROM 33 FOR 32)));
CREATE INDEX ON certificate (issuer_ca_id, der_time(certificate, 97));
CREATE INDEX ON certificate (issuer_ca_id, not_after);
CREATE INDEX ON certificate (substring(certificate FROM 37 FOR 20)); -- subject key identifier
CREATE INDEX ON certificate (substring(certificate FROM 65 FOR 32)); -- subject
CREATE INDEX ON certificate USING gin (names);
CREATE TABLE ct_log_entry (
    certificate_id  int8 NOT NULL,
    entry_id        int8 NOT NULL,
    entry_timestamp timestamp NOT NULL,
    ct_log_id       int4 NOT NULL
);
CREATE INDEX ON ct_log_entry (certificate_id);
CREATE INDEX ON ct_log_entry (ct_log_id, entry_id);
CREATE INDEX ON ct_log_entry (ct_log_id, entry_timestamp);
CREATE INDEX ON ct_log_entry (entry_timestamp);
CREATE SEQUENCE certificate_id;
CREATE TEMP TABLE arrived (
    entry_id   int8,
    log        int4,
    issuer     int4,
    seen       int8,
    not_after  int8,
    sha256     bytea,
    der        bytea,
    names      text,
    id         int8,
    is_new     bool
);
