-- Registered domains whose look-alikes are told of: certificates of somebody else for names that can be mistaken for
-- them (watcher/lookalike.h). A domain without a row: none. A change raises domain_generation, as of domain itself.
CREATE TABLE domain_lookalike (
    domain int8 PRIMARY KEY REFERENCES domain ON DELETE CASCADE,
    level  text NOT NULL CHECK (level IN ('on', 'strict'))
);

-- Domains, with everything below them, that are nobody else's, or known and harmless.
CREATE TABLE domain_lookalike_allow (
    domain   int8 NOT NULL REFERENCES domain ON DELETE CASCADE,
    name     text COLLATE "C" NOT NULL CHECK (name <> ''), -- normal form of base/dns.h
    added_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (domain, name)
);
