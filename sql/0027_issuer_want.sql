-- CA certificates that logs name and that nobody has brought yet: looked for again after a restart, and now and then, until
-- they come. A log can make such names up, so one has LIMIT_ISSUER_WANTS of them, for LIMIT_ISSUER_WANT_DAYS.
CREATE TABLE issuer_want (
    sha256       bytea NOT NULL CHECK (octet_length(sha256) = 32),
    log          int2 NOT NULL REFERENCES log ON DELETE CASCADE, -- that names it, and is asked for it
    since        timestamptz NOT NULL DEFAULT now(),
    absent_until timestamptz, -- the log does not have it; it is not asked again before. NULL: nobody knows yet
    PRIMARY KEY (sha256, log)
);
CREATE INDEX issuer_want_log ON issuer_want (log);
