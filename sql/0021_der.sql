-- Certificates and precertificates as they were logged (db.der): up to 64 in a row, each with its length (4 bytes) in
-- front, as one zlib stream. All of one row expire in the same month, so that they go together.
CREATE TABLE der_chunk (
    id    int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    month date NOT NULL CHECK (extract(day FROM month) = 1), -- of not_after, UTC
    whole bool NOT NULL,   -- as large as a row may get; the others are joined now and then
    size  int4 NOT NULL CHECK (size > 0), -- unpacked
    sha8  int8[] NOT NULL, -- first 8 bytes (big-endian, signed) of the SHA-256 of each, in order
    z     bytea NOT NULL
);
ALTER TABLE der_chunk ALTER COLUMN z SET STORAGE EXTERNAL; -- packed already
ALTER TABLE der_chunk ALTER COLUMN sha8 SET STORAGE PLAIN; -- hashes do not compress, and 64 of them fit
-- Without a list of what is still to be sorted in: every search would read all of it.
CREATE INDEX der_chunk_sha8 ON der_chunk USING gin (sha8) WITH (fastupdate = off);
CREATE INDEX der_chunk_month ON der_chunk (month);
CREATE INDEX der_chunk_part ON der_chunk (month) WHERE NOT whole;

-- Places in `keys` of those that are stored. An empty table that grows fast must not be read from its beginning to its end
-- for each of them, because nobody has told the planner yet.
CREATE FUNCTION der_known(keys int8[]) RETURNS SETOF int8 LANGUAGE sql STABLE SET enable_seqscan = off AS $$
    SELECT k.n FROM unnest(keys) WITH ORDINALITY AS k (sha8, n)
    WHERE EXISTS (SELECT FROM der_chunk AS d WHERE d.sha8 @> ARRAY[k.sha8])
$$;

-- What goes with issuances that were dropped (cert_removal.horizon), `most` rows at a time: everything that expired before
-- the month of the horizon. Returns the number of rows. The space is used again by later months.
CREATE FUNCTION der_drop(most int8) RETURNS int8 LANGUAGE sql AS $$
    WITH gone AS (DELETE FROM der_chunk WHERE id IN (SELECT d.id FROM der_chunk AS d, cert_removal AS r
        WHERE d.month < date_trunc('month', r.horizon AT TIME ZONE 'UTC')::date ORDER BY d.month LIMIT most) RETURNING 1)
    SELECT count(*) FROM gone
$$;

-- Entries that were stored only as far as they concern a registered domain (db.store: watched). A row is made and
-- extended by the transaction that moves the position. A domain that was added after `since` was not looked for in all
-- of them, and what is stored does not say what it missed.
CREATE TABLE log_thin (
    log         int2 NOT NULL REFERENCES log,
    range_begin int8 NOT NULL CHECK (range_begin >= 0),
    range_end   int8 NOT NULL CHECK (range_end > range_begin),
    since       timestamptz NOT NULL DEFAULT now(),
    until       timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (log, range_begin)
);
CREATE INDEX log_thin_end ON log_thin (log, range_end);
COMMENT ON TABLE log_thin IS 'Entries of which only those were stored that concern a domain registered at that time.';

-- What a domain that is added now would miss, and what each one may have missed.
CREATE VIEW domain_thin AS
SELECT d.id AS domain, d.name, count(*) AS stretches, sum(t.range_end - t.range_begin) AS entries,
       min(t.since) AS thin_since, least(max(t.until), d.added_at) AS thin_until
FROM domain AS d JOIN log_thin AS t ON t.since < d.added_at
GROUP BY d.id, d.name, d.added_at;
COMMENT ON VIEW domain_thin IS 'Per domain: entries that were read and not all stored while it was not registered yet; its history lacks what they held. A domain that is not here misses nothing of that kind.';

-- What was promised of a domain is true of what came after it was added, too, when what came before was not stored whole:
-- an entry that the log took in later can only have been read later.
CREATE OR REPLACE VIEW domain_coverage AS
SELECT d.id AS domain, d.name, c.basis, d.history_at IS NULL AS history_pending,
       CASE WHEN k.is THEN greatest(c.since, k.since) END AS complete_since,
       CASE WHEN k.is THEN c.until END AS complete_until,
       CASE WHEN k.unverified THEN greatest(c.unverified_since, k.since) END AS unverified_complete_since,
       CASE WHEN k.unverified THEN c.unverified_until END AS unverified_complete_until,
       c.left_out, (SELECT count(*) FROM coverage_gap) AS gaps, coalesce(t.entries, 0)::int8 AS thin
FROM domain AS d CROSS JOIN coverage_claim() AS c LEFT JOIN domain_thin AS t ON t.domain = d.id
CROSS JOIN LATERAL (SELECT t.thin_until AS since,
                           d.history_at IS NOT NULL AND (t.domain IS NULL OR c.until > t.thin_until) AS is,
                           d.history_at IS NOT NULL AND (t.domain IS NULL OR c.unverified_until > t.thin_until)
                           AS unverified) AS k;
COMMENT ON COLUMN domain_coverage.thin IS 'Entries that were read before the domain was added, and of which only those were stored that concerned other domains; complete_since is then not before the domain was added.';
