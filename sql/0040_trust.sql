-- What the root stores say, as imported. What the program was born with is not in here: it counts where nothing is.

CREATE TABLE trust_bundle (
    id          int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    dated       timestamptz NOT NULL, -- of its newest file that has a date
    imported_at timestamptz NOT NULL DEFAULT now(),
    sha256      bytea NOT NULL CHECK (length(sha256) = 32), -- of the files: the same again is no new bundle
    report      jsonb NOT NULL        -- [{file, form, date, taken, passed_over}]
);

-- The parts that rules come in, each whole: "mozilla.roots", "chrome.roots", "onecrl", "distrust" ...
CREATE TABLE trust_part (
    part   text PRIMARY KEY,
    bundle int8 NOT NULL REFERENCES trust_bundle,
    dated  timestamptz
);

-- Rules by hash (trust/carule.h). Nothing is ever deleted: gone_at says since when its part has it no more. A block that
-- its source forgot stays in force, because sources drop blocks when the certificates are over; lifted: the source
-- says that it is none any more.
CREATE TABLE trust_rule (
    id           int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    part         text NOT NULL,
    store        text NOT NULL, -- '' : none in particular
    kind         text NOT NULL,
    target       text NOT NULL,
    class        text NOT NULL,
    hash         bytea NOT NULL CHECK (length(hash) = 32),
    key_sha256   bytea NOT NULL DEFAULT '',
    subject      bytea NOT NULL DEFAULT '', -- SHA-256
    limit_s      int8 NOT NULL DEFAULT 0,
    expires      bool NOT NULL DEFAULT false,
    domains      text NOT NULL DEFAULT '',
    label        text NOT NULL,
    source       text NOT NULL,
    since_bundle int8 NOT NULL REFERENCES trust_bundle,
    gone_at      timestamptz,
    gone_bundle  int8 REFERENCES trust_bundle,
    lifted       bool NOT NULL DEFAULT false
);
CREATE UNIQUE INDEX trust_rule_now ON trust_rule (part, hash, store, kind, target, class, limit_s, md5(domains))
    WHERE gone_at IS NULL;
CREATE INDEX trust_rule_hash ON trust_rule (hash);

-- CA certificates of which only the hashes are known, and edges that somebody else has checked. A certificate whose
-- bytes are stored (issuer_cert) has its edges in ca_edge.
CREATE TABLE trust_cert (
    sha256      bytea PRIMARY KEY CHECK (length(sha256) = 32),
    spki_sha256 bytea NOT NULL CHECK (length(spki_sha256) = 32),
    subject     bytea NOT NULL CHECK (length(subject) = 32), -- SHA-256
    self_issued bool NOT NULL,
    not_before  timestamptz,
    not_after   timestamptz,
    label       text NOT NULL
);

CREATE TABLE trust_edge (
    child_sha256  bytea NOT NULL,
    parent_sha256 bytea NOT NULL,
    PRIMARY KEY (child_sha256, parent_sha256)
);

-- CAs by the names that CAA records know them by: the hash is that of a key, or of a certificate.
CREATE TABLE trust_caa (
    domain text COLLATE "C" NOT NULL,
    by_key bool NOT NULL,
    hash   bytea NOT NULL CHECK (length(hash) = 32),
    label  text NOT NULL,
    PRIMARY KEY (domain, by_key, hash)
);

-- What tells two states of all this apart.
CREATE FUNCTION trust_version() RETURNS int8 LANGUAGE sql STABLE AS $$
    SELECT coalesce((SELECT max(id) FROM trust_bundle), 0) * 1000003
        + (SELECT count(*) FROM issuer_cert WHERE edges_at IS NOT NULL) * 1009 + (SELECT count(*) FROM ca_edge)
$$;
