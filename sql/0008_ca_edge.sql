-- Which CA certificate certifies which, and which ones logs take as roots: what paths to a root are built from.

-- Read from der by whoever looks for edges; NULL until then. log: that brought it first; NULL: not known.
ALTER TABLE issuer_cert
    ADD COLUMN log         int2,
    ADD COLUMN issuer      bytea, -- Name, DER
    ADD COLUMN aki         bytea, -- key identifiers
    ADD COLUMN ski         bytea,
    ADD COLUMN not_before  timestamptz,
    ADD COLUMN not_after   timestamptz,
    ADD COLUMN is_ca       bool,  -- basicConstraints says so; old roots do not say anything
    ADD COLUMN self_signed bool,  -- the signature was checked with its own key
    ADD COLUMN edges_at    timestamptz; -- when it was compared with all others; NULL: still to do

CREATE INDEX issuer_cert_todo ON issuer_cert (seen_at, sha256) WHERE edges_at IS NULL;
CREATE INDEX issuer_cert_spki ON issuer_cert (spki_sha256);
CREATE INDEX issuer_cert_subject ON issuer_cert (sha256(subject));
CREATE INDEX issuer_cert_issuer ON issuer_cert (sha256(issuer)) WHERE issuer IS NOT NULL;
CREATE INDEX issuer_cert_ski ON issuer_cert (sha256(ski)) WHERE ski IS NOT NULL;
CREATE INDEX issuer_cert_aki ON issuer_cert (sha256(aki)) WHERE aki IS NOT NULL;

-- The signature of the child was checked with the parent's key; names and key identifiers only said where to look. No
-- certificate is its own parent. Nothing here says that anybody trusts either of them.
CREATE TABLE ca_edge (
    child_sha256  bytea NOT NULL REFERENCES issuer_cert ON DELETE CASCADE,
    parent_sha256 bytea NOT NULL REFERENCES issuer_cert ON DELETE CASCADE,
    log           int2, -- that brought the child first
    first_seen    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (child_sha256, parent_sha256),
    CHECK (child_sha256 <> parent_sha256)
);
CREATE INDEX ca_edge_parent ON ca_edge (parent_sha256);

-- Roots that a log says it accepts (get-roots). left_at: when it said so no more.
CREATE TABLE ca_root (
    log        int2 NOT NULL,
    sha256     bytea NOT NULL REFERENCES issuer_cert ON DELETE CASCADE,
    first_seen timestamptz NOT NULL DEFAULT now(),
    left_at    timestamptz,
    PRIMARY KEY (log, sha256)
);
CREATE INDEX ca_root_sha256 ON ca_root (sha256);

-- When each log was asked for them.
CREATE TABLE ca_root_list (
    log         int2 PRIMARY KEY,
    next_at     timestamptz NOT NULL,
    fetched_at  timestamptz,
    body_sha256 bytea,
    roots       int4 NOT NULL DEFAULT 0,
    failures    int4 NOT NULL DEFAULT 0, -- in a row
    last_error  text NOT NULL DEFAULT ''
);
