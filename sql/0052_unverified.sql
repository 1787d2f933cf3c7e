-- History of certificates that others kept: for proposals and reviews. Nothing here was seen in a log by us, so it is never
-- searched, matched or alerted on.
CREATE TABLE unverified_cert (
    source      text NOT NULL CHECK (source IN ('crtsh', 'certspotter')),
    ref         text COLLATE "C" NOT NULL, -- what it is known by there: "issuer_ca_id:serial", or a SHA-256
    serial      text COLLATE "C" NOT NULL DEFAULT '', -- hex without leading zeros; '': not said
    names       text[] NOT NULL,           -- normal form of base/dns.h, and addresses
    issuer      text NOT NULL DEFAULT '',  -- for people
    issuer_spki bytea,
    spki_sha256 bytea,
    tbs_fp      bytea,
    key_type    text NOT NULL DEFAULT '',  -- "ec-p256"
    not_before  timestamptz NOT NULL,
    not_after   timestamptz NOT NULL,
    accepted    bool NOT NULL DEFAULT false, -- whoever kept it had told of it
    imported_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (source, ref)
);
COMMENT ON TABLE unverified_cert IS 'Certificates as crt.sh or certspotter told of them (domain import); not checked against any log.';
