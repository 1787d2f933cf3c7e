-- The core schema. Numbered files are never edited after a release; a change is a new file.
-- Shape and reasons: docs/data-model.md. Terms: RFC 6962, RFC 9162, RFC 5280.

-- The public suffix list in force. Writers and queries use the newest row and nothing else.
CREATE TABLE psl (
    version    int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sha256     bytea NOT NULL UNIQUE CHECK (length(sha256) = 32),
    list       text NOT NULL,
    loaded_at  timestamptz NOT NULL DEFAULT now()
);

-- CT logs -----------------------------------------------------------------------------------------------------------

CREATE TABLE log (
    id             int2 GENERATED ALWAYS AS IDENTITY (MAXVALUE 8191) PRIMARY KEY, -- 13 bits of the public id
    name           text NOT NULL UNIQUE CHECK (name <> ''),
    protocol       text NOT NULL CHECK (protocol IN ('rfc6962', 'static-ct', 'hybrid')),
    url            text NOT NULL,
    submission_url text NOT NULL DEFAULT '',
    origin         text NOT NULL DEFAULT '',
    log_id         bytea NOT NULL CHECK (length(log_id) = 32), -- not unique: one log may be read by two protocols
    key            bytea NOT NULL,
    from_spec      text NOT NULL DEFAULT '0', -- as given to log add: 0, now, an index or a time
    state          text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'inconsistent', 'removed')),
    last_error     text NOT NULL DEFAULT '',
    last_contact   timestamptz,
    added_at       timestamptz NOT NULL DEFAULT now()
);

-- Every signed head, with its bytes: what a log claimed can not be taken back. Of verified ones that are older than
-- LIMIT_HEAD_DAYS (base/limits.h) one per hour stays, and what evidence is about.
CREATE TABLE log_head (
    log        int2 NOT NULL REFERENCES log,
    size       int8 NOT NULL CHECK (size >= 0),
    root       bytea NOT NULL CHECK (length(root) = 32),
    timestamp  timestamptz NOT NULL,
    raw        bytea NOT NULL,
    seen_at    timestamptz NOT NULL DEFAULT now(),
    verified   bool NOT NULL DEFAULT false, -- the rebuilt tree had this root
    kept       bool NOT NULL DEFAULT false, -- old and verified, and the one of its hour that stays
    PRIMARY KEY (log, size, root)
);
CREATE INDEX log_head_thin ON log_head (log, seen_at) WHERE verified AND NOT kept;
CREATE INDEX log_head_kept ON log_head (log, seen_at) WHERE kept;

-- What is read of a log: half-open ranges [range_begin, range_end), a NULL end follows the head. Only the transaction
-- that stores the rows moves next, by compare-and-set on (id, next, epoch).
CREATE TABLE log_range (
    id                int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    log               int2 NOT NULL REFERENCES log,
    range_begin       int8 NOT NULL CHECK (range_begin >= 0),
    range_end         int8 CHECK (range_end > range_begin),
    next              int8 NOT NULL CHECK (next >= range_begin),
    verified          int8 NOT NULL CHECK (verified >= range_begin AND verified <= next),
    frontier          bytea, -- compact range of size next; NULL: not known yet (late start)
    verified_frontier bytea, -- compact range of size verified
    epoch             int8 NOT NULL DEFAULT 0,
    updated_at        timestamptz NOT NULL DEFAULT now(),
    UNIQUE (log, range_begin)
) WITH (fillfactor = 20);

-- One row per 256 log entries: (log, index) finds the certificate, the certificate finds all its sightings.
-- fp8 and sha8 are the first 8 bytes (big-endian, signed) of tbs_fp and of the certificate's SHA-256. info holds 9
-- bytes per entry: u48 timestamp in ms, u8 form (0 final, 1 precert, 2 unparsed), u16 not_after in days since 1970.
CREATE TABLE log_tile (
    log         int2 NOT NULL,
    tile        int8 NOT NULL, -- index / 256
    first_index int8 NOT NULL,
    last_index  int8 NOT NULL, -- inclusive
    fp8         int8[] NOT NULL,
    sha8        int8[] NOT NULL,
    info        bytea NOT NULL,
    PRIMARY KEY (log, tile),
    CHECK (first_index / 256 = tile AND last_index / 256 = tile AND first_index <= last_index)
);
ALTER TABLE log_tile ALTER COLUMN fp8 SET STORAGE EXTERNAL; -- hashes do not compress, trying costs time
ALTER TABLE log_tile ALTER COLUMN sha8 SET STORAGE EXTERNAL;
ALTER TABLE log_tile ALTER COLUMN info SET STORAGE EXTERNAL;
CREATE INDEX log_tile_fp8 ON log_tile USING gin (fp8);
CREATE INDEX log_tile_sha8 ON log_tile USING gin (sha8);

-- Entries that could not be read: kept whole, never skipped.
CREATE TABLE malformed (
    log       int2 NOT NULL,
    idx       int8 NOT NULL,
    timestamp timestamptz,
    findings  text[] NOT NULL,
    leaf      bytea NOT NULL,
    extra     bytea NOT NULL,
    seen_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (log, idx)
);

-- The account of a log that contradicted itself.
CREATE TABLE evidence (
    id          int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    log         int2 NOT NULL REFERENCES log,
    kind        text NOT NULL,
    range_begin int8 NOT NULL,
    range_end   int8 NOT NULL,
    sentence    text NOT NULL,
    account     jsonb NOT NULL,
    path        text NOT NULL DEFAULT '',
    created_at  timestamptz NOT NULL DEFAULT now(),
    UNIQUE (log, kind, range_begin)
);

-- Issuers and issuances ---------------------------------------------------------------------------------------------

-- Who issues: a key together with the name it uses. 32 zero bytes: the key is unknown.
CREATE TABLE issuer (
    id          int4 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    spki_sha256 bytea NOT NULL CHECK (length(spki_sha256) = 32),
    dn_sha256   bytea NOT NULL CHECK (length(dn_sha256) = 32),
    dn          bytea NOT NULL,
    dn_text     text NOT NULL,
    UNIQUE (spki_sha256, dn_sha256)
);

-- CA certificates met in chains, checked by hash.
CREATE TABLE issuer_cert (
    sha256      bytea PRIMARY KEY CHECK (length(sha256) = 32),
    spki_sha256 bytea NOT NULL,
    subject     bytea NOT NULL,
    der         bytea NOT NULL,
    seen_at     timestamptz NOT NULL DEFAULT now()
);

-- One row per issuance: precertificate and final certificate share it.
CREATE TABLE cert (
    not_after   timestamptz NOT NULL,
    not_before  timestamptz NOT NULL,
    first_seen  timestamptz NOT NULL, -- timestamp of the first sighting that was stored
    apex8       int8 NOT NULL,        -- first 8 bytes of SHA-256 of the first name's registrable domain; 0: none
    idx         int8 NOT NULL,        -- first sighting
    facts       int8 NOT NULL,        -- see docs/data-model.md: flags, key, gravest finding
    issuer      int4 NOT NULL,
    log         int2 NOT NULL,
    tbs_fp      bytea NOT NULL,
    serial      bytea NOT NULL,       -- as long as its issuer made it; indexed by its first 15 bytes
    spki_sha256 bytea NOT NULL,
    names       text COLLATE "C" NOT NULL, -- label-reversed DNS names, space-joined
    cn          text,                      -- NULL: none, or equal to the first name (facts say which)
    findings    bytea                      -- 16 bytes of finding bits; NULL: none
) PARTITION BY RANGE (not_after);

-- Keys beyond the first registrable domain: further domains, and kind-prefixed ones ("org:", "email:", "uri:").
CREATE TABLE cert_apex (
    not_after  timestamptz NOT NULL,
    not_before timestamptz NOT NULL,
    apex8      int8 NOT NULL,
    issuer     int4 NOT NULL,
    tbs_fp     bytea NOT NULL
) PARTITION BY RANGE (not_after);

CREATE TABLE cert_ip (
    not_after  timestamptz NOT NULL,
    not_before timestamptz NOT NULL,
    issuer     int4 NOT NULL,
    tbs_fp     bytea NOT NULL,
    ip         inet NOT NULL
) PARTITION BY RANGE (not_after);

-- Exact, because it is counted by INSERT .. RETURNING in the transaction that stores the rows.
CREATE TABLE issued (
    issuer int4 NOT NULL,
    day    date NOT NULL, -- of not_before
    n      int8 NOT NULL,
    PRIMARY KEY (issuer, day)
) WITH (fillfactor = 50);

-- One row. Raised by whoever takes rows out of cert, before looking which ones; every transaction that stores entries
-- takes it FOR SHARE. So what a writer remembers to be stored is stored, and no row goes while a place for it comes.
CREATE TABLE cert_removal (
    one      bool PRIMARY KEY DEFAULT true CHECK (one),
    removals int8 NOT NULL
);
INSERT INTO cert_removal (removals) VALUES (0);

-- Also rows that are deleted by hand, from cert or from one of its partitions.
CREATE FUNCTION cert_removed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE cert_removal SET removals = removals + 1;
    RETURN NULL;
END $$;
CREATE TRIGGER removed AFTER DELETE OR TRUNCATE ON cert FOR EACH STATEMENT EXECUTE FUNCTION cert_removed();

-- Makes one partition of cert, cert_apex and cert_ip for [from, to) with its indexes. Nothing when it exists.
-- An index entry takes up whole 8 bytes: 15 of a serial cost as much as 8, and the order among equal not_before is
-- sorted when it is asked for.
-- Uniqueness is local to a partition because not_after is part of what tbs_fp commits to.
CREATE FUNCTION partition_make(suffix text, lower timestamptz, upper timestamptz) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    bounds text := format('FROM (%s) TO (%s)',
                          CASE WHEN lower = '-infinity' THEN 'MINVALUE' ELSE quote_literal(lower) END,
                          CASE WHEN upper = 'infinity' THEN 'MAXVALUE' ELSE quote_literal(upper) END);
BEGIN
    IF to_regclass('cert_' || suffix) IS NOT NULL THEN
        RETURN;
    END IF;
    EXECUTE format('CREATE TABLE %I PARTITION OF cert FOR VALUES %s', 'cert_' || suffix, bounds);
    EXECUTE format('CREATE TRIGGER removed AFTER DELETE OR TRUNCATE ON %I FOR EACH STATEMENT'
                   ' EXECUTE FUNCTION cert_removed()', 'cert_' || suffix);
    EXECUTE format('CREATE UNIQUE INDEX ON %I (tbs_fp, issuer)', 'cert_' || suffix);
    EXECUTE format('CREATE INDEX ON %I (apex8, not_before DESC)', 'cert_' || suffix);
    EXECUTE format('CREATE INDEX ON %I (substring(serial FOR 15))', 'cert_' || suffix);
    EXECUTE format('CREATE INDEX ON %I (substring(spki_sha256 FOR 8))', 'cert_' || suffix);
    EXECUTE format('CREATE TABLE %I PARTITION OF cert_apex FOR VALUES %s', 'cert_apex_' || suffix, bounds);
    EXECUTE format('CREATE INDEX ON %I (apex8, not_before DESC)', 'cert_apex_' || suffix);
    EXECUTE format('CREATE UNIQUE INDEX ON %I (tbs_fp, issuer, apex8)', 'cert_apex_' || suffix);
    EXECUTE format('CREATE TABLE %I PARTITION OF cert_ip FOR VALUES %s', 'cert_ip_' || suffix, bounds);
    EXECUTE format('CREATE INDEX ON %I USING gist (ip inet_ops)', 'cert_ip_' || suffix);
    EXECUTE format('CREATE UNIQUE INDEX ON %I (tbs_fp, issuer, ip)', 'cert_ip_' || suffix);
END $$;

-- Partitions for a database born at `birth`: one for everything before 2013, years up to the last, months from the
-- month before `birth` for 16 months, years to 2060, one for everything after. There is no DEFAULT partition.
CREATE FUNCTION partition_plan(birth date) RETURNS TABLE (suffix text, lower timestamptz, upper timestamptz)
LANGUAGE plpgsql STABLE AS $$
DECLARE
    month_first date := date_trunc('month', birth - interval '1 month');
    month_last  date := date_trunc('year', birth + interval '15 months') + interval '1 year';
    y           int;
    m           date;
BEGIN
    month_first := date_trunc('year', month_first);
    suffix := 'before'; lower := '-infinity'; upper := timestamptz '2013-01-01 00:00:00+00'; RETURN NEXT;
    FOR y IN 2013 .. extract(year FROM month_first)::int - 1 LOOP
        suffix := y::text; lower := make_timestamptz(y, 1, 1, 0, 0, 0, 'UTC');
        upper := make_timestamptz(y + 1, 1, 1, 0, 0, 0, 'UTC'); RETURN NEXT;
    END LOOP;
    m := month_first;
    WHILE m < month_last LOOP
        suffix := to_char(m, 'YYYYMM'); lower := m::timestamp AT TIME ZONE 'UTC';
        upper := (m + interval '1 month')::timestamp AT TIME ZONE 'UTC'; RETURN NEXT;
        m := m + interval '1 month';
    END LOOP;
    FOR y IN extract(year FROM month_last)::int .. 2060 LOOP
        suffix := y::text; lower := make_timestamptz(y, 1, 1, 0, 0, 0, 'UTC');
        upper := make_timestamptz(y + 1, 1, 1, 0, 0, 0, 'UTC'); RETURN NEXT;
    END LOOP;
    suffix := 'after'; lower := timestamptz '2061-01-01 00:00:00+00'; upper := 'infinity'; RETURN NEXT;
END $$;

SELECT partition_make(p.suffix, p.lower, p.upper) FROM partition_plan(current_date) AS p;

-- The watcher -------------------------------------------------------------------------------------------------------

-- Registered domains. A leading dot is never stored: exact says whether the name stands alone.
CREATE TABLE domain (
    id               int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name             text COLLATE "C" NOT NULL UNIQUE, -- normal form of base/dns.h, or an address or CIDR
    kind             text NOT NULL CHECK (kind IN ('dns', 'ip')),
    exact            bool NOT NULL DEFAULT false,
    wildcard_allowed bool NOT NULL DEFAULT false,
    owner            text,
    channels         text[] NOT NULL DEFAULT '{}', -- empty: every channel
    added_at         timestamptz NOT NULL DEFAULT now(),
    history_at       timestamptz -- when the stored certificates were matched against it; NULL: still to do
);

CREATE TABLE domain_allow (
    domain      int8 NOT NULL REFERENCES domain ON DELETE CASCADE,
    spki_sha256 bytea NOT NULL CHECK (length(spki_sha256) = 32),
    label       text NOT NULL, -- as the user wrote it
    PRIMARY KEY (domain, spki_sha256)
);

-- One row. Every ingest transaction takes it FOR SHARE, every change of domains FOR UPDATE and raises it: an entry in
-- flight is matched either by the writer or by the history scan, never by neither.
CREATE TABLE domain_generation (
    one        bool PRIMARY KEY DEFAULT true CHECK (one),
    generation int8 NOT NULL
);
INSERT INTO domain_generation (generation) VALUES (1);

-- Channels of all notifiers over this database. One that nobody has served for LIMIT_CHANNEL_DAYS is disabled.
CREATE TABLE channel (
    name     text PRIMARY KEY,
    enabled  bool NOT NULL DEFAULT true,
    heard_at timestamptz NOT NULL DEFAULT now() -- when a notifier last served it, to the hour
);

-- One alert per (domain, issuance); dedup names the others (about a log, or about a name that could be anybody's).
CREATE TABLE alert (
    id          int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    domain      int8 REFERENCES domain ON DELETE SET NULL,
    domain_name text, -- kept when the domain is removed; NULL: about a log
    log         int2 REFERENCES log,
    kind        text NOT NULL,
    severity    text NOT NULL CHECK (severity IN ('info', 'low', 'high', 'critical')),
    name        text, -- the certificate's name that matched
    tbs_fp      bytea,
    dedup       text UNIQUE,
    findings    jsonb NOT NULL, -- [{kind, rule, severity, expected, found}]
    issuance    jsonb,          -- what a person needs to judge it without another query
    state       text NOT NULL DEFAULT 'new' CHECK (state IN ('new', 'notified', 'acked', 'closed')),
    reason      text NOT NULL DEFAULT '', -- why it was acked or closed
    first_seen  timestamptz NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX alert_domain_issuance ON alert (domain, tbs_fp) WHERE dedup IS NULL;
CREATE INDEX alert_tbs_fp ON alert (tbs_fp);
CREATE INDEX alert_new ON alert (id) WHERE state = 'new'; -- those that may still have nobody to tell

-- Whether a sighting is verified follows from log_range.verified; see the view alert_sighting_verified.
CREATE TABLE alert_sighting (
    alert     int8 NOT NULL REFERENCES alert ON DELETE CASCADE,
    log       int2 NOT NULL,
    idx       int8 NOT NULL,
    form      text NOT NULL CHECK (form IN ('final', 'precert', 'unparsed')),
    timestamp timestamptz NOT NULL,
    PRIMARY KEY (alert, log, idx)
);
CREATE INDEX alert_sighting_place ON alert_sighting (log, idx);

CREATE VIEW alert_sighting_verified AS
SELECT s.alert, s.log, s.idx, s.form, s.timestamp,
       EXISTS (SELECT FROM log_range AS r
               WHERE r.log = s.log AND s.idx >= r.range_begin AND s.idx < r.verified) AS verified
FROM alert_sighting AS s;

CREATE TABLE outbox (
    id          int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    alert       int8 NOT NULL REFERENCES alert ON DELETE CASCADE,
    channel     text NOT NULL,
    state       text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'sent', 'dead', 'withdrawn')),
    tries       int4 NOT NULL DEFAULT 0,
    next_try_at timestamptz NOT NULL DEFAULT now(),
    last_error  text NOT NULL DEFAULT '',
    key         uuid NOT NULL DEFAULT gen_random_uuid(), -- Idempotency-Key: the same for every try
    created_at  timestamptz NOT NULL DEFAULT now(),
    sent_at     timestamptz,
    UNIQUE (alert, channel)
);
CREATE INDEX outbox_due ON outbox (next_try_at) WHERE state = 'pending';
